"""Any focus score as a still figure: a bar for each network and region, with what maps that know nothing score."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from attnviz.focus import Score
from attnviz.render.chart_rows import RowText, fitting, number_axis, row_axes
from attnviz.render.chart_sheet import ChartSheet, Key, room_in
from attnviz.render.focus_words import BAR_COLOUR, ByRegion
from attnviz.render.region_colours import region_colour
from attnviz.render.score_words import (
    ScoreRow,
    baseline_marks,
    row_names,
    score_end,
    score_notes,
    score_rows,
    score_title,
    score_words,
)


def score_figure(
    by_region: ByRegion,
    score: Score,
    *,
    numbers: Sequence[int] | None = None,
    marks: Mapping[str, str] | None = None,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """Bars of one score of each map, in each region, with marks of the baselines on each bar.

    Args:
        by_region: scores by title, by the region's name, baselines among them.
        score: which score these are.
        numbers: the regions' numbers, which decide their colours; 0, 1, 2 and so on unless given.
        marks: what must be said of a network, by its title, such as "untrained".
        heading: a line across the top; what is shown where none is given, nothing where it is empty.
        footer: paragraphs at the bottom, after those that say what the score is.
        size: width and height in inches; on paper the height grows with the rows.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: there is no network's score.
    """
    told = marks or {}
    rows = score_rows(by_region, score)
    title = score_title(rows, score) if heading is None else heading
    several = len({row.region for row in rows}) > 1
    chosen = list(numbers or range(len(by_region)))
    drawn = baseline_marks(rows, score)
    keys = [Key(mark.words, mark.colour, "mark", mark.sign) for mark in drawn]
    foot = [*score_notes(score), *footer]

    names = dict(zip(rows, row_names(rows), strict=True))

    def text_of(some: Sequence[ScoreRow]) -> RowText:
        marked = [f"{names[row]}\n{told[row.title].upper()}" if told.get(row.title) else names[row] for row in some]
        return RowText.of(size, marked, [score_words(row.score) for row in some])

    shown, text, left_out = fitting(
        rows,
        lambda row: -row.place,  # the region in focus stays
        [text_of],
        lambda said: room_in(size, title, keys, [*foot, said] if said else foot),
        "rows, of the regions that come first",
    )
    foot = [*([left_out] if left_out else []), *foot]
    sheet = ChartSheet(size, theme, transparent, title, keys, foot, text.least_in)
    factor = 100.0 if score.in_percent else 1.0
    axes = row_axes(sheet, text, (0, factor * score_end(shown)))
    places = range(len(shown))
    axes.barh(
        places,
        [factor * row.score.value for row in shown],
        height=0.62,
        color=[region_colour(chosen[row.place]) if several else BAR_COLOUR for row in shown],
    )
    for mark in drawn:
        values = [factor * row.score.baselines[mark.name] for row in shown]
        if mark.sign == "|":
            starts, ends = [place - 0.4 for place in places], [place + 0.4 for place in places]
            axes.vlines(values, starts, ends, color=mark.colour, linewidth=sheet.line(2.5), clip_on=False)
            continue
        axes.plot(
            values,
            [place + mark.offset for place in places],
            linestyle="none",
            marker=mark.sign,
            markersize=sheet.line(11),
            color=mark.colour,
            markeredgecolor="black",
            markeredgewidth=sheet.line(1.5),
            clip_on=False,
        )
    number_axis(sheet, axes, " %" if score.in_percent else "")
    return sheet.figure
