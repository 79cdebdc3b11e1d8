"""How values become colours: the range, and whether it is shared. The choice is always printed on the figure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from attnviz.errors import ValueRangeError
from attnviz.maps import AttentionMap

Scale = Literal["shared", "per map", "rank", "raw"]

SCALES: dict[Scale, str] = {
    "shared": "one colour scale for all panels of the same unit, from zero to the largest value; "
    "unbounded values have one for each panel",
    "per map": "each panel has its own colour scale, so colours cannot be compared between panels",
    "rank": "colours show the rank of a cell within its own map, not its value",
    "raw": "colours run over all values that the quantity can take",
}
"""Scale mode to the sentence that a figure prints."""

SEQUENTIAL = "inferno"
"""Palette of values that start at zero."""

DIVERGING = "PuOr_r"
"""Palette of signed values, its middle at zero."""


@dataclass(frozen=True, eq=False)
class ScaledMap:
    """A map with the range its colours stand for.

    Attributes:
        attention_map: the map to colour; under "rank" its values are ranks in [0, 1].
        vmin: value at the cold end.
        vmax: value at the hot end.
        unit: unit of the numbers beside the colour bar.
    """

    attention_map: AttentionMap
    vmin: float
    vmax: float
    unit: str

    @property
    def palette(self) -> str:
        """Name of the matplotlib palette."""
        return DIVERGING if self.attention_map.signed else SEQUENTIAL

    @property
    def clipped(self) -> tuple[bool, bool]:
        """Whether values lie below the cold end, and above the hot end."""
        low, high = self.attention_map.value_range
        slack = 1e-6 * max(abs(self.vmin), abs(self.vmax))
        return low < self.vmin - slack, high > self.vmax + slack


def scale_maps(maps: Sequence[AttentionMap], scale: Scale = "shared") -> tuple[ScaledMap, ...]:
    """Give each map its colour range.

    Args:
        maps: at least one map.
        scale: "shared" runs from zero to the largest value among the maps of the same unit, if that is bounded: one
            without bounds depends on the size of a network's features, so each map runs to its own largest value.
            "per map" runs from each map's smallest value to its largest; "rank" replaces values by ranks; "raw" runs
            over the map's bounds, and up to its own largest value where a bound is infinite. Signed maps run
            symmetrically around zero.

    Returns:
        One scaled map for each map, in order.

    Raises:
        ValueRangeError: no map, or an unknown scale.
    """
    if scale not in SCALES:
        raise ValueRangeError(f"scale must be one of {', '.join(SCALES)}; got {scale!r}.")
    if not maps:
        raise ValueRangeError("maps must hold at least one map; got none.")
    if scale == "rank":
        return tuple(ScaledMap(_ranked(one), 0.0, 1.0, "rank among cells") for one in maps)
    return tuple(ScaledMap(one, *_range(one, maps, scale), one.unit) for one in maps)


def _range(one: AttentionMap, maps: Sequence[AttentionMap], scale: Scale) -> tuple[float, float]:
    group = [one]
    if scale == "shared" and _bounded(one):
        group = [other for other in maps if (other.unit, other.signed) == (one.unit, one.signed) and _bounded(other)]
    low = min(other.value_range[0] for other in group)
    high = max(other.value_range[1] for other in group)
    if scale == "raw":
        low = one.bounds[0] if np.isfinite(one.bounds[0]) else low
        high = one.bounds[1] if np.isfinite(one.bounds[1]) else high
    if one.signed:
        reach = max(abs(low), abs(high))
        low, high = -reach, reach
    elif scale == "shared":
        low = 0.0
    if high <= low:
        high = low + 1.0
    return low, high


def _bounded(one: AttentionMap) -> bool:
    return bool(np.isfinite(one.bounds).all())


def _ranked(one: AttentionMap) -> AttentionMap:
    """Share of the other cells that lie below each cell; equal cells share the middle of their places."""
    values = one.values_hw
    known = values[~np.isnan(values)]
    ordered = np.sort(known)
    ranks = np.full(values.shape, np.nan, dtype=np.float32)
    below = np.searchsorted(ordered, known, side="left")
    upto = np.searchsorted(ordered, known, side="right")
    ranks[~np.isnan(values)] = (below + upto - 1) / 2 / max(1, known.size - 1) if known.size > 1 else 0.5
    return replace(one, values_hw=ranks, unit="rank among cells", bounds=(0.0, 1.0), signed=False)
