"""Statistics of numbers that pass by once: moments of arrays, and a histogram whose range grows."""

import numpy as np

BINS = 4096


class Moments:
    """Mean and variance of each element of arrays of one shape, in one pass.

    Welford 1962, Technometrics 4(3), as Chan, Golub, LeVeque 1983 give it for whole arrays. No squares of large
    numbers are subtracted, so a small variance around a large mean keeps its digits.

    Args:
        shape: of every array.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)
        """Sum of squared differences from the mean."""

    def add(self, values: np.ndarray) -> None:
        """Count one array."""
        self.count += 1
        before = values - self.mean
        self.mean += before / self.count
        self.squares += before * (values - self.mean)

    @property
    def variance(self) -> np.ndarray:
        """Of each element, over the arrays (population); zero for a single array."""
        return self.squares / max(1, self.count)


class Histogram:
    """Counts of values in equal bins. A value outside doubles the range, and two bins become one.

    Args:
        low: lower end to begin with.
        high: upper end to begin with.
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.counts = np.zeros(BINS, dtype=np.int64)
        self.minimum, self.maximum = np.inf, -np.inf

    def add(self, values: np.ndarray) -> None:
        """Count some finite values."""
        self.minimum = min(self.minimum, float(values.min()))
        self.maximum = max(self.maximum, float(values.max()))
        while self.minimum < self.low:
            self.low -= self.high - self.low
            self.counts = np.concatenate([np.zeros(BINS // 2, dtype=np.int64), self._halved()])
        while self.maximum > self.high:
            self.high += self.high - self.low
            self.counts = np.concatenate([self._halved(), np.zeros(BINS // 2, dtype=np.int64)])
        places = np.floor((values.ravel() - self.low) * (BINS / (self.high - self.low)))
        self.counts += np.bincount(np.clip(places, 0, BINS - 1).astype(np.int64), minlength=BINS)

    def quantile(self, share: float) -> float:
        """The value that this share of all values lies below.

        It is off by at most the width of a bin, 1/4096 of the range, and never beyond the smallest or largest value.
        """
        wanted = share * self.counts.sum()
        upto = np.concatenate([[0], np.cumsum(self.counts)])
        bin_number = min(int(np.searchsorted(upto, wanted, side="left")), BINS) - 1
        bin_number = max(bin_number, 0)
        inside = (wanted - upto[bin_number]) / max(1, self.counts[bin_number])
        value = self.low + (bin_number + inside) * (self.high - self.low) / BINS
        return float(np.clip(value, self.minimum, self.maximum))

    def coarse(self, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Counts in fewer bins, which must divide 4096, and the edges between them: (bins,) and (bins + 1,)."""
        return self.counts.reshape(bins, -1).sum(axis=1), np.linspace(self.low, self.high, bins + 1)

    def _halved(self) -> np.ndarray:
        return self.counts.reshape(-1, 2).sum(axis=1)
