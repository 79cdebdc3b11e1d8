"""Two networks on one picture: swipe or flicker from one map to the other, and where they disagree."""

import base64
import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from attnviz import comparing
from attnviz.errors import AttnvizError
from attnviz.export import Comparison
from attnviz.focus import BY, Difference, differences
from attnviz.focus.difference import By
from attnviz.render.panel import percent
from dashboard import drawing, panels, reference, state
from dashboard.components.swipe import Side, swipe
from dashboard.figure_toolbar import toolbar
from dashboard.panels import Drawn, Row
from dashboard.service import Answers, Reading
from dashboard.state import Selection
from dashboard.words import plain

JPEG_QUALITY = 88


def draw(row: Row, selection: Selection, by: By | None) -> None:
    """Draw the two menus, the picture to swipe over, and the difference of the two maps.

    Args:
        row: the picture and what the networks say about it.
        selection: what is shown, and how.
        by: what the difference counts, where the page asks for it elsewhere.
    """
    readings = {reading.title: reading for reading in row.answers.readings}
    st.markdown("#### Two networks, one picture")
    if len(readings) < 2:
        st.info("Two networks with a map are needed. Choose another one in the sidebar.")
        return
    left, right, by = _choose(list(readings), by)
    if left == right:
        st.info("Left and right are one network. Choose two.")
        return
    pair = _pair(row, readings[left], readings[right])
    (drawn,) = panels.drawn_rows([pair], selection)
    columns = st.columns(2, gap="large")
    with columns[0]:
        swipe(
            state.SWIPE,
            left=_side(readings[left], drawn[0]),
            right=_side(readings[right], drawn[1]),
            size_hw=row.picture.hw,
        )
    with columns[1]:
        _difference(pair, selection, by)


def _choose(titles: list[str], by: By | None) -> tuple[str, str, By]:
    for key in (state.PAIR_LEFT, state.PAIR_RIGHT):
        if st.session_state.get(key) not in titles:
            st.session_state.pop(key, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        left = st.selectbox("Left", titles, key=state.PAIR_LEFT, bind="query-params", width=220)
        right = st.selectbox(
            "Right", titles, index=len(titles) - 1, key=state.PAIR_RIGHT, bind="query-params", width=220
        )
        told = by or choose_by()
    return left, right, told


def choose_by() -> By:
    """What a difference counts. One choice for the pinned reference and for the pair."""
    return st.segmented_control(
        "Difference in",
        list(BY),
        default="mass",
        required=True,
        format_func=lambda by: state.DIFFERENCES.get(by, str(by)),
        key=state.DIFFERENCE,
        bind="query-params",
        help="; ".join(f"{state.DIFFERENCES[by]}: {meaning}" for by, meaning in BY.items()) + ".",
    )


def _pair(row: Row, left: Reading, right: Reading) -> Row:
    return replace(row, answers=Answers((left, right), {}))


def _side(reading: Reading, drawn: Drawn) -> Side:
    return Side(reading.title, _url(drawn.image), f"{reading.title}: {reading.what}")


def _url(pixels: npt.NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _difference(pair: Row, selection: Selection, by: By) -> None:
    left, right = pair.answers.readings
    try:
        found = differences({left.title: left.attention_map, right.title: right.attention_map}, right.title, by=by)
    except AttnvizError as error:
        st.warning(plain(str(error)))
        return
    difference = found[left.title]
    shown = reference.against(pair.answers, right.title, by).readings[0]
    signed = reference.with_signs(selection)
    ((drawn,),) = panels.drawn_rows([replace(pair, answers=Answers((shown,), {}))], signed)
    title = sentence(difference)
    st.markdown(f"**{plain(title)}**")
    st.image(
        drawn.image,
        width=drawing.width_within(pair.picture.hw, TALLEST_PX),
        output_format="JPEG",
        alt=f"{shown.title}: {title} {reference.HIGHER_AND_LOWER.format(reference=right.title)}",
    )
    if drawn.bar is not None:
        st.html(drawing.colour_bar(drawn.bar))
    notes = [
        drawn.flat,
        reference.HIGHER_AND_LOWER.format(reference=right.title).replace("the network's", f"{left.title}'s"),
        "At 0 % the maps lie alike, at 100 % they nowhere overlap. A coarse grid and a fine one are never quite alike.",
    ]
    st.html(drawing.small_print([note for note in notes if note]))
    comparison = comparison_of(pair, shown, signed, title)
    toolbar("pair", f"{left.title} and {right.title}", lambda: comparison)


TALLEST_PX = 560


def sentence(difference: Difference) -> str:
    """How far two maps are apart, such as "ViT and Swin put 38 % of their maps in different places."."""
    return (
        f"{difference.of} and {difference.reference} put {percent(difference.distance)} of their maps in different "
        "places."
    )


def comparison_of(pair: Row, shown: Reading, selection: Selection, heading: str) -> Comparison:
    """The two maps and their difference as one figure."""
    readings: Sequence[Reading] = (*pair.answers.readings, shown)
    return comparing.comparison_of(
        pair.picture,
        readings,
        [one.region for one in pair.chosen],
        {},
        scale=selection.scale,
        style=selection.style,
        interpolation=selection.interpolation,
        opacity=selection.opacity,
        heading=heading,
    )
