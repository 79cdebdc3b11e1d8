"""The board of a figure that explains: numbers in coloured cells, arrows between them, pictures and bars, in inches.

Everything is placed on a board of its own size, from the top left corner, and the board is then scaled to the figure,
text and all. So one drawing fits a slide, a column of a paper and the page.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import FancyArrowPatch, Rectangle

from attnviz.render.lesson.colours import BAR_COLOUR, HIGHLIGHT, Colours
from attnviz.render.lesson.numbers import written
from attnviz.render.sheet import Theme
from attnviz.render.text import FAMILY

_DARK_BELOW = 0.45
_THINNEST_GAP_IN = 0.012

Align = Literal["left", "center", "right"]


@dataclass(frozen=True)
class Placed:
    """Where something was drawn, in inches of the board."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def right(self) -> float:
        """Its right end."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Its lower end."""
        return self.y + self.height


class Board:
    """What a drawing draws on. y goes down."""

    def __init__(self, axes: Axes, theme: Theme, points: float, left: float, top: float) -> None:
        self.theme = theme
        self._axes = axes
        self._points = points
        self._left, self._top = left, top
        # Hundreds of cells and lines are drawn as a few collections: one artist for each would take seconds.
        self._lines: dict[tuple[str, float, bool], list[list[tuple[float, float]]]] = defaultdict(list)
        self._fills: dict[tuple[str, str, str, float], list[Rectangle]] = defaultdict(list)

    def finish(self) -> None:
        """Put what was gathered on the figure."""
        for (colour, hatch, edge, line_width), rectangles in self._fills.items():
            self._axes.add_collection(
                PatchCollection(rectangles, facecolor=colour, edgecolor=edge, linewidth=line_width * self._points,
                                hatch=hatch or None, zorder=1.5),
                autolim=False,
            )  # fmt: skip
        for (colour, line_width, dashed), segments in self._lines.items():
            self._axes.add_collection(
                LineCollection(segments, colors=colour, linewidths=line_width * self._points,
                               linestyles=[(0, (4, 3))] if dashed else "solid", capstyle="butt", zorder=2),
                autolim=False,
            )  # fmt: skip

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 12,
        bold: bool = False,
        muted: bool = False,
        colour: str | None = None,
        align: Align = "left",
        turned: bool = False,
    ) -> None:
        """One line, its middle at height y. Between dollar signs it is mathematics."""
        self._axes.text(
            self._left + x,
            self._top + y,
            words,
            fontsize=size * self._points,
            family=FAMILY,
            weight="bold" if bold else "normal",
            color=colour or (self.theme.muted if muted else self.theme.text),
            ha=align,
            va="center",
            rotation=90 if turned else 0,
            rotation_mode="anchor",
            math_fontfamily="dejavusans",
        )

    def cells(
        self,
        x: float,
        y: float,
        values: npt.ArrayLike,
        colours: Colours,
        *,
        cell: tuple[float, float] = (0.62, 0.4),
        title: str = "",
        words: Sequence[Sequence[str]] | bool = True,
        rows: Sequence[str] = (),
        columns: Sequence[str] = (),
        marked: Collection[tuple[int, int]] = (),
        size: float = 12,
        border: bool = True,
    ) -> Placed:
        """A table of coloured cells, its top left corner at (x, y); the title stands above, the rows' names left.

        Args:
            x: left end.
            y: upper end.
            values: (rows, columns).
            colours: of the cells.
            cell: width and height of one.
            title: mathematics between dollar signs.
            words: what stands in the cells: the numbers themselves, nothing, or these words.
            rows: names, right-aligned before each row.
            columns: names above each column.
            marked: cells with a frame around them.
            size: of the numbers, in points.
            border: thin lines between the cells.
        """
        table = np.asarray(values, dtype=np.float64)
        height, width = table.shape
        across, down = cell
        place = Placed(x, y, width * across, height * down)
        fills = colours.of(np.nan_to_num(table))
        self.picture(place, fills)
        if border:
            for number in range(width + 1):
                self.line((x + number * across, y), (x + number * across, place.bottom), muted=True, width=0.5)
            for number in range(height + 1):
                self.line((x, y + number * down), (place.right, y + number * down), muted=True, width=0.5)
        shown: Sequence[Sequence[str]] = []
        if words is True:
            shown = written(table)
        elif words is not False:
            shown = words
        for row, line in enumerate(shown):
            for column, word in enumerate(line):
                dark = float(fills[row, column, :3] @ (0.2126, 0.7152, 0.0722)) < _DARK_BELOW
                where = (x + (column + 0.5) * across, y + (row + 0.5) * down)
                self.text(*where, word, size=size, align="center", colour="#FFFFFF" if dark else "#16181D")
        for row, name in enumerate(rows):
            self.text(x - 0.08, y + (row + 0.5) * down, name, size=size, muted=True, align="right")
        for column, name in enumerate(columns):
            self.text(x + (column + 0.5) * across, y - 0.14, name, size=size, muted=True, align="center")
        if title:
            self.text(place.middle[0], y - (0.42 if columns else 0.2), title, size=13, align="center")
        for row, column in marked:
            self.frame(Placed(x + column * across, y + row * down, across, down))
        return place

    def picture(self, place: Placed, pixels: npt.NDArray[np.generic], smooth: bool = False) -> None:
        """Pixels (h, w, 3 or 4), filling a place."""
        x, y = self._left + place.x, self._top + place.y
        self._axes.imshow(
            pixels,
            extent=(x, x + place.width, y + place.height, y),
            interpolation="antialiased" if smooth else "nearest",
            aspect="auto",
            zorder=1,
        )

    def frame(self, place: Placed, colour: str = HIGHLIGHT, width: float = 2.2, dashed: bool = False) -> None:
        """A frame on a white line, so that it shows on any ground."""
        for line_colour, line_width in (("#FFFFFF", width + 1.4), (colour, width)):
            self._axes.add_patch(
                Rectangle(
                    (self._left + place.x, self._top + place.y),
                    place.width,
                    place.height,
                    fill=False,
                    edgecolor=line_colour,
                    linewidth=line_width * self._points,
                    linestyle=(0, (3, 2)) if dashed and line_colour == colour else "solid",
                    zorder=4,
                )
            )

    def fill(self, place: Placed, colour: str, hatch: str = "", edge: str | None = None) -> None:
        """A filled rectangle."""
        rectangle = Rectangle((self._left + place.x, self._top + place.y), place.width, place.height)
        self._fills[colour, hatch, edge or self.theme.muted, 0.5].append(rectangle)

    def line(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        colour: str | None = None,
        muted: bool = False,
        width: float = 1.2,
        dashed: bool = False,
    ) -> None:
        """A straight line."""
        chosen = colour or (self.theme.muted if muted else self.theme.text)
        segment = [(self._left + x, self._top + y) for x, y in (start, end)]
        self._lines[chosen, width, dashed].append(segment)

    def arrow(self, start: tuple[float, float], end: tuple[float, float], label: str = "") -> None:
        """An arrow; its label stands above the middle."""
        self._axes.add_patch(
            FancyArrowPatch(
                (self._left + start[0], self._top + start[1]),
                (self._left + end[0], self._top + end[1]),
                arrowstyle="-|>",
                mutation_scale=13 * self._points,
                linewidth=1.4 * self._points,
                color=self.theme.muted,
                shrinkA=0,
                shrinkB=0,
                zorder=3,
            )
        )
        if label:
            self.text((start[0] + end[0]) / 2, min(start[1], end[1]) - 0.17, label, size=11, muted=True, align="center")

    def bars(
        self,
        place: Placed,
        values: npt.ArrayLike,
        ends: tuple[float, float],
        *,
        title: str = "",
        colour: str = BAR_COLOUR,
        marked: Collection[int] = (),
    ) -> None:
        """Upright bars from zero, with the range's ends written at the left."""
        numbers = np.asarray(values, dtype=np.float64)
        low, high = min(0.0, ends[0]), max(0.0, ends[1])
        high = high if high > low else low + 1

        def level(value: float) -> float:
            return place.y + place.height * (high - value) / (high - low)

        step = place.width / len(numbers)
        gap = 0.14 if step > _THINNEST_GAP_IN / 0.14 else 0.0  # finer gaps would look like stripes
        for number, value in enumerate(np.clip(numbers, low, high)):
            x, ends_at = self._left + place.x + (number + gap / 2) * step, self._top + level(float(value))
            bar = Rectangle((x, ends_at), step * (1 - gap), self._top + level(0) - ends_at)
            shown = HIGHLIGHT if number in marked else colour
            self._fills[shown, "", "none", 0.0].append(bar)
        self.line((place.x, level(0)), (place.right, level(0)), muted=True, width=0.8)
        for value in {low, high}:
            self.text(place.x - 0.08, level(value), written([[value]])[0][0], size=10, muted=True, align="right")
        if title:
            self.text(place.x, place.y - 0.18, title, size=12)
