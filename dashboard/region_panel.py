"""The region that maps are scored against: a given mask, boxes on the picture, typed numbers, or a mask picture.

Numbers and mask pictures need no component of ours, so a region can be told in any browser.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.regions import Region
from attnviz.render.panel import percent, the
from dashboard import drawing, service, state
from dashboard.components.region_canvas import Box, region_canvas
from dashboard.sidebar import FILE_TYPES, UPLOAD_MB, Entry
from dashboard.state import RegionSource
from dashboard.words import plain

DEFAULT_NAME = "object"
LONGEST_NAME = 40
TALLEST_PX = 560
"""Height of the picture of the region, as in the canvas; a portrait becomes narrower instead."""


Told = tuple[Hashable, Callable[[], Region]] | tuple[None, None]
"""What the person told and how to make the region of it; None while there is nothing."""


@dataclass(frozen=True, eq=False)
class ChosenRegion:
    """A region of one picture.

    Attributes:
        region: over the source picture.
        key: equal for equal regions, so that what was made of one need not be made again.
    """

    region: Region
    key: Hashable


@dataclass(frozen=True)
class _Seed:
    """What the canvas starts from. It stays the same while the canvas is shown, or the picture would be sent again."""

    entry_id: str
    revision: str
    boxes: tuple[Box, ...]


def choose_region(entry: Entry) -> ChosenRegion | None:
    """Draw the region's controls and return the region, or None while there is none."""
    source = _source(entry)
    name = entry.region.name if source == "given" and entry.region else _name(entry)
    if source != "boxes":
        st.session_state.pop(state.CANVAS_SEED, None)
    told, make = _TOLD[source](entry, name)
    if told is None or make is None:
        return None
    key = (entry.picture.sha256, source, name, told)
    try:
        region = state.remembered(state.LAST_REGION, key, make)
    except AttnvizError as error:
        st.error(plain(str(error)))
        return None
    chosen = ChosenRegion(region, key)
    if source != "boxes":
        pixels = drawing.on_screen(entry.picture.sha256, entry.picture)
        st.image(
            outline_of(chosen, pixels).drawn_on(pixels),
            width=drawing.width_within(entry.picture.hw, TALLEST_PX),
            output_format="JPEG",
            alt=f"{entry.title}, with {the(name)} outlined: {percent(region.area)} of the picture",
        )
    return chosen


def outline_of(chosen: ChosenRegion, pixels: npt.NDArray[np.uint8]) -> drawing.Outline:
    """The region's border over pixels of some size."""
    hw = (pixels.shape[0], pixels.shape[1])
    return state.remembered(state.LAST_OUTLINE, (chosen.key, hw), lambda: drawing.Outline.of(chosen.region, hw))


def _source(entry: Entry) -> RegionSource:
    sources = [source for source in state.REGION_SOURCES if source != "given" or entry.region is not None]
    return st.segmented_control(
        "Region",
        sources,
        default=sources[0],
        required=True,
        format_func=lambda source: state.REGION_SOURCES.get(source, str(source)),
        key=f"{state.REGION_SOURCE}_{entry.id}",
        persist_state="session",
    )


def _name(entry: Entry) -> str:
    typed = st.text_input(
        "What is in the region?",
        DEFAULT_NAME,
        max_chars=LONGEST_NAME,
        key=f"{state.REGION_NAME}_{entry.id}",
        persist_state="session",
    )
    return " ".join(typed.split()) or DEFAULT_NAME


def _given(entry: Entry, name: str) -> Told:
    given = entry.region
    return (None, None) if given is None else (name, lambda: given)


def _boxes(entry: Entry, name: str) -> Told:
    drawn = st.session_state.setdefault(state.DRAWN_BOXES, {})
    seed = st.session_state.get(state.CANVAS_SEED)
    if seed is None or seed.entry_id != entry.id:
        count = st.session_state.get(state.CANVAS_COUNT, 0) + 1
        st.session_state[state.CANVAS_COUNT] = count
        seed = _Seed(entry.id, f"{entry.id}.{count}", drawn.get(entry.id, ()))
        st.session_state[state.CANVAS_SEED] = seed
    boxes = region_canvas(
        state.CANVAS,
        picture_url=drawing.data_url(entry.picture.sha256, drawing.SCREEN_PIXELS, entry.picture),
        size_hw=entry.picture.hw,
        revision=seed.revision,
        boxes=seed.boxes,
        name=name,
        label=f"{entry.title}. Draw boxes around {the(name)}.",
    )
    drawn[entry.id] = boxes
    if not boxes:
        return None, None
    return boxes, lambda: service.region_of_boxes(name, boxes, entry.picture.hw)


def _numbers(entry: Entry, name: str) -> Told:
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
                f"{title}, px", 0, most, start, 1, key=f"{key}_{entry.id}", persist_state="session", width=110
            )
    top, left, bottom, right = (
        float(typed[key]) for key in (state.BOX_TOP, state.BOX_LEFT, state.BOX_BOTTOM, state.BOX_RIGHT)
    )
    box_yxyx = (top, left, bottom, right)
    return box_yxyx, lambda: Region.from_box(name, box_yxyx, entry.picture.hw)


def _mask(entry: Entry, name: str) -> Told:
    file = st.file_uploader(
        "Mask picture: white inside, black outside",
        type=FILE_TYPES,
        max_upload_size=UPLOAD_MB,
        key=f"{state.REGION_MASK}_{entry.id}",
        help="Any size with the picture's aspect ratio. It is resized without blurring.",
    )
    if file is None:
        return None, None
    contents = file.getvalue()
    return file.file_id, lambda: Region.from_mask_file(name, contents, entry.picture.hw)


_TOLD: dict[RegionSource, Callable[[Entry, str], Told]] = {
    "given": _given,
    "boxes": _boxes,
    "numbers": _numbers,
    "mask": _mask,
}
"""Each way to tell a region: draws its controls and returns what was told and how to make the region of it."""
