"""Relative position logits of attention-augmented convolutions."""

import math

import numpy as np
import streamlit as st
from einops import rearrange

from attnviz.errors import AttnvizError
from attnviz.export.lesson_figure import LessonFigure
from attnviz.lessons import relative_positions
from attnviz.records import SelfAttention
from attnviz.render.lesson.positions import REAL_WH, SMALL_WH, content_and_place, relative_drawing
from dashboard import state
from dashboard.learn import editor
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

NETWORK = "aa_resnet"
MOST_ROWS, MOST_COLUMNS = 4, 6
WIDTH = 2


def draw(entry: Entry) -> None:
    """The steps."""
    step("On a small grid", "One query, and a table for each direction. Move the query, or change any number.")
    attempt(_small)
    step("In a trained network, on your picture", "Logits of content and logits of place are added, then the softmax.")
    attempt(lambda: _real(entry))


def _small() -> None:
    one, two, three, four = st.columns(4)
    height = one.slider(
        "Rows", 2, MOST_ROWS, 3, key=fitting("aa_rows", range(2, MOST_ROWS + 1)), persist_state="session"
    )
    width = two.slider(
        "Columns",
        2,
        MOST_COLUMNS,
        4,
        key=fitting("aa_columns", range(2, MOST_COLUMNS + 1)),
        persist_state="session",
    )
    row = three.slider(
        "Query's row",
        1,
        height,
        min(2, height),
        key=fitting(f"aa_row_{height}", range(1, height + 1)),
        persist_state="session",
    )
    column = four.slider(
        "Query's column",
        1,
        width,
        min(2, width),
        key=fitting(f"aa_column_{width}", range(1, width + 1)),
        persist_state="session",
    )
    names = [f"d{number}" for number in range(1, WIDTH + 1)]
    tables = editor.side_by_side()
    with tables, editor.as_wide_as_needed():
        query = editor.numbers("aa_query", "**q**, the query", [[1.0, 0.5]], ["q"], names)
    with tables, editor.as_wide_as_needed():
        rows = editor.numbers(f"aa_table_rows_{height}", "$r_H$, a row for each row offset", _table(height, 0),
                              _offsets(height), names)  # fmt: skip
    with tables, editor.as_wide_as_needed():
        columns = editor.numbers(f"aa_table_columns_{width}", "$r_W$, a row for each column offset",
                                 _table(width, 1), _offsets(width), names)  # fmt: skip
    st.button("Start again", key="aa_again", on_click=editor.forget,
              args=("aa_query", f"aa_table_rows_{height}", f"aa_table_columns_{width}"))  # fmt: skip
    cell = (row - 1, column - 1)
    steps = relative_positions(query[0], rows, columns, cell)
    best = np.unravel_index(int(np.argmax(steps.weights)), steps.weights.shape)
    figure("aa_small", LessonFigure(
        f"The query at row {row}, column {column}: what place alone adds",
        f"Relative logits of the query at row {row}, column {column} of {height} rows and {width} columns: from "
        f"{steps.logits.min():.2f} to {steps.logits.max():.2f}; by place alone it would look most at row "
        f"{int(best[0]) + 1}, column {int(best[1]) + 1}, with {steps.weights.max():.0%}.",
        relative_drawing(steps, cell), SMALL_WH, "The query is framed. Purple below zero, orange above.",
        {"query": query.tolist(), "row_table": rows.tolist(), "column_table": columns.tolist(), "cell": [row, column]},
        {"row_terms": steps.row_terms, "column_terms": steps.column_terms, "logits": steps.logits,
         "weights": steps.weights},
    ))  # fmt: skip


def _offsets(size: int) -> list[str]:
    return [f"{number:+d}" if number else "0" for number in range(1 - size, size)]


def _table(size: int, which: int) -> np.ndarray:
    """A table that prefers near keys, a little more on one side, with two digits."""
    offsets = np.arange(1 - size, size)
    near = np.round(2.0 - 1.2 * np.abs(offsets), 2)
    side = np.round(0.2 * offsets, 2)
    return np.stack([near, side] if which == 0 else [side, near], axis=1)


def _real(entry: Entry) -> None:
    trace = traced(entry, NETWORK)
    records = trace.of(SelfAttention)
    names = [one.site.layer for one in records]
    left, right = st.columns(2)
    name = left.selectbox("Layer", names, index=len(names) - 1, key=fitting("aa_layer", names),
                          persist_state="session",
                          help="Two stages of AA-ResNet have self-attention beside a convolution.")  # fmt: skip
    record = records[names.index(name)]
    bias = record.bias
    if trace.geometry is None or bias is None:
        raise AttnvizError(f"{name} must have relative positions; got none.")
    heads = list(range(1, record.queries.shape[1] + 1))
    head = (
        right.segmented_control(
            "Head", heads, default=1, required=True, key=fitting("aa_head", heads), persist_state="session"
        )
        or 1
    )
    height, width = record.tokens.grid_hw
    left, right = st.columns(2)
    row = left.slider(
        "Row of the query",
        1,
        height,
        (height + 1) // 2,
        key=fitting(f"aa_real_row_{height}", range(1, height + 1)),
        persist_state="session",
    )
    column = right.slider(
        "Column of the query",
        1,
        width,
        (width + 1) // 2,
        key=fitting(f"aa_real_column_{width}", range(1, width + 1)),
        persist_state="session",
    )
    cell, number = (row - 1, column - 1), (row - 1) * width + column - 1
    products = record.queries[0, head - 1, number] @ record.keys[0, head - 1].T * record.scale
    content, relative, weights = (
        rearrange(one.detach().double().numpy(), "(y x) -> y x", y=height)
        for one in (products, bias[0, head - 1, number], record.weights([number], [head - 1])[0, 0, 0])
    )
    figure("aa_real", LessonFigure(
        f"{name} of AA-ResNet, head {head}: content and place",
        f"Head {head} of {name} from row {row}, column {column}: content logits from {content.min():.2f} to "
        f"{content.max():.2f}, relative logits from {relative.min():.2f} to {relative.max():.2f}, attention from "
        f"{weights.min():.2%} to {weights.max():.1%}; even attention would be {1 / weights.size:.2%}.",
        content_and_place(content, relative, weights, entry.picture, trace.geometry, cell), REAL_WH,
        small_print(entry, NETWORK, name, "Logits: purple below zero, orange above, one range for both."),
        {**origin(entry, NETWORK, name), "head": head, "row": row, "column": column},
        {"content": content, "relative": relative, "weights": weights},
    ))  # fmt: skip
    spread = (np.ptp(content), np.ptp(relative))
    st.markdown(
        f"Content spreads the logits by {spread[0]:.2f}, place by {spread[1]:.2f}: here "
        f"{'content' if spread[0] > spread[1] else 'place'} decides more. Even attention would give each of the "
        f"{weights.size} places {1 / weights.size:.2%}."
    )
    own_picture(ATTENTION, f"Every head of AA-ResNet on {entry.title}", NETWORK, **{state.ATTENTION_OF: NETWORK})


LESSON = Lesson(
    name="Relative positions",
    title="Relative positions: how far, in which direction",
    idea="A query adds to the logit of each key a number that depends only on how many rows and columns away it is.",
    formulas=(r"l_{ij} = \frac{q_i^\top}{\sqrt{d}}\left(k_j + r^H_{y_j - y_i} + r^W_{x_j - x_i}\right)",),
    symbols="$q_i$ is the query at row $y_i$, column $x_i$; $k_j$ a key. $r^H$ has a learned vector for each of the "
    "$2h - 1$ row offsets, $r^W$ for each of the $2w - 1$ column offsets; all heads share them. $d$ is the width of a "
    "head's queries; the scale holds for content and place alike.",
    papers=(Paper("Bello, Zoph, Vaswani, Shlens, Le 2019", "1904.09925", "eqs. 3 to 5"),),
    notice=(
        "A row of the grid shares its row term, a column its column term: the sum is a grid made of two lists.",
        "The same offset gives the same number from every query with the same content: shift the picture, and the "
        "attention shifts along.",
        "Most entries of the two tables are for far offsets that only border queries use.",
    ),
    question="How many numbers do the tables hold for a 9 × 14 grid and queries of width 20?",
    answer=f"(2 · 9 − 1 + 2 · 14 − 1) · 20 = {(2 * 9 - 1 + 2 * 14 - 1) * 20}. A table for every pair of places would "
    f"hold {math.prod((9, 14)) ** 2:,} for each of the 20.",
    draw=draw,
)
