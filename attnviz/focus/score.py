"""What a focus score is, and the scores of one map and one region that add up the map's values."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.focus.baselines import CENTRED_GAUSSIAN, EDGE_MAP, UNIFORM, Box
from attnviz.focus.on_grid import OnGrid, highest_inside, share_inside
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region

Measure = Callable[[OnGrid], float]
"""A score's definition: the number for a map and a region on one grid."""


@dataclass(frozen=True)
class FocusScore:
    """How one map falls on one region.

    Attributes:
        name: what is scored, such as "share of the map in dog".
        value: the score, in [0, 1].
        area: the share of what the model saw that the region covers; 1 for a score that knows no region.
        lift: value / what a flat map scores. 1 is chance, 2 is twice as much as chance.
        baselines: the same score of maps that know nothing: "uniform", which is chance, "centred Gaussian", and
            "edge map" where the picture was given.
        hit: whether the map's highest cell lies in the region: 1 or 0, in between where the region covers a part of
            the cell, or where several cells tie.
        unit: of `value`.
        region: name of the region; empty for a score that knows none.
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

    @property
    def chance(self) -> float:
        """What a flat map scores."""
        return self.baselines[UNIFORM]

    def to_dict(self) -> dict[str, str | float]:
        """One flat row for a table or a CSV file, baselines as columns of their own."""
        texts = {"score": self.name, "region": self.region, "method": self.method, "unit": self.unit}
        numbers = {"value": self.value, "area": self.area, "lift": self.lift, "hit": self.hit}
        return {**texts, **numbers, **{f"baseline: {name}": value for name, value in self.baselines.items()}}


def share(
    attention_map: AttentionMap, region: Region, *, within_yxyx: Box | None = None, picture: Picture | None = None
) -> FocusScore:
    """The share of a map's total that falls into a region.

    Args:
        attention_map: a non-negative map in raw units. Cells that are NaN are left out, of the area too.
        region: drawn on the source picture.
        within_yxyx: score only this box of the source picture, (top, left, bottom, right) in source pixels, such as
            what several networks all saw.
        picture: adds the baseline "edge map".

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

    Reference:
        Relevance mass accuracy of Arras et al. 2022, arXiv:2003.07258; with a box as region, the energy-based pointing
        game of Wang et al. 2020, arXiv:1910.01279, section 4.3. Differs from them in: cell coverage.
    """
    scored = OnGrid.of(attention_map, region, within_yxyx)
    gaussian = scored.pixels.gaussian_share if scored.pixels else None
    name = f"share of the map in {region.name}"
    return beside_baselines(scored, share_inside, name, "share", region, attention_map, picture, gaussian)


def pointing(
    attention_map: AttentionMap,
    region: Region,
    *,
    tolerance_px: float = 0.0,
    within_yxyx: Box | None = None,
    picture: Picture | None = None,
) -> FocusScore:
    """The pointing game: does the map's highest cell lie in a region?

    Args:
        attention_map: a non-negative map in raw units.
        region: drawn on the source picture.
        tolerance_px: a hit may miss the region by this distance, in source pixels. It makes coarse and fine grids
            comparable; the area grows with it. The published game allows 15.
        within_yxyx: score only this box of the source picture.
        picture: adds the baseline "edge map".

    Returns:
        The score. `value` is the chance that a point drawn from the highest cell, or from all cells that tie for it,
        falls within the tolerance; so a flat map scores the (grown) area exactly and not a hit.

    Raises:
        ValueRangeError: as for `share`; or the tolerance is negative or not finite.
        ShapeError: the region was drawn on another picture.

    Misleads when:
        the grid is coarse: the highest of 64 cells says little. It tells nothing of the rest of the map.

    Reference:
        Zhang et al. 2016, arXiv:1608.00507, section 4.1. Differs from it in: fractional ties and cell coverage, and a
        miss by exactly the tolerance is a hit.
    """
    if not (math.isfinite(tolerance_px) and tolerance_px >= 0):
        raise ValueRangeError(f"tolerance_px must be at least 0; got {tolerance_px}. Give a distance in source pixels.")
    scored = OnGrid.of(attention_map, region, within_yxyx, tolerance_px)
    gaussian = scored.pixels.gaussian_hit if scored.pixels else None
    name = f"highest cell in {region.name}" + (f", within {tolerance_px:g} px" if tolerance_px else "")
    return beside_baselines(scored, highest_inside, name, "hit", region, attention_map, picture, gaussian)


def beside_baselines(
    on_grid: OnGrid,
    measure: Measure,
    name: str,
    unit: str,
    region: Region | None,
    attention_map: AttentionMap,
    picture: Picture | None,
    gaussian: float | None = None,
) -> FocusScore:
    """A map's score beside what the same measure gives for maps that know nothing.

    Args:
        on_grid: the map and the region.
        measure: the score's definition.
        name: of the score.
        unit: of the score.
        region: None for a score that knows none.
        attention_map: the map that is scored.
        picture: adds the edge map.
        gaussian: what the centred Gaussian scores, where it is known better than on the map's own grid.

    Raises:
        ShapeError: the picture has another size than the one the map is of.
    """
    value, chance = measure(on_grid), measure(on_grid.flat())
    baselines = {UNIFORM: chance, CENTRED_GAUSSIAN: measure(on_grid.gaussian()) if gaussian is None else gaussian}
    if picture is not None:
        if picture.hw != tuple(on_grid.geometry.source_hw):
            raise ShapeError(
                f"the picture must be the map's, of {tuple(on_grid.geometry.source_hw)} (height, width); got "
                f"{picture.hw}. Give the picture that was traced."
            )
        baselines[EDGE_MAP] = measure(on_grid.edges(picture))
    return FocusScore(
        name=name,
        value=value,
        area=on_grid.area,
        lift=value / chance,
        baselines=baselines,
        hit=highest_inside(on_grid),
        unit=unit,
        region=region.name if region is not None else "",
        method=attention_map.method,
    )
