"""A figure of a lesson, with all its settings, so that it can be written in any format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from attnviz._version import __version__
from attnviz.export.figure_source import Json
from attnviz.render import SLIDE_IN
from attnviz.render.lesson import Drawing, Look, drawn


@dataclass(frozen=True, eq=False)
class LessonFigure:
    """One step of a lesson, as it is to be drawn.

    Attributes:
        title: what is shown; one line.
        alt: the figure in words, with its numbers.
        drawing: draws it.
        board_wh: width and height that the drawing needs, in inches of the board.
        caption: small print: network, layer, picture, units and colours.
        settings: everything that the numbers follow from.
        numbers: the values shown, by name.
        size: width and height in inches; a height of 0 takes what the drawing needs.
        theme: "light" or "dark".
        transparent: leave the background out.
        bare: without title and caption, for a page that has its own.
    """

    title: str
    alt: str
    drawing: Drawing
    board_wh: tuple[float, float]
    caption: str = ""
    settings: Mapping[str, Json] = field(default_factory=dict)
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)
    size: tuple[float, float] = SLIDE_IN
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False
    bare: bool = False

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        look = Look(self.size, self.theme, self.transparent)
        title, caption = ("", "") if self.bare else (self.title, self.caption)
        return drawn(self.drawing, self.board_wh, look, title, caption)

    def provenance(self) -> dict[str, Json]:
        """The lesson's settings."""
        return {"attnviz": __version__, "lesson": self.title, "caption": self.caption, **self.settings}

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The values shown, by name."""
        return self.numbers
