"""Session keys, what the person chose, and which of it a session file keeps.

Keys of widgets that are bound to the address bar are the names that stand there, so they stay as they are.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Literal, TypeVar

import streamlit as st

from attnviz import comparing
from attnviz.focus import SCORES
from attnviz.focus.difference import By
from attnviz.render import SIZES, Scale, Style
from dashboard.checks import Choice, names, number, one_of, text, whole
from dashboard.learn.choices import LESSON_CHOICES

Value = TypeVar("Value")

UPLOADS = "uploads"
PICTURE = "picture"
GALLERY = "gallery"
NETWORKS = "networks"
ADDED_NETWORKS = "added_networks"
NEWLY_ADDED = "newly_added"
CHECKPOINT = "checkpoint"
CHECKPOINT_CLASSES = "checkpoint_classes"
CHECKPOINT_IMAGENET = "checkpoint_imagenet"
CHECKPOINT_ARCHITECTURE = "checkpoint_architecture"
CHECKPOINT_PARTIAL = "checkpoint_partial"
CHECKPOINT_COUNT = "checkpoint_count"
LAST_CHECKPOINT = "last_checkpoint"
STOPPED_CHECKPOINT = "stopped_checkpoint"
PRETRAINED = "pretrained"
MEASURED_OF = "measured_of"
MAP_KIND = "map"
TARGET = "class"
GAZE = "from"
STYLE = "style"
GRID = "grid"
SCALE = "scale"
OPACITY = "opacity"
POINT_X = "point_x"
POINT_Y = "point_y"
DEPTH = "depth"
LESSON = "lesson"
ATTENTION_OF = "attention_of"
ATTENTION_LAYER = "attention_layer"
ATTENTION_HEAD = "attention_head"
ATTENTION_FROM = "attention_from"
ATTENTION_KNOWN = "attention_known"
ATTENTION_SEED = "attention_seed"
ATTENTION_LOOSE = "attention_loose"

REGION_LISTS = "region_lists"
REGION_ACTIVE = "region_active"
REGION_NAME = "region_name"
REGION_SOURCE = "region_source"
REGION_MASK = "region_mask"
REGION_INVERTED = "region_inverted"
REGION_APART = "region_apart"
REGION_FILES = "region_files"
REGION_FILE = "region_file"
REGION_FILE_PROBLEM = "region_file_problem"
REGION_FORCE = "region_force"
LOADED_FILES = "loaded_region_files"
BOX_TOP, BOX_LEFT, BOX_BOTTOM, BOX_RIGHT = "box_top", "box_left", "box_bottom", "box_right"
CANVAS = "region_canvas"
SECTION = "section"
GATES_OF = "gates_of"
WALKED = "walk"
LAYER = "layer"
CHANNEL_GATE = "channel_gate"
CANVAS_SEED = "region_canvas_seed"
CANVAS_COUNT = "region_canvas_count"

SEEN_UPLOADS = "seen_uploads"
UPLOAD_HASHES = "upload_hashes"
ENTRY = "entry"
STOPPED = "stopped"
SCORE = "score"
BESIDE = "also"
REFERENCE = "reference"
DIFFERENCE = "difference"
PAIR_LEFT, PAIR_RIGHT = "left", "right"
SWIPE = "swipe"
TOLD_REGION = "told_region"
LAST_REGION = "last_region"
LAST_OUTLINE = "last_outline"
LAST_CANVAS_OUTLINE = "last_canvas_outline"
LAST_SCORES = "last_scores"

ENTRIES = "entries"
PICTURES = "pictures"
OWN_TRACES = "own_traces"
SESSION_MENU = "session_menu"
SESSION_FILE = "session_file"
SESSION_WITH_PICTURES = "session_with_pictures"
SESSION_TOLD = "session_told"
OPENED_PICTURES = "opened_pictures"
AWAITED_REGIONS = "awaited_regions"
AWAITED_FIGURES = "awaited_figures"
SESSION_OPENING = "session_opening"

TRAY = "tray"
TOLD = "told"
THUMBNAILS = "thumbnails"
ON_SCREEN = "on_screen"
EXPORT_SIZE = "export_size"
TALK_FILES = "talk_files"
EXPORT_THEME = "export_theme"
EXPORT_BACKGROUND = "export_background"

Gaze = Literal["mean", "region", "point"]
Grid = Literal["cells", "smooth"]
RegionSource = Literal["given", "loaded", "boxes", "numbers", "mask", "rest"]

MAP_KINDS = comparing.KINDS
"""Which map is shown, by the name that `comparing.MapChoice` takes."""

GAZES: dict[Gaze, str] = {"mean": "All places", "region": "Middle of the region", "point": "A point"}
"""Where a self-attention network without a class token looks from."""

ASKERS: dict[str, str] = {"point": "The point", "class": "The class token"}
"""Who looks, on the page of self-attention."""

REGION_SOURCES: dict[RegionSource, str] = {
    "given": "Given",
    "loaded": "Loaded",
    "boxes": "Draw",
    "numbers": "Numbers",
    "mask": "Mask file",
    "rest": "Everything else",
}
"""How a region is told; "Given" only where a sample picture comes with one, "Loaded" where it came from a file."""

DRAWINGS: dict[Style, str] = {"heat": "Heat", "spotlight": "Spotlight"}
GRIDS: dict[Grid, str] = {"cells": "Cells", "smooth": "Smooth"}
SCALES: dict[Scale, str] = {"per map": "Per map", "shared": "Shared", "rank": "Rank", "raw": "Raw"}

SCORE_TITLES = {name: score.title for name, score in SCORES.items()}
"""What is measured of each map in a region."""

DIFFERENCES: dict[By, str] = {"mass": "Share of the map", "rank": "Rank"}
"""What the difference of two maps counts."""

TOP_1 = "Each network's own top-1"
"""First entry of the class menu: every network explains the class that it puts first."""

CHOICES: tuple[Choice, ...] = (
    Choice(PICTURE, text(60)),
    Choice(NETWORKS, names(40, 200)),
    Choice(MAP_KIND, one_of(MAP_KINDS), linked=True, default="gradcam", labels=MAP_KINDS),
    Choice(TARGET, text(200), linked=True, default=TOP_1),
    Choice(GAZE, one_of(GAZES), linked=True, default="mean", labels=GAZES),
    Choice(STYLE, one_of(DRAWINGS), linked=True, default="heat", labels=DRAWINGS),
    Choice(GRID, one_of(GRIDS), linked=True, default="cells", labels=GRIDS),
    Choice(SCALE, one_of(SCALES), linked=True, default="per map", labels=SCALES),
    Choice(OPACITY, number(0, 1)),
    Choice(POINT_X, whole(0, 100), linked=True, default=50),
    Choice(POINT_Y, whole(0, 100), linked=True, default=50),
    Choice(SCORE, one_of(SCORE_TITLES), linked=True, default="share", labels=SCORE_TITLES),
    Choice(BESIDE, names(12, 60)),
    Choice(REFERENCE, text(200), linked=True, default="None"),
    Choice(DIFFERENCE, one_of(DIFFERENCES), linked=True, default="mass", labels=DIFFERENCES),
    Choice(PAIR_LEFT, text(200), linked=True),
    Choice(PAIR_RIGHT, text(200), linked=True),
    Choice(DEPTH, whole(0, 100), linked=True, default=100),
    Choice(LESSON, text(40), linked=True),
    Choice(WALKED, text(200), linked=True),
    Choice(LAYER, whole(1, 1000), linked=True, default=1),
    Choice(ATTENTION_OF, text(200), linked=True),
    Choice(ATTENTION_LAYER, whole(1, 1000), linked=True),
    Choice(ATTENTION_HEAD, whole(0, 1000), linked=True, default=0),
    Choice(ATTENTION_FROM, one_of(ASKERS), linked=True, default="point", labels=ASKERS),
    Choice(EXPORT_SIZE, one_of(list(SIZES))),
    Choice(EXPORT_THEME, one_of(("light", "dark"))),
    Choice(EXPORT_BACKGROUND, one_of(("solid", "transparent"))),
)
"""Every choice that goes into a session file, beside the lessons': a new one needs a line here, and nothing else.

Its widget has `key=`, and `bind="query-params"` or `persist_state="session"`, or it is lost on the way to another page.
What is only sensible for some pictures or networks, such as a layer's name, is checked here as text, and the page takes
another value where it does not fit. With `family=True` the key stands for all that begin with it. `linked=True` is for
those with `bind="query-params"`, apart from the sidebar's: they stay in the address on every page.
"""


def choice_of(key: str) -> Choice | None:
    """The declared choice that a session key belongs to."""
    return next((choice for choice in (*CHOICES, *LESSON_CHOICES) if choice.covers(key)), None)


@dataclass(frozen=True)
class Selection:
    """What to show: everything the page needs besides the picture and the region.

    Attributes:
        networks: names in the zoo, in the order shown.
        map_kind: see `MAP_KINDS`.
        target: class that every map speaks about, or None for each network's own top-1.
        gaze: see `GAZES`.
        point_yx: where self-attention looks from, as shares of the picture, if `gaze` is "point".
        style: how a map is drawn.
        interpolation: "cells" for the network's own grid, "smooth" for a drawing that looks finer than it is.
        scale: which colour range the maps share.
        opacity: of the map over the picture, 0 to 1.
    """

    networks: tuple[str, ...]
    map_kind: str
    target: str | None
    gaze: Gaze
    point_yx: tuple[float, float]
    style: Style
    interpolation: Grid
    scale: Scale
    opacity: float


def remembered(slot: str, key: Hashable, make: Callable[[], Value]) -> Value:
    """The value that this session made last time under the same key, or a new one. One value is kept in each slot."""
    kept = st.session_state.get(slot)
    if kept is None or kept[0] != key:
        kept = st.session_state[slot] = (key, make())
    return kept[1]
