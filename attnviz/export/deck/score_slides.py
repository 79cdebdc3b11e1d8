"""Slides of any focus score: a native chart and table beside maps that know nothing."""

from collections.abc import Mapping, Sequence

from attnviz.export.deck.charts import AREA, BLOB, SHARE, bar_chart
from attnviz.export.deck.comparison_slides import NARROW_IN, scale_end
from attnviz.export.deck.page import Talk
from attnviz.focus import BASELINES, CENTRED_GAUSSIAN, EDGE_MAP, UNIFORM, FocusScore, Score
from attnviz.render import NOT_EXPLANATION, the
from attnviz.render.score_words import EDGE_COLOUR, baselines_said, number_words, score_notes, value_words

_COLUMNS = {UNIFORM: ("flat map (chance)", "Flat", AREA), CENTRED_GAUSSIAN: ("centred blob", "Blob", BLOB)} | {
    EDGE_MAP: ("edge map", "Edges", EDGE_COLOUR)
}
"""Name of a baseline to its series in the chart, its column in the table, and its colour."""


def bars(talk: Talk, scored: Mapping[str, FocusScore], score: Score, foot: Sequence[str], notes: str) -> None:
    """One score of each network's map in one region.

    Args:
        talk: to add to.
        scored: by the network's title; at least one.
        score: which score these are.
        foot: for the foot of the slide.
        notes: for the speaker.
    """
    scores = list(scored.values())
    region = scores[0].region
    what = f"{score.title} of each map" + (f": {the(region)}" if region else "")
    held = [name for name in BASELINES if all(name in one.baselines for one in scores)]
    page = talk.page(what, notes, [*foot, " ".join(score_notes(score)), NOT_EXPLANATION])
    series = {score.title: [one.value for one in scores]}
    series |= {_COLUMNS[name][0]: [one.baselines[name] for one in scores] for name in held}
    narrow = page.box.width < NARROW_IN
    beside = [] if narrow else held
    lift = ["Lift"] if region else []
    rows = [["Network", score.title, *(_COLUMNS[name][1] for name in beside), *lift]]
    rows += [
        [
            title,
            value_words(one),
            *(number_words(one.baselines[name], score) for name in beside),
            *([f"{one.lift:.1f}"] if region else []),
        ]
        for title, one in scored.items()
    ]
    said = [f"{title} {value_words(one)}" for title, one in scored.items()]
    table_in = page.box.width * (0.47 if narrow else 0.46)
    bar_chart(
        page,
        page.box.leftmost(page.box.width - table_in - 0.3),
        list(scored),
        series,
        (SHARE, *(_COLUMNS[name][2] for name in held)),
        f"Bars: {what}. {'; '.join(said)}. Maps that know nothing: {baselines_said(scores[0].baselines, score)}.",
        number_format="0\N{NO-BREAK SPACE}%" if score.in_percent else "0.00",
        longest=scale_end(max(map(max, series.values()))),
    )
    page.readable_table(page.box.rightmost(table_in).below(0.15), rows, f"Table: {what}, with what knows nothing")
