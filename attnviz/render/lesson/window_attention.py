"""Attention within shifted windows, drawn: the map, one cell's logits, weights and values, and what comes out."""

import numpy as np

from attnviz.lessons import WindowAttentionSteps, WindowQuery
from attnviz.lessons.shifted_windows import PADDING, SEEN
from attnviz.render.lesson.board import Board, Placed
from attnviz.render.lesson.colours import HIGHLIGHT, SHARE_PALETTE, Colours
from attnviz.render.lesson.drawing import Drawing, telling
from attnviz.render.lesson.numbers import written

_TOP, _BETWEEN, _BELOW = 0.5, 0.75, 0.75
_MAPS_W, _MAPS_H = 3.7, 2.7
_TABLES_X, _GAP = 4.45, 0.55
_SMALLEST_WITH_WORDS = 0.34
_MASKED = "#E8C468"


@telling
def window_attention_drawing(steps: WindowAttentionSteps, cell: tuple[int, int]) -> Drawing:
    """The map before and after the layer, and between them every table of one cell's window.

    Args:
        steps: of `lessons.window_attention`.
        cell: row and column of the cell that asks.
    """
    asked = steps.asked(cell)

    def draw(board: Board) -> None:
        maps = Colours.signed(steps.features, steps.output)
        across, down = _map_cell(steps)
        height = len(steps.features)
        seen = steps.windows.seen_from(cell) == SEEN
        for y, values, title in (
            (_TOP, steps.features, "$z$: what goes in"),
            (_TOP + height * down + _BETWEEN, steps.output, "$z$ + attention: what comes out"),
        ):
            place = board.cells(
                0.05, y, values, maps, cell=(across, down), title=title, words=across >= _SMALLEST_WITH_WORDS,
                size=_fitting(across, down), marked=[cell],
            )  # fmt: skip
            if y == _TOP:
                _outline(board, place, seen)
        _tables(board, asked)

    return draw


def window_attention_wh(steps: WindowAttentionSteps) -> tuple[float, float]:
    """Width and height of that drawing."""
    window = steps.windows.tokens.window_hw[0]
    maps = 2 * len(steps.features) * _map_cell(steps)[1] + _BETWEEN
    tables = 2 * window * _table_cell(window)[1] + _BETWEEN + _BELOW
    return 12.0, _TOP + max(maps, tables) + 0.15


def _map_cell(steps: WindowAttentionSteps) -> tuple[float, float]:
    height, width = steps.features.shape
    return min(_MAPS_W / width, 0.62), min(_MAPS_H / height, 0.4)


def _table_cell(window: int) -> tuple[float, float]:
    return min((12.0 - _TABLES_X - 2 * _GAP) / 3 / window, 0.62), 0.4


def _fitting(across: float, down: float) -> float:
    """Points of numbers of five signs in such a cell."""
    return min(12.0, 72 * across / 3.4, 72 * down / 1.6)


def _tables(board: Board, asked: WindowQuery) -> None:
    window = len(asked.cells)
    across, down = cell = _table_cell(window)
    hidden = asked.mask < 0
    logits = Colours.signed(asked.products, asked.bias)
    second = _TOP + window * down + _BETWEEN
    weights = Colours(SHARE_PALETTE, 0, float(asked.weights.max()))
    seen_logits = np.where(hidden, 0, asked.logits)
    shown = np.where(hidden, written(np.round(asked.logits)), written(seen_logits)).tolist()
    for row, column, values, colours, title, sign, words, covered in (
        (0, 0, asked.products, logits, "$q\\,k$", "+", True, False),
        (0, 1, asked.bias, logits, "$B$, by the way to the key", "+", True, False),
        (0, 2, np.zeros_like(asked.mask), logits, "mask", "", written(asked.mask), True),
        (1, 0, seen_logits, logits, "= logits", "→", shown, True),
        (1, 1, asked.weights, weights, "softmax: weights", "×", True, True),
        (1, 2, asked.values, Colours.signed(asked.values), "$v$", "", True, False),
    ):  # fmt: skip
        x = _TABLES_X + column * (window * across + _GAP)
        place = board.cells(
            x, second if row else _TOP, values, colours, cell=cell, title=title, words=words,
            size=_fitting(across, down), marked=[asked.place],
        )  # fmt: skip
        for at in np.argwhere(asked.cells == PADDING):
            board.fill(Placed(x + at[1] * across, place.y + at[0] * down, across, down), "#00000000", "xx")
        for at in np.argwhere(hidden) if covered else ():
            board.fill(Placed(x + at[1] * across, place.y + at[0] * down, across, down), _MASKED)
        if sign:
            board.text(place.right + _GAP / 2, place.middle[1], sign, size=16, align="center")
    query, attended = written([[asked.query]])[0][0], written([[asked.attended]])[0][0]
    y = second + window * down + 0.28
    board.text(_TABLES_X, y, f"q = {query}   ·   sum of weights × v = {attended}", size=13, bold=True)
    board.text(_TABLES_X, y + 0.3, "The tables have the window's order after the roll; the asking cell is framed.",
               size=11, muted=True)  # fmt: skip


def _outline(board: Board, place: Placed, inside: np.ndarray) -> None:
    """A line around the cells that are inside."""
    height, width = inside.shape
    across, down = place.width / width, place.height / height
    framed = np.pad(inside, 1)
    for row, column in np.argwhere(framed[1:, :] != framed[:-1, :]):
        y, x = place.y + row * down, place.x + (column - 1) * across
        board.line((x, y), (x + across, y), colour=HIGHLIGHT, width=2.2)
    for row, column in np.argwhere(framed[:, 1:] != framed[:, :-1]):
        y, x = place.y + (row - 1) * down, place.x + column * across
        board.line((x, y), (x, y + down), colour=HIGHLIGHT, width=2.2)
