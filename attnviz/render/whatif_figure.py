"""Does it matter? A network's answer before and after each change, beside random regions, as a still figure."""

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure

from attnviz.faithfulness.what_if_table import WhatIf, WhatIfRow
from attnviz.render.chart_rows import RowText, fitting, number_axis, row_axes
from attnviz.render.chart_sheet import DASHES, ChartSheet, Key, colour_of, room_in
from attnviz.render.focus_words import AREA_COLOUR, BAR_COLOUR
from attnviz.render.whatif_words import (
    AFTER_WORDS,
    BAND_COLOUR,
    MEAN_COLOUR,
    MEAN_WORDS,
    before_words,
    change_name,
    change_said,
    changes_of,
    controls_words,
    probability_axis,
    probability_end,
    what_if_title,
)


def what_if_figure(
    table: WhatIf,
    *,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """A row for each change: the class probability afterwards, the one before, and what random regions do.

    Args:
        table: from `faithfulness.what_if`. Of the heads only the one that changes most is drawn.
        heading: a line across the top; the finding where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches; on paper the height grows with the rows. A slide shows as many as fit,
            those that change most, and leaves the new answers out if need be.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: nothing was changed.
    """
    every = changes_of(table)
    controls = [row.control for row in every if row.control is not None]
    keys = [Key(before_words(table), AREA_COLOUR, "dash"), Key(AFTER_WORDS, BAR_COLOUR, "mark", "o")]
    if controls:
        keys += [Key(controls_words(controls), BAND_COLOUR), Key(MEAN_WORDS, MEAN_COLOUR, "mark", "|")]
    title = what_if_title(table) if heading is None else heading

    def words(
        said: Callable[[WhatIfRow], str], widest: tuple[float, float]
    ) -> Callable[[Sequence[WhatIfRow]], RowText]:
        return lambda some: RowText.of(
            size,
            [change_name(table, row) for row in some],
            [said(row) for row in some],
            axis_title=probability_axis(table),
            widest=widest,
        )

    rows, text, left_out = fitting(
        every,
        lambda row: abs(row.points),
        [
            words(lambda row: change_said(row, "\n"), (0.36, 0.27)),
            words(change_said, (0.3, 0.4)),
            words(lambda row: change_said(row, answer=False), (0.45, 0.3)),
        ],
        lambda said: room_in(size, title, keys, [said, *footer]),
        "changes that matter most",
    )
    sheet = ChartSheet(size, theme, transparent, title, keys, [left_out, *footer], text.least_in)
    axes = row_axes(sheet, text, (-1, probability_end(table, rows)))
    before = 100 * table.before.probability
    for place, row in enumerate(rows):
        if row.control is not None:
            low, high = row.control.band
            axes.barh(place, high - low, left=before + low, height=0.5, color=colour_of(BAND_COLOUR))
            mean = before + row.control.mean
            axes.plot(
                [mean, mean], [place - 0.25, place + 0.25], color=colour_of(MEAN_COLOUR), linewidth=sheet.line(2.5)
            )
        axes.plot([before, 100 * row.probability], [place, place], color=BAR_COLOUR, linewidth=sheet.line(3))
    axes.axvline(before, color=AREA_COLOUR, linestyle=DASHES["dash"], linewidth=sheet.line(2))
    axes.plot(
        [100 * row.probability for row in rows],
        range(len(rows)),
        linestyle="none",
        marker="o",
        markersize=sheet.line(12),
        color=BAR_COLOUR,
        markeredgecolor="white",
        markeredgewidth=sheet.line(1.5),
        clip_on=False,
        zorder=4,
    )
    number_axis(sheet, axes)
    return sheet.figure
