"""Scaled dot-product attention, on the notes' example."""

import numpy as np
import streamlit as st

from attnviz.export.lesson_figure import LessonFigure
from attnviz.lessons import scaled_dot_product
from attnviz.lessons.tea import WORDS, projection, slips, tokens
from attnviz.render.lesson.words import attention_drawing, attention_wh
from dashboard import state
from dashboard.learn import editor
from dashboard.learn.lesson import ATTENTION, Lesson, Paper, attempt, figure, fitting, own_picture, step
from dashboard.sidebar import Entry
from dashboard.words import plain

STARTS: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]] = {
    "The notes' Q": (projection(), projection(), projection()),
    "Three different matrices": (
        np.array([[1.0, 0], [0, 1], [1, 0], [0, 1]]),
        np.array([[0.0, 1], [1, 0], [0, 2], [1, 0]]),
        np.array([[1.0, 0], [0, 2], [0, 1], [3, 0]]),
    ),
    "All the same": (np.zeros((4, 2)), np.zeros((4, 2)), np.eye(4)[:, :2]),
}
"""Name to W_q, W_k and W_v."""


def draw(entry: Entry) -> None:
    """The steps."""
    step("I love tea", "Three words, four numbers each. Change any number of X or of the three matrices.")
    attempt(_small)
    own_picture(ATTENTION, f"The same on {entry.title}: what each patch of ViT looks at", "vit",
                **{state.ATTENTION_OF: "vit"})  # fmt: skip
    step("What the notes say, and what is right", "The example comes from lecture notes. Computed again, it has slips.")
    st.table(
        [{"Where": plain(one.where), "The notes": plain(one.note), "Right": plain(one.right)} for one in slips()],
        hide_index=True,
        alt="Slips of the lecture notes",
    )


def _small() -> None:
    start = st.segmented_control(
        "Start from",
        list(STARTS),
        default=next(iter(STARTS)),
        required=True,
        key=fitting("tea_start", STARTS),
        persist_state="session",
    ) or next(iter(STARTS))
    number = list(STARTS).index(start)
    matrices = STARTS[start]
    columns = [str(one) for one in range(1, matrices[0].shape[1] + 1)]
    rows = ["1", "2", "3", "4"]
    keys = [f"tea_{name}_{number}" for name in ("x", "q", "k", "v")]
    places = editor.side_by_side()
    with places, editor.as_wide_as_needed():
        x = editor.numbers(keys[0], "**X**, a row for each word", tokens(), WORDS, rows)
    made = []
    for key, name, matrix in zip(keys[1:], "qkv", matrices, strict=True):
        with places, editor.as_wide_as_needed():
            made.append(editor.numbers(key, f"$W_{name}$", matrix, rows, columns))
    scaled = st.toggle(
        "Divide by $\\sqrt{d_k}$", value=True, key=fitting("tea_scaled", (True, False)), persist_state="session"
    )
    st.button("Start again", key="tea_again", on_click=editor.forget, args=tuple(keys))
    steps = scaled_dot_product(x, *made, scaled=scaled)
    other = scaled_dot_product(x, *made, scaled=not scaled)
    said = "; ".join(
        f"{word} gives " + ", ".join(f"{share:.0%} to {key}" for share, key in zip(row, WORDS, strict=True))
        for word, row in zip(WORDS, steps.weights, strict=True)
    )
    figure("tea", LessonFigure(
        "I love tea: self-attention with all its numbers", f"Attention weights: {said}.",
        attention_drawing(steps, x, WORDS, scaled), attention_wh(steps),
        "Q, K, V, logits, output: purple below zero, orange above. Weights: light to dark, 0 to 1.",
        {"scaled": scaled, "X": x.tolist(), "W_q": made[0].tolist(), "W_k": made[1].tolist(),
         "W_v": made[2].tolist()},
        {"queries": steps.queries, "keys": steps.keys, "values": steps.values, "products": steps.products,
         "logits": steps.logits, "weights": steps.weights, "output": steps.output},
    ))  # fmt: skip
    with_scale, without = (steps, other) if scaled else (other, steps)
    st.markdown("**With and without the scale**")
    st.table(
        [
            {
                "Word": word,
                "largest weight, divided": f"{with_scale.weights[row].max():.2f}",
                "not divided": f"{without.weights[row].max():.2f}",
                "entropy, divided": f"{with_scale.entropy[row]:.2f} of {np.log(len(WORDS)):.2f}",
                "entropy, not divided": f"{without.entropy[row]:.2f}",
            }
            for row, word in enumerate(WORDS)
        ],
        hide_index=True,
        alt="Largest weight and entropy of each word's attention, with and without dividing by the root of d_k",
    )


LESSON = Lesson(
    name="Self-attention",
    title="Self-attention: every word asks every word",
    idea="Each token takes a mixture of all tokens' values, and the more a key fits its query, the more of that one.",
    formulas=(
        r"Q = X W_q \quad K = X W_k \quad V = X W_v",
        r"\mathrm{attention} = \mathrm{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V",
    ),
    symbols="$X$ has a row for each token. $d_k$ is the number of columns of $Q$ and $K$. The softmax is taken along "
    "each row: $\\exp(l_{ij}) / \\sum_k \\exp(l_{ik})$. Rows ask (queries), columns are looked at (keys).",
    papers=(Paper("Vaswani et al. 2017", "1706.03762", "eq. 1"),),
    notice=(
        "Each row of weights sums to 1; columns need not. Attention is not symmetric.",
        "The words' order plays no part: swap two rows of X, and the rows of the output swap.",
        "Without the scale the largest weight grows: long queries give large products, and the softmax hardens.",
    ),
    question="With $W_k$ all zeros, what are the weights?",
    answer="All products are 0, so every word gets the same share, one third, and the output is the mean of all "
    "values. Choose “All the same” above.",
    draw=draw,
)
