"""Focus scores as a still figure: bars of one region, or marks of several, on one picture or over many."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from attnviz.errors import ValueRangeError
from attnviz.focus import CENTRED_GAUSSIAN
from attnviz.focus.intervals import Interval
from attnviz.render.chart_rows import RowText, number_axis, row_axes
from attnviz.render.chart_sheet import DASHES, ChartSheet, Key
from attnviz.render.focus_words import (
    AREA_COLOUR,
    BAR_COLOUR,
    GAUSSIAN_COLOUR,
    GAUSSIAN_WORDS,
    LEAST_LIFT,
    LIFT_AXIS,
    LIFT_TITLE,
    ByRegion,
    area_key,
    lift_marks,
    networks_of,
    same_area,
    share_end,
    share_said,
    share_title,
    shown_titles,
)
from attnviz.render.panel import percent, the
from attnviz.render.region_colours import region_colour
from attnviz.render.sheet import THEMES

MARKS = ("o", "s", "D", "^", "P", "X", "*", "H")
"""Signs of the regions, the same as on the page."""

CHANCE_COLOUR = "#808080"


def focus_figure(
    by_region: ByRegion,
    *,
    numbers: Sequence[int] | None = None,
    marks: Mapping[str, str] | None = None,
    heading: str | None = None,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """Bars of each map's share on the region; with several regions, marks of the lift on each.

    Args:
        by_region: scores by title, by the region's name, baselines among them.
        numbers: the regions' numbers, which decide colours and signs; 0, 1, 2 and so on unless given.
        marks: what must be said of a network, by its title, such as "untrained".
        heading: a line across the top; what is shown where none is given, nothing where it is empty.
        footer: paragraphs at the bottom.
        size: width and height in inches; on paper the height grows with the rows.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: there is no network's score.
    """
    scored = {name: scores for name, scores in by_region.items() if scores}
    if not scored:
        raise ValueRangeError("scores must hold at least one region; got none. Draw a region.")
    if len(by_region) > 1:
        return _lifts(by_region, numbers, marks or {}, heading, footer, size, theme, transparent)
    rows = networks_of(next(iter(scored.values())))
    text = RowText.of(size, _named(rows, marks or {}), [share_said(score) for score in rows.values()])
    keys = [
        Key(area_key(rows), AREA_COLOUR, "dash" if same_area(rows) else "mark", "" if same_area(rows) else "|"),
        Key(GAUSSIAN_WORDS, GAUSSIAN_COLOUR, "mark", "D"),
    ]
    sheet = ChartSheet(
        size, theme, transparent, share_title(rows) if heading is None else heading, keys, footer, text.least_in
    )
    axes = row_axes(sheet, text, (0, share_end(rows)))
    places = range(len(rows))
    axes.barh(places, [100 * score.value for score in rows.values()], height=0.62, color=BAR_COLOUR)
    areas = [100 * score.area for score in rows.values()]
    if same_area(rows):
        axes.axvline(areas[0], color=AREA_COLOUR, linestyle=DASHES["dash"], linewidth=sheet.line(2.5))
    else:
        axes.vlines(
            areas,
            [place - 0.4 for place in places],
            [place + 0.4 for place in places],
            color=AREA_COLOUR,
            linewidth=sheet.line(2.5),
        )
    axes.plot(
        [100 * score.baselines[CENTRED_GAUSSIAN] for score in rows.values()],
        places,
        linestyle="none",
        marker="D",
        markersize=sheet.line(11),
        color=GAUSSIAN_COLOUR,
        markeredgecolor="black",
        markeredgewidth=sheet.line(1.5),
        clip_on=False,
    )
    number_axis(sheet, axes)
    return sheet.figure


def _lifts(
    by_region: ByRegion,
    numbers: Sequence[int] | None,
    marks: Mapping[str, str],
    heading: str | None,
    footer: Sequence[str],
    size: tuple[float, float],
    theme: str,
    transparent: bool,
) -> Figure:
    titles = shown_titles(by_region)
    places = {title: place for place, title in enumerate(titles)}
    known = {name: lift_marks(by_region, name) for name, scores in by_region.items() if scores}
    lifts = {(title, name): score.lift for name, found in known.items() for title, score in found}
    said = [
        "  ".join(f"{lifts[title, name]:.1f}×" if (title, name) in lifts else "–" for name in known) for title in titles
    ]
    text = RowText.of(size, _named(dict.fromkeys(titles), marks), said, head="as listed above", axis_title=LIFT_AXIS)
    chosen = dict(zip(by_region, numbers or range(len(by_region)), strict=True))
    keys = [Key(the(name), region_colour(chosen[name]), "mark", MARKS[chosen[name] % len(MARKS)]) for name in known]
    sheet = ChartSheet(
        size, theme, transparent, LIFT_TITLE if heading is None else heading, keys, footer, text.least_in
    )
    most = max([LEAST_LIFT, *(score.lift for found in known.values() for _, score in found)])
    axes = row_axes(sheet, text, (0, 1.08 * most))
    axes.axvline(1, color=CHANCE_COLOUR, linestyle=DASHES["dash"], linewidth=sheet.line(2))
    for name, found in known.items():
        axes.plot(
            [score.lift for _, score in found],
            [places[title] for title, _ in found],
            linestyle="none",
            marker=MARKS[chosen[name] % len(MARKS)],
            markersize=sheet.line(13),
            color=region_colour(chosen[name]),
            markeredgecolor="black",
            markeredgewidth=sheet.line(1.5),
            clip_on=False,
        )
    number_axis(sheet, axes, "×")
    return sheet.figure


def interval_figure(
    by_region: Mapping[str, Mapping[str, Interval]],
    blobs: Mapping[str, Interval],
    areas: Mapping[str, Interval],
    *,
    heading: str,
    unit: str,
    footer: Sequence[str] = (),
    size: tuple[float, float],
    theme: str = "light",
    transparent: bool = False,
) -> Figure:
    """Means over pictures with their intervals: a bar for each network, or for each network and region.

    Args:
        by_region: means by title, by the region's name.
        blobs: what a centred Gaussian scores, by the region's name.
        areas: what a flat map scores, likewise.
        heading: a line across the top.
        unit: "share" or "lift".
        footer: paragraphs at the bottom.
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.
    """
    several = len(by_region) > 1
    rows = [
        (f"{title}, {the(name)}" if several else title, number, name, one)
        for title in dict.fromkeys(title for scores in by_region.values() for title in scores)
        for number, (name, scores) in enumerate(by_region.items())
        if (one := scores.get(title)) is not None
    ]
    if not rows:
        raise ValueRangeError("scores must hold at least one network; got none. Choose a network and a region.")
    as_share = unit == "share"
    factor = 100.0 if as_share else 1.0
    text = RowText.of(size, [row[0] for row in rows], [interval_said(row[3], unit) for row in rows])
    keys = [
        Key("mean over pictures, with its 95 % interval", THEMES[theme].text if theme in THEMES else "", "solid", "|"),
        Key("area: what a flat map scores", AREA_COLOUR, "mark", "|"),
        Key(GAUSSIAN_WORDS, GAUSSIAN_COLOUR, "mark", "D"),
    ]
    sheet = ChartSheet(size, theme, transparent, heading, keys, footer, text.least_in)
    ends = [one.high for *_, one in rows] + [one.value for one in (*blobs.values(), *areas.values())]
    axes = row_axes(sheet, text, (0, max(1.05 * factor * max(ends), 50 if as_share else LEAST_LIFT)))
    for place, (_, number, name, one) in enumerate(rows):
        axes.barh(place, factor * one.value, height=0.62, color=region_colour(number) if several else BAR_COLOUR)
        axes.plot(
            [factor * one.low, factor * one.high],
            [place, place],
            color=sheet.theme.text,
            linewidth=sheet.line(2.5),
            marker="|",
            markersize=sheet.line(12),
            markeredgewidth=sheet.line(2.5),
        )
        at = factor * areas[name].value
        axes.plot([at, at], [place - 0.42, place + 0.42], color=AREA_COLOUR, linewidth=sheet.line(2.5))
        axes.plot(
            factor * blobs[name].value,
            place,
            linestyle="none",
            marker="D",
            markersize=sheet.line(9),
            color=GAUSSIAN_COLOUR,
            markeredgecolor="black",
            markeredgewidth=sheet.line(1.2),
        )
    number_axis(sheet, axes, " %" if as_share else "×")
    return sheet.figure


def interval_said(one: Interval, unit: str) -> str:
    """A mean and its interval, such as "48 % (41 to 55)" or "1.30× (1.10 to 1.50)"; of one picture only its number."""
    if one.count == 1:
        return percent(one.value) if unit == "share" else f"{one.value:.2f}×"
    if unit == "share":
        return f"{percent(one.value)} ({100 * one.low:.0f} to {100 * one.high:.0f})"
    return f"{one.value:.2f}× ({one.low:.2f} to {one.high:.2f})"


def _named(rows: Mapping[str, object], marks: Mapping[str, str]) -> list[str]:
    return [f"{title}\n{marks[title].upper()}" if marks.get(title) else title for title in rows]
