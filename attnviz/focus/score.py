"""The scores of one map and one region."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from attnviz.errors import ValueRangeError
from attnviz.focus.baselines import CENTRED_GAUSSIAN, UNIFORM, Box
from attnviz.focus.on_grid import OnGrid
from attnviz.maps.base import AttentionMap
from attnviz.regions import Region


@dataclass(frozen=True)
class FocusScore:
    """How one map falls on one region.

    Attributes:
        name: what is scored, such as "share of the map in dog".
        value: the score, in [0, 1].
        area: the share of what the model saw that the region covers: what chance scores.
        lift: value / area. 1 is chance, 2 is twice as much as chance.
        baselines: the same score of maps that know nothing: "uniform" and "centred Gaussian".
        hit: whether the map's highest cell lies in the region: 1 or 0, in between where the region covers a part of
            the cell, or where several cells tie.
        unit: of `value`.
        region: name of the region.
        method: recipe of the map; empty for a baseline.
    """

    name: str
    value: float
    area: float
    lift: float
    baselines: Mapping[str, float]
    hit: float
    unit: str
    region: str = ""
    method: str = ""

    def to_dict(self) -> dict[str, str | float]:
        """One flat row for a table or a CSV file, baselines as columns of their own."""
        texts = {"score": self.name, "region": self.region, "method": self.method, "unit": self.unit}
        numbers = {"value": self.value, "area": self.area, "lift": self.lift, "hit": self.hit}
        return {**texts, **numbers, **{f"baseline: {name}": value for name, value in self.baselines.items()}}


def share(attention_map: AttentionMap, region: Region, *, within_yxyx: Box | None = None) -> FocusScore:
    """The share of a map's total that falls into a region.

    Args:
        attention_map: a non-negative map in raw units. Cells that are NaN are left out, of the area too.
        region: drawn on the source picture.
        within_yxyx: score only this box of the source picture, (top, left, bottom, right) in source pixels, such as
            what several networks all saw.

    Returns:
        The score. A flat map scores the area and a lift of 1, exactly; a map with one lit cell scores the part of that
        cell that the region covers.

    Raises:
        ValueRangeError: the map is signed, knows no geometry, or is zero or NaN wherever the model looked; or the model
            saw nothing of the region, or nothing else.
        ShapeError: the region was drawn on another picture.

    Misleads when:
        the object stands in the middle, where the centred Gaussian scores as much: compare with the baselines. A map
        that spreads its mass thinly over a large object scores higher than one that marks its head alone.
    """
    scored = OnGrid.of(attention_map, region, within_yxyx)
    name = f"share of the map in {region.name}"
    return _beside_baselines(scored, name, scored.share, scored.gaussian_share, "share", region, attention_map)


def pointing(
    attention_map: AttentionMap, region: Region, *, tolerance_px: float = 0.0, within_yxyx: Box | None = None
) -> FocusScore:
    """The pointing game: does the map's highest cell lie in a region?

    Args:
        attention_map: a non-negative map in raw units.
        region: drawn on the source picture.
        tolerance_px: a hit may miss the region by this distance, in source pixels. It makes coarse and fine grids
            comparable; the area grows with it.
        within_yxyx: score only this box of the source picture.

    Returns:
        The score. `value` is the chance that a point drawn from the highest cell, or from all cells that tie for it,
        falls within the tolerance; so a flat map scores the (grown) area exactly and not a hit.

    Raises:
        ValueRangeError: as for `share`; or the tolerance is negative or not finite.
        ShapeError: the region was drawn on another picture.

    Reference:
        Zhang et al. 2016, arXiv:1608.00507, section 4.1. Differs from it in: fractional ties and cell coverage.
    """
    if not (math.isfinite(tolerance_px) and tolerance_px >= 0):
        raise ValueRangeError(f"tolerance_px must be at least 0; got {tolerance_px}. Give a distance in source pixels.")
    scored = OnGrid.of(attention_map, region, within_yxyx, tolerance_px)
    name = f"highest cell in {region.name}" + (f", within {tolerance_px:g} px" if tolerance_px else "")
    return _beside_baselines(scored, name, scored.hit, scored.gaussian_hit, "hit", region, attention_map)


def _beside_baselines(
    on_grid: OnGrid, name: str, value: float, gaussian: float, unit: str, region: Region, attention_map: AttentionMap
) -> FocusScore:
    """A value beside what chance and the centred Gaussian score."""
    return FocusScore(
        name=name,
        value=value,
        area=on_grid.area,
        lift=value / on_grid.area,
        baselines={UNIFORM: on_grid.area, CENTRED_GAUSSIAN: gaussian},
        hit=on_grid.hit,
        unit=unit,
        region=region.name,
        method=attention_map.method,
    )
