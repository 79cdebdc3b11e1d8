"""The regions of each picture as they were told: their names, their order, and how to make a mask of each.

The first of a picture's regions is the one in focus. What was told stays when another picture or region is shown.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import reduce

import streamlit as st

from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.pictures import Picture
from attnviz.regions import Region, grabcut, unique_name
from dashboard import service, state
from dashboard.components.region_canvas import Drawing, Point
from dashboard.sidebar import Entry
from dashboard.state import RegionSource

DEFAULT_NAME = "object"
MOST_REGIONS = 8
"""Regions of one picture; more outlines and columns would not be told apart."""


@dataclass(frozen=True)
class MaskFile:
    """An uploaded mask picture."""

    id: str
    name: str
    contents: bytes


@dataclass(eq=False)
class ToldRegion:
    """One region as it was told.

    Attributes:
        id: ends the keys of its widgets.
        number: from 0, in the order made; it decides the colour.
        name: what it shows; different from the names of the others.
        first_name: the name it began with.
        sources: ways to tell it that are offered.
        source: how it is told.
        drawing: what is drawn, if it is drawn.
        box_yxyx: typed edges, if it is told by numbers.
        mask: the mask picture, if there is one.
        fixed: the region that came with a sample or from a file, if it did.
        inverted: whether the rest of the picture is meant.
        apart: whether what lies in a region before it in the list is left out, such as the dog in front of the grass.
    """

    id: str
    number: int
    name: str
    first_name: str
    sources: tuple[RegionSource, ...]
    source: RegionSource
    drawing: Drawing = field(default_factory=Drawing)
    box_yxyx: tuple[float, float, float, float] | None = None
    mask: MaskFile | None = None
    fixed: Region | None = None
    inverted: bool = False
    apart: bool = True


@dataclass(eq=False)
class RegionList:
    """The regions of one picture; `made` counts all that ever were, so that no id comes twice."""

    told: list[ToldRegion]
    made: int

    def by_id(self, one: str | None) -> ToldRegion:
        """The region with this id, or the first."""
        return next((told for told in self.told if told.id == one), self.told[0])


@dataclass(frozen=True, eq=False)
class ChosenRegion:
    """A region of one picture, made of what was told.

    Attributes:
        region: over the source picture.
        key: equal for equal regions, so that what was made of one need not be made again.
        number: decides its colour.
        remark: what a person should know about how it was made; usually empty.
    """

    region: Region
    key: Hashable
    number: int = 0
    remark: str = ""


@dataclass(frozen=True, eq=False)
class Made:
    """What became of the told regions.

    Attributes:
        chosen: those that are there, the one in focus first.
        by_id: the same by id.
        whole: by id, before what lies in other regions was left out.
        problems: by id, why a region is not there.
    """

    chosen: tuple[ChosenRegion, ...]
    by_id: dict[str, ChosenRegion]
    whole: dict[str, Region]
    problems: dict[str, str]


def regions_of(entry: Entry) -> RegionList:
    """The list of a picture; a new one holds one region, the sample's own if it has one."""
    lists: dict[str, RegionList] = st.session_state.setdefault(state.REGION_LISTS, {})
    if entry.id not in lists:
        lists[entry.id] = RegionList([], 0)
        if entry.region is None:
            add(entry)
        else:
            first = add(entry, entry.region.name, entry.region)
            first.sources, first.source = ("given", "boxes", "numbers", "mask"), "given"
    return lists[entry.id]


def add(entry: Entry, name: str = "", fixed: Region | None = None) -> ToldRegion:
    """Add a region at the end of a picture's list, under a name that is free there."""
    listed: RegionList = st.session_state[state.REGION_LISTS][entry.id]
    taken = [told.name for told in listed.told]
    free = unique_name(name or (f"region {len(taken) + 1}" if taken else DEFAULT_NAME), taken)
    sources: tuple[RegionSource, ...] = ("boxes", "numbers", "mask")
    if fixed is not None:
        sources = ("loaded", *sources)
    if taken:
        sources = (*sources, "rest")
    one = ToldRegion(
        id=entry.id if listed.made == 0 else f"{entry.id}.{listed.made + 1}",
        number=_free_number(listed),
        name=free,
        first_name=free,
        sources=sources,
        source=sources[0],
        fixed=fixed,
        apart=fixed is None,
    )
    listed.made += 1
    listed.told.append(one)
    return one


def _free_number(listed: RegionList) -> int:
    """The lowest number that no region has: a colour is used again when its region is gone."""
    used = {told.number for told in listed.told}
    return next(number for number in range(len(used) + 1) if number not in used)


def delete(entry: Entry, one: str) -> None:
    """Take a region off the list; the last one is replaced by an empty one."""
    listed = regions_of(entry)
    listed.told = [told for told in listed.told if told.id != one]
    if not listed.told:
        add(entry)


def put_in_focus(entry: Entry, one: str) -> None:
    """Move a region to the front."""
    listed = regions_of(entry)
    first = listed.by_id(one)
    listed.told = [first, *(told for told in listed.told if told is not first)]


def made_of(entry: Entry, listed: RegionList) -> Made:
    """The regions that what was told amounts to. One that cannot be made does not cost the others."""
    by_id: dict[str, ChosenRegion] = {}
    wholes: dict[str, Region] = {}
    problems: dict[str, str] = {}
    # "everything else" is made of the others, so it comes last
    for told in sorted(listed.told, key=lambda one: one.source == "rest"):
        before = [by_id[one.id] for one in listed.told[: listed.told.index(told)] if one.id in by_id]
        others = [by_id[one.id] for one in listed.told if one.id in by_id and one.source != "rest"]
        key = _key(told, others)
        if key is None:
            continue
        covering = before if told.apart and told.source != "rest" else []
        whole_key = (
            (entry.picture.sha256, told.name, told.number, told.inverted, key),
            tuple(one.key for one in covering),
        )
        try:
            whole, remark = state.remembered(
                f"{state.TOLD_REGION}_{told.id}",
                whole_key[0],
                lambda told=told, others=others: _whole(told, others, entry.picture),
            )
            wholes[told.id] = whole
            by_id[told.id] = state.remembered(
                f"{state.LAST_REGION}_{told.id}",
                whole_key,
                lambda told=told, whole=whole, covering=covering, key=whole_key, remark=remark: ChosenRegion(
                    _without(whole, covering), key, told.number, remark
                ),
            )
        except AttnvizError as error:
            problems[told.id] = str(error)
    return Made(tuple(by_id[told.id] for told in listed.told if told.id in by_id), by_id, wholes, problems)


def _key(told: ToldRegion, others: Sequence[ChosenRegion]) -> Hashable | None:
    """What the region is made of; None while there is nothing to make it of."""
    match told.source:
        case "boxes":
            return told.drawing if told.drawing.has_shapes else None
        case "numbers":
            return told.box_yxyx
        case "mask":
            return told.mask.id if told.mask is not None else None
        case "rest":
            return tuple(one.key for one in others) or None
        case _:
            return told.source if told.fixed is not None else None


def _whole(told: ToldRegion, others: Sequence[ChosenRegion], picture: Picture) -> tuple[Region, str]:
    """The region before regions in front of it are left out, and a remark."""
    region, remark = _region(told, others, picture)
    return (region.invert(told.name) if told.inverted else region), remark


def _without(region: Region, covering: Sequence[ChosenRegion]) -> Region:
    """The region without those in front of it.

    Raises:
        ValueRangeError: nothing of it is left.
    """
    overlapping = [one.region for one in covering if (one.region.mask_hw & region.mask_hw).any()]
    if not overlapping:
        return region
    front = reduce(lambda one, other: one.union(other), overlapping)
    if not (region.mask_hw & ~front.mask_hw).any():
        names = " and ".join(one.name for one in overlapping)
        raise ValueRangeError(
            f"region {region.name!r} must show beside the regions before it; got all of it inside {names}. "
            'Turn off "Leave out the others", or draw it larger.'
        )
    return region.difference(front, region.name)


def _region(told: ToldRegion, others: Sequence[ChosenRegion], picture: Picture) -> tuple[Region, str]:
    """The region before it is inverted, and a remark."""
    name = told.name
    if told.source == "boxes":
        return region_of_drawing(told.drawing, name, picture)
    if told.source == "numbers" and told.box_yxyx is not None:
        return Region.from_box(name, told.box_yxyx, picture.hw), ""
    if told.source == "mask" and told.mask is not None:
        return Region.from_mask_file(name, told.mask.contents, picture.hw), ""
    if told.source == "rest":
        together = reduce(lambda one, other: one.union(other, name), (one.region for one in others))
        return together.invert(name), ""
    if told.fixed is not None:
        return told.fixed.rename(name), ""
    raise ValueRangeError(f"region {name!r} must be told; got nothing to make it of. Draw it.")


def region_of_drawing(drawing: Drawing, name: str, picture: Picture) -> tuple[Region, str]:
    """The region that a drawing means, and a remark where the object could not be cut out of it.

    Raises:
        ValueRangeError: nothing is drawn, or a shape holds no pixel's centre, or together they hold the whole picture.
    """
    hw = picture.hw
    shapes = [Region.from_polygon(name, _pixels(points, hw), hw) for points in drawing.polygons]
    if drawing.boxes or not shapes:
        shapes.append(service.region_of_boxes(name, drawing.boxes, hw))
    rough = reduce(lambda one, other: one.union(other, name), shapes)
    if not drawing.cut:
        return rough, ""
    try:
        cut = grabcut(
            picture,
            rough,
            name,
            foreground_points=_pixels(drawing.inside, hw),
            background_points=_pixels(drawing.outside, hw),
        )
    except AttnvizError as error:
        return rough, f"What you drew counts as it is. {error}"
    return cut, ""


def _pixels(points: Sequence[Point], hw: tuple[int, int]) -> list[tuple[float, float]]:
    return [(down * hw[0], across * hw[1]) for down, across in points]
