"""A map and a region on one grid, and what adds up there."""

import math
from dataclasses import dataclass, replace

import numpy as np

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.focus.baselines import TIE, Baselines, Box, Cells, edges_of, intersection, normal_mass
from attnviz.geometry import Geometry, cell_totals, cell_weights, seen_weights
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region, grown

# A cell of which less than this lies in the picture is in the padding: the rest is rounding.
_SLIVER = 1e-9


@dataclass(frozen=True, eq=False)
class OnGrid:
    """A map and a region on one grid. Cells that do not count are zero everywhere."""

    values: Cells  # (h, w), the highest is 1: flat maps then add up without rounding
    inside: Cells  # (h, w), part of each cell that the region covers
    seen: Cells  # (h, w), part of each cell that lies in the picture
    gaussian_mass: Cells  # (h, w), of the centred Gaussian in each cell
    pixels: Baselines | None  # what the Gaussian scores on pixels; None where the map has holes, or without a region
    geometry: Geometry
    within_yxyx: Box | None

    @classmethod
    def of(
        cls, attention_map: AttentionMap, region: Region | None, within_yxyx: Box | None, tolerance_px: float = 0.0
    ) -> "OnGrid":
        """Lay both on the map's grid. Without a region everything is inside."""
        geometry = geometry_of(attention_map)
        if region is not None and region.source_hw != tuple(geometry.source_hw):
            raise ShapeError(
                f"region {region.name!r} must be drawn on the map's picture of {tuple(geometry.source_hw)} (height, "
                f"width); got one on {region.source_hw}. Draw it on the same picture."
            )
        if attention_map.signed:
            raise ValueRangeError(
                f"a scored map must be non-negative; got a signed one, {attention_map.method}. A share of positive and "
                "negative values means nothing: score the map it was made from."
            )
        grid_hw = attention_map.grid_hw
        known = np.isfinite(attention_map.values_hw)
        seen = seen_weights(geometry, grid_hw, within_yxyx=within_yxyx)
        counts = known & (seen > _SLIVER)
        seen = np.where(counts, seen, 0.0)
        values = np.where(counts, attention_map.values_hw, 0.0).astype(np.float64)
        _check_values(values, seen, attention_map.method)
        box = intersection(geometry.seen_box(), within_yxyx) if within_yxyx else geometry.seen_box()
        inside, pixels = seen, None
        if region is not None:
            mask = grown(region.mask_hw, tolerance_px) if tolerance_px else region.mask_hw
            covered = cell_weights(mask, geometry, grid_hw, within_yxyx=within_yxyx)
            inside = np.minimum(np.where(counts, covered, 0.0), seen)
            _check_region(inside, seen, region.name)
            pixels = Baselines(mask, box) if known.all() else None
        rows, columns = geometry.cell_edges(grid_hw)
        gaussian = np.outer(normal_mass(rows, box[0], box[2]), normal_mass(columns, box[1], box[3]))
        gaussian = np.where(counts, gaussian, 0.0)
        return cls(values / values.max(), inside, seen, gaussian, pixels, geometry, within_yxyx)

    @property
    def area(self) -> float:
        return total(self.inside) / total(self.seen)

    def flat(self) -> "OnGrid":
        """The same with a map that is one everywhere."""
        return replace(self, values=np.where(self.seen > 0, 1.0, 0.0))

    def gaussian(self) -> "OnGrid":
        """The same with the Gaussian's mass per area as the map."""
        return self._with_masses(self.gaussian_mass)

    def edges(self, picture: Picture) -> "OnGrid":
        """The same with the mean of the picture's edges in each cell as the map; flat for a picture without edges."""
        grid_hw = self.seen.shape[0], self.seen.shape[1]
        edges = cell_totals(edges_of(picture), self.geometry, grid_hw, within_yxyx=self.within_yxyx)
        edges[self.seen == 0] = 0
        return self._with_masses(edges) if edges.any() else self.flat()

    def _with_masses(self, masses: Cells) -> "OnGrid":
        values = np.divide(masses, self.seen, out=np.zeros_like(masses), where=self.seen > 0)
        return replace(self, values=values / values.max())


def total(cells: Cells) -> float:
    """The sum, rounded once: it does not depend on the order, so what chance scores is met exactly."""
    return math.fsum(cells.ravel().tolist())


def share_inside(on_grid: OnGrid) -> float:
    """Share of the map's mass in the region."""
    return total(on_grid.values * on_grid.inside) / total(on_grid.values * on_grid.seen)


def highest_inside(on_grid: OnGrid) -> float:
    """Part of the highest cell, or of all that tie for it, in the region."""
    highest = (on_grid.values >= 1 - TIE) & (on_grid.seen > 0)
    return total(on_grid.inside[highest]) / total(on_grid.seen[highest])


def _check_values(values: Cells, seen: Cells, method: str) -> None:
    """Refuse a map that has no score."""
    if not seen.any():
        raise ValueRangeError(
            f"{method} must have a value where the model looked; got NaN everywhere. Check the network."
        )
    if not values.any():
        raise ValueRangeError(
            f"a scored map must be above zero somewhere; got zero wherever the model looked, from {method}. "
            "Choose another layer, method or target class."
        )


def _check_region(inside: Cells, seen: Cells, region: str) -> None:
    """Refuse a region that has no score."""
    if not inside.any():
        raise ValueRangeError(
            f"region {region!r} must lie where the model looked; got one outside its crop. "
            "Draw it inside, or use a network that sees the whole picture."
        )
    if inside.sum() >= seen.sum() * (1 - TIE):
        raise ValueRangeError(
            f"region {region!r} must leave some of what the model saw out; got all of it. Draw it smaller, or lower "
            "the tolerance."
        )


def geometry_of(attention_map: AttentionMap) -> Geometry:
    if attention_map.geometry is None:
        raise ValueRangeError(
            f"a scored map must know where the model input lies in the picture; got no geometry from "
            f"{attention_map.method}. Trace a ModelInput from preprocess() instead of a bare tensor."
        )
    return attention_map.geometry
