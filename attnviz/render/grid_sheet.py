"""Puts a grid of pictures on a figure: rows of pictures of any shape, all cells of one width."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from attnviz.errors import ValueRangeError
from attnviz.render.columns import BODY_PT, SMALL_PT, TITLE_PT, ColourBar, Column, Words
from attnviz.render.figure_layout import MARGIN_IN
from attnviz.render.sheet import Outlined, PanelText, Sheet, Theme, draw_picture
from attnviz.render.text import line_in, width_in, wrap

_GUTTER_IN, _ROW_GAP_IN, _GAP_IN, _BAR_WIDE_IN = 0.18, 0.16, 0.06, 3.4
_SIZES = (1.0, 0.9, 0.8, 0.72)
"""Factors on the text of the cells on a slide, tried in order until the pictures are large enough."""

_WIDE_IN, _LARGEST_IN_NARROW = 1.45, 0.8
"""In a narrower cell larger text would break most words."""

_LONG_ENOUGH, _WITH_ANSWERS = 0.105, 0.8
"""A picture is large enough when its longer side is this share of the figure's width; to have the networks' answers as
well, a smaller one will do."""

_PAPER_FACTOR, _NARROWEST_PAPER_IN, _TALLEST_IN = 0.5, 0.76, 1.4
_THINNEST_IN = 0.08
"""The short side of an extreme picture is drawn thicker than it is, to be seen."""

_SHORTEST_STRIP_IN = 0.12

_LEAST_IN = 0.3
"""Pictures that would be less high are refused."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One place of the grid.

    Attributes:
        column: the picture and its words; None where the network has no map of this picture.
        outlines: regions drawn on it.
        answer: the network's answer, left out where there is no room for it.
        flat: its map is not painted.
    """

    column: Column | None
    outlines: tuple[Outlined, ...] = ()
    answer: tuple[Words, ...] = ()
    flat: bool = False


@dataclass(frozen=True, eq=False)
class _Line:
    """Cells that stand side by side, with the heights of their parts in inches."""

    cells: list[tuple[str, Cell]]
    above: float
    below: float
    tallest: float


class GridSheet(Sheet):
    """A figure that is filled once, by `draw_grid`."""

    def __init__(self, size_wh: tuple[float, float], theme: Theme, transparent: bool) -> None:
        super().__init__(size_wh, theme, transparent)
        self.gutter, self.row_gap, self.gap = (one * self.gaps for one in (_GUTTER_IN, _ROW_GAP_IN, _GAP_IN))

    def draw_grid(
        self,
        titles: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        heading: str,
        footer: Sequence[str],
        bar: ColourBar | None = None,
        bar_unit: str = "",
    ) -> None:
        """Lay out and draw everything.

        Args:
            titles: of the columns, that of the pictures first.
            rows: as many cells each as there are titles.
            heading: a line across the top.
            footer: paragraphs at the bottom.
            bar: colour bar of all maps, if they have one scale.
            bar_unit: of its numbers.

        Raises:
            ValueRangeError: the size leaves no room for the pictures.
        """
        margin = MARGIN_IN * self.gaps
        inner = self.width - 2 * margin
        headings = wrap(heading, inner, self.heading_pt, bold=True, most_lines=3)
        most = 6 if self.is_paper else 2
        foot = [line for words in footer for line in wrap(words, inner, self.footer_pt, most_lines=most)]
        top = margin + len(headings) * line_in(self.heading_pt) + (0.1 * self.gaps if heading else 0.0)
        foot_in = margin * 0.7 + len(foot) * line_in(self.footer_pt) + 0.12 * self.gaps
        bar_in = 0.0 if bar is None else 1.6 * line_in(self.footer_pt)
        if self.is_paper:
            narrowest = max(_NARROWEST_PAPER_IN, self._bars_in(rows, _PAPER_FACTOR))
            across = max(1, min(len(titles), int((inner + self.gutter) / (narrowest + self.gutter))))
            across = -(-len(titles) // -(-len(titles) // across))  # lines as full as each other
            factor, brief = _PAPER_FACTOR, False
            wide = self._cell_in(inner, across)
            lines = self._lines_of(titles, rows, across, factor, brief, wide)
            heights = [min(line.tallest, _TALLEST_IN) for line in lines]
            self.height = top + bar_in + self._head_in(titles, across, factor, wide) + foot_in
            self.height += self._text_in(lines) + sum(heights)
            self.figure.set_size_inches(self.width, self.height)
        else:
            across = len(titles)
            wide = self._cell_in(inner, across)
            room = self.height - top - bar_in - foot_in
            factor, lines, heights = self._fitting(titles, rows, wide, room)
        for number, text in enumerate(headings):
            self._text(margin, margin + number * line_in(self.heading_pt), text, self.heading_pt, bold=True)
        self._footer(foot, self.height - foot_in + 0.12 * self.gaps)
        if bar is not None:
            self._whole_bar(margin, top, bar, bar_unit)
        self._cells(titles, lines, heights, factor, wide, top + bar_in, self.height - foot_in - top - bar_in, across)

    def _fitting(
        self, titles: Sequence[str], rows: Sequence[Sequence[Cell]], wide: float, room: float
    ) -> tuple[float, list[_Line], list[float]]:
        """The largest text whose pictures are large enough; without the networks' answers where that takes too much."""
        sizes = [one for one in _SIZES if wide >= _WIDE_IN or one <= _LARGEST_IN_NARROW]
        sizes = [one for one in sizes if self._bars_in(rows, one) <= wide] or sizes[-1:]
        tried: list[tuple[float, bool, float, list[_Line], list[float]]] = []
        for brief in (False, True):
            for factor in sizes:
                lines = self._lines_of(titles, rows, len(titles), factor, brief, wide)
                left = room - self._head_in(titles, len(titles), factor, wide) - self._text_in(lines)
                heights = _filled([line.tallest for line in lines], left)
                longest = min(
                    height * max(1.0, wide / line.tallest) for height, line in zip(heights, lines, strict=True)
                )
                tried.append((longest, brief, factor, lines, heights))
        enough = min(_LONG_ENOUGH * self.width, 0.95 * max(one[0] for one in tried))
        _, _, factor, lines, heights = next(
            one for one in tried if one[0] >= enough * (1.0 if one[1] else _WITH_ANSWERS)
        )
        if min(heights) < min(_LEAST_IN, 0.9 * min(line.tallest for line in lines)):
            raise ValueRangeError(
                f"size must leave room for {len(rows)} pictures; got {self.width:g} x {self.height:g} inches. Choose a "
                "larger one, or fewer pictures or networks."
            )
        return factor, lines, heights

    def _bars_in(self, rows: Sequence[Sequence[Cell]], factor: float) -> float:
        """Width that a cell needs for the widest colour bar: two numbers, and a strip between them."""
        size = SMALL_PT * factor
        bars = [cell.column.bar for row in rows for cell in row if cell.column is not None and cell.column.bar]
        ends = [width_in(bar.low, size) + width_in(bar.high, size) for bar in bars]
        return max(ends, default=0.0) + 0.16 * self.gaps + _SHORTEST_STRIP_IN

    def _cell_in(self, inner: float, across: int) -> float:
        return (inner - (across - 1) * self.gutter) / across

    def _head_in(self, titles: Sequence[str], across: int, factor: float, wide: float) -> float:
        """Height of the columns' titles; none where each cell has its own."""
        if across < len(titles):
            return 0.0
        size = TITLE_PT * factor
        return max(len(wrap(one, wide, size, True, 3)) for one in titles) * line_in(size) + self.gap

    def _text_in(self, lines: Sequence[_Line]) -> float:
        """Height of all that is not picture."""
        return sum(line.above + line.below for line in lines) + (len(lines) - 1) * self.row_gap

    def _lines_of(
        self,
        titles: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        across: int,
        factor: float,
        brief: bool,
        wide: float,
    ) -> list[_Line]:
        own = across < len(titles)
        text = PanelText((), factor, self.gaps)
        made = []
        for row in rows:
            image = next(cell.column.image for cell in row if cell.column is not None)
            height, width = image.shape[:2]
            told = [(title, _told(cell, brief)) for title, cell in zip(titles, row, strict=True)]
            for start in range(0, len(told), across):
                cells = told[start : start + across]
                heads = [len(wrap(title, wide, TITLE_PT * factor, True, 2)) for title, _ in cells] if own else [0]
                bar = line_in(SMALL_PT * factor) + self.gap
                below = [
                    sum(line_in(size) for *_, size in text.lines(column.paragraphs(beside=False), wide))
                    + (bar if column.bar is not None else 0.0)
                    for column in (cell.column for _, cell in cells)
                    if column is not None
                ]
                above = max(heads) * line_in(TITLE_PT * factor) + (self.gap if own else 0.0)
                tallest = max(_THINNEST_IN, wide * height / width)
                made.append(_Line(cells, above, self.gap + max(below, default=0.0), tallest))
        return made

    def _whole_bar(self, x: float, y: float, bar: ColourBar, unit: str) -> None:
        wide = min(_BAR_WIDE_IN * (0.5 if self.is_paper else 1.0), 0.6 * self.width)
        self._bar(x, y, (wide, wide), bar, self.footer_pt)
        self._text(x + wide + 2 * self.gap, y, unit, self.footer_pt, muted=True)

    def _cells(
        self,
        titles: Sequence[str],
        lines: Sequence[_Line],
        heights: Sequence[float],
        factor: float,
        wide: float,
        top: float,
        room: float,
        across: int,
    ) -> None:
        text = PanelText((), factor, self.gaps)
        size = TITLE_PT * factor
        shown = [[cell for _, cell in line.cells] for line in lines]
        used = min(wide, max(self._widest(lines, heights, text, titles, size, wide), self._bars_in(shown, factor)))
        left = max(MARGIN_IN * self.gaps, (self.width - across * used - (across - 1) * self.gutter) / 2)
        head = self._head_in(titles, across, factor, wide)
        y = top + max(0.0, (room - head - self._text_in(lines) - sum(heights)) / 2)
        if across == len(titles):
            for place, title in enumerate(titles):
                x = left + place * (used + self.gutter)
                broken = wrap(title, wide, size, True, 3)
                start = y + head - self.gap - len(broken) * line_in(size)  # they stand on the pictures
                for number, words in enumerate(broken):
                    self._text(x, start + number * line_in(size), words, size, bold=True)
            y += head
        for line, height in zip(lines, heights, strict=True):
            for place, (title, cell) in enumerate(line.cells):
                x = left + place * (used + self.gutter)
                if across < len(titles):
                    for number, words in enumerate(wrap(title, wide, size, True, 2)):
                        self._text(x, y + number * line_in(size), words, size, bold=True)
                self._one(x, y + line.above, cell, height, (height * wide / line.tallest, used), wide, text, factor)
            y += line.above + height + line.below + self.row_gap

    def _one(
        self,
        x: float,
        y: float,
        cell: Cell,
        height: float,
        widths: tuple[float, float],
        wide: float,
        text: PanelText,
        factor: float,
    ) -> None:
        if cell.column is None:
            self._text(x, y, "no map", BODY_PT * factor, muted=True)
            return
        drawn_in = max(_THINNEST_IN, widths[0])
        draw_picture(self._axes(x, y, drawn_in, height), cell.column, cell.outlines, drawn_in)
        under = y + height + self.gap
        if cell.column.bar is not None:
            self._bar(x, under, widths, cell.column.bar, SMALL_PT * factor)
            under += line_in(SMALL_PT * factor) + self.gap
        self._lines(x, under, text.lines(cell.column.paragraphs(beside=False), wide))

    def _widest(
        self,
        lines: Sequence[_Line],
        heights: Sequence[float],
        text: PanelText,
        titles: Sequence[str],
        size: float,
        wide: float,
    ) -> float:
        """Width that the widest cell really takes, so that the grid can be centred."""
        broken = [width_in(words, size, True) for title in titles for words in wrap(title, wide, size, True, 3)]
        said = [
            text.widest([cell.column.paragraphs(beside=False)], wide)
            for line in lines
            for _, cell in line.cells
            if cell.column is not None
        ]
        pictures = [height * wide / line.tallest for height, line in zip(heights, lines, strict=True)]
        return max(*broken, *said, *pictures)


def _told(cell: Cell, brief: bool) -> Cell:
    """The cell with the network's answer below the scores; in brief without it, and a line for each other word."""
    if cell.column is None:
        return cell
    if brief:
        rest = tuple(replace(words, most_lines=1) for words in cell.column.rest)
        return replace(cell, column=replace(cell.column, rest=rest))
    return replace(cell, column=replace(cell.column, rest=(*cell.column.rest, *cell.answer)))


def _filled(tallest: Sequence[float], room: float) -> list[float]:
    """Heights that fill the room: one for all, but none more than its own tallest."""
    if room <= 0:
        return [0.01] * len(tallest)
    left, heights = room, np.zeros(len(tallest))
    order = np.argsort(tallest)
    for done, place in enumerate(order):
        heights[place] = min(tallest[place], left / (len(order) - done))
        left -= heights[place]
    return [float(one) for one in heights]
