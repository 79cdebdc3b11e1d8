"""BatchNorm folded into a convolution, drawn."""

import numpy as np

from attnviz.lessons import FoldSteps
from attnviz.render.lesson.board import Board
from attnviz.render.lesson.colours import HIGHLIGHT, Colours
from attnviz.render.lesson.drawing import Drawing, telling

FOLD_WH = (12.0, 4.6)


@telling
def fold_drawing(window: np.ndarray, kernel: np.ndarray, bias: float, steps: FoldSteps) -> Drawing:
    """Two ways to one number: convolution, then BatchNorm; and the folded convolution alone.

    Args:
        window: (k, k), what the kernel lies on.
        kernel: (k, k).
        bias: of the convolution.
        steps: of `lessons.fold_steps`.
    """

    def draw(board: Board) -> None:
        side = 0.62 if steps.kernel.shape[0] <= 3 else 0.4
        cell = (side, side * 0.65)
        high = steps.kernel.shape[0] * cell[1]
        factor, offset = float(steps.norm.factor[0]), float(steps.norm.offset[0])
        for y, name, weights, title, lines, highlighted in (
            (0.45, "Two layers", kernel, "kernel F", (
                f"y = sum + b = {_alone(steps.convolved - bias)} + {_of(bias)} = {_alone(steps.convolved)}",
                f"z = G y + g = {_alone(factor)} × {_of(steps.convolved)} + {_of(offset)}",
            ), f"z = {_alone(steps.normalised)}"),
            (0.45 + high + 0.9, "One layer", steps.kernel, "folded kernel G F", (
                f"o = G b + g = {_alone(factor)} × {_of(bias)} + {_of(offset)} = {_alone(steps.bias)}",
                f"z = sum + o = {_alone(steps.folded - steps.bias)} + {_of(steps.bias)}",
            ), f"z = {_alone(steps.folded)}"),
        ):  # fmt: skip
            board.text(0, y + high / 2, name, size=14, bold=True)
            first = board.cells(1.5, y, window, Colours.signed(window), cell=cell, title="window X")  # type: ignore[arg-type]
            board.text(first.right + 0.2, y + high / 2, "×", size=16, align="center")
            second = board.cells(first.right + 0.4, y, weights, Colours.signed(weights), cell=cell, title=title)  # type: ignore[arg-type]
            board.arrow((second.right + 0.15, y + high / 2), (second.right + 0.7, y + high / 2))
            x = second.right + 0.85
            for number, line in enumerate(lines):
                board.text(x, y + high / 2 - 0.42 + number * 0.34, line, size=13)
            board.text(x, y + high / 2 + 0.34, highlighted, size=16, bold=True)
        y = 0.45 + 2 * high + 0.9 + 0.4
        off = steps.notes - steps.normalised
        if abs(off) > 1e-9:
            words = (
                f"With the notes' bias b + g = {_alone(steps.notes_bias)} it would be {_alone(steps.notes)}: "
                f"off by b (1 − G) = {_alone(off)}."
            )
            board.text(0, y, words, size=13, colour=HIGHLIGHT if board.theme.background == "#FFFFFF" else "#FF8A98")
        else:
            board.text(0, y, "The notes' bias b + g gives the same here: b (1 − G) is 0.", size=13, muted=True)

    return draw


def _of(value: float) -> str:
    """Behind a sign of calculation: a number below zero stands in brackets."""
    return f"({_alone(value)})" if value < 0 else _alone(value)


def _alone(value: float) -> str:
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}")
