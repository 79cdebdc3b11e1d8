"""Shifted windows, drawn: the cut, the roll, who sees whom, and what two layers reach."""

import matplotlib
import numpy as np

from attnviz.geometry import Geometry
from attnviz.lessons import WindowSteps, reached
from attnviz.lessons.shifted_windows import MASKED, PADDING, SEEN
from attnviz.pictures import Picture
from attnviz.render.lesson.board import Board, Placed
from attnviz.render.lesson.colours import HIGHLIGHT
from attnviz.render.lesson.drawing import Drawing, telling

REAL_WH = (12.0, 3.9)
_INK = "#16181D"
_SEEN, _MASKED, _OTHER = "#56B4E9", "#E8C468", "#9AA0AA33"
_TOP, _WIDTH = 0.72, 11.9


@telling
def windows_drawing(plain: WindowSteps, shifted: WindowSteps, cell: tuple[int, int]) -> Drawing:
    """Four grids for one cell: its window, the rolled grid, who it sees then, and what two layers reach.

    Args:
        plain: the layer without shift.
        shifted: the layer behind it.
        cell: row and column of the cell that asks.
    """

    side, in_one_row = _layout(plain, shifted)

    def draw(board: Board) -> None:
        height = plain.windows.shape[0]
        deep, wide = shifted.rolled.shape
        step = wide * side + 0.3
        below = _TOP + deep * side + 0.75
        xs = (0.1, 0.1 + step, 0.1 + 2 * step, 0.1 + 3 * step) if in_one_row else (0.1, 6.3, 0.1, 6.3)
        ys = (_TOP,) * 4 if in_one_row else (_TOP, _TOP, below, below)
        before, after = plain.seen_from(cell), shifted.seen_from(cell)
        both = np.where(reached([plain, shifted], cell), SEEN, 0)
        _grid(board, (xs[0], ys[0]), side, before, plain, cell, "1. Windows", f"it sees {(before == SEEN).sum()} cells")
        _rolled(board, (xs[1], ys[1]), side, shifted, cell)
        _grid(board, (xs[2], ys[2]), side, after, shifted, cell, "3. Rolled back",
              f"it sees {(after == SEEN).sum()}, {(after == MASKED).sum()} masked")  # fmt: skip
        _grid(board, (xs[3], ys[3]), side, both, None, cell, "4. Both layers", f"{(both == SEEN).sum()} cells reach it")
        y = ys[3] + max(height, deep if in_one_row else height) * side + 0.32
        x = 0.1
        for colour, hatch, words in ((_SEEN, "", "seen"), (_MASKED, "///", "same window, masked"),
                                     (_OTHER, "", "other window")):  # fmt: skip
            board.fill(Placed(x, y - 0.09, 0.26, 0.18), colour, hatch, _INK if hatch else None)
            board.text(x + 0.36, y, words, size=12)
            x += 0.75 + 0.105 * len(words)
        board.frame(Placed(x, y - 0.09, 0.26, 0.18), width=1.8)
        board.text(x + 0.36, y, "the cell that asks", size=12)

    return draw


def windows_wh(plain: WindowSteps, shifted: WindowSteps) -> tuple[float, float]:
    """Width and height of that drawing."""
    side, in_one_row = _layout(plain, shifted)
    height, deep = plain.windows.shape[0], shifted.rolled.shape[0]
    grids = max(height, deep) * side if in_one_row else deep * side + 0.75 + height * side
    return 12.0, _TOP + grids + 0.5


def _layout(plain: WindowSteps, shifted: WindowSteps) -> tuple[float, bool]:
    """Side of a cell, and whether the four grids stand in one row: where that makes them no smaller."""
    deep, wide = shifted.rolled.shape
    row = min((_WIDTH - 3 * 0.3) / 4 / wide, 3.4 / deep, 0.55)
    square = min(5.5 / wide, 2.6 / deep, 0.5)
    return (row, True) if row >= 0.9 * square else (square, False)


def _grid(
    board: Board,
    corner: tuple[float, float],
    side: float,
    seen: np.ndarray,
    steps: WindowSteps | None,
    cell: tuple[int, int],
    title: str,
    words: str,
) -> None:
    """The grid of cells; the borders of the parts that see each other are thick."""
    x, y = corner
    board.text(x, y - 0.52, title, size=13, bold=True)
    board.text(x, y - 0.22, words, size=12, muted=True)
    for (row, column), kind in np.ndenumerate(seen):
        place = Placed(x + column * side, y + row * side, side, side)
        colour, hatch = {SEEN: (_SEEN, ""), MASKED: (_MASKED, "///")}.get(int(kind), (_OTHER, ""))
        board.fill(place, colour, hatch, _INK if hatch else None)
    if steps is not None:
        _borders(board, corner, side, steps.regions)
    board.frame(Placed(x + cell[1] * side, y + cell[0] * side, side, side))


def _borders(board: Board, corner: tuple[float, float], side: float, parts: np.ndarray) -> None:
    x, y = corner
    height, width = parts.shape
    for row in range(height):
        for column in range(width):
            if column + 1 < width and parts[row, column] != parts[row, column + 1]:
                right = x + (column + 1) * side
                board.line((right, y + row * side), (right, y + (row + 1) * side), width=2.4)
            if row + 1 < height and parts[row, column] != parts[row + 1, column]:
                low = y + (row + 1) * side
                board.line((x + column * side, low), (x + (column + 1) * side, low), width=2.4)


def _rolled(board: Board, corner: tuple[float, float], side: float, steps: WindowSteps, cell: tuple[int, int]) -> None:
    """The grid after the roll, each part of a window in a colour of its own, with the numbers of the cells."""
    x, y = corner
    shift = steps.tokens.shift_hw
    board.text(x, y - 0.52, "2. Rolled and cut", size=13, bold=True)
    board.text(x, y - 0.22, f"by {shift[0]} up and {shift[1]} left", size=12, muted=True)
    palette = matplotlib.colormaps["Pastel1"]
    regions = steps.regions.ravel()
    width = steps.windows.shape[1]
    for (row, column), number in np.ndenumerate(steps.rolled):
        place = Placed(x + column * side, y + row * side, side, side)
        if number == PADDING:
            board.fill(place, "#00000000", "xxx")
            continue
        # neighbours differ: the colours are those of the window's parts, not of the windows
        red, green, blue, _ = palette(int(regions[number]) % 9)
        board.fill(place, matplotlib.colors.to_hex((red, green, blue)))
        if side >= 0.25:
            board.text(
                *place.middle, str(number + 1), size=8.5 if side < 0.42 else 11, align="center", colour="#16181D"
            )
        if number == cell[0] * width + cell[1]:
            board.frame(place)
    rows, columns = steps.tokens.windows_hw
    window = steps.tokens.window_hw[0]
    for border in range(columns + 1):
        at = x + border * window * side
        board.line((at, y), (at, y + rows * window * side), colour=_INK, width=2.4)
    for border in range(rows + 1):
        at = y + border * window * side
        board.line((x, at), (x + columns * window * side, at), colour=_INK, width=2.4)


@telling
def windows_on_picture(
    picture: Picture, geometry: Geometry, layers: list[tuple[str, WindowSteps]], cell: tuple[int, int]
) -> Drawing:
    """The windows of two real layers over the picture, and what one cell sees in each.

    Args:
        picture: that the network saw.
        geometry: where it saw it.
        layers: names and windows, both of one grid.
        cell: row and column of the cell that asks.
    """

    def draw(board: Board) -> None:
        height, width = picture.hw
        room = 5.8
        down = min(room * height / width, 3.2)
        across = down * width / height
        step = max(1, max(picture.hw) // 800)
        for number, (name, steps) in enumerate(layers):
            place = Placed(number * (12 - room) + (room - across) / 2, 0.45, across, down)
            board.text(place.x, 0.22, name, size=13, bold=True)
            board.picture(place, np.asarray(picture.rgb[::step, ::step]), smooth=True)
            rows, columns = geometry.cell_edges((steps.windows.shape[0], steps.windows.shape[1]))
            ys = place.y + np.clip(rows, 0, height) * down / height
            xs = place.x + np.clip(columns, 0, width) * across / width
            seen = steps.seen_from(cell)
            for row, column in np.argwhere(seen == SEEN):
                one = Placed(xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row])
                board.fill(one, _SEEN + "99", edge=_SEEN)
            _lines_between(board, xs, ys, steps.regions)
            one = Placed(
                xs[cell[1]], ys[cell[0]], xs[cell[1] + 1] - xs[cell[1]], ys[cell[0] + 1] - ys[cell[0]]
            )  # fmt: skip
            board.frame(one, HIGHLIGHT, 1.8)

    return draw


def _lines_between(board: Board, xs: np.ndarray, ys: np.ndarray, parts: np.ndarray) -> None:
    for colour, width in (("#000000", 2.4), ("#FFFFFF", 1.2)):
        for row, column in np.argwhere(parts[:, 1:] != parts[:, :-1]):
            board.line((xs[column + 1], ys[row]), (xs[column + 1], ys[row + 1]), colour=colour, width=width)
        for row, column in np.argwhere(parts[1:] != parts[:-1]):
            board.line((xs[column], ys[row + 1]), (xs[column + 1], ys[row + 1]), colour=colour, width=width)
