"""The lecture notes' example of self-attention, "I love tea", recomputed.

The notes print X and Q, leave W_q, W_k, W_v, K and V empty, and slip in a few places. Here every number follows from
the others, and each slip stands beside what is right.
"""

import math
from dataclasses import dataclass

import numpy as np

from attnviz.lessons.arrays import Array
from attnviz.lessons.dot_product import DotProductSteps, scaled_dot_product

WORDS = ("I", "love", "tea")


def tokens() -> Array:
    """X as the notes print it: (3 words, 4 numbers). The third row is the sum of the others."""
    return np.array([[0.0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 1, 1]])


def printed_queries() -> Array:
    """Q as the notes print it: (3 words, 3 numbers)."""
    return np.array([[0.0, 1, 0], [1, 0, 1], [1, 1, 1]])


def projection() -> Array:
    """A W_q, (4, 3), that makes the printed Q of X: it keeps the first three numbers. The notes give none."""
    return np.eye(4)[:, :3]


def as_printed() -> DotProductSteps:
    """The example with the printed Q; K and V, which the notes leave empty, are the same."""
    return scaled_dot_product(tokens(), projection(), projection(), projection())


@dataclass(frozen=True)
class Slip:
    """A place where the notes are wrong.

    Attributes:
        where: which step.
        note: what the notes say.
        right: what is right, with the numbers.
    """

    where: str
    note: str
    right: str


def slips() -> tuple[Slip, ...]:
    """Every slip of the example, in the notes' order, each found by computing it again."""
    steps = as_printed()
    queries, products = steps.queries, steps.products
    rank = int(np.linalg.matrix_rank(tokens()))
    halved = products / math.sqrt(2)
    return (
        Slip(
            "The first word",
            "E = [0, 1, 0, 1]",
            "It is the first row of X, the word I. The letter E stands for the embedding as a whole.",
        ),
        Slip(
            "W_q, W_k, W_v",
            "not given; K and V are left empty",
            "The printed Q is the first three columns of X, so W_q may keep the first three numbers. Other matrices "
            f"give the same Q: tea = I + love, so the rows of X have rank {rank} only.",
        ),
        Slip(
            "The shape of Q",
            "printed with 3 columns, then called 3 × 2",
            f"X is 3 × 4 and the printed Q is {queries.shape[0]} × {queries.shape[1]}, so W_q is 4 × 3. "
            "A 4 × 2 matrix would give another Q.",
        ),
        Slip(
            "The scale",
            "Q Kᵀ / √2",
            f"The scale is √d_k, with d_k the columns of Q: √{queries.shape[1]} for the printed one. √2 belongs to a "
            "Q of two columns.",
        ),
        Slip(
            "Its name",
            "softmax(Q Kᵀ / √n)",
            "n is the number of words; the scale has nothing to do with it. That there are three words and three "
            "columns here is chance.",
        ),
        Slip(
            "The range",
            "Q Kᵀ / √2 lies in [0, 1]",
            f"With K = Q it goes from {halved.min():g} to {halved.max():.2f}. Logits may be any number; only after "
            "the softmax do they lie between 0 and 1.",
        ),
        Slip(
            "The probability",
            "P = 0.6 / 11.9 = 0.05",
            f"The division is right ({0.6 / 11.9:.4f}), but no such share is in this example: the smallest numerator "
            f"of a softmax here is e⁰ = {steps.exponentials.min():g}, the smallest weight "
            f"{steps.weights.min():.2f}. A second copy reads √6 / 119, which would be {math.sqrt(6) / 119:.2f}.",
        ),
    )
