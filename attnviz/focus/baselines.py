"""What maps that know nothing score: the flat one, the one that looks at the middle, and the one that sees edges."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from attnviz.pictures import Picture

UNIFORM = "uniform"
"""Name of the baseline that is the same everywhere: what chance scores."""

CENTRED_GAUSSIAN = "centred Gaussian"
"""Name of the baseline that looks at the middle: sigma is a quarter of what the model saw, per axis."""

EDGE_MAP = "edge map"
"""Name of the baseline that sees the picture's edges and knows no network (Adebayo et al. 2018, arXiv:1810.03292)."""

BASELINES = (UNIFORM, CENTRED_GAUSSIAN, EDGE_MAP)
"""All names, in the order of tables. The last needs the picture."""

Box = tuple[float, float, float, float]
Cells = npt.NDArray[np.float64]

TIE = 1e-9
"""Float32 values that differ at all differ by more than this share; rounding errors of a baseline stay below it."""


@dataclass(frozen=True, eq=False)
class Baselines:
    """What maps that know nothing score, on the pixels of the source picture: the same for every network."""

    mask_hw: npt.NDArray[np.bool_]
    box_yxyx: Box

    @property
    def gaussian_share(self) -> float:
        return self._share(*self._masses(normal_mass))

    @property
    def gaussian_hit(self) -> float:
        rows, columns = self._masses(normal_mass)
        highest = np.ix_(rows >= rows.max() * (1 - TIE), columns >= columns.max() * (1 - TIE))
        return float(self.mask_hw[highest].mean())

    def _masses(self, mass: Callable[[Cells, float, float], Cells]) -> tuple[Cells, Cells]:
        """Mass per row and per column of pixels."""
        top, left, bottom, right = self.box_yxyx
        height, width = self.mask_hw.shape
        return mass(np.arange(height + 1.0), top, bottom), mass(np.arange(width + 1.0), left, right)

    def _share(self, rows: Cells, columns: Cells) -> float:
        return float(rows @ (self.mask_hw @ columns) / (rows.sum() * columns.sum()))


def normal_mass(edges: Cells, low: float, high: float) -> Cells:
    """Mass between neighbouring edges of a normal distribution centred in low to high, which ends at two sigma."""
    deviations = (4 * np.clip(edges, low, high) - 2 * (low + high)) / (high - low)
    return np.diff([math.erf(deviation / math.sqrt(2)) for deviation in deviations])


@lru_cache(maxsize=1)  # one picture is scored for many maps
def edges_of(picture: Picture) -> npt.NDArray[np.float32]:
    """Gradient magnitude of the picture's brightness at each pixel, by the Sobel filter, (h, w)."""
    from skimage.filters import sobel  # takes a third of a second to import, and few scores need it

    brightness = picture.rgb.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
    return np.asarray(sobel(brightness), np.float32)


def intersection(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
