"""From a drawing on a board to a figure: its size, its theme, a title above and small print below."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from attnviz.render.lesson.board import Board
from attnviz.render.sheet import THEMES
from attnviz.render.text import line_in, wrap

_TITLE_PT, _CAPTION_PT, _MARGIN_IN = 19.0, 11.0, 0.3

Drawing = Callable[[Board], None]


@dataclass(frozen=True)
class Look:
    """How a figure is to look.

    Attributes:
        size: width and height in inches; a height of 0 takes what the drawing needs.
        theme: "light" or "dark".
        transparent: leave the background out.
    """

    size: tuple[float, float]
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False


def drawn(drawing: Drawing, board_wh: tuple[float, float], look: Look, title: str = "", caption: str = "") -> Figure:
    """A drawing as a figure, as large as fits.

    Args:
        drawing: draws on the board.
        board_wh: width and height that it needs, in inches of the board.
        look: of the figure.
        title: above it; none if empty.
        caption: small print below.
    """
    theme = THEMES[look.theme]
    above = wrap(title, board_wh[0], _TITLE_PT, bold=True) if title else []
    below = wrap(caption, board_wh[0], _CAPTION_PT) if caption else []
    margin = _MARGIN_IN if title or caption else 0.05
    top = margin + len(above) * line_in(_TITLE_PT) + (0.25 if above else 0)
    whole_w = board_wh[0] + 2 * margin
    whole_h = top + board_wh[1] + (0.2 if below else 0) + len(below) * line_in(_CAPTION_PT) + margin
    width, height = look.size
    height = height or width * whole_h / whole_w
    points = min(width / whole_w, height / whole_h)
    figure = Figure(figsize=(width, height), facecolor="none" if look.transparent else theme.background)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    spare_x, spare_y = width / points - whole_w, height / points - whole_h
    frame = Board(axes, theme, points, 0.0, 0.0)
    for number, line in enumerate(above):
        frame.text(margin, margin + (number + 0.5) * line_in(_TITLE_PT), line, size=_TITLE_PT, bold=True)
    board = Board(axes, theme, points, margin, top)
    drawing(board)
    board.finish()
    for number, line in enumerate(below):
        y = whole_h - margin - (len(below) - number - 0.5) * line_in(_CAPTION_PT)
        frame.text(margin, y, line, size=_CAPTION_PT, muted=True)
    # last: pictures and bars move the limits
    axes.set_xlim(-spare_x / 2, whole_w + spare_x / 2)
    axes.set_ylim(whole_h + spare_y / 2, -spare_y / 2)
    return figure
