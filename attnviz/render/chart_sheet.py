"""The frame of a still chart: title, legend, axes and footer, at sizes that can be read where the figure is shown.

All measures are in inches from the top left corner. Text is broken where the measured width of its font says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from attnviz.errors import ValueRangeError
from attnviz.render.sheet import THEMES
from attnviz.render.sizes import SLIDE_IN, is_for_paper
from attnviz.render.text import FAMILY, line_in, width_in, wrap

ThemeName = Literal["light", "dark"]
Colour = tuple[float, float, float, float]

_TALLEST_PAPER_IN = 9.5


@dataclass(frozen=True)
class TextSizes:
    """Sizes in points, and the distances in inches that go with them.

    Attributes:
        title: of the line across the top.
        body: of names.
        small: of everything else; nothing is smaller.
        margin: at the edges.
        gap: between neighbours.
    """

    title: float
    body: float
    small: float
    margin: float
    gap: float


_PAPER = TextSizes(title=9.0, body=7.5, small=7.0, margin=0.08, gap=0.07)
_SLIDE = TextSizes(title=22.0, body=15.0, small=14.0, margin=0.45, gap=0.16)
_SMALL_SLIDE = TextSizes(title=20.0, body=15.0, small=14.0, margin=0.4, gap=0.14)


def text_sizes(size: tuple[float, float]) -> TextSizes:
    """Text for a figure of this size: at least 7 points on paper, at least 14 on a slide."""
    if is_for_paper(size):
        return _PAPER
    return _SLIDE if size[0] >= SLIDE_IN[0] - 1 else _SMALL_SLIDE


def colour_of(css: str, opacity: float | None = None) -> Colour:
    """A colour as charts on pages name it, "#4C78A8" or "rgba(128,128,128,0.38)", for a still figure."""
    if css.startswith("rgba("):
        red, green, blue, alpha = (float(part) for part in css[5:-1].split(","))
        return (red / 255, green / 255, blue / 255, alpha if opacity is None else opacity)
    red, green, blue, alpha = to_rgba(css, opacity)
    return (float(red), float(green), float(blue), float(alpha))


@dataclass(frozen=True)
class Key:
    """One entry of the legend.

    Attributes:
        label: what it says.
        colour: as `colour_of` takes it.
        kind: "bar", or a line "solid", "dash" or "dot", or "mark".
        mark: matplotlib's sign, for a mark or on a line.
    """

    label: str
    colour: str
    kind: Literal["bar", "solid", "dash", "dot", "mark"] = "bar"
    mark: str = ""


DASHES: dict[str, Literal["solid"] | tuple[float, tuple[float, ...]]] = {
    "solid": "solid",
    "dash": (0, (5, 3)),
    "dot": (0, (1, 1.6)),
}
"""Kind of line to how matplotlib draws it."""


class ChartSheet:
    """A figure with its title, legend and footer drawn; what is between them is the `room` for axes.

    Args:
        size: width and height in inches. On paper it grows in height where the content needs it.
        theme: "light" or "dark".
        transparent: leave the background out.
        title: one to three lines across the top.
        keys: of the legend, in order.
        footer: paragraphs at the bottom.
        least_in: height that the content needs.

    Raises:
        ValueRangeError: the theme is unknown, or the size leaves no room.
    """

    def __init__(
        self,
        size: tuple[float, float],
        theme: str,
        transparent: bool,
        title: str,
        keys: Sequence[Key] = (),
        footer: Sequence[str] = (),
        least_in: float = 0.0,
    ) -> None:
        if theme not in THEMES:
            raise ValueRangeError(f"theme must be one of {', '.join(THEMES)}; got {theme!r}.")
        if not (size[0] >= 2 and size[1] >= 2):
            raise ValueRangeError(f"size must be at least 2 x 2 inches; got {size[0]:g} x {size[1]:g}.")
        self.theme, self.text_sizes = THEMES[theme], text_sizes(size)
        sizes, self.width = self.text_sizes, size[0]
        inner = self.width - 2 * sizes.margin
        around = _Around.of(size, title, keys, footer)
        top, under_legend, foot_in = around.top, around.under_legend, around.foot_in
        needed = under_legend + least_in + foot_in
        self.height = min(max(size[1], needed), max(_TALLEST_PAPER_IN, size[1])) if is_for_paper(size) else size[1]
        self.figure = Figure(
            figsize=(self.width, self.height), facecolor="none" if transparent else self.theme.background
        )
        FigureCanvasAgg(self.figure)
        self.room = (sizes.margin, under_legend, inner, self.height - foot_in - under_legend)
        for number, line in enumerate(around.titles):
            self.text(sizes.margin, sizes.margin + number * line_in(sizes.title), line, sizes.title, bold=True)
        self._legend(around.legend, top)
        for number, line in enumerate(around.foot):
            y = self.height - foot_in + sizes.gap + number * line_in(sizes.small)
            self.text(sizes.margin, y, line, sizes.small, muted=True)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        *,
        bold: bool = False,
        muted: bool = False,
        align: Literal["left", "center", "right"] = "left",
        colour: str = "",
    ) -> None:
        """Write one line whose box begins at (x, y)."""
        self.figure.text(
            x / self.width,
            1 - (y + 0.5 * line_in(size)) / self.height,
            text,
            size=size,
            weight="bold" if bold else "normal",
            family=FAMILY,
            color=colour or (self.theme.muted if muted else self.theme.text),
            ha=align,
            va="center_baseline",
            parse_math=False,
        )

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Calm axes on a place: no frame but the line below, numbers in the small size."""
        if width < 0.3 or height < 0.3:
            raise ValueRangeError(
                f"size must leave room for the chart; got {self.width:g} x {self.height:g} inches. Choose a larger one."
            )
        place = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place, facecolor="none")
        axes.tick_params(
            colors=self.theme.muted,
            labelsize=self.text_sizes.small,
            labelfontfamily=FAMILY,
            length=2 if self.paper else 4,
            width=0.5 if self.paper else 1,
        )
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set_color(self.theme.muted)
        axes.spines["bottom"].set_linewidth(0.5 if self.paper else 1)
        axes.set_axisbelow(True)
        return axes

    @property
    def paper(self) -> bool:
        """Whether the figure is for a page that is read close up."""
        return self.text_sizes is _PAPER

    def line(self, points: float) -> float:
        """Width of a line that is so many points wide on a slide."""
        return points * (0.45 if self.paper else 1.0)

    def _legend(self, rows: Sequence[Sequence[tuple[Key, float, str]]], top: float) -> None:
        small = self.text_sizes.small
        handle = _handle_in(self.text_sizes)
        for number, row in enumerate(rows):
            y = top + number * 1.15 * line_in(small)
            for key, x, label in row:
                if key.colour:
                    self._handle(key, self.text_sizes.margin + x, y + 0.5 * line_in(small), handle)
                indent = handle + 0.8 * self.text_sizes.gap
                self.text(self.text_sizes.margin + x + indent, y, label, small)

    def _handle(self, key: Key, x: float, middle: float, width: float) -> None:
        y = 1 - middle / self.height
        if key.kind == "bar":
            tall = 0.55 * line_in(self.text_sizes.small)
            self.figure.add_artist(
                Rectangle(
                    (x / self.width, y - tall / 2 / self.height),
                    width / self.width,
                    tall / self.height,
                    facecolor=colour_of(key.colour),
                    edgecolor="none",
                    transform=self.figure.transFigure,
                )
            )
            return
        is_mark = key.kind == "mark"
        self.figure.add_artist(
            Line2D(
                [x / self.width, (x + width / 2) / self.width, (x + width) / self.width],
                [y, y, y],
                color=colour_of(key.colour),
                linestyle=DASHES["solid" if is_mark else key.kind],
                linewidth=0 if is_mark else self.line(2.5),
                marker=key.mark or None,
                markevery=[1],
                markersize=self.line(11),
                markeredgecolor=colour_of(key.colour) if key.mark == "|" else "black",
                markeredgewidth=self.line(2.5 if key.mark == "|" else 1.2),
                transform=self.figure.transFigure,
            )
        )


@dataclass(frozen=True)
class _Around:
    """Title, legend and footer broken into lines, and where they end."""

    titles: list[str]
    legend: list[list[tuple[Key, float, str]]]
    foot: list[str]
    top: float
    under_legend: float
    foot_in: float

    @classmethod
    def of(cls, size: tuple[float, float], title: str, keys: Sequence[Key], footer: Sequence[str]) -> "_Around":
        sizes = text_sizes(size)
        inner = size[0] - 2 * sizes.margin
        titles = wrap(title, inner, sizes.title, bold=True, most_lines=6 if is_for_paper(size) else 3)
        legend = _legend_rows(keys, inner, sizes)
        most = 6 if is_for_paper(size) else 2
        foot = [line for paragraph in footer for line in wrap(paragraph, inner, sizes.small, most_lines=most)]
        top = sizes.margin + len(titles) * line_in(sizes.title) + sizes.gap
        under_legend = top + len(legend) * 1.15 * line_in(sizes.small) + (sizes.gap if legend else 0.0)
        return cls(
            titles, legend, foot, top, under_legend, len(foot) * line_in(sizes.small) + sizes.gap + 0.7 * sizes.margin
        )


def room_in(size: tuple[float, float], title: str, keys: Sequence[Key], footer: Sequence[str]) -> float:
    """Height that title, legend and footer leave; a page of paper can grow to its full height."""
    around = _Around.of(size, title, keys, footer)
    whole = max(_TALLEST_PAPER_IN, size[1]) if is_for_paper(size) else size[1]
    return whole - around.under_legend - around.foot_in


def _handle_in(sizes: TextSizes) -> float:
    return 2.0 * sizes.small / 72


def _legend_rows(keys: Sequence[Key], inner: float, sizes: TextSizes) -> list[list[tuple[Key, float, str]]]:
    """The entries as they flow from left to right: key, place, and label; a long one goes on in the next row."""
    rows: list[list[tuple[Key, float, str]]] = []
    indent = _handle_in(sizes) + 0.8 * sizes.gap
    x = 0.0
    for key in keys:
        lines = wrap(key.label, inner - indent, sizes.small)
        wide = indent + width_in(lines[0], sizes.small)
        if not rows or x + wide > inner:
            rows.append([])
            x = 0.0
        rows[-1].append((key, x, lines[0]))
        x += wide + 2.2 * sizes.gap
        for line in lines[1:]:
            rows.append([(Key(line, "", key.kind), 0.0, line)])
            x = inner
    return rows
