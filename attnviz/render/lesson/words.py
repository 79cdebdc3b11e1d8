"""Scaled dot-product attention of a few words, drawn."""

from collections.abc import Sequence

import numpy as np

from attnviz.lessons import DotProductSteps
from attnviz.render.lesson.board import Board
from attnviz.render.lesson.colours import Colours
from attnviz.render.lesson.drawing import Drawing, telling

_CELL_H = 0.4


def attention_wh(steps: DotProductSteps) -> tuple[float, float]:
    """Width and height of the drawing."""
    return 12.0, 2.4 + 2 * len(steps.weights) * _CELL_H


@telling
def attention_drawing(steps: DotProductSteps, tokens: np.ndarray, words: Sequence[str], scaled: bool) -> Drawing:
    """X, Q, K and V above; products, logits, weights and output below, with a name for each row.

    Args:
        steps: of `lessons.scaled_dot_product`.
        tokens: X, a row for each.
        words: one for each token.
        scaled: whether the products are divided.
    """
    count = len(tokens)
    value_width = steps.values.shape[1]

    def draw(board: Board) -> None:
        y = 0.4
        shown = (
            ("$X$", tokens), (r"$Q = X\,W_q$", steps.queries), (r"$K = X\,W_k$", steps.keys),
            (r"$V = X\,W_v$", steps.values),
        )  # fmt: skip
        cell = min(0.6, 7.5 / sum(values.shape[1] for _, values in shown))
        x = 0.75
        for title, values in shown:
            placed = board.cells(
                x, y, values, Colours.signed(values), cell=(cell, _CELL_H), rows=words, title=title,
                size=12 if cell > 0.5 else 10,
            )  # fmt: skip
            x = placed.right + 1.2
        second = y + count * _CELL_H + 1.2
        square = min(0.62, 2.05 / count)
        kinds = [
            ("$Q\\,K^T$", steps.products, Colours.signed(steps.products), square),
            ("$Q\\,K^T/\\sqrt{d_k}$" if scaled else "$Q\\,K^T$, not divided", steps.logits,
             Colours.signed(steps.logits), square),
            ("softmax of each row", steps.weights, Colours.shares(), square),
            ("output: weights times V", steps.output, Colours.signed(steps.output), min(0.62, 2.0 / value_width)),
        ]  # fmt: skip
        x = 0.75
        for number, (title, values, colours, side) in enumerate(kinds):
            placed = board.cells(
                x, second, values, colours, cell=(side, _CELL_H), rows=words if number in (0, 3) else (),
                columns=words if number < 3 else (), title=title, size=11 if side < 0.5 else 12,
            )  # fmt: skip
            if number < 2:
                board.arrow((placed.right + 0.08, placed.middle[1]), (placed.right + 0.52, placed.middle[1]))
            x = placed.right + (0.6 if number < 2 else 1.15)
            if number == 2:
                board.arrow((placed.right + 0.08, placed.middle[1]), (placed.right + 0.48, placed.middle[1]))
        strongest = np.unravel_index(int(np.argmax(steps.weights)), steps.weights.shape)
        row, column = int(strongest[0]), int(strongest[1])
        board.text(
            0, second + count * _CELL_H + 0.35,
            f"Rows ask, columns are looked at: {words[row]} gives {steps.weights[row, column]:.0%} to "
            f"{words[column]}, the largest weight. Each row of the softmax sums to 1.",
            size=12, muted=True,
        )  # fmt: skip

    return draw
