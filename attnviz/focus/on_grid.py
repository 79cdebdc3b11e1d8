"""A map and a region on one grid, and what adds up there."""

from dataclasses import dataclass

import numpy as np

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.focus.baselines import TIE, Baselines, Box, Cells, intersection, normal_mass
from attnviz.geometry import Geometry, cell_weights, seen_weights
from attnviz.maps.base import AttentionMap
from attnviz.regions import Region, grown

# A cell of which less than this lies in the picture is in the padding: the rest is rounding.
_SLIVER = 1e-9


@dataclass(frozen=True, eq=False)
class OnGrid:
    """A map and a region on one grid. Cells that do not count are zero everywhere."""

    values: Cells  # (h, w), the highest is 1: flat maps then add up without rounding
    inside: Cells  # (h, w), part of each cell that the region covers
    seen: Cells  # (h, w), part of each cell that lies in the picture
    baselines: "Baselines"
    gaussian: Cells | None  # (h, w), mass of the centred Gaussian, where the map has holes to leave out; else None

    @classmethod
    def of(
        cls, attention_map: AttentionMap, region: Region, within_yxyx: Box | None, tolerance_px: float = 0.0
    ) -> "OnGrid":
        geometry = geometry_of(attention_map)
        if region.source_hw != tuple(geometry.source_hw):
            raise ShapeError(
                f"region {region.name!r} must be drawn on the map's picture of {tuple(geometry.source_hw)} (height, "
                f"width); got one on {region.source_hw}. Draw it on the same picture."
            )
        if attention_map.signed:
            raise ValueRangeError(
                f"a scored map must be non-negative; got a signed one, {attention_map.method}. A share of positive and "
                "negative values means nothing: score the map it was made from."
            )
        mask = grown(region.mask_hw, tolerance_px) if tolerance_px else region.mask_hw
        grid_hw = attention_map.grid_hw
        known = np.isfinite(attention_map.values_hw)
        seen = seen_weights(geometry, grid_hw, within_yxyx=within_yxyx)
        counts = known & (seen > _SLIVER)
        seen = np.where(counts, seen, 0.0)
        inside = np.minimum(np.where(counts, cell_weights(mask, geometry, grid_hw, within_yxyx=within_yxyx), 0.0), seen)
        values = np.where(counts, attention_map.values_hw, 0.0).astype(np.float64)
        _check(values, inside, seen, region.name, attention_map.method)
        box = intersection(geometry.seen_box(), within_yxyx) if within_yxyx else geometry.seen_box()
        rows, columns = geometry.cell_edges(grid_hw)
        gaussian = np.outer(normal_mass(rows, box[0], box[2]), normal_mass(columns, box[1], box[3]))
        holes = None if known.all() else np.where(counts, gaussian, 0.0)
        return cls(values / values.max(), inside, seen, Baselines(mask, box), holes)

    @property
    def share(self) -> float:
        return float((self.values * self.inside).sum() / (self.values * self.seen).sum())

    @property
    def area(self) -> float:
        return float(self.inside.sum() / self.seen.sum())

    @property
    def hit(self) -> float:
        highest = (self.values >= 1 - TIE) & (self.seen > 0)
        return float(self.inside[highest].sum() / self.seen[highest].sum())

    @property
    def gaussian_share(self) -> float:
        if self.gaussian is None:
            return self.baselines.gaussian_share
        covered = np.divide(self.inside, self.seen, out=np.zeros_like(self.seen), where=self.seen > 0)
        return float((self.gaussian * covered).sum() / self.gaussian.sum())

    @property
    def gaussian_hit(self) -> float:
        if self.gaussian is None:
            return self.baselines.gaussian_hit
        highest = self.gaussian >= self.gaussian.max() * (1 - TIE)
        return float(self.inside[highest].sum() / self.seen[highest].sum())


def _check(values: Cells, inside: Cells, seen: Cells, region: str, method: str) -> None:
    """Refuse what has no score."""
    if not seen.any():
        raise ValueRangeError(
            f"{method} must have a value where the model looked; got NaN everywhere. Check the network."
        )
    if not values.any():
        raise ValueRangeError(
            f"a scored map must be above zero somewhere; got zero wherever the model looked, from {method}. "
            "Choose another layer, method or target class."
        )
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
