"""A page of text, pictures and small charts, measured in inches from its top left corner."""

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from attnviz.errors import ValueRangeError
from attnviz.render.figure_layout import MARGIN_IN
from attnviz.render.sheet import BADGE_COLOUR, THEMES
from attnviz.render.sizes import is_for_paper
from attnviz.render.text import FAMILY, line_in, width_in, wrap

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in inches from the top left corner of the page."""

_SMALLEST_PT = 5.0
_SMALLEST_NAME_PT = 3.5
_HEADING_PT, _FOOTER_PT = 20.0, 11.0
_NUMBERS_IN = 0.55
_FILLED = 0.95
"""Part of its room that a name or a line of small print may fill: tiny letters come out wider than measured."""


class Canvas:
    """A page whose text is given in points of a slide: on a page of a paper all of it is smaller.

    Args:
        size_wh: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: an unknown theme.
    """

    def __init__(self, size_wh: tuple[float, float], theme: Literal["light", "dark"], transparent: bool) -> None:
        if theme not in THEMES:
            raise ValueRangeError(f"theme must be one of {', '.join(THEMES)}; got {theme!r}.")
        self.width, self.height = size_wh
        self.theme = THEMES[theme]
        self.scale = (0.55 if size_wh[0] >= 5 else 0.48) if is_for_paper(size_wh) else min(1.0, size_wh[0] / 11.5)
        self.margin = MARGIN_IN * self.scale
        self.inner = self.width - 2 * self.margin
        self.figure = Figure(figsize=size_wh, facecolor="none" if transparent else self.theme.background)
        FigureCanvasAgg(self.figure)

    def pt(self, points: float) -> float:
        """Points on this page for points on a slide."""
        return max(_SMALLEST_PT, points * self.scale)

    def line(self, points: float) -> float:
        """Height of a line of text, in inches."""
        return line_in(self.pt(points))

    def gap(self, inches: float) -> float:
        """A distance on this page for one on a slide."""
        return inches * self.scale

    def fitted(self, text: str, available_in: float, points: float, bold: bool = False) -> str:
        """The text in one line, cut where it is wider than what is available."""
        lines = wrap(text, available_in, self.pt(points), bold, most_lines=1)
        return lines[0] if lines else ""

    def text(
        self, x: float, y: float, text: str, points: float, *, bold: bool = False, muted: bool = False, colour: str = ""
    ) -> None:
        """One line of text whose upper left corner is at (x, y)."""
        self.figure.text(
            x / self.width,
            1 - (y + 0.5 * self.line(points)) / self.height,
            text,
            size=self.pt(points),
            weight="bold" if bold else "normal",
            family=FAMILY,
            color=colour or (self.theme.muted if muted else self.theme.text),
            va="center_baseline",
            parse_math=False,
        )

    def paragraph(
        self, x: float, y: float, text: str, available_in: float, points: float, *, most_lines: int | None = None,
        bold: bool = False, muted: bool = False,
    ) -> float:  # fmt: skip
        """Text in lines that fit a width. Returns where the next paragraph begins."""
        for line in wrap(text, available_in, self.pt(points), bold, most_lines):
            self.text(x, y, line, points, bold=bold, muted=muted)
            y += self.line(points)
        return y

    def heading(self, text: str) -> float:
        """The line across the top. Returns where the rest of the page begins."""
        lines = 3 if self.width < 5 else 2
        below = self.paragraph(self.margin, self.margin, text, self.inner, _HEADING_PT, most_lines=lines, bold=True)
        return below + self.gap(0.12)

    def footer(self, paragraphs: Sequence[str]) -> float:
        """Small print at the foot. Returns where the rest of the page ends."""
        lines = [
            line for one in paragraphs for line in wrap(one, _FILLED * self.inner, self.pt(_FOOTER_PT), most_lines=5)
        ]
        top = self.height - 0.7 * self.margin - len(lines) * self.line(_FOOTER_PT)
        for place, line in enumerate(lines):
            self.text(self.margin, top + place * self.line(_FOOTER_PT), line, _FOOTER_PT, muted=True)
        return top - self.gap(0.1)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes without ticks whose upper left corner is at (x, y)."""
        axes = self.figure.add_axes(
            (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        )
        axes.set_facecolor("none")
        axes.set_xticks([])
        axes.set_yticks([])
        return axes

    def fit_beside(self, names: Sequence[str], width: float) -> bool:
        """Whether names fit beside each other under a chart of this width."""
        room = (width - self.gap(_NUMBERS_IN)) / max(1, len(names))
        return max((width_in(name, self.pt(11)) for name in names), default=0.0) <= _FILLED * room

    def chart(self, box: Box, label: str, names: Sequence[str] = ()) -> Axes:
        """Axes of a chart with numbers on the left; `label` stands at its top, `names` under 0, 1, 2 and so on.

        Names that would run into each other are slanted.
        """
        left, top, right, bottom = box
        size = self.pt(11)
        numbers = self.gap(_NUMBERS_IN)
        room = (right - left - numbers) / max(1, len(names))
        widest = max((width_in(name, size) for name in names), default=0.0)
        slanted = not self.fit_beside(names, right - left)
        below = (0.62 * widest if slanted else self.line(11)) + self.gap(0.1) if names else self.gap(0.3)
        self.text(left, top, self.fitted(label, right - left, 11), 11, muted=True)
        top += self.line(11) + self.gap(0.04)
        axes = self.axes(left + numbers, top, right - left - numbers, max(0.2, bottom - top - below))
        if names:
            self._names(axes, names, room, slanted)
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
        axes.tick_params(axis="y", colors=self.theme.muted, labelsize=size, length=2)
        axes.grid(axis="y", color=self.theme.muted, alpha=0.25, linewidth=0.6)
        axes.set_axisbelow(True)
        self.calm(axes)
        return axes

    def calm(self, axes: Axes, ticks: bool = True) -> None:
        """Take away the frame above and on the right, and draw the rest in the colours of the theme."""
        for side, spine in axes.spines.items():
            spine.set_visible(side in ("left", "bottom"))
            spine.set_color(self.theme.muted)
            spine.set_linewidth(0.8)
        if not ticks:
            axes.set_xticks([])
            axes.set_yticks([])

    def _names(self, axes: Axes, names: Sequence[str], room: float, slanted: bool) -> None:
        size = self.pt(11)
        if slanted and line_in(size) > room:
            size = max(_SMALLEST_NAME_PT, 72 * room / 1.3)
        axes.set_xticks(
            range(len(names)),
            list(names),
            rotation=35 if slanted else 0,
            ha="right" if slanted else "center",
            rotation_mode="anchor" if slanted else "default",
            size=size,
            family=FAMILY,
        )
        axes.tick_params(axis="x", length=2, colors=self.theme.muted)

    def label(self, axes: Axes, x: float, y: float, text: str) -> None:
        """A number over a bar."""
        axes.annotate(
            text, (x, y), xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", size=self.pt(10.5),
            color=self.theme.text, family=FAMILY,
        )  # fmt: skip

    def legend(self, axes: Axes) -> None:
        """A legend above the chart, on the right."""
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, frameon=False, labelcolor=self.theme.text,
            prop={"family": FAMILY, "size": self.pt(11)}, borderaxespad=0.1, handlelength=1.2, columnspacing=1.2,
        )  # fmt: skip

    def badge(self, axes: Axes, words: str, width: float) -> None:
        """A warning on a picture."""
        longest = max(map(len, words.split("\n")))
        axes.text(
            0.04, 0.95, words, transform=axes.transAxes, ha="left", va="top", weight="bold", family=FAMILY,
            size=min(self.pt(12), 78.0 * width / longest), color="white",
            bbox={"facecolor": BADGE_COLOUR, "edgecolor": "white", "boxstyle": "round,pad=0.3"},
        )  # fmt: skip

    def frame(self, axes: Axes, colour: str) -> None:
        """A coloured frame around a picture."""
        axes.add_patch(
            Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, edgecolor=colour, linewidth=5 * self.scale,
                      clip_on=False, zorder=5)
        )  # fmt: skip
