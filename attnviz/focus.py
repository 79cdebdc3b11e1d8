"""How much of an attention map falls into a region, each time beside what a map that knows nothing would score.

Everything is scored on the network's own grid, in the map's raw units, over what the model saw of the picture. A cell
that the region's outline cuts counts by the exact area on either side, so a flat map scores the region's area exactly.
A focus score says where a map lies. It does not say why the network decided.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.geometry import Geometry, cell_weights, seen_weights
from attnviz.maps.base import AttentionMap
from attnviz.regions import Region, grown

UNIFORM = "uniform"
"""Name of the baseline that is the same everywhere: it scores the region's area."""

CENTRED_GAUSSIAN = "centred Gaussian"
"""Name of the baseline that looks at the middle: sigma is a quarter of what the model saw, per axis."""

Box = tuple[float, float, float, float]
Cells = npt.NDArray[np.float64]

# Float32 values that differ at all differ by more than this share; rounding errors of the baseline stay below it.
_TIE = 1e-9

# A cell of which less than this lies in the picture is in the padding: the rest is rounding.
_SLIVER = 1e-9


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
    scored = _Scored.of(attention_map, region, within_yxyx)
    name = f"share of the map in {region.name}"
    return scored.score(name, scored.share, scored.gaussian_share, "share", region, attention_map)


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
    scored = _Scored.of(attention_map, region, within_yxyx, tolerance_px)
    name = f"highest cell in {region.name}" + (f", within {tolerance_px:g} px" if tolerance_px else "")
    return scored.score(name, scored.hit, scored.gaussian_hit, "hit", region, attention_map)


def table(maps: Mapping[str, AttentionMap], region: Region) -> dict[str, FocusScore]:
    """The share of several networks' maps in one region, with a row for each baseline.

    All are scored over the part of the picture that every one of them saw, so that the area is the same in each row.

    Args:
        maps: a map by the name of its network, all of one picture.
        region: drawn on that picture.

    Returns:
        A score by name: the networks in the order given, then "uniform" and "centred Gaussian".

    Raises:
        ValueRangeError: no map is given, two maps saw no common part, or as for `share`.
        ShapeError: the maps are of different pictures, or the region is of another one.
    """
    _check_rows(maps)
    common = _common_box(maps)
    scores = {name: share(one, region, within_yxyx=common) for name, one in maps.items()}
    return scores | _baseline_rows(region, common)


def scorable(maps: Mapping[str, AttentionMap], region: Region) -> tuple[dict[str, FocusScore], dict[str, str]]:
    """The same table without the maps that have no score, such as one that is zero everywhere.

    Args:
        maps: a map by the name of its network, all of one picture.
        region: drawn on that picture.

    Returns:
        The scores, as `table` gives them for the maps that can be scored, empty if none can; and by name the reason
        why each of the others cannot.

    Raises:
        ValueRangeError: no map is given, or two of those that could be scored saw no common part.
        ShapeError: as for `table`.
    """
    _check_rows(maps)
    reasons: dict[str, str] = {}
    # What a map without a score saw does not limit the others: they are left out before the common part is taken.
    left = {name: one for name, one in maps.items() if _score_or_reason(name, one, region, None, reasons) is not None}
    if not left:
        return {}, reasons
    common = _common_box(left)
    scored = {name: _score_or_reason(name, one, region, common, reasons) for name, one in left.items()}
    scores = {name: score for name, score in scored.items() if score is not None}
    return (scores | _baseline_rows(region, common) if scores else {}), reasons


def _score_or_reason(
    name: str, one: AttentionMap, region: Region, within_yxyx: Box | None, reasons: dict[str, str]
) -> FocusScore | None:
    """A map's share, or None and the reason added to the others."""
    try:
        return share(one, region, within_yxyx=within_yxyx)
    except ValueRangeError as error:
        reasons[name] = str(error)
        return None


def _check_rows(maps: Mapping[str, AttentionMap]) -> None:
    if not maps:
        raise ValueRangeError("maps must hold at least one map; got none. Choose a network.")
    taken = [name for name in (UNIFORM, CENTRED_GAUSSIAN) if name in maps]
    if taken:
        raise ValueRangeError(f"a network must not be called {taken[0]!r}: a baseline has this name. Rename the row.")


def _baseline_rows(region: Region, common: Box) -> dict[str, FocusScore]:
    """What maps that know nothing score over the common part, by the baseline's name."""
    scores: dict[str, FocusScore] = {}
    pixels = _Baselines(region.mask_hw, common)
    baselines = {UNIFORM: pixels.area, CENTRED_GAUSSIAN: pixels.gaussian_share}
    hits = {UNIFORM: baselines[UNIFORM], CENTRED_GAUSSIAN: pixels.gaussian_hit}
    for name, value in baselines.items():
        scores[name] = FocusScore(
            name=f"share of the map in {region.name}",
            value=value,
            area=baselines[UNIFORM],
            lift=value / baselines[UNIFORM],
            baselines=dict(baselines),
            hit=hits[name],
            unit="share",
            region=region.name,
        )
    return scores


@dataclass(frozen=True, eq=False)
class _Scored:
    """A map and a region on one grid. Cells that do not count are zero everywhere."""

    values: Cells  # (h, w), the highest is 1: flat maps then add up without rounding
    inside: Cells  # (h, w), part of each cell that the region covers
    seen: Cells  # (h, w), part of each cell that lies in the picture
    baselines: "_Baselines"
    gaussian: Cells | None  # (h, w), mass of the centred Gaussian, where the map has holes to leave out; else None

    @classmethod
    def of(
        cls, attention_map: AttentionMap, region: Region, within_yxyx: Box | None, tolerance_px: float = 0.0
    ) -> "_Scored":
        geometry = _geometry_of(attention_map)
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
        box = _intersection(geometry.seen_box(), within_yxyx) if within_yxyx else geometry.seen_box()
        rows, columns = geometry.cell_edges(grid_hw)
        gaussian = np.outer(_normal_mass(rows, box[0], box[2]), _normal_mass(columns, box[1], box[3]))
        holes = None if known.all() else np.where(counts, gaussian, 0.0)
        return cls(values / values.max(), inside, seen, _Baselines(mask, box), holes)

    def score(
        self, name: str, value: float, gaussian: float, unit: str, region: Region, attention_map: AttentionMap
    ) -> FocusScore:
        """A value beside what chance and the centred Gaussian score."""
        return FocusScore(
            name=name,
            value=value,
            area=self.area,
            lift=value / self.area,
            baselines={UNIFORM: self.area, CENTRED_GAUSSIAN: gaussian},
            hit=self.hit,
            unit=unit,
            region=region.name,
            method=attention_map.method,
        )

    @property
    def share(self) -> float:
        return float((self.values * self.inside).sum() / (self.values * self.seen).sum())

    @property
    def area(self) -> float:
        return float(self.inside.sum() / self.seen.sum())

    @property
    def hit(self) -> float:
        highest = (self.values >= 1 - _TIE) & (self.seen > 0)
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
        highest = self.gaussian >= self.gaussian.max() * (1 - _TIE)
        return float(self.inside[highest].sum() / self.seen[highest].sum())


@dataclass(frozen=True, eq=False)
class _Baselines:
    """What maps that know nothing score, on the pixels of the source picture: the same for every network."""

    mask_hw: npt.NDArray[np.bool_]
    box_yxyx: Box

    @property
    def area(self) -> float:
        return self._share(*self._masses(_flat_mass))

    @property
    def gaussian_share(self) -> float:
        return self._share(*self._masses(_normal_mass))

    @property
    def gaussian_hit(self) -> float:
        rows, columns = self._masses(_normal_mass)
        highest = np.ix_(rows >= rows.max() * (1 - _TIE), columns >= columns.max() * (1 - _TIE))
        return float(self.mask_hw[highest].mean())

    def _masses(self, mass: Callable[[Cells, float, float], Cells]) -> tuple[Cells, Cells]:
        """Mass per row and per column of pixels."""
        top, left, bottom, right = self.box_yxyx
        height, width = self.mask_hw.shape
        return mass(np.arange(height + 1.0), top, bottom), mass(np.arange(width + 1.0), left, right)

    def _share(self, rows: Cells, columns: Cells) -> float:
        return float(rows @ (self.mask_hw @ columns) / (rows.sum() * columns.sum()))


def _flat_mass(edges: Cells, low: float, high: float) -> Cells:
    """Length between neighbouring edges, as far as it lies in low to high."""
    return np.diff(np.clip(edges, low, high))


def _normal_mass(edges: Cells, low: float, high: float) -> Cells:
    """Mass between neighbouring edges of a normal distribution centred in low to high, which ends at two sigma."""
    deviations = (4 * np.clip(edges, low, high) - 2 * (low + high)) / (high - low)
    return np.diff([math.erf(deviation / math.sqrt(2)) for deviation in deviations])


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
    if inside.sum() >= seen.sum() * (1 - _TIE):
        raise ValueRangeError(
            f"region {region!r} must leave some of what the model saw out; got all of it. Draw it smaller, or lower "
            "the tolerance."
        )


def _geometry_of(attention_map: AttentionMap) -> Geometry:
    if attention_map.geometry is None:
        raise ValueRangeError(
            f"a scored map must know where the model input lies in the picture; got no geometry from "
            f"{attention_map.method}. Trace a ModelInput from preprocess() instead of a bare tensor."
        )
    return attention_map.geometry


def _intersection(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _common_box(maps: Mapping[str, AttentionMap]) -> Box:
    """The part of the picture that all maps saw."""
    geometries = [_geometry_of(one) for one in maps.values()]
    sizes = {tuple(geometry.source_hw) for geometry in geometries}
    if len(sizes) > 1:
        raise ShapeError(f"the maps must be of one picture; got pictures of {sorted(sizes)}. Use one picture for all.")
    box = geometries[0].seen_box()
    for geometry in geometries[1:]:
        box = _intersection(box, geometry.seen_box())
    if box[2] <= box[0] or box[3] <= box[1]:
        raise ValueRangeError(
            "the maps must have a part of the picture in common; got none. Use the same crop for all networks."
        )
    return box
