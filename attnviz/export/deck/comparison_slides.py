"""The slides of a comparison: side by side, network by network, how much of each map lies in the regions."""

import math
from collections.abc import Mapping, Sequence

from attnviz.export.comparison import Comparison
from attnviz.export.deck import words
from attnviz.export.deck.charts import AREA, BLOB, SHARE, bar_chart
from attnviz.export.deck.drawn import Pictures, strip_png
from attnviz.export.deck.measure import READ_PT, Box, Text, height_of
from attnviz.export.deck.page import Page, Talk
from attnviz.focus import CENTRED_GAUSSIAN, FocusScore
from attnviz.render import NOT_EXPLANATION, Panel, ScaledMap, number, the
from attnviz.render.columns import area_words, badge_of, flat_words
from attnviz.render.panel import percent
from attnviz.render.region_colours import region_colour

_GUTTER_IN, _ROW_GAP_IN, _UNDER_IN = 0.25, 0.18, 0.05
_SMALLEST_PT = 12.0
NARROW_IN = 10.0
"""A slide with less room is 4:3: its table leaves out what the chart beside it shows."""


def source_alt(comparison: Comparison) -> str:
    """The picture in words."""
    regions = [one for one in (comparison.region, *comparison.others) if one is not None]
    return ". ".join([f"The picture {comparison.picture.name}", *map(area_words, regions)])


def side_by_side(talk: Talk, comparison: Comparison, pictures: Pictures) -> None:
    """The picture and every network's map, in one pixel frame, on one slide."""
    page = talk.page(comparison.title, words.notes_of(comparison), words.caveats(comparison))
    cells: list[tuple[bytes, str, list[Text], str]] = [
        (pictures.source, source_alt(comparison), _source_lines(comparison), "")
    ]
    for panel, scaled, png in zip(comparison.panels, pictures.scaled, pictures.overlays, strict=True):
        lines = [Text(panel.title, bold=True, space_pt=0)]
        if scaled.flat:
            lines.append(Text(flat_words(panel.attention_map), space_pt=0))
        lines.append(Text(words.score_line(panel) or panel.prediction_line, space_pt=0))
        cells.append((png, words.overlay_alt(comparison, panel, scaled), lines, badge_of(panel.warnings)))
    columns, factor = _best_columns([cell[2] for cell in cells], page.box, pictures.aspect)
    rows = math.ceil(len(cells) / columns)
    width = (page.box.width - (columns - 1) * _GUTTER_IN) / columns
    height = (page.box.height - (rows - 1) * _ROW_GAP_IN) / rows
    sized = [_scaled(cell[2], factor) for cell in cells]
    text_in = max(height_of([one for one in lines if one.words], width) for lines in sized)
    shown = Box(0, 0, width, height - text_in - _UNDER_IN).holding(pictures.aspect)
    used = rows * (shown.height + _UNDER_IN + text_in) + (rows - 1) * _ROW_GAP_IN
    top = page.box.top + max(0.0, (page.box.height - used) / 2)
    for place, ((png, alt, _, badge), lines) in enumerate(zip(cells, sized, strict=True)):
        left = page.box.left + place % columns * (width + _GUTTER_IN)
        y = top + place // columns * (shown.height + _UNDER_IN + text_in + _ROW_GAP_IN)
        picture = Box(left, y, shown.width, shown.height)
        page.picture(picture, png, alt)
        if badge:
            page.badge(picture, badge)
        page.text(Box(left, picture.bottom + _UNDER_IN, width, text_in + 0.02), lines)
    if len(cells) % columns and not all(one.flat for one in pictures.scaled):
        left = page.box.left + len(cells) % columns * (width + _GUTTER_IN)
        _legend(page, Box(left, y, shown.width, shown.height), comparison, pictures.scaled)


def one_network(talk: Talk, comparison: Comparison, pictures: Pictures, place: int) -> None:
    """One network's map, large, beside what it answered and how much of the map lies where."""
    panel, scaled = comparison.panels[place], pictures.scaled[place]
    note = panel.attention_map.note
    foot = [
        *words.marks(panel),
        *([note] if note else []),
        f"{words.picture_line(comparison.picture.name)} {NOT_EXPLANATION}",
    ]
    page = talk.page(words.panel_title(panel), words.notes_of(comparison, f"{panel.title}."), foot)
    room = page.box.leftmost(page.box.width * (0.5 if page.box.width < NARROW_IN else 0.6))
    picture = room.holding(pictures.aspect)
    page.picture(picture, pictures.overlays[place], words.overlay_alt(comparison, panel, scaled))
    if panel.warnings:
        page.badge(picture, badge_of(panel.warnings))
    left = picture.right + 0.4
    beside = Box(left, page.box.top, page.box.right - left, page.box.height)
    lines = _network_lines(panel)
    bar_in = 0.0 if scaled.flat else 1.5
    used = page.text(beside.above(beside.height - bar_in), lines)
    if not scaled.flat:
        _colour_bar(page, beside.below(used + 0.3).above(1.2), comparison, scaled)


def focus(talk: Talk, comparison: Comparison) -> None:
    """How much of each map lies in the region in focus, and where there are several, how many times chance in each."""
    scored = {_marked(panel): panel.focus for panel in comparison.panels if panel.focus is not None}
    if comparison.region is None or not scored:
        return
    missing = [panel.title for panel in comparison.panels if panel.focus is None]
    shown = words.picture_line(comparison.picture.name)
    foot = [shown, *(line for panel in comparison.panels if panel.focus is not None for line in words.marks(panel))]
    notes = words.notes_of(comparison)
    shares(
        talk, comparison.region.name, scored, [*foot, *([f"No score: {', '.join(missing)}."] if missing else [])], notes
    )
    whole = [panel for panel in comparison.panels if len(_scores(panel)) == len(comparison.others) + 1]
    if comparison.others and whole:
        regions = [comparison.region, *comparison.others]
        by_region = {
            region.name: {_marked(panel): _scores(panel)[place] for panel in whole}
            for place, region in enumerate(regions)
        }
        lifts(talk, by_region, [shown, *(line for panel in whole for line in words.marks(panel))], notes)


def shares(talk: Talk, region: str, scored: Mapping[str, FocusScore], foot: Sequence[str], notes: str) -> None:
    """The share of each map in one region, as a native chart and table, beside maps that know nothing."""
    name = the(region)
    explained = (
        "Area: what a flat map scores, chance. Centred blob: a Gaussian in the middle of the picture, which knows "
        "nothing of it. Lift: the share divided by chance."
    )
    page = talk.page(f"How much of each map lies on {name}", notes, [*foot, explained, NOT_EXPLANATION])
    scores = list(scored.values())
    series = {
        f"on {name}": [score.value for score in scores],
        "area (chance)": [score.chance for score in scores],
        "centred blob": [score.baselines[CENTRED_GAUSSIAN] for score in scores],
    }
    said = [f"{title} {percent(score.value)}" for title, score in scored.items()]
    narrow = page.box.width < NARROW_IN
    rows = [["Network", "Share", "Lift"] if narrow else ["Network", "Share", "Area", "Blob", "Lift"]]
    for title, score in scored.items():
        beside = [] if narrow else [percent(score.chance), percent(score.baselines[CENTRED_GAUSSIAN])]
        rows.append([title, percent(score.value), *beside, f"{score.lift:.1f}"])
    table_in = page.box.width * (0.47 if narrow else 0.44)
    bar_chart(
        page,
        page.box.leftmost(page.box.width - table_in - 0.3),
        list(scored),
        series,
        (SHARE, AREA, BLOB),
        f"Bars: share of each map on {name}. {'; '.join(said)}. {words.chance_line(scores[0])}",
        number_format="0\N{NO-BREAK SPACE}%",
        longest=scale_end(max(map(max, series.values()))),
    )
    page.readable_table(
        page.box.rightmost(table_in).below(0.15),
        rows,
        f"Table: share of each map on {name}, with the area, the centred blob and the lift",
    )


def lifts(
    talk: Talk,
    by_region: Mapping[str, Mapping[str, FocusScore]],
    foot: Sequence[str],
    notes: str,
    numbers: Sequence[int] | None = None,
) -> None:
    """How many times chance each map has on each region, as a native chart.

    Args:
        talk: to add to.
        by_region: scores by the network's title, the same titles in each region.
        foot: for the foot of the slide.
        notes: for the speaker.
        numbers: the regions' numbers, which decide their colours; 0, 1, 2 and so on unless given.
    """
    titles = list(next(iter(by_region.values())))
    series = {the(name): [scores[title].lift for title in titles] for name, scores in by_region.items()}
    said = [
        f"{title}: {', '.join(f'{the(name)} {scores[title].lift:.1f}×' for name, scores in by_region.items())}"
        for title in titles
    ]
    explained = "1× is chance: as much as the region's area alone would give, which is what any flat map scores."
    page = talk.page("How many times chance lies on each region", notes, [*foot, explained, NOT_EXPLANATION])
    bar_chart(
        page,
        page.box,
        titles,
        series,
        [region_colour(number) for number in numbers or range(len(by_region))],
        f"Bars: how many times chance of each map lies on each region. {'; '.join(said)}",
        number_format='0.0"×"',
        longest=1.12 * max(max(values) for values in series.values()),
    )


def _scores(panel: Panel) -> list[FocusScore]:
    return [score for score in (panel.focus, *panel.others) if score is not None]


def _marked(panel: Panel) -> str:
    """The network's name with its warnings, for a row."""
    return f"{panel.title} ({', '.join(panel.warnings)})" if panel.warnings else panel.title


def scale_end(highest: float) -> float:
    """End of a scale of shares, with room for the numbers behind the bars."""
    return min(1.15, max(0.3, 1.15 * highest))


def _source_lines(comparison: Comparison) -> list[Text]:
    lines = [Text("The picture", bold=True, space_pt=0)]
    if comparison.region is not None:
        lines.append(Text(f"{the(comparison.region.name)}: {percent(comparison.region.area)} of it", space_pt=0))
    return lines


def _network_lines(panel: Panel) -> list[Text]:
    lines = [Text(panel.prediction_line and f"First answer: {panel.prediction_line}")]
    lines += [Text(warning.upper(), bold=True) for warning in panel.warnings]
    for place, score in enumerate(_scores(panel)):
        line = f"{percent(score.value)} of the map on {the(score.region)} ({score.lift:.1f}×)"
        lines.append(Text(line, bold=place == 0, space_pt=8))
    if panel.focus is not None:
        lines.append(Text(words.chance_line(panel.focus), space_pt=8))
    meaning = panel.attention_map.meaning
    lines.append(Text(f"Shown: {meaning}." if meaning else "", space_pt=8))
    lines.append(Text(f"{words.method_of(panel)}: {words.where_line(panel)}", space_pt=8))
    return [line for line in lines if line.words]


def _colour_bar(page: Page, box: Box, comparison: Comparison, scaled: ScaledMap) -> None:
    """The strip of colours, its ends and its unit under it."""
    under, over = scaled.clipped
    low = ("< " if under else "") + number(scaled.vmin)
    high = ("> " if over else "") + number(scaled.vmax)
    page.picture(box.above(0.22), strip_png(comparison, scaled), f"Colour bar from {low} to {high}, {scaled.unit}")
    words_box = box.below(0.27)
    half = words_box.width / 2
    page.text(words_box.leftmost(half).above(0.34), [Text(low, 16)])
    page.text(words_box.rightmost(half).above(0.34), [Text(high, 16)], align="right")
    page.text(words_box.below(0.34), [Text(scaled.unit, 16)])


def _legend(page: Page, box: Box, comparison: Comparison, scaled: Sequence[ScaledMap]) -> None:
    """The colours once for all pictures, in a cell that is free. Numbers only where all pictures share them."""
    painted = [one for one in scaled if not one.flat]
    ends = {(one.vmin, one.vmax, one.unit) for one in painted}
    low, high = ("low", "high") if len(ends) > 1 else (number(painted[0].vmin), number(painted[0].vmax))
    page.picture(box.above(0.22), strip_png(comparison, painted[0]), f"Colours from {low} to {high}")
    half = box.width / 2
    page.text(box.below(0.27).leftmost(half).above(0.36), [Text(low)])
    page.text(box.below(0.27).rightmost(half).above(0.36), [Text(high)], align="right")
    units = dict.fromkeys(one.unit for one in painted)
    page.text(box.below(0.65), [Text("; ".join(units), 16)])


def _best_columns(lines: Sequence[Sequence[Text]], room: Box, aspect: float) -> tuple[int, float]:
    """Columns, and the factor on the text, with the largest pictures; smaller text must win much to be taken."""
    best = (0.0, 1, 1.0)
    for factor in (1.0, 0.89, 0.78, 0.67):
        for columns in range(1, len(lines) + 1):
            rows = math.ceil(len(lines) / columns)
            if math.ceil(len(lines) / rows) != columns:
                continue
            width = (room.width - (columns - 1) * _GUTTER_IN) / columns
            height = (room.height - (rows - 1) * _ROW_GAP_IN) / rows
            text = max(
                height_of([one for one in cell if one.words], width) for cell in (_scaled(one, factor) for one in lines)
            )
            area = min(width, (height - text - _UNDER_IN) * aspect)
            if area * factor**0.5 > best[0]:
                best = (area * factor**0.5, columns, factor)
    return best[1], best[2]


def _scaled(lines: Sequence[Text], factor: float) -> list[Text]:
    return [
        Text(one.words, max(_SMALLEST_PT, round(READ_PT * factor)), one.bold, one.colour, one.space_pt) for one in lines
    ]
