"""The row of controls above the maps: which map, for which class, and how it is drawn."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, get_args

import streamlit as st

from attnviz import maps, render
from attnviz.comparing import MapChoice
from dashboard import service, state
from dashboard.asking import LOOKING_FROM
from dashboard.state import DRAWINGS, GRIDS, SCALES, Grid, Selection
from dashboard.words import plain

DEFAULT_OPACITY = 0.85

Name = TypeVar("Name")


def selection(networks: tuple[str, ...]) -> Selection:
    """Draw the controls and return what they say."""
    return selection_and(networks, lambda: None)[0]


def selection_and(networks: tuple[str, ...], further: Callable[[], Name]) -> tuple[Selection, Name]:
    """The same with further controls in the same row; `further` draws them and returns what they say."""
    with st.container(horizontal=True, vertical_alignment="top", key="controls"):
        map_kind = _map()
        target = _target(networks) if MapChoice(map_kind).class_dependent else None
        gaze = _gaze() if map_kind in LOOKING_FROM else "mean"
        style = st.segmented_control(
            "Drawing",
            list(render.STYLES),
            default="heat",
            required=True,
            format_func=_named(DRAWINGS),
            key=state.STYLE,
            bind="query-params",
            help="; ".join(f"{DRAWINGS[style]}: {meaning}" for style, meaning in render.STYLES.items()) + ".",
        )
        grid = st.segmented_control(
            "Grid",
            list(get_args(Grid)),
            default="cells",
            required=True,
            format_func=_named(GRIDS),
            key=state.GRID,
            bind="query-params",
            help="Cells: the network's own grid. Smooth: looks finer than the network is.",
        )
        scale = st.segmented_control(
            "Colour scale",
            list(SCALES),
            default="per map",
            required=True,
            format_func=_named(SCALES),
            key=state.SCALE,
            bind="query-params",
            help=" ".join(f"{_capital(render.SCALES[scale])}." for scale in SCALES),
        )
        opacity = st.slider(
            "Opacity", 0.0, 1.0, DEFAULT_OPACITY, 0.05, key=state.OPACITY, persist_state="session", width=110
        )
        told = further()
    point_yx = _point() if gaze == "point" else (0.5, 0.5)
    st.caption(plain(f"{state.MAP_KINDS[map_kind]}: {question(map_kind)}"))
    return Selection(networks, map_kind, target, gaze, point_yx, style, grid, scale, opacity), told


def _map() -> str:
    return st.selectbox(
        "Map",
        list(state.MAP_KINDS),
        format_func=_named(state.MAP_KINDS),
        key=state.MAP_KIND,
        bind="query-params",
        width=190,
        help="Grad-CAM asks every network the same question. Own attention shows what each network itself multiplied "
        "with; those numbers have different units. Below them stand all other maps; a network that has no such map "
        "says what it needs.",
    )


def question(map_kind: str) -> str:
    """What a map answers, one plain sentence."""
    if map_kind == "own":
        return "What did this network itself multiply its features with? Every mechanism has a number of its own."
    return maps.METHODS[MapChoice(map_kind).method_name].card.answers


def _target(networks: tuple[str, ...]) -> str | None:
    cards = service.cards()
    classes = list(dict.fromkeys(name for network in networks for name in cards[network].classes))
    chosen = st.selectbox(
        "Class to explain",
        [state.TOP_1, *sorted(classes, key=str.lower)],
        key=state.TARGET,
        bind="query-params",
        width=200,
        help="With one class for all, every network is asked the same question.",
    )
    return None if chosen == state.TOP_1 else chosen


def _gaze() -> state.Gaze:
    return st.selectbox(
        "Self-attention looks from",
        list(state.GAZES),
        format_func=_named(state.GAZES),
        key=state.GAZE,
        bind="query-params",
        width=200,
        help="For networks whose self-attention has no class token, such as AA-ResNet.",
    )


def _point() -> tuple[float, float]:
    """A place in the picture, as shares (down, across)."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        across = st.number_input("From the left, %", 0, 100, 50, 1, key=state.POINT_X, bind="query-params", width=150)
        down = st.number_input("From the top, %", 0, 100, 50, 1, key=state.POINT_Y, bind="query-params", width=150)
    # the far edge belongs to no pixel
    return min(down / 100, 1 - 1e-6), min(across / 100, 1 - 1e-6)


def disagreement(top_classes: Sequence[tuple[str, str]]) -> str:
    """What to say when networks explain different classes, given (network, class) pairs; empty if they agree."""
    by_class: dict[str, list[str]] = {}
    for network, name in top_classes:
        by_class.setdefault(name, []).append(network)
    if len(by_class) < 2:
        return ""
    parts = "; ".join(f"{name}: {', '.join(networks)}" for name, networks in by_class.items())
    return f"The networks explain different classes ({parts}). Choose one class to ask all of them the same question."


def _named(titles: Mapping[Name, str]) -> Callable[[Name], str]:
    return lambda key: titles.get(key, str(key))


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
