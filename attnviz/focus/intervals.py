"""How far a mean over pictures can be trusted: bootstrap intervals of means and of paired differences, and of rates."""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError, ValueRangeError

_RESAMPLES_AT_ONCE = 200


@dataclass(frozen=True)
class Interval:
    """A number measured on some pictures, and the range that its true value probably lies in.

    Attributes:
        value: what was measured.
        low: lower end.
        high: upper end.
        count: number of pictures.
        confidence: share of such ranges that hold the true value, in (0, 1).
    """

    value: float
    low: float
    high: float
    count: int
    confidence: float = 0.95

    @property
    def above_zero(self) -> bool:
        """Whether the whole range is above zero."""
        return self.low > 0

    @property
    def below_zero(self) -> bool:
        """Whether the whole range is below zero."""
        return self.high < 0


def bootstrap_mean(values: npt.ArrayLike, confidence: float = 0.95, resamples: int = 2000, seed: int = 0) -> Interval:
    """The mean of one number a picture, with a percentile bootstrap interval.

    Pictures are drawn anew, with replacement, as many as there are; the ends are quantiles of the means of the draws.
    Equal numbers of pictures, resamples and seed give the same draws, so that intervals can be made again.

    Args:
        values: one finite number for each picture, shape (n,).
        confidence: share of the means that lie inside, in (0, 1).
        resamples: number of draws.
        seed: of the draws.

    Returns:
        The mean and its interval. Constant values give a width of exactly zero; so does a single picture, of which
        nothing can be learned about others.

    Raises:
        ShapeError: the values have not one axis, or there are none.
        ValueRangeError: a value is not finite, or an argument is out of range.

    Reference:
        Efron 1979, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7(1).

    Misleads when:
        pictures are not drawn alike, such as several frames of one film: the true value then lies outside more often.
        The interval knows nothing of how another training run would have turned out.

    Example:
        >>> bootstrap_mean([2.0, 2.0, 2.0])
        Interval(value=2.0, low=2.0, high=2.0, count=3, confidence=0.95)
    """
    numbers = _numbers(values)
    _check(confidence)
    if resamples < 1:
        raise ValueRangeError(f"resamples must be at least 1; got {resamples}. 2000 are usual.")
    # From the first value on: what is the same everywhere then adds up without rounding.
    first = float(numbers[0])
    rest = numbers - first
    means = _drawn(len(numbers), resamples, seed) @ rest / len(numbers)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(first + float(rest.mean()), first + float(low), first + float(high), len(numbers), confidence)


def paired_difference(
    one: npt.ArrayLike,
    other: npt.ArrayLike,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """The mean of `one - other`, picture by picture, with a percentile bootstrap interval.

    What makes a picture easy or hard counts in both and falls out, so the interval is narrower than those of the two
    means lead to expect.

    Args:
        one: a finite number for each picture, shape (n,).
        other: of the same pictures in the same order.
        confidence, resamples, seed: as for `bootstrap_mean`.

    Returns:
        The mean difference and its interval. Two equal rows give exactly zero, and a width of zero.

    Raises:
        ShapeError: the two are not of one length, or as for `bootstrap_mean`.
        ValueRangeError: as for `bootstrap_mean`.
    """
    first, second = _numbers(one), _numbers(other)
    if len(first) != len(second):
        raise ShapeError(
            f"paired values must be of the same pictures; got {len(first)} and {len(second)} of them. "
            "Leave a picture out of both."
        )
    return bootstrap_mean(first - second, confidence, resamples, seed)


def rate(hits: int, count: int, confidence: float = 0.95) -> Interval:
    """A share of pictures, such as an accuracy, with Wilson's interval.

    Args:
        hits: pictures that count.
        count: all of them.
        confidence: share of such intervals that hold the true rate, in (0, 1).

    Returns:
        The rate and its interval, inside [0, 1]. No hit, or nothing but hits, still leaves a width: of n pictures
        without a hit the upper end is z^2 / (n + z^2).

    Raises:
        ValueRangeError: there is no picture, more hits than pictures, or a confidence out of range.

    Reference:
        Wilson 1927, "Probable Inference", Journal of the American Statistical Association 22(158), p. 209.
    """
    _check(confidence)
    if count < 1 or not 0 <= hits <= count:
        raise ValueRangeError(f"hits must lie in 0 to count, and count be at least 1; got {hits} of {count}.")
    z2 = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    share = hits / count
    middle = (hits + z2 / 2) / (count + z2)
    half = math.sqrt(z2 * (count * share * (1 - share) + z2 / 4)) / (count + z2)
    # With none or all, one end is exact; rounding must not carry it past.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    high = 1.0 if hits == count else min(1.0, middle + half)
    return Interval(share, low, high, count, confidence)


@lru_cache(maxsize=4)
def _drawn(count: int, resamples: int, seed: int) -> npt.NDArray[np.float32]:
    """How often each picture is drawn, shape (resamples, count)."""
    generator = np.random.default_rng(seed)
    times = np.empty((resamples, count), dtype=np.float32)
    for start in range(0, resamples, _RESAMPLES_AT_ONCE):
        rows = times[start : start + _RESAMPLES_AT_ONCE]
        picked = generator.integers(0, count, (len(rows), count)) + np.arange(len(rows))[:, None] * count
        rows[:] = np.bincount(picked.ravel(), minlength=len(rows) * count).reshape(rows.shape)
    times.setflags(write=False)
    return times


def _numbers(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not len(numbers):
        raise ShapeError(f"values must be one number for each picture, shape (n,); got {numbers.shape}. Flatten them.")
    if not np.isfinite(numbers).all():
        raise ValueRangeError(
            f"values must be finite; got {int((~np.isfinite(numbers)).sum())} that are not. Leave these pictures out."
        )
    return numbers


def _check(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueRangeError(f"confidence must lie between 0 and 1; got {confidence}. 0.95 is usual.")
