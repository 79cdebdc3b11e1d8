"""Any focus score in words, and the rows and marks that its chart and its figure share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attnviz.errors import ValueRangeError
from attnviz.focus import BASELINES, CENTRED_GAUSSIAN, EDGE_MAP, UNIFORM, FocusScore, Score
from attnviz.render.focus_words import AREA_COLOUR, GAUSSIAN_COLOUR, GAUSSIAN_WORDS, ByRegion
from attnviz.render.panel import percent, the

EDGE_COLOUR = "#B58CE8"
EDGE_WORDS = "edge map: a map that sees only the picture's edges"
MOST_NAMED = 3
"""Regions that a title names; of more it gives the number."""


@dataclass(frozen=True, eq=False)
class ScoreRow:
    """One bar.

    Attributes:
        title: of the network.
        region: name of the region; empty for a score that knows none.
        place: of the region among those scored, from 0.
        score: what the network's map scores there.
    """

    title: str
    region: str
    place: int
    score: FocusScore


@dataclass(frozen=True)
class BaselineMark:
    """How a map that knows nothing is drawn beside the bars.

    Attributes:
        name: of the baseline.
        words: in the legend.
        colour: of the mark.
        sign: "|" for a line across the bar, else matplotlib's sign.
        symbol: the same as plotly calls it.
        offset: from the middle of the row, in rows.
    """

    name: str
    words: str
    colour: str
    sign: str
    symbol: str
    offset: float


def score_rows(by_region: ByRegion, score: Score) -> list[ScoreRow]:
    """A row for each network and region, network by network. A score that knows no region has one for each network.

    Raises:
        ValueRangeError: there is no network's score.
    """
    regions = [name for name, scores in by_region.items() if scores]
    if score.of_region is None:
        regions = regions[:1]  # the same in all of them
    titles = dict.fromkeys(title for name in regions for title in by_region[name] if title not in BASELINES)
    if not titles:
        raise ValueRangeError("scores must hold at least one network; got none. Choose a network and a region.")
    places = {name: place for place, name in enumerate(by_region)}
    return [
        ScoreRow(title, name if score.of_region is not None else "", places[name], by_region[name][title])
        for title in titles
        for name in regions
        if title in by_region[name]
    ]


def row_names(rows: Sequence[ScoreRow]) -> list[str]:
    """What stands beside each bar: the network, with its region where there are several."""
    several = len({row.region for row in rows}) > 1
    return [f"{row.title}, {the(row.region)}" if several else row.title for row in rows]


def baseline_marks(rows: Sequence[ScoreRow], score: Score) -> list[BaselineMark]:
    """Marks of the baselines that all rows hold."""
    held = [name for name in BASELINES if all(name in row.score.baselines for row in rows)]
    apart = 0.17 if EDGE_MAP in held else 0.0  # two marks of one value must both be seen
    marks = {
        UNIFORM: BaselineMark(UNIFORM, f"a flat map: {score.chance}", AREA_COLOUR, "|", "line-ns", 0.0),
        CENTRED_GAUSSIAN: BaselineMark(CENTRED_GAUSSIAN, GAUSSIAN_WORDS, GAUSSIAN_COLOUR, "D", "diamond", -apart),
        EDGE_MAP: BaselineMark(EDGE_MAP, EDGE_WORDS, EDGE_COLOUR, "^", "triangle-up", apart),
    }
    return [marks[name] for name in held]


def score_end(rows: Sequence[ScoreRow]) -> float:
    """Where the axis ends: 1, or less where all values are small."""
    widest = max(max(row.score.value, *row.score.baselines.values()) for row in rows)
    return min(1.0, max(0.5, 1.1 * widest))


def score_title(rows: Sequence[ScoreRow], score: Score) -> str:
    """What the bars show, such as "Overlap (IoU) of each map: the dog"."""
    regions = [name for name in dict.fromkeys(row.region for row in rows) if name]
    if not regions:
        return f"{score.title} of each map"
    named = " and ".join(map(the, regions)) if len(regions) <= MOST_NAMED else f"{len(regions)} regions"
    return f"{score.title} of each map: {named}"


def score_notes(score: Score) -> list[str]:
    """What is measured, in which unit, and which way is which: paragraphs under a figure."""
    return [
        f"{score.title}: {score.answers} Unit: {score.unit}, 0 to 1. A flat map scores {score.chance}.",
        f"Higher: {score.higher}.",
    ]


def score_chart_alt(by_region: ByRegion, score: Score) -> str:
    """The chart in words."""
    rows = score_rows(by_region, score)
    said = "; ".join(
        f"{name} {score_words(row.score)} ({baselines_said(row.score.baselines, score)})"
        for name, row in zip(row_names(rows), rows, strict=True)
    )
    return f"{score_title(rows, score)}: {said}. Higher: {score.higher}. A flat map scores {score.chance}."


def baselines_said(baselines: Mapping[str, float], score: Score) -> str:
    """What the maps that know nothing score, such as "uniform 20 %, centred Gaussian 41 %"."""
    return ", ".join(f"{name} {number_words(value, score)}" for name, value in baselines.items())


def score_words(one: FocusScore) -> str:
    """A score's value and its lift, such as "0.62, lift 1.4"; "yes" or "no" for a hit.

    A score that knows no region has no lift: a flat map scores 1 there, so the lift is the value again.
    """
    return f"{value_words(one)}, lift\N{NO-BREAK SPACE}{one.lift:.1f}" if one.region else value_words(one)


def value_words(one: FocusScore) -> str:
    """A score's value as people read it: percent for shares, "yes" or "no" for a whole hit, else two decimals."""
    if one.unit == "hit":
        return {0.0: "no", 1.0: "yes"}.get(one.value, percent(one.value))
    return percent(one.value) if one.unit in ("share", "share of cells") else f"{one.value:.2f}"


def number_words(value: float, score: Score) -> str:
    """A value of a score, or of one of its baselines: percent, or two decimals."""
    return percent(value) if score.in_percent else f"{value:.2f}"
