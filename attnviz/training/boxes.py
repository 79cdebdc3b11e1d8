"""Scores of many maps against the boxes of their pictures, all at once.

The scores are those of `attnviz.focus.share` and `attnviz.focus.pointing`, which take one map and any region. A box is
the product of two intervals, so here its part of each cell is a product, too, and thousands of pictures take a second.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError
from attnviz.focus.baselines import TIE, normal_mass
from attnviz.geometry import Geometry

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scores:
    """Two scores of each picture's map; NaN where a map has none, because it is zero everywhere or not finite.

    Attributes:
        share: of the map's total that lies in the box.
        hit: the part of the map's highest cell, or of all cells that tie for it, that lies in the box.
    """

    share: Numbers
    hit: Numbers


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of some pictures of one size.

    Attributes:
        edges_yxyx: (n, 4): top, left, bottom and right edge in source pixels.
        source_hw: height and width of every picture.
    """

    edges_yxyx: npt.NDArray[np.int64]
    source_hw: tuple[int, int]

    @property
    def area(self) -> Numbers:
        """Share of the picture inside the box, (n,): what the uniform map scores."""
        top, left, bottom, right = self.edges_yxyx.T.astype(np.float64)
        return (bottom - top) * (right - left) / (self.source_hw[0] * self.source_hw[1])

    @property
    def is_region(self) -> npt.NDArray[np.bool_]:
        """False where a box is the whole picture: nothing is left to compare it with."""
        return self.area < 1

    def inside(self, geometry: Geometry, grid_hw: tuple[int, int]) -> Numbers:
        """The part of each cell that the box covers, (n, h, w).

        Raises:
            ShapeError: the model input does not show exactly the whole picture.
        """
        whole = (0, 0, *self.source_hw)
        if tuple(geometry.source_hw) != self.source_hw or not np.allclose(geometry.seen_box(), whole, atol=TIE):
            raise ShapeError(
                f"the network must see the whole picture of {self.source_hw}; got {geometry.seen_box()} of "
                f"{tuple(geometry.source_hw)}. Prepare it without a crop."
            )
        rows, columns = geometry.cell_edges(grid_hw)
        top, left, bottom, right = self.edges_yxyx.T
        return np.einsum("nh,nw->nhw", _covered(rows, top, bottom), _covered(columns, left, right))

    def scores(self, maps_nhw: npt.NDArray[np.float32], geometry: Geometry) -> Scores:
        """Score one map for each picture.

        Args:
            maps_nhw: non-negative maps in raw units on one grid, (n, h, w).
            geometry: where the model input lies in the picture; the same for all.

        Returns:
            The scores. A flat map scores the box's area, both ways.

        Raises:
            ShapeError: there are not as many maps as boxes, or the network does not see the whole picture.
        """
        if maps_nhw.ndim != 3 or len(maps_nhw) != len(self.edges_yxyx):
            raise ShapeError(
                f"maps must have shape ({len(self.edges_yxyx)}, h, w), one for each box; got {maps_nhw.shape}."
            )
        highest = maps_nhw.max(axis=(1, 2), keepdims=True).astype(np.float64)
        fit = np.isfinite(maps_nhw).all(axis=(1, 2)) & (highest[:, 0, 0] > 0)
        values = np.divide(maps_nhw, highest, out=np.zeros(maps_nhw.shape), where=fit[:, None, None])
        inside = self.inside(geometry, (maps_nhw.shape[1], maps_nhw.shape[2]))
        lit = values >= 1 - TIE
        total, cells = (np.where(fit, x.sum(axis=(1, 2)), np.nan) for x in (values, lit))
        return Scores((values * inside).sum(axis=(1, 2)) / total, (lit * inside).sum(axis=(1, 2)) / cells)

    def centred_gaussian(self) -> Scores:
        """The scores of the map that looks at the middle: sigma is a quarter of the picture, per axis."""
        top, left, bottom, right = self.edges_yxyx.T
        share_y, hit_y = _masses(self.source_hw[0], top, bottom)
        share_x, hit_x = _masses(self.source_hw[1], left, right)
        return Scores(share_y * share_x, hit_y * hit_x)


def _covered(edges: Numbers, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> Numbers:
    """The part of each cell between neighbouring edges that lies in low to high: (n, cells)."""
    first = np.maximum(edges[None, :-1], low[:, None])
    last = np.minimum(edges[None, 1:], high[:, None])
    return np.clip(last - first, 0, None) / np.diff(edges)


def _masses(size: int, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> tuple[Numbers, Numbers]:
    """Along one axis: the share of the Gaussian's mass in low to high, and the share of its highest pixels."""
    mass = normal_mass(np.arange(size + 1.0), 0.0, float(size))
    top = (mass >= mass.max() * (1 - TIE)).astype(np.float64)
    mass_sums, top_sums = (np.concatenate([[0.0], np.cumsum(x / x.sum())]) for x in (mass, top))
    return mass_sums[high] - mass_sums[low], top_sums[high] - top_sums[low]
