"""From a drawing on a board to a figure: its size, its theme, a title above and small print below."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Literal, ParamSpec

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from attnviz.errors import AttnvizError
from attnviz.render.lesson.board import Board
from attnviz.render.sheet import THEMES
from attnviz.render.text import line_in, wrap

_TITLE_PT, _CAPTION_PT, _MARGIN_IN = 19.0, 11.0, 0.3

Drawing = Callable[[Board], None]

Given = ParamSpec("Given")


@dataclass(frozen=True, eq=False)
class ToldDrawing:
    """A drawing that tells what it was made of, so that it can be made again.

    Attributes:
        name: of the function that made it; it stands in `DRAWINGS`.
        given: what the function was given, by the parameter's name.
        draw: draws on the board.
    """

    name: str
    given: Mapping[str, object]
    draw: Drawing

    def __call__(self, board: Board) -> None:
        """Draw on a board."""
        self.draw(board)


DRAWINGS: dict[str, Callable[..., Drawing]] = {}
"""Functions whose drawings tell what they are made of, by name; `telling` adds them."""


def telling(make: Callable[Given, Drawing]) -> Callable[Given, Drawing]:
    """Let the drawings that a function makes tell what they are made of.

    Raises:
        AttnvizError: another function has this name already.
    """
    signature = inspect.signature(make)

    @wraps(make)
    def made(*args: Given.args, **named: Given.kwargs) -> Drawing:
        return ToldDrawing(make.__name__, signature.bind(*args, **named).arguments, make(*args, **named))

    if make.__name__ in DRAWINGS:
        raise AttnvizError(f"a drawing must have a name of its own; got {make.__name__!r} twice. Rename one.")
    DRAWINGS[make.__name__] = made
    return made


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
