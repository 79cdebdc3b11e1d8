"""Do a network's probabilities mean what they say?"""

from dataclasses import dataclass

from torch import Tensor

from attnviz.errors import ShapeError

BINS = 10
"""Bins of equal width over the probability of the first answer."""


@dataclass(frozen=True)
class Bin:
    """Pictures whose first answer has a probability above `low` and up to `high`; the first bin holds 0, too.

    Attributes:
        low: lower edge.
        high: upper edge.
        count: pictures in the bin.
        confidence: their mean probability of the first answer; 0 in an empty bin.
        accuracy: share of them whose first answer is right; 0 in an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How well a network's probabilities agree with how often it is right.

    Attributes:
        error: expected calibration error: mean over pictures of |accuracy - confidence| of their bin, in [0, 1].
        likelihood: negative log likelihood of the true class, mean over pictures, in nats; ln(classes) for a network
            that gives every class the same probability.
        confidence: mean probability of the first answer.
        accuracy: share of first answers that are right.
        bins: all of them, empty ones too.
    """

    error: float
    likelihood: float
    confidence: float
    accuracy: float
    bins: tuple[Bin, ...]


def calibration(logits: Tensor, labels: Tensor, bins: int = BINS) -> Calibration:
    """Compare a network's probabilities with how often it is right.

    Args:
        logits: outputs, shape (n, classes).
        labels: true classes, shape (n,).
        bins: how many bins of equal width.

    Returns:
        The calibration. A network that is always sure and always right has an error of 0 and a likelihood of 0; one
        that is always sure and always wrong has an error of 1.

    Raises:
        ShapeError: the two do not go together, or there is no picture.

    Reference:
        Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599, eqs. 2 and 3.

    Misleads when:
        few pictures fall into a bin: their accuracy then misses the truth by chance, and the error counts it.
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not len(labels):
        raise ShapeError(
            f"logits and labels must have shapes (n, classes) and (n,); got {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}. Give one label for each picture."
        )
    probabilities = logits.double().softmax(dim=1)
    sure, answers = probabilities.max(dim=1)
    right = (answers == labels).double()
    place = (sure * bins).ceil().long().clamp(1, bins) - 1
    found = []
    error = 0.0
    for number in range(bins):
        inside = place == number
        count = int(inside.sum())
        confidence, accuracy = (float(x[inside].mean()) if count else 0.0 for x in (sure, right))
        found.append(Bin(number / bins, (number + 1) / bins, count, confidence, accuracy))
        error += count / len(labels) * abs(accuracy - confidence)
    likelihood = -float(logits.double().log_softmax(dim=1).gather(1, labels[:, None]).mean())
    return Calibration(error, likelihood if likelihood else 0.0, float(sure.mean()), float(right.mean()), tuple(found))
