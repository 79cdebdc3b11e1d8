"""The regions that maps are scored against: a list of names, and for the one being changed, how it is told.

Numbers and mask pictures need no component of ours, so a region can be told in any browser.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from attnviz.regions import unique_name
from attnviz.render.panel import percent, the
from attnviz.render.region_colours import region_colour
from dashboard import drawing, region_files, state, told_regions
from dashboard.components.region_canvas import Drawing, drawing_on, region_canvas
from dashboard.sidebar import FILE_TYPES, UPLOAD_MB, Entry
from dashboard.state import RegionSource
from dashboard.told_regions import MOST_REGIONS, ChosenRegion, Made, MaskFile, RegionList, ToldRegion
from dashboard.words import plain

LONGEST_NAME = 40
TALLEST_PX = 560
"""Height of the picture of the regions, as in the canvas; a portrait becomes narrower instead."""

_SQUARES = ("orange", "blue", "violet", "green", "red", "yellow", "primary", "gray")
"""Streamlit's names of the colours nearest to those of the outlines."""


@dataclass(frozen=True)
class _Seed:
    """What the canvas starts from. It stays the same while the canvas is shown, or the picture would be sent again."""

    region_id: str
    revision: str
    drawing: Drawing


def choose_regions(entry: Entry) -> tuple[ChosenRegion, ...]:
    """Draw the regions' controls and return the regions that are there, the one in focus first."""
    listed = told_regions.regions_of(entry)
    told = _list(entry, listed)
    _name(listed, told)
    _source(told)
    if told.source != "boxes":
        st.session_state.pop(state.CANVAS_SEED, None)
    _INPUTS.get(told.source, _nothing)(entry, told)
    picture = st.container()
    _change(listed, told)
    with st.container(horizontal=True):
        _move(entry, listed, told)
        files = st.container(width="content")
    made = told_regions.made_of(entry, listed)
    with picture:
        _picture(entry, told, made)
        _say(listed, told, made)
    with files:
        region_files.draw(entry, made.chosen)
    return made.chosen


def regions_there(entry: Entry) -> tuple[ChosenRegion, ...]:
    """The regions that the picture has, the one in focus first, for a page that does not change them."""
    return told_regions.made_of(entry, told_regions.regions_of(entry)).chosen


def outlines_of(
    chosen: Sequence[ChosenRegion], hw: tuple[int, int], *, names_px: int = 0, slot: str = state.LAST_OUTLINE
) -> drawing.Outlines:
    """The regions' borders over pixels of some size, with their names where there are several."""
    size = names_px if len(chosen) > 1 else 0
    return state.remembered(
        slot,
        (tuple(one.key for one in chosen), hw, size),
        lambda: drawing.Outlines.of([(one.region, region_colour(one.number)) for one in chosen], hw, size),
    )


def _list(entry: Entry, listed: RegionList) -> ToldRegion:
    """The names to choose from, and the button for one more. Returns the region that is being changed."""
    key = f"{state.REGION_ACTIVE}_{entry.id}"
    ids = [told.id for told in listed.told]
    if st.session_state.get(key) not in ids:
        st.session_state.pop(key, None)
    by_id = {told.id: told for told in listed.told}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        active = st.pills(
            "Regions",
            ids,
            default=None if key in st.session_state else ids[0],
            required=True,
            format_func=lambda one: _label(by_id[one], listed) if one in by_id else str(one),
            key=key,
            persist_state="session",
        )
        st.button(
            "Add region",
            key="add_region",
            icon=":material/add:",
            on_click=_added,
            args=(entry,),
            disabled=len(ids) >= MOST_REGIONS,
            help="Such as the grass, to see how much of each map lies there.",
        )
    return listed.by_id(active)


def _label(told: ToldRegion, listed: RegionList) -> str:
    in_focus = " (in focus)" if len(listed.told) > 1 and told is listed.told[0] else ""
    return f":{_SQUARES[told.number % len(_SQUARES)]}[■] {plain(told.name)}{in_focus}"


def _added(entry: Entry) -> None:
    if len(told_regions.regions_of(entry).told) < MOST_REGIONS:
        st.session_state[f"{state.REGION_ACTIVE}_{entry.id}"] = told_regions.add(entry).id


def _name(listed: RegionList, told: ToldRegion) -> None:
    typed = st.text_input(
        "What is in the region?",
        told.first_name,
        max_chars=LONGEST_NAME,
        key=f"{state.REGION_NAME}_{told.id}",
        persist_state="session",
        on_change=_renamed,
        args=(listed, told.id),
    )
    told.name = _free_name(typed, listed, told)
    if told.name != " ".join(typed.split()) and typed.strip():
        st.caption(plain(f"There is a region with this name: this one is called {told.name}."))


def _renamed(listed: RegionList, told_id: str) -> None:
    """Before the next run, so that the list above the field shows the new name."""
    told = listed.by_id(told_id)
    told.name = _free_name(st.session_state[f"{state.REGION_NAME}_{told_id}"], listed, told)


def _free_name(typed: str, listed: RegionList, told: ToldRegion) -> str:
    taken = [other.name for other in listed.told if other is not told]
    return unique_name(" ".join(typed.split()) or told.first_name, taken)


def _source(told: ToldRegion) -> None:
    told.source = st.segmented_control(
        "How to tell it",
        told.sources,
        default=told.sources[0],
        required=True,
        format_func=lambda source: state.REGION_SOURCES.get(source, str(source)),
        key=f"{state.REGION_SOURCE}_{told.id}",
        persist_state="session",
        label_visibility="collapsed",
    )


def _nothing(entry: Entry, told: ToldRegion) -> None:
    """For regions that are there already."""


def _drawn(entry: Entry, told: ToldRegion) -> None:
    seed = st.session_state.get(state.CANVAS_SEED)
    # a canvas that was not shown, such as on another page, forgets what was drawn since its seed
    if seed is None or seed.region_id != told.id or state.CANVAS not in st.session_state:
        count = st.session_state.get(state.CANVAS_COUNT, 0) + 1
        st.session_state[state.CANVAS_COUNT] = count
        seed = _Seed(told.id, f"{told.id}.{count}", told.drawing)
        st.session_state[state.CANVAS_SEED] = seed
    told.drawing = drawing_on(state.CANVAS, seed.revision, seed.drawing)


def _numbers(entry: Entry, told: ToldRegion) -> None:
    height, width = entry.picture.hw
    edges = [
        ("Left", state.BOX_LEFT, width, width // 4),
        ("Top", state.BOX_TOP, height, height // 4),
        ("Right", state.BOX_RIGHT, width, width - width // 4),
        ("Bottom", state.BOX_BOTTOM, height, height - height // 4),
    ]
    typed = {}
    with st.container(horizontal=True):
        for title, key, most, start in edges:
            typed[key] = st.number_input(
                f"{title}, px", 0, most, start, 1, key=f"{key}_{told.id}", persist_state="session", width=110
            )
    top, left, bottom, right = (
        float(typed[key]) for key in (state.BOX_TOP, state.BOX_LEFT, state.BOX_BOTTOM, state.BOX_RIGHT)
    )
    told.box_yxyx = (top, left, bottom, right)


def _mask(entry: Entry, told: ToldRegion) -> None:
    key = f"{state.REGION_MASK}_{told.id}"

    def changed() -> None:
        file = st.session_state[key]
        told.mask = None if file is None else MaskFile(file.file_id, file.name, file.getvalue())

    file = st.file_uploader(
        "Mask picture: white inside, black outside",
        type=FILE_TYPES,
        max_upload_size=UPLOAD_MB,
        key=key,
        on_change=changed,
        help="Any size with the picture's aspect ratio. It is resized without blurring.",
    )
    if file is None and told.mask is not None:  # uploaders forget while they are not shown
        st.caption(plain(f"{told.mask.name} is used. Add another file to replace it."))


_INPUTS: dict[RegionSource, Callable[[Entry, ToldRegion], None]] = {
    "boxes": _drawn,
    "numbers": _numbers,
    "mask": _mask,
}
"""Ways to tell a region that have controls: each draws them and notes what was told."""


def _change(listed: RegionList, told: ToldRegion) -> None:
    """What is meant by what was told: the rest of the picture, or only what no region before it has."""
    with st.container(horizontal=True):
        told.inverted = st.toggle(
            "Invert",
            key=f"{state.REGION_INVERTED}_{told.id}",
            persist_state="session",
            help="Everything in the picture but this.",
        )
        if told is not listed.told[0] and told.source != "rest":
            told.apart = st.toggle(
                "Leave out the others",
                told.fixed is None,  # regions from a file count as they were saved
                key=f"{state.REGION_APART}_{told.id}",
                persist_state="session",
                help="What lies in a region before it in the list does not count, such as the dog on the grass.",
            )


def _move(entry: Entry, listed: RegionList, told: ToldRegion) -> None:
    """Put the region first, or take it away."""
    st.button(
        "Put in focus",
        key="focus_region",
        on_click=told_regions.put_in_focus,
        args=(entry, told.id),
        disabled=told is listed.told[0],
        help="The finding speaks of the region in focus, the first in the list.",
    )
    st.button(
        "Delete",
        key="delete_region",
        on_click=told_regions.delete,
        args=(entry, told.id),
        disabled=len(listed.told) == 1 and not told.drawing.has_shapes and told.source == "boxes",
    )


def _picture(entry: Entry, told: ToldRegion, made: Made) -> None:
    """The picture to draw on, or the picture with the regions."""
    pixels = drawing.on_screen(entry.picture.sha256, entry.picture)
    hw = (pixels.shape[0], pixels.shape[1])
    if told.source == "boxes":
        _canvas(entry, told, made, hw)
        return
    if not made.chosen:
        return
    st.image(
        _canvas_outlines(made.chosen, hw).drawn_on(pixels),
        width=drawing.width_within(entry.picture.hw, TALLEST_PX),
        output_format="JPEG",
        alt=f"{entry.title}, outlined: "
        + "; ".join(f"{the(one.region.name)}, {percent(one.region.area)} of the picture" for one in made.chosen),
    )


def _canvas(entry: Entry, told: ToldRegion, made: Made, hw: tuple[int, int]) -> None:
    seed: _Seed = st.session_state[state.CANVAS_SEED]
    active = made.by_id.get(told.id)
    # the canvas draws the region itself, unless it is another than what is drawn
    drawn_itself = active is None or (not (told.drawing.cut or told.inverted) and active.region is made.whole[told.id])
    shown = [one for one in made.chosen if not (drawn_itself and one is active)]
    region_canvas(
        state.CANVAS,
        picture_url=drawing.data_url(entry.picture.sha256, drawing.SCREEN_PIXELS, entry.picture),
        overlay_url=_canvas_outlines(shown, hw).png_url if shown else "",
        size_hw=entry.picture.hw,
        revision=seed.revision,
        seed=seed.drawing,
        name=the(told.name),
        label=f"{entry.title}. Draw around {the(told.name)}.",
        colour=region_colour(told.number),
        dashed=not drawn_itself,
    )


def _canvas_outlines(chosen: Sequence[ChosenRegion], hw: tuple[int, int]) -> drawing.Outlines:
    return outlines_of(chosen, hw, names_px=max(12, round(max(hw) / 36)), slot=state.LAST_CANVAS_OUTLINE)


def _say(listed: RegionList, told: ToldRegion, made: Made) -> None:
    """How large the regions are, and what is the matter with the one being changed."""
    st.html(
        drawing.region_legend([(one.region.name, region_colour(one.number), one.region.area) for one in made.chosen])
    )
    for other in listed.told:
        if other.id in made.problems:
            st.error(plain(made.problems[other.id]))
    if told.source == "rest" and told.id not in made.by_id and told.id not in made.problems:
        st.info("No other region is drawn yet. Everything else is what the others leave over.")
    chosen = made.by_id.get(told.id)
    if chosen is not None and chosen.remark:
        st.warning(plain(chosen.remark))
