"""Colours of numbers in a lesson's cells: around zero, as shares, or from the smallest to the largest."""

from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.colors import Normalize

SIGNED_PALETTE, SHARE_PALETTE = "PuOr_r", "YlGnBu"
HIGHLIGHT = "#D1495B"
BAR_COLOUR = "#4C78A8"

_ROOM = 1.3


@dataclass(frozen=True)
class Colours:
    """A palette and the values at its ends."""

    palette: str
    low: float
    high: float

    @classmethod
    def signed(cls, *values: npt.ArrayLike) -> "Colours":
        """Purple to orange around zero; the largest amount is not quite at the end, where text is hard to read."""
        largest = _ROOM * max((float(np.abs(np.asarray(one)).max()) for one in values), default=0.0)
        return cls(SIGNED_PALETTE, -(largest or 1.0), largest or 1.0)

    @classmethod
    def shares(cls) -> "Colours":
        """Light to dark, from 0 to 1."""
        return cls(SHARE_PALETTE, 0.0, 1.0)

    @classmethod
    def spread(cls, *values: npt.ArrayLike, palette: str = SHARE_PALETTE) -> "Colours":
        """Light to dark, from the smallest value to the largest."""
        low = min(float(np.asarray(one).min()) for one in values)
        high = max(float(np.asarray(one).max()) for one in values)
        return cls(palette, low, high if high > low else low + 1)

    def of(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """RGBA in [0, 1], one axis more than the values."""
        return np.asarray(matplotlib.colormaps[self.palette](Normalize(self.low, self.high, clip=True)(values)))
