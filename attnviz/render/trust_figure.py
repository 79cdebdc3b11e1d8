"""Can a map be trusted? Its removal curves, its randomisation and its other tests on one still figure."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from attnviz.faithfulness.trust_results import RemovalCurve, Trust
from attnviz.render.chart_sheet import DASHES, ChartSheet, Key, colour_of, room_in, text_sizes
from attnviz.render.focus_words import BAR_COLOUR
from attnviz.render.sizes import is_for_paper
from attnviz.render.text import FAMILY, line_in, width_in, wrap
from attnviz.render.trust_words import (
    RANDOM_COLOUR,
    RANDOM_QUESTION,
    REMOVAL_QUESTION,
    SIMILARITY_AXIS,
    SSIM_COLOUR,
    STAGES_AXIS,
    VERDICTS_QUESTION,
    cells_axis,
    curve_heading,
    curve_lines,
    draws_words,
    over_draws,
    short_stage,
    titled,
)
from attnviz.render.whatif_words import BAND_COLOUR, GRID_COLOUR

_COLUMN_BELOW_IN = 5.0
_CHART_ON_PAPER_IN = 1.5


def removal_figure(
    trust: Trust,
    *,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """Deletion and insertion curves, side by side; one below the other in a narrow column.

    Args:
        trust: from `faithfulness.trust`.
        heading: a line across the top; what is asked where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.
    """
    curves = (trust.deletion, trust.insertion)
    lines = curve_lines(trust.deletion)
    keys = [Key(line.name, line.colour, line.dash) for line in lines]
    narrow = size[0] < _COLUMN_BELOW_IN
    sizes = text_sizes(size)
    around = 4.9 * line_in(sizes.small)
    least = (2 if narrow else 1) * (around + (_CHART_ON_PAPER_IN if is_for_paper(size) else 1.5))
    sheet = ChartSheet(
        size, theme, transparent, titled(trust, REMOVAL_QUESTION) if heading is None else heading, keys, footer, least
    )
    x, y, width, height = sheet.room
    small, left = sizes.small, width_in("100 %", sizes.small) + line_in(sizes.small) + 1.3 * sizes.gap
    across, down = (1, 2) if narrow else (2, 1)
    cell_w, cell_h = (width - (across - 1) * sizes.gap) / across, height / down
    for number, curve in enumerate(curves):
        cell_x, cell_y = x + (number % across) * (cell_w + sizes.gap), y + (number // across) * cell_h
        first, second = curve_heading(curve)
        sheet.text(cell_x + left, cell_y, first, small, bold=True)
        for row, line in enumerate(wrap(second, cell_w - left, small, most_lines=2)):
            sheet.text(cell_x + left, cell_y + (1 + row) * line_in(small), line, small, muted=True)
        rows = 1 + len(wrap(second, cell_w - left, small, most_lines=2))
        above = (rows + 0.4) * line_in(small)
        right = width_in("100 %", small) / 2
        axes = sheet.axes(cell_x + left, cell_y + above, cell_w - left - right, cell_h - above - 2.7 * line_in(small))
        _curve(sheet, axes, curve)
        axes.set_ylabel(
            f"probability of {trust.target_name}", size=small, family=FAMILY, color=sheet.theme.muted, parse_math=False
        )
        axes.yaxis.set_label_coords(-(left - 0.5 * line_in(small)) / (cell_w - left - right), 0.5)
        under = cell_y + cell_h - 1.2 * line_in(small)
        sheet.text(
            cell_x + left + (cell_w - left - right) / 2, under, cells_axis(curve), small, muted=True, align="center"
        )
    return sheet.figure


def randomisation_figure(
    trust: Trust,
    *,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """How much of the map is left as the weights become random, from the output down.

    Args:
        trust: from `faithfulness.trust`.
        heading: a line across the top; what is asked where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.
    """
    found = trust.randomisation
    shown = [
        (values, name, colour, dash)
        for values, name, colour, dash in (
            (found.rank, "rank correlation", BAR_COLOUR, "solid"),
            (found.ssim, "SSIM", SSIM_COLOUR, "dot"),
        )
        if np.isfinite(values).any()
    ]
    keys = [Key(name, colour, "dot" if dash == "dot" else "solid", "o") for _, name, colour, dash in shown]
    paragraphs = [draws_words(found), *footer]
    least = _CHART_ON_PAPER_IN + 1.2 if is_for_paper(size) else 2.0
    sheet = ChartSheet(
        size,
        theme,
        transparent,
        titled(trust, RANDOM_QUESTION) if heading is None else heading,
        keys,
        paragraphs,
        least,
    )
    x, y, width, height = sheet.room
    sizes = sheet.text_sizes
    stages = ["trained", *(short_stage(stage) for stage in found.stages)]
    left = width_in("−1.0", sizes.small) + line_in(sizes.small) + 1.3 * sizes.gap
    ticks = _stage_ticks(stages, (width - left) / len(stages), sizes.small)
    under = wrap(STAGES_AXIS, width, sizes.small, most_lines=2)
    bottom = (0.9 + len(under) + max(words.count("\n") + 1 for words in ticks.values())) * line_in(sizes.small)
    axes = sheet.axes(x + left, y, width - left, height - bottom)
    for values, _, colour, dash in shown:
        whole = np.hstack([np.ones((len(values), 1)), values])
        low, mean, high = over_draws(whole)
        _line_with_band(sheet, axes, np.arange(len(stages)), (low, mean, high), colour, dash)
    axes.axhline(0, color=colour_of(RANDOM_COLOUR), linestyle=DASHES["dash"], linewidth=sheet.line(1.5))
    axes.set_ylim(-1.05, 1.05)
    axes.set_xlim(-0.5, len(stages) - 0.5)
    axes.grid(color=colour_of(GRID_COLOUR), linewidth=sheet.line(1.2))
    axes.set_xticks(list(ticks), list(ticks.values()), family=FAMILY, parse_math=False)
    axes.set_ylabel(SIMILARITY_AXIS, size=sizes.small, family=FAMILY, color=sheet.theme.muted)
    axes.yaxis.set_label_coords(-(left - 0.5 * line_in(sizes.small)) / (width - left), 0.5)
    for number, line in enumerate(under):
        foot = y + height - (len(under) - number + 0.2) * line_in(sizes.small)
        sheet.text(x + width / 2, foot, line, sizes.small, muted=True, align="center")
    return sheet.figure


def verdicts_figure(
    trust: Trust,
    *,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """What each of the tests found, in words: the replay proof, the class swap, the curves and the random weights.

    Args:
        trust: from `faithfulness.trust`.
        heading: a line across the top; what is asked where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches; on paper the height grows with the words.
        theme: "light" or "dark".
        transparent: leave the background out.
    """
    sizes = text_sizes(size)
    inner = size[0] - 2 * sizes.margin
    title = titled(trust, VERDICTS_QUESTION) if heading is None else heading
    found = [(name, wrap(verdict, inner, sizes.small)) for name, verdict, _ in trust.tests]
    gap = 0.45 * line_in(sizes.small)
    least = sum(line_in(sizes.body) + len(lines) * line_in(sizes.small) + gap for _, lines in found)
    if least > room_in(size, title, (), footer):  # what a slide cannot hold ends in dots
        most = max(1, int(room_in(size, title, (), footer) / len(found) / line_in(sizes.small) - 1.6))
        found = [(name, wrap(verdict, inner, sizes.small, most_lines=most)) for name, verdict, _ in trust.tests]
    sheet = ChartSheet(size, theme, transparent, title, (), footer, least)
    x, y, _, height = sheet.room
    used = sum(line_in(sizes.body) + len(lines) * line_in(sizes.small) for _, lines in found)
    gap = min(1.2 * line_in(sizes.small), max(0.0, height - used) / len(found))
    for name, lines in found:
        sheet.text(x, y, name, sizes.body, bold=True)
        y += line_in(sizes.body)
        for line in lines:
            sheet.text(x, y, line, sizes.small)
            y += line_in(sizes.small)
        y += gap
    return sheet.figure


def _curve(sheet: ChartSheet, axes: Axes, curve: RemovalCurve) -> None:
    share = 100 * curve.share
    low, high = curve.band
    axes.fill_between(share, 100 * low, 100 * high, color=colour_of(BAND_COLOUR), linewidth=0)
    for line in curve_lines(curve)[::-1]:
        axes.plot(
            share,
            100 * line.values,
            color=colour_of(line.colour),
            linestyle=DASHES[line.dash],
            linewidth=sheet.line(line.width),
        )
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 102)
    axes.grid(color=colour_of(GRID_COLOUR), linewidth=sheet.line(1.2))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f} %"))


def _line_with_band(
    sheet: ChartSheet,
    axes: Axes,
    at: npt.NDArray[np.int_],
    values: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]],
    colour: str,
    dash: str,
) -> None:
    low, mean, high = values
    axes.fill_between(at, low, high, color=colour_of(colour, 0.2), linewidth=0)
    axes.plot(
        at,
        mean,
        color=colour,
        linestyle=DASHES[dash],
        linewidth=sheet.line(2.5),
        marker="o",
        markersize=sheet.line(8),
        markeredgecolor="black",
        markeredgewidth=sheet.line(1),
        clip_on=False,
    )


def _stage_ticks(stages: Sequence[str], available_in: float, small: float) -> dict[int, str]:
    """Names of as many stages as stand beside each other, the first and the last among them."""
    widest = max(width_in(line, small) for stage in stages for line in stage.split("\n")) * 1.08
    step = max(1, int(np.ceil(widest / available_in)))
    chosen = list(range(0, len(stages), step))
    if chosen[-1] != len(stages) - 1:
        if len(stages) - 1 - chosen[-1] < step:
            chosen.pop()
        chosen.append(len(stages) - 1)
    return {place: stages[place] for place in chosen}
