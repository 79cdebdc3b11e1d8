"""Puts the columns of a comparison on a figure. All measures are in inches from the top left corner."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke

from attnviz.render.columns import BODY_PT, SMALL_PT, ColourBar, Column, Words
from attnviz.render.figure_layout import GUTTER_IN, MARGIN_IN, ROW_GAP_IN, Grid, best_grid
from attnviz.render.text import FAMILY, line_in, width_in, wrap

REGION_COLOUR = "#FFB000"
BADGE_COLOUR = "#B00020"

_HEADING_PT, _FOOTER_PT = 22.0, 12.0
_BAR_IN, _GAP_IN, _SHORTEST_BAR_IN = 0.15, 0.08, 0.6
_SIZES = (1.0, 0.93, 0.86, 0.79, 0.72)
"""Factors on the text of the panels, tried in order until the pictures are large enough."""
_LONG_ENOUGH = 0.17
"""A picture is large enough when its longer side is this share of the figure's width."""


@dataclass(frozen=True)
class Theme:
    """Colours of a figure."""

    background: str
    text: str
    muted: str


THEMES: dict[str, Theme] = {
    "light": Theme(background="#FFFFFF", text="#16181D", muted="#4A4F59"),
    "dark": Theme(background="#0E1117", text="#F4F5F7", muted="#B9BEC8"),
}
"""Theme name to its colours. Transparent figures keep the theme's text colours."""


@dataclass(frozen=True, eq=False)
class _Set:
    """A column with its text broken into lines."""

    column: Column
    above: list[tuple[str, Words, float]]
    below: list[tuple[str, Words, float]]


class Sheet:
    """A figure that is filled once, by `draw`."""

    def __init__(self, size_wh: tuple[float, float], theme: Theme, transparent: bool) -> None:
        self.width, self.height = size_wh
        self.theme = theme
        self.figure = Figure(figsize=size_wh, facecolor="none" if transparent else theme.background)
        FigureCanvasAgg(self.figure)

    def draw(self, columns: Sequence[Column], heading: str, footer: Sequence[str], mask: np.ndarray | None) -> None:
        """Lay out and draw everything; `mask` is outlined on each picture, at the pictures' own pixels."""
        inner = self.width - 2 * MARGIN_IN
        top = MARGIN_IN
        for line in wrap(heading, inner, _HEADING_PT, bold=True, most_lines=2):
            self._text(MARGIN_IN, top, line, _HEADING_PT, bold=True)
            top += line_in(_HEADING_PT)
        if heading:
            top += 0.12
        footer_lines = [line for paragraph in footer for line in wrap(paragraph, inner, _FOOTER_PT, most_lines=2)]
        bottom = self.height - MARGIN_IN * 0.7 - len(footer_lines) * line_in(_FOOTER_PT)
        self._footer(footer_lines, bottom)
        room_wh = (inner, bottom - 0.14 - top)
        grid, factor = self._arrange(columns, room_wh)
        sets = [_typeset(column, grid.column_in, factor) for column in columns]
        self._panels(sets, grid, factor, top, room_wh, mask)

    def _arrange(self, columns: Sequence[Column], room_wh: tuple[float, float]) -> tuple[Grid, float]:
        height, width = columns[0].image.shape[:2]
        for factor in _SIZES:
            grid = best_grid(
                len(columns),
                width / height,
                room_wh,
                lambda column_in, factor=factor: _text_height(  # type: ignore[misc]
                    [_typeset(column, column_in, factor) for column in columns], column_in, factor
                ),
            )
            if max(grid.picture_wh) >= _LONG_ENOUGH * self.width:
                break
        return grid, factor

    def _panels(
        self,
        sets: Sequence[_Set],
        grid: Grid,
        factor: float,
        top: float,
        room_wh: tuple[float, float],
        mask: np.ndarray | None,
    ) -> None:
        picture_w, picture_h = grid.picture_wh
        used = min(grid.column_in, max(picture_w, max(_widest(one) for one in sets)))
        above = max(_lines_height(one.above) for one in sets)
        block_w = grid.columns * used + (grid.columns - 1) * GUTTER_IN
        row_h = grid.text_in + picture_h
        block_h = grid.rows * row_h + (grid.rows - 1) * ROW_GAP_IN
        left = MARGIN_IN + (room_wh[0] - block_w) / 2
        start = top + max(0.0, (room_wh[1] - block_h) / 2)
        bar_room = _bar_height(sets, used, factor)
        for place, one in enumerate(sets):
            x = left + (place % grid.columns) * (used + GUTTER_IN)
            y = start + (place // grid.columns) * (row_h + ROW_GAP_IN)
            self._lines(x, y + above - _lines_height(one.above), one.above)
            axes = self._axes(x, y + above + _GAP_IN, picture_w, picture_h)
            _picture(axes, one.column, mask)
            under = y + above + picture_h + 2 * _GAP_IN
            if one.column.bar is not None:
                self._bar(x, under, picture_w, used, one.column.bar, factor)
                under += bar_room
            self._lines(x, under, one.below)

    def _bar(self, x: float, y: float, width: float, used: float, bar: ColourBar, factor: float) -> None:
        """The strip between its two numbers, then the unit on lines of its own."""
        size = SMALL_PT * factor
        low_in, high_in = width_in(bar.low, size) + 0.08, width_in(bar.high, size) + 0.08
        whole = max(width, min(used, low_in + high_in + _SHORTEST_BAR_IN))
        strip_in = max(0.1, whole - low_in - high_in)
        self._text(x, y, bar.low, size)
        self._text(x + whole, y, bar.high, size, align="right")
        axes = self._axes(x + low_in, y + (line_in(size) - _BAR_IN) / 2, strip_in, _BAR_IN)
        axes.imshow(bar.strip, aspect="auto", interpolation="nearest")
        for line in wrap(bar.unit, used, size, most_lines=2):
            y += line_in(size)
            self._text(x, y, line, size, muted=True)

    def _footer(self, lines: Sequence[str], top: float) -> None:
        for number, line in enumerate(lines):
            self._text(MARGIN_IN, top + number * line_in(_FOOTER_PT), line, _FOOTER_PT, muted=True)

    def _lines(self, x: float, y: float, lines: Sequence[tuple[str, Words, float]]) -> None:
        for text, words, size in lines:
            self._text(x, y, text, size, bold=words.bold, muted=words.muted)
            y += line_in(size)

    def _text(
        self, x: float, y: float, text: str, size: float, bold: bool = False, muted: bool = False, align: str = "left"
    ) -> None:
        self.figure.text(
            x / self.width,
            1 - (y + 0.5 * line_in(size)) / self.height,
            text,
            size=size,
            weight="bold" if bold else "normal",
            family=FAMILY,
            color=self.theme.muted if muted else self.theme.text,
            ha=align,
            va="center_baseline",
            parse_math=False,
        )

    def _axes(self, x: float, y: float, width: float, height: float) -> Axes:
        axes = self.figure.add_axes(
            (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        )
        axes.set_axis_off()
        return axes


def _picture(axes: Axes, column: Column, mask: np.ndarray | None) -> None:
    height, width = column.image.shape[:2]
    axes.imshow(column.image, aspect="auto", extent=(0, width, height, 0))
    if mask is not None:
        closed = np.pad(mask.astype(float), 1)
        outline = axes.contour(
            np.clip(np.arange(-0.5, width + 1), 0, width),
            np.clip(np.arange(-0.5, height + 1), 0, height),
            closed,
            levels=[0.5],
            colors=[REGION_COLOUR],
            linewidths=2.2,
        )
        outline.set_path_effects([Stroke(linewidth=4.4, foreground="black"), Normal()])
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
    if column.badge:
        axes.text(
            0.5,
            0.5,
            column.badge,
            transform=axes.transAxes,
            ha="center",
            va="center",
            size=BODY_PT,
            weight="bold",
            family=FAMILY,
            color="white",
            bbox={"facecolor": BADGE_COLOUR, "edgecolor": "white", "boxstyle": "round,pad=0.3"},
        )


def _typeset(column: Column, available_in: float, factor: float) -> _Set:
    def lines(paragraphs: Sequence[Words]) -> list[tuple[str, Words, float]]:
        return [
            (line, words, words.size_pt * factor)
            for words in paragraphs
            for line in wrap(words.text, available_in, words.size_pt * factor, words.bold, words.most_lines)
        ]

    return _Set(column, lines(column.above), lines(column.below))


def _lines_height(lines: Sequence[tuple[str, Words, float]]) -> float:
    return sum(line_in(size) for _, _, size in lines)


def _text_height(sets: Sequence[_Set], column_in: float, factor: float) -> float:
    above = max(_lines_height(one.above) for one in sets)
    bar = _bar_height(sets, column_in, factor)
    below = max(_lines_height(one.below) + (bar if one.column.bar is not None else 0.0) for one in sets)
    return above + below + 2 * _GAP_IN


def _bar_height(sets: Sequence[_Set], used: float, factor: float) -> float:
    """Height of the tallest colour bar with its unit, so that what stands below it lines up."""
    size = SMALL_PT * factor
    bars = [one.column.bar for one in sets if one.column.bar is not None]
    return line_in(size) * max((1 + len(wrap(bar.unit, used, size, most_lines=2)) for bar in bars), default=0)


def _widest(one: _Set) -> float:
    return max((width_in(text, size, words.bold) for text, words, size in [*one.above, *one.below]), default=0.0)
