"""Charts of rows: a name on the left, the drawing, and the numbers in words on the right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from attnviz.render.chart_sheet import ChartSheet, TextSizes, colour_of, text_sizes
from attnviz.render.text import line_in, width_in, wrap
from attnviz.render.whatif_words import GRID_COLOUR

Item = TypeVar("Item")

_WIDEST_NAME, _WIDEST_SAID = 0.36, 0.27
_ROOMY = 2.6
"""Rows are at most this many times as high as their text needs."""


@dataclass(frozen=True)
class RowText:
    """The words of all rows, broken into lines for a figure of some size.

    Attributes:
        names: lines of each name.
        said: lines of each row's numbers.
        head: what stands above the numbers; empty for nothing.
        name_in: width of the widest name.
        said_in: width of the widest numbers.
        sizes: of the text.
        axis_title: lines under the axis.
    """

    names: tuple[tuple[str, ...], ...]
    said: tuple[tuple[str, ...], ...]
    head: str
    name_in: float
    said_in: float
    sizes: TextSizes
    axis_title: str

    @classmethod
    def of(
        cls,
        size: tuple[float, float],
        names: Sequence[str],
        said: Sequence[str],
        *,
        head: str = "",
        axis_title: str = "",
        widest: tuple[float, float] = (_WIDEST_NAME, _WIDEST_SAID),
    ) -> "RowText":
        """Break names and numbers to their widest shares of the figure; a line break in a text is kept."""
        sizes = text_sizes(size)
        inner = size[0] - 2 * sizes.margin
        broken = [_lines(name, widest[0] * inner, sizes.body) for name in names]
        told = [_lines(words, widest[1] * inner, sizes.small) for words in said]
        return cls(
            tuple(broken),
            tuple(told),
            head,
            max(width_in(line, sizes.body) for lines in broken for line in lines),
            max([width_in(head, sizes.small), *(width_in(line, sizes.small) for lines in told for line in lines)]),
            sizes,
            axis_title,
        )

    @property
    def row_in(self) -> float:
        """Least height of a row."""
        tallest = [
            max(len(name) * line_in(self.sizes.body), len(said) * line_in(self.sizes.small))
            for name, said in zip(self.names, self.said, strict=True)
        ]
        return max(tallest) * 1.12

    @property
    def around_in(self) -> float:
        """Height of the head, the axis and its title."""
        small = line_in(self.sizes.small)
        return (small if self.head else 0.0) + 1.5 * small + (1.15 * small if self.axis_title else 0.0)

    @property
    def least_in(self) -> float:
        """Height that the rows need."""
        return len(self.names) * self.row_in + self.around_in


def row_axes(sheet: ChartSheet, rows: RowText, x_range: tuple[float, float]) -> Axes:
    """Write the rows' words, and give axes whose row number n is centred on y = n, the first at the top."""
    x, y, width, height = sheet.room
    sizes = rows.sizes
    left = rows.name_in + sizes.gap if rows.name_in else 0.0
    right = rows.said_in + sizes.gap if rows.said_in else 0.0
    head = line_in(sizes.small) if rows.head else 0.0
    count = len(rows.names)
    each = min((height - rows.around_in) / count, _ROOMY * rows.row_in)
    spare = max(0.0, height - rows.around_in - count * each)
    start = y + head + 0.35 * spare
    axes = sheet.axes(x + left, start, width - left - right, count * each)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlim(*x_range)
    axes.grid(axis="x", color=colour_of(GRID_COLOUR), linewidth=sheet.line(1.2))
    for number, (name, said) in enumerate(zip(rows.names, rows.said, strict=True)):
        middle = start + (number + 0.5) * each
        _block(sheet, x, middle, name, sizes.body)
        _block(sheet, x + width - rows.said_in, middle, said, sizes.small)
    if rows.head:
        sheet.text(x + width - rows.said_in, start - head, rows.head, sizes.small, muted=True)
    if rows.axis_title:
        under = start + count * each + 1.45 * line_in(sizes.small)
        wide = width_in(rows.axis_title, sizes.small)
        middle = x + left + (width - left - right) / 2
        middle = min(max(middle, x + wide / 2), x + width - wide / 2)
        sheet.text(middle, under, rows.axis_title, sizes.small, muted=True, align="center")
    return axes


def number_axis(sheet: ChartSheet, axes: Axes, suffix: str = " %") -> None:
    """Number the axis in steps that leave room between the numbers."""
    wide = axes.get_position().width * sheet.width
    most = int(wide / (2.2 * width_in(f"100{suffix}", sheet.text_sizes.small)))
    axes.xaxis.set_major_locator(MaxNLocator(min(6, max(2, most)), integer=suffix == " %", steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}{suffix}".replace("-", "\N{MINUS SIGN}")))


def fitting(
    items: Sequence[Item],
    importance: Callable[[Item], float],
    texts: Sequence[Callable[[Sequence[Item]], RowText]],
    room: Callable[[str], float],
    what: str,
) -> tuple[list[Item], RowText, str]:
    """The rows that fit, their words, and what is said of the rows left out.

    Args:
        items: one for each row.
        importance: the rows with the largest stay.
        texts: make the words of some rows, the best first; one that lets all rows fit is taken, else the last.
        room: height for the rows if a sentence is added to the footer; empty for none.
        what: ends that sentence, such as "gates that moved most".
    """
    for make in texts:
        if (text := make(items)).least_in <= room(""):
            return list(items), text, ""
    ranked = sorted(range(len(items)), key=lambda number: -importance(items[number]))
    for count in range(len(items) - 1, 0, -1):
        shown = [items[number] for number in sorted(ranked[:count])]
        said = f"Shown: the {count} of {len(items)} {what}."
        if (text := texts[-1](shown)).least_in <= room(said) or count == 1:
            return shown, text, said
    return list(items), texts[-1](items), ""


def _block(sheet: ChartSheet, x: float, middle: float, lines: Sequence[str], size: float) -> None:
    top = middle - len(lines) * line_in(size) / 2
    for number, line in enumerate(lines):
        sheet.text(x, top + number * line_in(size), line, size)


def _lines(text: str, available_in: float, size_pt: float) -> tuple[str, ...]:
    return tuple(line for part in text.split("\n") for line in wrap(part, available_in, size_pt, most_lines=3)) or ("",)
