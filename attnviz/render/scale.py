"""How values become colours: the range, and whether it is shared. The choice is always printed on the figure."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from attnviz.errors import ValueRangeError
from attnviz.maps import AttentionMap, is_flat

Scale = Literal["shared", "per map", "rank", "raw"]

SCALES: dict[Scale, str] = {
    "shared": "shared within a mechanism: one colour scale for all panels of the same mechanism, method and unit, from "
    "zero to the largest value; unbounded values have one for each panel",
    "per map": "per map: each panel has its own colour scale, so colours cannot be compared between panels",
    "rank": "rank: colours show the rank of a cell within its own map, not its value",
    "raw": "raw: colours run over all values that the quantity can take; where it has no largest value, to the panel's "
    "own largest",
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
        group: maps with the same number have one colour scale, so that their colours can be compared.
        flat: the values vary too little to be painted, by `maps.is_flat`; told of the values, never of their ranks.
    """

    attention_map: AttentionMap
    vmin: float
    vmax: float
    unit: str
    group: int = 0
    flat: bool = False

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
        scale: "shared" runs from zero to the largest value among the maps of the same mechanism, method and unit, if
            that is bounded: one without bounds depends on the size of a network's features, so each map runs to its own
            largest value. "per map" runs from each map's smallest value to its largest; "rank" replaces values by
            ranks; "raw" runs over the map's bounds, and up to its own largest value where a bound is infinite. Signed
            maps run symmetrically around zero.

    Returns:
        One scaled map for each map, in order. Maps whose colours can be compared have the same `group`. Under "raw"
        these are the maps of one mechanism, method and unit, also where others happen to have the same bounds.

    Raises:
        ValueRangeError: no map, or an unknown scale.
    """
    if scale not in SCALES:
        raise ValueRangeError(f"scale must be one of {', '.join(SCALES)}; got {scale!r}.")
    if not maps:
        raise ValueRangeError("maps must hold at least one map; got none.")
    if scale == "rank":
        return tuple(ScaledMap(_ranked(one), 0.0, 1.0, "rank among cells", flat=is_flat(one)) for one in maps)
    groups: dict[Hashable, list[AttentionMap]] = {}
    keys = [_comparable(one, scale) or number for number, one in enumerate(maps)]
    for key, one in zip(keys, maps, strict=True):
        groups.setdefault(key, []).append(one)
    numbers = {key: number for number, key in enumerate(groups)}
    return tuple(
        ScaledMap(one, *_range(groups[key], scale), one.unit, numbers[key], is_flat(one))
        for key, one in zip(keys, maps, strict=True)
    )


def scale_sentences(scaled: Sequence[ScaledMap], titles: Sequence[str], scale: Scale) -> tuple[str, ...]:
    """How the colours of a figure are to be read: the chosen scale, which panels share one, whether units differ.

    Args:
        scaled: what `scale_maps` gave. Flat maps are left out: they have no colours.
        titles: of the panels, in the same order.
        scale: as given to `scale_maps`.

    Returns:
        One to three sentences. Maps in several units are never drawn without the sentence that says so.
    """
    said = [f"Colour scale {SCALES[scale]}."]
    groups: dict[int, list[str]] = {}
    painted = [(one, title) for one, title in zip(scaled, titles, strict=True) if not one.flat]
    for one, title in painted:
        groups.setdefault(one.group, []).append(title)
    together = [_listed(group) for group in groups.values() if len(group) > 1]
    if len(groups) > 1 and together:
        said.append(f"One scale for {'; one for '.join(together)}.")
    elif len(groups) > 1 and scale != "per map":
        said.append("Here no two panels share a scale.")
    units = dict.fromkeys(one.unit for one, _ in painted)
    if len(units) > 1:
        said.append(f"The units differ ({', '.join(units)}): compare where maps lie, not how large they are.")
    return tuple(said)


def grid_scale_sentences(scaled: Sequence[ScaledMap], titles: Sequence[str], scale: Scale) -> tuple[str, ...]:
    """The same for a grid of several pictures, whose panels are too many to be named one by one.

    Args:
        scaled: what `scale_maps` gave for the maps of all pictures.
        titles: of the panels, in the same order, each with its picture.
        scale: as given to `scale_maps`.
    """
    first, *others = scale_sentences(scaled, titles, scale)
    if scale in ("shared", "raw"):
        others = [one for one in others if one.startswith("The units")]
        if len({one.group for one in scaled}) < len(scaled):
            first += " It goes over all pictures of the grid."
    return (first, *others)


def _comparable(one: AttentionMap, scale: Scale) -> Hashable | None:
    """What maps must have in common to have one scale; None for a map that shares with none."""
    if scale == "per map" or not _bounded(one):
        return None
    mechanisms = tuple(sorted({site.mechanism for site in one.sites}))
    return mechanisms, one.method.split("(")[0], one.unit, one.signed, one.bounds


def _range(group: Sequence[AttentionMap], scale: Scale) -> tuple[float, float]:
    """Ends of the colour scale of maps that share one."""
    first = group[0]
    low = min(other.value_range[0] for other in group)
    high = max(other.value_range[1] for other in group)
    if scale == "raw":
        low = first.bounds[0] if np.isfinite(first.bounds[0]) else low
        high = first.bounds[1] if np.isfinite(first.bounds[1]) else high
    if first.signed:
        reach = max(abs(low), abs(high))
        low, high = -reach, reach
    elif scale == "shared":
        low = 0.0
    if high <= low:
        high = low + 1.0
    return low, high


def _listed(titles: Sequence[str]) -> str:
    return " and ".join([", ".join(titles[:-1]), titles[-1]])


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
