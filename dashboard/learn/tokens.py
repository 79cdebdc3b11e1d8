"""Tokens of a vision transformer."""

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.export.lesson_figure import LessonFigure
from attnviz.lessons import count_tokens, position_similarity
from attnviz.models import VisionTransformer
from attnviz.render.lesson.tokens import POSITIONS_WH, TOKENS_WH, cut_drawing, positions_drawing
from dashboard import service, state
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
)
from dashboard.sidebar import Entry

NETWORK = "vit"
PATCHES = (8, 14, 16, 28, 32)
PREFIXES: dict[str, tuple[str, ...]] = {
    "Class token": ("class",),
    "None": (),
    "Class and four registers": ("class", "reg 1", "reg 2", "reg 3", "reg 4"),
}
SMALLEST, LARGEST = 32, 384
USUAL = (("ViT-B/32", 224, 32), ("ViT-B/16", 224, 16), ("ViT-B/16", 384, 16), ("ViT-H/14", 224, 14))


def draw(entry: Entry) -> None:
    """The steps."""
    step("Cut your picture into patches")
    attempt(lambda: _cut(entry))
    step("What the network learned about positions",
         "Nobody tells it that patches lie on a grid: one vector for each place is learned.")  # fmt: skip
    attempt(lambda: _positions(entry))


def _cut(entry: Entry) -> None:
    one, two, three = st.columns(3)
    left, right = st.columns(2)
    sides = range(SMALLEST, LARGEST + 1, 16)
    height = one.slider(
        "Height in pixels", SMALLEST, LARGEST, 224, 16, key=fitting("vit_height", sides), persist_state="session"
    )
    width = two.slider(
        "Width in pixels", SMALLEST, LARGEST, 352, 16, key=fitting("vit_width", sides), persist_state="session"
    )
    patch = three.select_slider(
        "Side of a patch", PATCHES, 32, key=fitting("vit_patch", PATCHES), persist_state="session"
    )
    named = left.selectbox(
        "Tokens before the patches", list(PREFIXES), key=fitting("vit_prefix", PREFIXES), persist_state="session"
    )
    prefix = PREFIXES[named]
    count = count_tokens((height, width), patch, len(prefix))
    number = 1
    if count.patches > 1:
        number = right.slider(
            "Patch to follow",
            1,
            count.patches,
            (count.patches + 1) // 2,
            key=fitting(f"vit_chosen_{count.patches}", range(1, count.patches + 1)),
            persist_state="session",
        )
    figure("vit_cut", LessonFigure(
        f"{height} × {width} pixels in patches of {patch}: {count.tokens:,} tokens",
        f"{count.grid_hw[0]} rows and {count.grid_hw[1]} columns of patches of {patch} × {patch} pixels, "
        f"{count.tokens} tokens with {len(prefix)} before the patches; patch {number} is {count.numbers} numbers.",
        cut_drawing(entry.picture, (height, width), patch, number - 1, prefix), TOKENS_WH,
        f"{entry.title}, resized to {height} × {width} pixels.",
        {"picture": {"name": entry.picture.name, "sha256": entry.picture.sha256}, "height": height, "width": width,
         "patch": patch, "prefix": list(prefix)},
    ))  # fmt: skip
    if any(count.left_over_hw):
        st.caption(
            f"Left out, because they fill no patch: {count.left_over_hw[0]} rows of pixels below and "
            f"{count.left_over_hw[1]} columns at the right."
        )
    st.table(
        [
            {
                "Input": label,
                "patches": f"{one.grid_hw[0]} × {one.grid_hw[1]} = {one.patches:,}",
                "tokens": f"{one.tokens:,}",
                "numbers in a patch": f"{one.numbers:,}",
                "attention weights a head": f"{one.weights:,}",
            }
            for label, one in [
                (f"yours: {height} × {width}, patch {patch}", count),
                *((f"{name} at {side} px", count_tokens((side, side), of)) for name, side, of in USUAL),
            ]
        ],
        hide_index=True,
        alt="Tokens of your input and of usual networks",
    )


def _positions(entry: Entry) -> None:
    model = service.network(NETWORK).loaded.model
    if not isinstance(model, VisionTransformer):
        raise AttnvizError(f"the network must be a vision transformer; got {type(model).__name__}.")
    table = model.positions[0].detach().double().numpy()
    height, width = table.shape[1:]
    left, right = st.columns(2)
    row = left.slider(
        "Row of the position", 1, height, 4, key=fitting("vit_row", range(1, height + 1)), persist_state="session"
    )
    column = right.slider(
        "Column of the position", 1, width, 4, key=fitting("vit_column", range(1, width + 1)), persist_state="session"
    )
    cell = (row - 1, column - 1)
    similarity = position_similarity(table, cell)
    figure("vit_positions", LessonFigure(
        f"Learned positions of ViT: row {row}, column {column} beside all others",
        f"Cosine of the learned position at row {row}, column {column} with those of all {height} × {width} places: "
        f"from {similarity.min():.2f} to 1 at the place itself.",
        positions_drawing(similarity, cell, table[:, cell[0], cell[1]]), POSITIONS_WH,
        small_print(entry, NETWORK, "positions", "Purple: opposite, orange: alike. No picture is needed for this."),
        {**origin(entry, NETWORK, "positions"), "row": row, "column": column}, {"similarity": similarity},
    ))  # fmt: skip
    st.caption(
        f"The bundled ViT stores {height} × {width} positions and resamples them for other grids. Its patches come "
        f"from a few strided convolutions with a step of {model.stride} pixels, not from one matrix: small data need "
        "that (arXiv:2106.14881)."
    )
    own_picture(ATTENTION, f"What the class token looks at on {entry.title}", NETWORK,
                **{state.ATTENTION_OF: NETWORK, state.ATTENTION_FROM: "class"})  # fmt: skip


LESSON = Lesson(
    name="ViT tokens",
    title="ViT: a picture as a row of words",
    idea="Cut the picture into patches, make a vector of each, add where it was, and put a class token in front.",
    formulas=(
        r"z_0 = [\,x_{class};\; x^1_p E;\; x^2_p E;\; \dots;\; x^N_p E\,] + E_{pos}",
        r"N = \left\lfloor \tfrac{h}{p} \right\rfloor \left\lfloor \tfrac{w}{p} \right\rfloor",
    ),
    symbols="$x^i_p$ is patch $i$ as a row of $3p^2$ numbers, $E$ a learned matrix, $x_{class}$ a learned vector, "
    "$E_{pos}$ a learned vector for each token.",
    papers=(
        Paper("Dosovitskiy et al. 2021", "2010.11929", "section 3.1, eq. 1; figure 7"),
        Paper("Darcet et al. 2024 (registers)", "2309.16588"),
    ),
    notice=(
        "Half the patch side gives four times the patches and sixteen times the attention weights.",
        "Near positions are alike: the network found the grid on its own.",
        "The class token belongs to no place. What it looks at is not where it is.",
    ),
    question="Why 197 tokens for a 224 × 224 picture and patches of 16?",
    answer="224 / 16 = 14, so 14 × 14 = 196 patches, and one class token.",
    draw=draw,
)
