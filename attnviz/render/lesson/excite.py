"""Squeeze and excitation, drawn: a small layer with all its numbers, and a real one."""

import numpy as np

from attnviz.lessons import ExciteSteps
from attnviz.render.lesson.board import Board, Placed
from attnviz.render.lesson.colours import Colours
from attnviz.render.lesson.drawing import Drawing, telling

SMALL_WH = (12.0, 5.0)
REAL_WH = (12.0, 4.6)
_SIDE = 0.46
_ORANGE, _PURPLE = "#B35806", "#8073AC"


@telling
def small_excite(steps: ExciteSteps, first: np.ndarray, second: np.ndarray) -> Drawing:
    """All numbers of a layer with a few channels of a few places.

    Args:
        steps: of `lessons.squeeze_and_excite`.
        first: W1, (hidden, channels): drawn as lines.
        second: W2, (channels, hidden).
    """

    def draw(board: Board) -> None:
        channels, height, width = steps.features.shape
        colours = Colours.signed(steps.features)
        step = 4.4 / channels
        middles = [0.55 + (number + 0.5) * step for number in range(channels)]
        hidden_middles = [0.55 + (number + 0.5) * 4.4 / len(steps.hidden) for number in range(len(steps.hidden))]
        titles = ("feature map", "squeeze z", "hidden", "logits", "weights s", "output")
        for x, title in zip((1.42, 3.4, 5.3, 7.2, 8.8, 11.05), titles, strict=True):
            board.text(x, 0.22, title, size=13, bold=True, align="center")
        for number, y in enumerate(middles):
            top = y - height * _SIDE / 2
            board.text(0.78, y, f"channel {number + 1}", size=11, muted=True, align="right")
            left = board.cells(0.9, top, steps.features[number], colours, cell=(_SIDE, _SIDE), size=11)
            board.arrow((left.right + 0.1, y), (3.02, y), "mean" if number == 0 else "")
            out = 11.05 - width * _SIDE / 2
            board.cells(out, top, steps.output[number], colours, cell=(_SIDE, _SIDE), size=11)
            board.arrow((7.58, y), (8.42, y), "sigmoid" if number == 0 else "")
            board.arrow((9.18, y), (out - 0.1, y), "times" if number == 0 else "")
        _lines(board, first.T, [(3.74, y) for y in middles], [(4.96, y) for y in hidden_middles])
        _lines(board, second.T, [(5.64, y) for y in hidden_middles], [(6.86, y) for y in middles])
        for x, values, colour in (
            (3.4, steps.squeezed, Colours.signed(steps.squeezed, steps.features)),
            (5.3, steps.hidden, Colours.signed(steps.hidden)),
            (7.2, steps.logits, Colours.signed(steps.logits)),
            (8.8, steps.weights, Colours.shares()),
        ):
            rows = hidden_middles if x == 5.3 else middles
            for y, value in zip(rows, values, strict=True):
                board.cells(x - 0.34, y - 0.2, [[value]], colour, cell=(0.68, 0.4))

    return draw


def _lines(
    board: Board, weights: np.ndarray, starts: list[tuple[float, float]], ends: list[tuple[float, float]]
) -> None:
    """A line for each weight, the thicker the larger: orange above zero, purple and dashed below."""
    largest = float(np.abs(weights).max()) or 1.0
    for start, row in zip(starts, weights, strict=True):
        for end, weight in zip(ends, row, strict=True):
            if weight:
                board.line(start, end, colour=_ORANGE if weight > 0 else _PURPLE, dashed=bool(weight < 0),
                           width=0.5 + 3 * abs(float(weight)) / largest)  # fmt: skip


@telling
def real_excite(steps: ExciteSteps) -> Drawing:
    """A trained layer on a picture: what was squeezed, the weights, and three channels before and after."""
    order = np.argsort(-steps.weights, kind="stable")
    chosen = [int(order[0]), int(order[len(order) // 2]), int(order[-1])]

    def draw(board: Board) -> None:
        ranks = [int(np.flatnonzero(order == one)[0]) for one in chosen]
        squeezed = steps.squeezed[order]
        board.bars(
            Placed(0.75, 0.45, 5.6, 1.35),
            squeezed,
            (float(squeezed.min()), float(squeezed.max())),
            title="squeeze z: the mean of each channel",
            marked=ranks,
        )
        board.bars(
            Placed(0.75, 2.5, 5.6, 1.5),
            steps.weights[order],
            (0.0, 1.0),
            title="excitation s: its weight, from the largest to the smallest",
            marked=ranks,
        )
        board.text(3.55, 4.3, f"{len(order)} channels; the three at the right are marked", size=11, muted=True,
                   align="center")  # fmt: skip
        height, width = steps.features.shape[1:]
        colours = Colours.signed(*(steps.features[one] for one in chosen))
        room_w, room_h = 1.55, 1.15
        side = min(room_w / width, room_h / height)
        for row, (one, name) in enumerate(zip(chosen, ("largest", "middle", "smallest"), strict=True)):
            y = 0.45 + row * 1.42
            middle = y + height * side / 2
            board.text(7.85, middle - 0.14, f"channel {one}", size=12, align="right")
            board.text(7.85, middle + 0.12, f"{name} weight", size=11, muted=True, align="right")
            board.cells(8.0, y, steps.features[one], colours, cell=(side, side), words=False, border=False)
            between = (8.0 + width * side + 12 - width * side) / 2
            board.text(between, middle, f"× {steps.weights[one]:.2f} =", size=11, bold=True, align="center")
            board.cells(12 - width * side, y, steps.output[one], colours, cell=(side, side), words=False,
                        border=False)  # fmt: skip
        board.text(8.0, 0.22, "before", size=12, muted=True)
        board.text(12 - width * side, 0.22, "after", size=12, muted=True)

    return draw
