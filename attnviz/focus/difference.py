"""How far two maps of one picture lie apart, and where: over the part of it that both networks saw.

Maps in different units, on different grids, can be compared once each is brought to a total of one. The borders of both
grids cut the picture into pieces in which both maps are constant, so nothing is resampled and the distance is exact.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.focus.baselines import TIE, Box, Cells
from attnviz.focus.on_grid import geometry_of
from attnviz.focus.several import common_box
from attnviz.geometry import Geometry
from attnviz.maps.base import AttentionMap

By = Literal["mass", "rank"]

BY: dict[By, str] = {
    "mass": "how many times the even share more, or less, of its map a network puts there; 0 where both put the same",
    "rank": "how much higher, or lower, a place stands in the order of its map's cells, from -1 to 1",
}
"""What a difference counts, by its name."""

_UNITS: dict[By, str] = {"mass": "× the even share", "rank": "of the ranks"}
_ROUNDING = 1e-6
"""A cell that sticks out of the common part by less is no further cell."""


@dataclass(frozen=True, eq=False)
class Difference:
    """One map less another.

    Attributes:
        of: name of the network whose map it is.
        reference: name of the network whose map is taken away.
        attention_map: signed; above zero the first network's map is the higher one.
        distance: total variation distance of the two maps, in [0, 1]: the share of its map that one network would have
            to move to have the other's. 0 for maps that lie alike, 1 for maps that nowhere overlap.
    """

    of: str
    reference: str
    attention_map: AttentionMap
    distance: float


def differences(maps: Mapping[str, AttentionMap], reference: str, *, by: By = "mass") -> dict[str, Difference]:
    """Each map less that of a reference network, over the part of the picture that all of them saw.

    Args:
        maps: a map by the name of its network, all of one picture.
        reference: name of the network whose map is taken away from the others.
        by: "mass" brings each map to a mean of one over the common part and takes the difference: +2 means that a
            network puts two even shares more of its map there than the reference does. "rank" takes the difference of
            the cells' ranks, each in its own map, from 0 for the lowest to 1 for the highest; equal cells share the
            middle of their ranks.

    Returns:
        For every network but the reference a difference, in order. Its map is on the finest of all grids, laid over
        the common part; a cell holds the mean over its area. The distance is exact and the same for either `by`: half
        the absolute difference of the two maps, each with a total of one, summed over the pieces that both grids cut
        the picture into.

    Raises:
        NotFoundError: the reference is none of the maps.
        ValueRangeError: there are fewer than two maps, one is signed or zero everywhere in the common part, two saw no
            common part, or `by` is unknown.
        ShapeError: the maps are of pictures of different sizes.

    Misleads when:
        the grids differ much: a coarse map spreads over each of its cells what a fine one puts into a corner of it, and
        that alone makes a distance. Two flat maps do not differ, whatever the networks do. Two maps that lie alike may
        have been made for different reasons.

    Reference:
        Total variation distance as in Levin, Peres, Wilmer 2017, "Markov Chains and Mixing Times", section 4.1.
    """
    if by not in BY:
        raise ValueRangeError(f"by must be one of {', '.join(BY)}; got {by!r}.")
    if reference not in maps:
        raise NotFoundError.among("reference", reference, list(maps), "among the maps")
    if len(maps) < 2:
        raise ValueRangeError("maps must hold at least two maps; got one. Choose another network to compare it with.")
    for name, one in maps.items():
        _check(name, one)
    common = common_box(maps)
    grid = _Grid.of(maps, common)
    second = maps[reference]
    return {
        name: _difference(name, one, reference, second, grid, by) for name, one in maps.items() if name != reference
    }


def total_variation(one: AttentionMap, other: AttentionMap) -> float:
    """The share of its map that one network would have to move to have the other's map.

    Returns:
        In [0, 1]: 0 for maps that lie alike, 1 for maps that nowhere overlap.

    Raises:
        ValueRangeError: as for `differences`.
        ShapeError: as for `differences`.
    """
    return differences({"one": one, "other": other}, "other")["one"].distance


@dataclass(frozen=True)
class _Grid:
    """The grid that differences are shown on: equal cells over the common part of the picture."""

    geometry: Geometry
    grid_hw: tuple[int, int]
    common: Box

    @classmethod
    def of(cls, maps: Mapping[str, AttentionMap], common: Box) -> "_Grid":
        """As fine as the finest of the maps."""
        size = common[2] - common[0], common[3] - common[1]
        cells = [1, 1]
        for one in maps.values():
            geometry = geometry_of(one)
            for axis in (0, 1):
                cell = geometry.input_hw[axis] / geometry.scale_yx[axis] / one.grid_hw[axis]
                cells[axis] = max(cells[axis], math.ceil(size[axis] / cell - _ROUNDING))
        source_hw = geometry_of(next(iter(maps.values()))).source_hw
        scale_yx = cells[0] / size[0], cells[1] / size[1]
        offset_yx = common[0] * scale_yx[0], common[1] * scale_yx[1]
        return cls(Geometry(source_hw, (cells[0], cells[1]), scale_yx, offset_yx), (cells[0], cells[1]), common)


def _difference(name: str, one: AttentionMap, reference: str, other: AttentionMap, grid: _Grid, by: By) -> Difference:
    own = grid.geometry.cell_edges(grid.grid_hw)
    edges = [
        _merged([own[axis], *(geometry_of(each).cell_edges(each.grid_hw)[axis] for each in (one, other))], grid, axis)
        for axis in (0, 1)
    ]
    area = np.outer(np.diff(edges[0]), np.diff(edges[1]))
    first, second = (_pieces(each.values_hw.astype(np.float64), each, edges) for each in (one, other))
    known = np.isfinite(first) & np.isfinite(second)
    area = np.where(known, area, 0.0)
    first, second = (
        _even(np.where(known, each, 0.0), area, called) for each, called in ((first, name), (second, reference))
    )
    distance = float(np.abs(first - second).ravel() @ area.ravel() / (2 * area.sum()))
    if by == "rank":
        first, second = (np.where(known, _pieces(_ranks(each, grid.common), each, edges), 0.0) for each in (one, other))
    rows, columns = (np.searchsorted(own[axis], _middles(edges[axis])) - 1 for axis in (0, 1))
    held, total = np.zeros(grid.grid_hw), np.zeros(grid.grid_hw)
    np.add.at(held, np.ix_(rows, columns), area)
    np.add.at(total, np.ix_(rows, columns), area * (first - second))
    values = np.divide(total, held, out=np.full(grid.grid_hw, np.nan), where=held > _ROUNDING * area.sum() / held.size)
    reach = float(math.prod(grid.grid_hw)) if by == "mass" else 1.0
    sites = tuple(replace(site, mechanism="difference") for site in (*one.sites, *other.sites))
    return Difference(
        name,
        reference,
        AttentionMap(
            values_hw=values,
            method=f"Difference(of={one.method}, less={other.method}, by={by!r})",
            sites=sites,
            meaning=f"{name} less {reference}: {BY[by]}",
            unit=_UNITS[by],
            bounds=(-reach, reach),
            signed=True,
            geometry=grid.geometry,
            note=f"the maps are {100 * distance:.0f}\N{NO-BREAK SPACE}% apart",
        ),
        min(1.0, distance),
    )


def _check(name: str, one: AttentionMap) -> None:
    if one.signed:
        raise ValueRangeError(
            f"a map must be non-negative to be brought to a total of one; got a signed one of {name!r}, {one.method}. "
            "Choose another map."
        )


def _merged(edges: list[Cells], grid: _Grid, axis: int) -> Cells:
    """All borders within the common part, each once; borders that rounding moved apart are one."""
    low, high = grid.common[axis], grid.common[axis + 2]
    inside = np.unique(np.clip(np.concatenate([*edges, [low, high]]), low, high))
    slack = _ROUNDING * (high - low)
    kept = inside[np.concatenate([[True], np.diff(inside) > slack])]
    kept[-1] = high
    return kept


def _middles(edges: Cells) -> Cells:
    return (edges[:-1] + edges[1:]) / 2


def _pieces(values_hw: Cells, one: AttentionMap, edges: list[Cells]) -> Cells:
    """The value of each piece: that of the cell that it lies in."""
    own = geometry_of(one).cell_edges(one.grid_hw)
    rows, columns = (
        np.clip(np.searchsorted(own[axis], _middles(edges[axis])) - 1, 0, one.grid_hw[axis] - 1) for axis in (0, 1)
    )
    return values_hw[np.ix_(rows, columns)]


def _even(values: Cells, area: Cells, name: str) -> Cells:
    """The values with a mean of one over the area."""
    mean = float(values.ravel() @ area.ravel() / area.sum()) if area.any() else 0.0
    if mean <= 0:
        raise ValueRangeError(
            f"a map must be above zero somewhere in the part that all networks saw; got zero everywhere from {name!r}. "
            "Choose another layer, map or class."
        )
    return values / mean


def _ranks(one: AttentionMap, common: Box) -> Cells:
    """Rank of each cell among those that reach into the common part, 0 for the lowest to 1 for the highest."""
    rows, columns = geometry_of(one).cell_edges(one.grid_hw)
    shown = np.outer(_reaches(rows, common[0], common[2]), _reaches(columns, common[1], common[3]))
    counts = shown & np.isfinite(one.values_hw)
    values = one.values_hw[counts].astype(np.float64)
    ordered = np.sort(values)
    slack = TIE * np.abs(values)
    below, upto = np.searchsorted(ordered, values - slack, "left"), np.searchsorted(ordered, values + slack, "right")
    ranks = np.full(one.values_hw.shape, np.nan)
    ranks[counts] = (below + upto - 1) / 2 / (values.size - 1) if values.size > 1 else 0.5
    return ranks


def _reaches(edges: Cells, low: float, high: float) -> npt.NDArray[np.bool_]:
    """Which of the cells between neighbouring edges lie within the two ends, at least in part."""
    slack = _ROUNDING * (high - low)
    return (edges[1:] > low + slack) & (edges[:-1] < high - slack)
