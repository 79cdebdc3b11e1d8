"""One table of the scores of several networks, over the part of the picture that all of them saw."""

from collections.abc import Mapping

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.focus.baselines import CENTRED_GAUSSIAN, UNIFORM, Baselines, Box, intersection
from attnviz.focus.on_grid import geometry_of
from attnviz.focus.score import FocusScore, share
from attnviz.maps.base import AttentionMap
from attnviz.regions import Region


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
    pixels = Baselines(region.mask_hw, common)
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


def _common_box(maps: Mapping[str, AttentionMap]) -> Box:
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
