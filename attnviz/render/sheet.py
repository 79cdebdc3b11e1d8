"""Puts the columns of a comparison on a figure. All measures are in inches from the top left corner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, Stroke

from attnviz.render.columns import BODY_PT, SMALL_PT, ColourBar, Column, Mark, Words
from attnviz.render.figure_layout import GUTTER_IN, MARGIN_IN, ROW_GAP_IN, SIDE_GAP_IN, Grid, best_grid
from attnviz.render.sizes import SLIDE_IN, is_for_paper
from attnviz.render.text import FAMILY, POINTS_PER_INCH, line_in, width_in, wrap

Line: TypeAlias = tuple[str, Words, float]
"""One line, the paragraph it belongs to, and its size in points."""

BADGE_COLOUR = "#B00020"

_HEADING_PT, _FOOTER_PT = 22.0, 12.0
_PAPER_HEADING_PT, _PAPER_FOOTER_PT, _PAPER_FACTOR = 9.0, 7.0, 0.5
_PAPER_GAPS = 0.35
"""Distances on paper, as a share of those on a slide."""

_PAPER_CELL_IN = 1.5
"""A panel on paper is about this wide; the height of the figure follows from it."""

_BAR_IN, _GAP_IN, _SHORTEST_BAR_IN = 0.15, 0.08, 0.6
_SIZES = (1.0, 0.93, 0.86, 0.79, 0.72)
"""Factors on the text of the panels, tried in order until the pictures are large enough."""
_BADGE_PT_AN_INCH = 78.0
"""Points of a badge's text for each inch of the picture and letter of its longest line: it then stays inside."""
_LONG_ENOUGH = 0.14
"""A picture is large enough when its longer side is this share of the figure's width."""
_NEARLY = 0.95
"""Pictures of this share of the largest possible size are as good."""


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
class Outlined:
    """A region at the pictures' own pixels, bool (h, w), and the colour of its outline."""

    mask: np.ndarray
    colour: str


class Sheet:
    """A figure that is filled once, by `draw`."""

    def __init__(self, size_wh: tuple[float, float], theme: Theme, transparent: bool) -> None:
        self.width, self.height = size_wh
        self.theme = theme
        self.is_paper = is_for_paper(size_wh)
        self.gaps = _PAPER_GAPS if self.is_paper else 1.0
        self.heading_pt = _PAPER_HEADING_PT if self.is_paper else _HEADING_PT
        self.footer_pt = _PAPER_FOOTER_PT if self.is_paper else _FOOTER_PT
        self.figure = Figure(figsize=size_wh, facecolor="none" if transparent else theme.background)
        FigureCanvasAgg(self.figure)

    def draw(
        self, columns: Sequence[Column], heading: str, footer: Sequence[str], outlines: Sequence[Outlined]
    ) -> None:
        """Lay out and draw everything; the regions are outlined on each picture, the first over the others."""
        margin = MARGIN_IN * self.gaps
        inner = self.width - 2 * margin
        heading_lines = wrap(
            heading,
            inner,
            self.heading_pt,
            bold=True,
            most_lines=5 if self.is_paper else 2 + (self.width < SLIDE_IN[0] - 1),
        )
        most = 4 if self.is_paper else 2
        footer_lines = [line for words in footer for line in wrap(words, inner, self.footer_pt, most_lines=most)]
        top = margin + len(heading_lines) * line_in(self.heading_pt) + (0.12 * self.gaps if heading else 0.0)
        foot_in = margin * 0.7 + len(footer_lines) * line_in(self.footer_pt) + 0.14 * self.gaps
        if self.is_paper:
            grid, factor = _on_paper(columns, inner, self.gaps), _PAPER_FACTOR
            self.height = top + _block_in(grid, self.gaps) + foot_in
            self.figure.set_size_inches(self.width, self.height)
        else:
            grid, factor = _arrange(columns, (inner, self.height - foot_in - top), self.width)
        for number, line in enumerate(heading_lines):
            self._text(margin, margin + number * line_in(self.heading_pt), line, self.heading_pt, bold=True)
        self._footer(footer_lines, self.height - foot_in + 0.14 * self.gaps)
        self._panels(columns, grid, factor, top, (inner, self.height - foot_in - top), outlines)

    def _panels(
        self,
        columns: Sequence[Column],
        grid: Grid,
        factor: float,
        top: float,
        room_wh: tuple[float, float],
        outlines: Sequence[Outlined],
    ) -> None:
        picture_w, picture_h = grid.picture_wh
        text = PanelText(columns, factor, self.gaps)
        used = text.cell_width(grid)
        block_wh = (
            grid.columns * used + (grid.columns - 1) * GUTTER_IN * self.gaps,
            _block_in(grid, self.gaps),
        )
        left = MARGIN_IN * self.gaps + max(0.0, room_wh[0] - block_wh[0]) / 2
        start = top + max(0.0, room_wh[1] - block_wh[1]) / 2
        above = text.above(grid.column_in)
        for place, column in enumerate(columns):
            x = left + (place % grid.columns) * (used + GUTTER_IN * self.gaps)
            y = start + (place // grid.columns) * (grid.row_in + ROW_GAP_IN * self.gaps)
            self._lines(x, y, text.lines(column.above, grid.column_in))
            y += above
            draw_picture(self._axes(x, y, picture_w, picture_h), column, outlines, picture_w)
            under = y + picture_h + _GAP_IN * self.gaps
            if column.bar is not None:
                self._bar(x, under, (picture_w, used), column.bar, SMALL_PT * factor)
            if grid.side_in:
                self._lines(x + picture_w + SIDE_GAP_IN, y, text.lines(column.paragraphs(beside=True), grid.side_in))
            else:
                under += text.bar() - _GAP_IN * self.gaps if column.bar is not None else 0.0
                self._lines(x, under, text.lines(column.paragraphs(beside=False), grid.column_in))

    def _bar(self, x: float, y: float, widths: tuple[float, float], bar: ColourBar, size: float) -> None:
        """The strip between its two numbers: as wide as the picture, or as the cell where that leaves no strip."""
        low_in, high_in = (width_in(end, size) + 0.08 * self.gaps for end in (bar.low, bar.high))
        whole = min(max(widths[0], low_in + high_in + _SHORTEST_BAR_IN * self.gaps), max(widths))
        self._text(x, y, bar.low, size)
        self._text(x + whole, y, bar.high, size, align="right")
        bar_in = _BAR_IN * (0.5 if self.is_paper else 1.0)
        axes = self._axes(x + low_in, y + (line_in(size) - bar_in) / 2, max(0.1, whole - low_in - high_in), bar_in)
        axes.imshow(bar.strip, aspect="auto", interpolation="nearest")

    def _footer(self, lines: Sequence[str], top: float) -> None:
        for number, line in enumerate(lines):
            self._text(MARGIN_IN * self.gaps, top + number * line_in(self.footer_pt), line, self.footer_pt, muted=True)

    def _lines(self, x: float, y: float, lines: Sequence[Line]) -> None:
        for number, (text, words, size) in enumerate(lines):
            if words.mark and (number == 0 or lines[number - 1][1] is not words):
                self._mark(x, y, size, words.mark)
            self._text(x + _indent(words, size), y, text, size, bold=words.bold, muted=words.muted)
            y += line_in(size)

    def _mark(self, x: float, y: float, size: float, colour: str) -> None:
        """A small square of a region's colour before its name."""
        side = 0.7 * size / POINTS_PER_INCH
        top = y + (line_in(size) - side) / 2
        self.figure.add_artist(
            Rectangle(
                (x / self.width, 1 - (top + side) / self.height),
                side / self.width,
                side / self.height,
                facecolor=colour,
                edgecolor="black",
                linewidth=0.8,
                transform=self.figure.transFigure,
            )
        )

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


def draw_picture(axes: Axes, column: Column, outlines: Sequence[Outlined], width_in: float) -> None:
    stroke = min(2.4, max(1.2, 0.8 * width_in))
    height, width = column.image.shape[:2]
    axes.imshow(column.image, aspect="auto", extent=(0, width, height, 0))
    for one in reversed(outlines):
        closed = np.pad(one.mask.astype(float), 1)
        outline = axes.contour(
            np.clip(np.arange(-0.5, width + 1), 0, width),
            np.clip(np.arange(-0.5, height + 1), 0, height),
            closed,
            levels=[0.5],
            colors=[one.colour],
            linewidths=stroke,
        )
        outline.set_path_effects([Stroke(linewidth=2 * stroke, foreground="black"), Normal()])
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
    for mark in column.marks:
        _mark(axes, mark, (width, height), 0.7 * stroke)
    if column.badge:
        axes.text(
            0.04,
            0.95,
            column.badge,
            transform=axes.transAxes,
            ha="left",
            va="top",
            size=min(BODY_PT, 7 * width_in, _BADGE_PT_AN_INCH * width_in / max(map(len, column.badge.split("\n")))),
            weight="bold",
            family=FAMILY,
            color="white",
            bbox={"facecolor": BADGE_COLOUR, "edgecolor": "white", "boxstyle": "round,pad=0.3"},
        )


def _mark(axes: Axes, mark: Mark, size_wh: tuple[int, int], stroke: float) -> None:
    lines = LineCollection(
        [np.asarray(line) * size_wh for line in mark.lines], colors=[mark.colour], linewidths=stroke, capstyle="round"
    )
    lines.set_path_effects([Stroke(linewidth=2.2 * stroke, foreground="black"), Normal()])
    axes.add_collection(lines, autolim=False)


class PanelText:
    """The panels' text at one size, measured."""

    def __init__(self, columns: Sequence[Column], factor: float, gaps: float = 1.0) -> None:
        self.columns = columns
        self.factor = factor
        self.gap_in = _GAP_IN * gaps

    def lines(self, paragraphs: Sequence[Words], available_in: float) -> list[Line]:
        """Paragraphs broken into lines: (line, its paragraph, its size)."""
        return [
            (line, words, words.size_pt * self.factor)
            for words in paragraphs
            for line in wrap(
                words.text,
                available_in - _indent(words, words.size_pt * self.factor),
                words.size_pt * self.factor,
                words.bold,
                words.most_lines,
            )
        ]

    def above(self, width_in: float) -> float:
        return max(self._height(column.above, width_in) for column in self.columns) + self.gap_in

    def bar(self) -> float:
        return line_in(SMALL_PT * self.factor) + self.gap_in

    def rest(self, width_in: float) -> float:
        return max(self._height(column.paragraphs(beside=False), width_in) for column in self.columns)

    def cell_width(self, grid: Grid) -> float:
        """Width that the widest panel really takes, so that the block of panels can be centred."""
        beside = grid.side_in > 0
        rest = self.widest(
            [column.paragraphs(beside) for column in self.columns], grid.side_in if beside else grid.column_in
        )
        picture = grid.picture_wh[0]
        lower = picture + SIDE_GAP_IN + rest if beside else max(picture, rest)
        upper = self.widest([column.above for column in self.columns], grid.column_in)
        return min(grid.column_in, max(lower, upper))

    def widest(self, columns: Sequence[Sequence[Words]], available_in: float) -> float:
        lines = [line for paragraphs in columns for line in self.lines(paragraphs, available_in)]
        return max(
            (width_in(text, size, words.bold) + _indent(words, size) for text, words, size in lines), default=0.0
        )

    def _height(self, paragraphs: Sequence[Words], available_in: float) -> float:
        return sum(line_in(size) for _, _, size in self.lines(paragraphs, available_in))


def _indent(words: Words, size_pt: float) -> float:
    """Room for the square before a paragraph that has one."""
    return 1.05 * size_pt / POINTS_PER_INCH if words.mark else 0.0


def _on_paper(columns: Sequence[Column], inner: float, gaps: float) -> Grid:
    """Panels of about one width, with their text below; as many rows as it takes."""
    across = max(1, min(len(columns), round(inner / _PAPER_CELL_IN)))
    rows = -(-len(columns) // across)
    across = -(-len(columns) // rows)
    cell = (inner - (across - 1) * GUTTER_IN * gaps) / across
    height, width = columns[0].image.shape[:2]
    text = PanelText(columns, _PAPER_FACTOR, gaps)
    picture_h = min(cell * height / width, 2 * cell)
    picture_wh = (picture_h * width / height, picture_h)
    return Grid(across, rows, picture_wh, cell, text.above(cell) + picture_h + text.bar() + text.rest(cell))


def _block_in(grid: Grid, gaps: float) -> float:
    """Height of all rows."""
    return grid.rows * grid.row_in + (grid.rows - 1) * ROW_GAP_IN * gaps


def _arrange(columns: Sequence[Column], room_wh: tuple[float, float], figure_w: float) -> tuple[Grid, float]:
    """The best arrangement at the largest text that leaves the pictures large enough.

    Where no text is small enough for that, smaller text must earn its place: the largest that costs next to nothing.
    """
    height, width = columns[0].image.shape[:2]
    tried = [
        (best_grid(len(columns), width / height, room_wh, PanelText(columns, factor)), factor) for factor in _SIZES
    ]
    enough = min(_LONG_ENOUGH * figure_w, _NEARLY * max(max(grid.picture_wh) for grid, _ in tried))
    return next((grid, factor) for grid, factor in tried if max(grid.picture_wh) >= enough)
