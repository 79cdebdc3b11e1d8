"""One table of the scores of several networks, over the part of the picture that all of them saw."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.focus.baselines import BASELINES, Box, intersection
from attnviz.focus.contrast import Contrast, contrast
from attnviz.focus.menu import Score, score_named
from attnviz.focus.on_grid import geometry_of
from attnviz.focus.score import FocusScore, pointing
from attnviz.geometry import Geometry
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region, uniquely_named

_ROUNDING = 1e-6
"""A cell that sticks out of the common part by less is no further cell."""


def table(
    maps: Mapping[str, AttentionMap], region: Region, *, score: str = "share", picture: Picture | None = None
) -> dict[str, FocusScore]:
    """One score of several networks' maps in one region, with a row for each baseline.

    All are scored over the part of the picture that every one of them saw, so that the area is the same in each row.

    Args:
        maps: a map by the name of its network, all of one picture.
        region: drawn on that picture.
        score: a name in `focus.SCORES`.
        picture: adds the baseline "edge map", to the rows and to every score.

    Returns:
        A score by name: the networks in the order given, then "uniform", "centred Gaussian" and, with the picture,
        "edge map". The rows of the baselines are on the finest of the maps' grids, laid over the common part; share
        and highest cell of the Gaussian are on pixels. What each baseline scores on a network's own grid stands in
        that network's `baselines`.

    Raises:
        ValueRangeError: no map is given, two maps saw no common part, or as for the score.
        ShapeError: the maps are of different pictures, or the region is of another one.
        NotFoundError: no score has this name.
    """
    one_score = score_named(score)
    _check_rows(maps)
    common = common_box(maps)
    scores = {name: one_score(one, region, within_yxyx=common, picture=picture) for name, one in maps.items()}
    return scores | _baseline_rows(one_score, maps, region, common, picture)


def by_region(
    maps: Mapping[str, AttentionMap], regions: Sequence[Region], *, score: str = "share", picture: Picture | None = None
) -> dict[str, dict[str, FocusScore]]:
    """One score of several networks' maps in several regions.

    Args:
        maps: a map by the name of its network, all of one picture.
        regions: drawn on that picture, each with a name of its own. They may overlap.
        score: a name in `focus.SCORES`.
        picture: adds the baseline "edge map".

    Returns:
        For each row of `table`, a score by the region's name, in the order given.

    Raises:
        ValueRangeError: no region is given, or two have one name (upper and lower case alike); or as for `table`.
        ShapeError: as for `table`.
        NotFoundError: no score has this name.
    """
    names = [region.name for region in uniquely_named(regions)]
    tables = {region.name: table(maps, region, score=score, picture=picture) for region in regions}
    return {row: {name: tables[name][row] for name in names} for row in tables[names[0]]}


def contrasts(
    maps: Mapping[str, AttentionMap], region: Region, against: Region, *, picture: Picture | None = None
) -> dict[str, Contrast]:
    """How much denser several networks' maps are in one region than in another, over what all networks saw.

    Raises:
        ValueRangeError: no map is given, two maps saw no common part, or as for `contrast`.
        ShapeError: the maps are of different pictures, or a region is of another one.
    """
    _check_rows(maps)
    common = common_box(maps)
    return {name: contrast(one, region, against, within_yxyx=common, picture=picture) for name, one in maps.items()}


def scorable(
    maps: Mapping[str, AttentionMap], region: Region, *, score: str = "share", picture: Picture | None = None
) -> tuple[dict[str, FocusScore], dict[str, str]]:
    """The same table without the maps that have no score, such as one that is zero everywhere.

    Args:
        maps: a map by the name of its network, all of one picture.
        region: drawn on that picture.
        score: a name in `focus.SCORES`.
        picture: adds the baseline "edge map".

    Returns:
        The scores, as `table` gives them for the maps that can be scored, empty if none can; and by name the reason
        why each of the others cannot.

    Raises:
        ValueRangeError: no map is given, or two of those that could be scored saw no common part.
        ShapeError: as for `table`.
        NotFoundError: no score has this name.
    """
    one_score = score_named(score)
    _check_rows(maps)
    reasons: dict[str, str] = {}

    def score_or_reason(name: str, one: AttentionMap, within_yxyx: Box | None) -> FocusScore | None:
        try:
            return one_score(one, region, within_yxyx=within_yxyx, picture=picture)
        except ValueRangeError as error:
            reasons[name] = str(error)
            return None

    # What a map without a score saw does not limit the others: they are left out before the common part is taken.
    left = {name: one for name, one in maps.items() if score_or_reason(name, one, None) is not None}
    if not left:
        return {}, reasons
    common = common_box(left)
    scored = {name: score_or_reason(name, one, common) for name, one in left.items()}
    scores = {name: found for name, found in scored.items() if found is not None}
    return (scores | _baseline_rows(one_score, left, region, common, picture) if scores else {}), reasons


def _check_rows(maps: Mapping[str, AttentionMap]) -> None:
    if not maps:
        raise ValueRangeError("maps must hold at least one map; got none. Choose a network.")
    taken = [name for name in BASELINES if name in maps]
    if taken:
        raise ValueRangeError(f"a network must not be called {taken[0]!r}: a baseline has this name. Rename the row.")


def _baseline_rows(
    score: Score, maps: Mapping[str, AttentionMap], region: Region, common: Box, picture: Picture | None
) -> dict[str, FocusScore]:
    """What maps that know nothing score over the common part, by the baseline's name."""
    flat = _flat_map(maps, common)
    known = score(flat, region, within_yxyx=common, picture=picture)
    hits = pointing(flat, region, within_yxyx=common, picture=picture).baselines
    return {
        name: replace(
            known, value=value, lift=value / known.chance, hit=hits[name] if known.region else known.hit, method=""
        )
        for name, value in known.baselines.items()
    }


def _flat_map(maps: Mapping[str, AttentionMap], common: Box) -> AttentionMap:
    """A flat map over the common part, whose cells are as small as the smallest of the maps'."""
    top, left, bottom, right = common
    size = bottom - top, right - left
    cells = [0, 0]
    for one in maps.values():
        geometry = geometry_of(one)
        for axis in (0, 1):
            cell = geometry.input_hw[axis] / geometry.scale_yx[axis] / one.grid_hw[axis]
            cells[axis] = max(cells[axis], math.ceil(size[axis] / cell - _ROUNDING))
    grid_hw = cells[0], cells[1]
    scale_yx = grid_hw[0] / size[0], grid_hw[1] / size[1]
    return AttentionMap(
        values_hw=np.ones(grid_hw),
        method="a flat map",
        sites=(),
        meaning="the same everywhere",
        unit="share",
        bounds=(0.0, 1.0),
        signed=False,
        geometry=Geometry(
            geometry_of(next(iter(maps.values()))).source_hw,
            grid_hw,
            scale_yx,
            (top * scale_yx[0], left * scale_yx[1]),
        ),
    )


def common_box(maps: Mapping[str, AttentionMap]) -> Box:
    """The part of the picture that all maps saw."""
    geometries = [geometry_of(one) for one in maps.values()]
    sizes = {tuple(geometry.source_hw) for geometry in geometries}
    if len(sizes) > 1:
        raise ShapeError(f"the maps must be of one picture; got pictures of {sorted(sizes)}. Use one picture for all.")
    box = geometries[0].seen_box()
    for geometry in geometries[1:]:
        box = intersection(box, geometry.seen_box())
    if box[2] <= box[0] or box[3] <= box[1]:
        raise ValueRangeError(
            "the maps must have a part of the picture in common; got none. Use the same crop for all networks."
        )
    return box
