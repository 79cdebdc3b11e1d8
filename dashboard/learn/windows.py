"""Shifted windows of Swin."""

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.export.lesson_figure import LessonFigure
from attnviz.lessons import reached, shifted_windows
from attnviz.lessons.shifted_windows import MASKED, SEEN
from attnviz.records import SelfAttention
from attnviz.render.lesson.windows import REAL_WH, windows_drawing, windows_on_picture, windows_wh
from dashboard import state
from dashboard.learn import window_numbers
from dashboard.learn.lesson import (
    ATTENTION,
    Lesson,
    Paper,
    attempt,
    figure,
    fitting,
    origin,
    own_picture,
    small_print,
    step,
    traced,
)
from dashboard.sidebar import Entry

NETWORK = "swin"


def draw(entry: Entry) -> None:
    """The steps."""
    step("Cut, roll, mask", "A layer without shift, then one with it. Move the cell that asks.")
    grid_hw, window, shift, cell = _chosen()
    attempt(lambda: _small(grid_hw, window, shift, cell))
    step("The same with numbers", "A map, a bias for each way from query to key, and three factors: change any number. "
         "The windows and the cell that asks are those above.")  # fmt: skip
    attempt(lambda: window_numbers.numbers(entry, grid_hw, window, shift, cell))
    step("The two layers in a trained network, on your picture")
    attempt(lambda: _real(entry))


def _chosen() -> tuple[tuple[int, int], int, int, tuple[int, int]]:
    """Grid, window, shift and the cell that asks, from 0."""
    one, two, three, four = st.columns(4)
    height = one.slider("Rows", 2, 12, 8, key=fitting("swin_rows", range(2, 13)), persist_state="session")
    width = two.slider("Columns", 2, 12, 8, key=fitting("swin_columns", range(2, 13)), persist_state="session")
    window = three.slider("Window", 2, 6, 4, key=fitting("swin_window", range(2, 7)), persist_state="session")
    shift = four.slider(
        "Shift", 0, window - 1, window // 2, key=fitting(f"swin_shift_{window}", range(window)), persist_state="session"
    )
    left, right = st.columns(2)
    row = left.slider(
        "Row of the cell that asks",
        1,
        height,
        min(2, height),
        key=fitting(f"swin_row_{height}", range(1, height + 1)),
        persist_state="session",
    )
    column = right.slider(
        "Column",
        1,
        width,
        min(3, width),
        key=fitting(f"swin_column_{width}", range(1, width + 1)),
        persist_state="session",
    )
    return (height, width), window, shift, (row - 1, column - 1)


def _small(grid_hw: tuple[int, int], window: int, shift: int, cell: tuple[int, int]) -> None:
    plain, shifted = shifted_windows(grid_hw, window, 0), shifted_windows(grid_hw, window, shift)
    (height, width), row, column = grid_hw, cell[0] + 1, cell[1] + 1
    seen = shifted.seen_from(cell)
    both = int(reached([plain, shifted], cell).sum())
    masked = int((seen == MASKED).sum())
    figure("swin_small", LessonFigure(
        f"Windows of {window}, shifted by {shift}: {both} cells reach one in two layers",
        f"A grid of {height} rows and {width} columns, the cell at row {row}, column {column}: without shift it sees "
        f"{int((plain.seen_from(cell) == SEEN).sum())} cells, shifted {int((seen == SEEN).sum())}, with {masked} of "
        f"its window masked; {both} cells reach it through both layers.",
        windows_drawing(plain, shifted, cell), windows_wh(plain, shifted),
        "The numbers are those of the cells before the roll; colours are the parts that may look at each other.",
        {"grid": [height, width], "window": window, "shift": shift, "cell": [row, column]},
        {"windows": plain.windows, "rolled": shifted.rolled, "seen": seen},
    ))  # fmt: skip
    count = height * width
    st.markdown(
        f"Pairs that count: {plain.pairs:,} without shift. With it {shifted.pairs:,}: the others are computed "
        f"and masked. Attention of all {count} cells with all would be {count**2:,}."
    )
    if plain.tokens.is_padded:
        st.caption("The windows do not divide the grid: it is filled up below and at the right (crossed cells).")
    if not any(shifted.tokens.shift_hw):
        st.caption("Nothing is shifted here: the shift is 0, or one window covers the grid.")


def _real(entry: Entry) -> None:
    trace = traced(entry, NETWORK)
    records = trace.of(SelfAttention)
    if trace.geometry is None:
        raise AttnvizError("the network must say where it looked; got nothing.")
    pairs = {
        f"{one.site.layer.removesuffix('.attn')} and {two.site.layer.removesuffix('.attn')}": (one, two)
        for one, two in zip(records[::2], records[1::2], strict=False)
        if one.tokens.grid_hw == two.tokens.grid_hw
    }
    names = list(pairs)
    name = st.selectbox(
        "Two layers that follow each other",
        names,
        index=len(names) - 1,
        key=fitting("swin_layers", names),
        persist_state="session",
    )
    both = pairs[name]
    height, width = both[0].tokens.grid_hw
    left, right = st.columns(2)
    row = left.slider(
        "Row of the patch that asks",
        1,
        height,
        (height + 1) // 2,
        key=fitting(f"swin_real_row_{height}", range(1, height + 1)),
        persist_state="session",
    )
    column = right.slider(
        "Column of it",
        1,
        width,
        (width + 1) // 2,
        key=fitting(f"swin_real_column_{width}", range(1, width + 1)),
        persist_state="session",
    )
    cell = (row - 1, column - 1)
    layers = [
        (
            f"{one.site.layer}: {f'shifted by {max(one.tokens.shift_hw)}' if any(one.tokens.shift_hw) else 'no shift'}",
            shifted_windows((height, width), one.tokens.window_hw[0], max(one.tokens.shift_hw)),
        )
        for one in both
    ]
    if any(steps.tokens != one.tokens for (_, steps), one in zip(layers, both, strict=True)):
        raise AttnvizError(f"the windows of {name} must be those that ran; got others.")
    figure("swin_real", LessonFigure(
        f"{name} of Swin: {height} × {width} patches, windows of {both[0].tokens.window_hw[0]}",
        "; ".join(
            f"in {layer} the patch at row {row}, column {column} sees {int((steps.seen_from(cell) == SEEN).sum())} of "
            f"{height * width} patches" for layer, steps in layers
        ) + ".",
        windows_on_picture(entry.picture, trace.geometry, layers, cell), REAL_WH,
        small_print(entry, NETWORK, name, "Blue: seen from the framed patch."),
        {**origin(entry, NETWORK, name), "row": row, "column": column},
    ))  # fmt: skip
    own_picture(ATTENTION, f"What Swin's patches look at on {entry.title}", NETWORK, **{state.ATTENTION_OF: NETWORK})


LESSON = Lesson(
    name="Shifted windows",
    title="Shifted windows: small rooms whose walls move",
    idea="Attention stays inside small windows, and every second layer moves them, so that neighbours meet in the end.",
    formulas=(
        r"\hat{z}^{l} = \mathrm{W\text{-}MSA}(\mathrm{LN}(z^{l-1})) + z^{l-1}",
        r"\hat{z}^{l+1} = \mathrm{SW\text{-}MSA}(\mathrm{LN}(z^{l})) + z^{l}",
        r"\mathrm{softmax}\!\left(\frac{QK^\top}{\sqrt{d}} + B + \mathrm{mask}\right)V, \quad "
        r"\mathrm{mask} \in \{0, -100\}",
    ),
    symbols="W-MSA is self-attention within windows of $M \\times M$ cells, SW-MSA the same on the grid rolled by "
    "$\\lfloor M/2 \\rfloor$ up and left. $B$ is a learned number for each relative position. The mask keeps apart "
    "what only the roll brought together.",
    papers=(Paper("Liu et al. 2021", "2103.14030", "section 3.2, eqs. 3 and 4"),),
    notice=(
        "The roll makes whole windows again, so both layers cost the same; the mask repairs what it mixed up.",
        "The corner window holds four strangers: four parts that must not see each other.",
        "Two layers reach beyond a window, but not everything: border cells gain least.",
    ),
    question="The picture gets twice as high and twice as wide. What happens to the cost?",
    answer="It is four times as large, as the picture is: each cell still looks at one window. With attention among "
    "all cells it would be sixteen times as large.",
    draw=draw,
)
