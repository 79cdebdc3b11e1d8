"""The region that maps are scored against: a given mask, boxes on the picture, typed numbers, or a mask picture.

Numbers and mask pictures need no component of ours, so a region can be told in any browser.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.regions import Region
from attnviz.render.panel import the
from dashboard import drawing, service, state
from dashboard.components.region_canvas import Box, region_canvas
from dashboard.sidebar import FILE_TYPES, UPLOAD_MB, Entry
from dashboard.state import RegionSource
from dashboard.words import percent, plain

DEFAULT_NAME = "object"
LONGEST_NAME = 40


@dataclass(frozen=True, eq=False)
class ChosenRegion:
    """A region and what makes it this one.

    Attributes:
        region: over the source picture.
        key: equal for equal regions of one picture; caches use it.
    """

    region: Region
    key: str


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
    try:
        if source == "given":
            found = ChosenRegion(entry.region, "given") if entry.region else None
        elif source == "boxes":
            found = _from_boxes(entry, name)
        elif source == "numbers":
            found = _from_numbers(entry, name)
        else:
            found = _from_mask(entry, name)
    except AttnvizError as error:
        st.error(plain(str(error)))
        return None
    if found is not None and source != "boxes":
        pixels = np.asarray(drawing.shrunk(entry.picture, drawing.SCREEN_PIXELS))
        st.image(
            drawing.Outline.of(found.region, pixels.shape[:2]).drawn_on(pixels),
            width="stretch",
            output_format="JPEG",
            alt=f"{entry.title}, with {the(name)} outlined: {percent(found.region.area)} of the picture",
        )
    return found


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


def _from_boxes(entry: Entry, name: str) -> ChosenRegion | None:
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
    region = service.region_of_boxes(name, boxes, entry.picture.hw)
    return ChosenRegion(region, f"boxes {name} {boxes}") if region else None


def _from_numbers(entry: Entry, name: str) -> ChosenRegion:
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
    box_yxyx = tuple(float(typed[key]) for key in (state.BOX_TOP, state.BOX_LEFT, state.BOX_BOTTOM, state.BOX_RIGHT))
    return ChosenRegion(Region.from_box(name, box_yxyx, entry.picture.hw), f"numbers {name} {box_yxyx}")


def _from_mask(entry: Entry, name: str) -> ChosenRegion | None:
    file = st.file_uploader(
        "Mask picture: white inside, black outside",
        type=FILE_TYPES,
        max_upload_size=UPLOAD_MB,
        key=f"{state.REGION_MASK}_{entry.id}",
        help="Any size with the picture's aspect ratio. It is resized without blurring.",
    )
    if file is None:
        return None
    contents = file.getvalue()
    region = Region.from_mask_file(name, contents, entry.picture.hw)
    return ChosenRegion(region, f"mask {name} {hashlib.sha256(contents).hexdigest()}")
