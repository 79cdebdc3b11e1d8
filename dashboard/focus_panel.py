"""The focus scores as a table and as a chart, beside what a map that knows nothing would score."""

from collections.abc import Mapping, Sequence

import streamlit as st

from attnviz.export import FocusBars
from attnviz.focus import CENTRED_GAUSSIAN, EDGE_MAP, SCORES, UNIFORM, FocusScore, Score
from attnviz.render.charts import focus_chart, focus_chart_alt
from attnviz.render.lift_chart import ByRegion, lift_chart, lift_chart_alt
from attnviz.render.panel import percent, the
from attnviz.render.score_chart import score_chart, score_chart_alt
from attnviz.render.score_words import score_words
from dashboard import asking, service, state
from dashboard.figure_toolbar import toolbar
from dashboard.service import Answers
from dashboard.sidebar import Entry
from dashboard.told_regions import ChosenRegion
from dashboard.words import plain, times

BASELINES = {UNIFORM: "Uniform map", CENTRED_GAUSSIAN: "Centred Gaussian blob", EDGE_MAP: "Edge map"}


def draw(entry: Entry, answers: Answers, chosen: tuple[ChosenRegion, ...]) -> None:
    """Draw the menu of scores, the chart and the table, or say what to do to get them."""
    if not chosen:
        st.info("No region yet. Drag a box around the object in the picture, or type its edges.")
        return
    if not answers.readings:
        return
    score = _score()
    if all(reading.attention_map.signed for reading in answers.readings):
        st.info(
            "This map has values above and below zero, and a share of both together means nothing. Choose a map "
            "without negative values, such as Grad-CAM, to score it."
        )
        return
    scored_in = chosen if score.of_region is not None else chosen[:1]
    by_region, unscored = asking.scored(answers, scored_in, score.name, entry.picture)
    numbers = tuple(one.number for one in scored_in if by_region[one.region.name])
    by_region = {name: scores for name, scores in by_region.items() if scores}
    if by_region:
        _drawn(by_region, score, numbers)
        _toolbar(entry, answers, by_region, score, numbers)
    for title, reason in unscored.items():
        st.caption(plain(f"{title}: no score. {reason}"))


def _drawn(by_region: ByRegion, score: Score, numbers: Sequence[int]) -> None:
    if score.name != "share":
        _other(by_region, score, numbers)
    elif len(by_region) == 1:
        ((name, scores),) = by_region.items()
        _one(scores, name)
    else:
        _several(by_region, numbers)


def _score() -> Score:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            "Score",
            list(SCORES),
            format_func=lambda one: SCORES[one].title if one in SCORES else str(one),
            key=state.SCORE,
            bind="query-params",
            width=230,
            help="What is measured of each map. By chance, a flat map scores what is written beside it.",
        )
        score = SCORES[name]
        with st.popover("Exact definition", width="content"):
            _define(score)
    st.caption(plain(f"{score.answers} Higher: {score.higher}. A flat map scores {score.chance}."))
    return score


def _define(score: Score) -> None:
    st.markdown(f"**{plain(score.title)}** ({plain(score.unit)}, 0 to 1)")
    for text in (
        score.definition,
        f"Higher: {score.higher}.",
        f"Held against three maps that know nothing: a flat one, which scores {score.chance}; a Gaussian in the middle "
        "of the picture; and the picture's edges, as strong as they are.",
        "Lift: the score over that of a flat map." if score.of_region is not None else "",
        f"Misleads when {score.misleads}",
        f"After {score.source}.",
    ):
        if text:
            st.markdown(plain(text))


def _toolbar(entry: Entry, answers: Answers, by_region: ByRegion, score: Score, numbers: tuple[int, ...]) -> None:
    """The buttons that save the chart, or keep it for a talk."""
    figure = FocusBars(
        picture=entry.picture,
        by_region=by_region,
        maps={reading.title: reading.attention_map for reading in answers.readings},
        numbers=numbers,
        weights={reading.title: service.network(reading.name).loaded.card.sha256 for reading in answers.readings},
        score=score.name,
    )
    what = "Focus" if score.name == "share" else score.title
    toolbar("focus_bars", f"{what} in {figure.picture.name}", lambda: figure)


def _other(by_region: ByRegion, score: Score, numbers: Sequence[int]) -> None:
    """Any score but the share: a chart and a table."""
    st.plotly_chart(
        score_chart(by_region, score, numbers),
        config={"displayModeBar": False},
        alt=score_chart_alt(by_region, score),
        key="score_chart",
    )
    st.table(rows_of_score(by_region, score), hide_index=True, alt=f"{score.title} of each map")


def _one(scores: Mapping[str, FocusScore], region_name: str) -> None:
    chart, words = focus_chart(scores), focus_chart_alt(scores)
    st.plotly_chart(chart, config={"displayModeBar": False}, alt=words)
    st.table(rows(scores, region_name), hide_index=True, alt=f"Share of each map on {the(region_name)}")


def _several(by_region: ByRegion, numbers: Sequence[int]) -> None:
    chart, words = lift_chart(by_region, numbers), lift_chart_alt(by_region)
    st.plotly_chart(chart, config={"displayModeBar": False}, alt=words)
    st.table(rows_of_regions(by_region), hide_index=True, alt="Share and lift of each map on each region")
    st.caption("Share of the map in each region, and how many times the share that chance would give: the area.")


def rows(scores: Mapping[str, FocusScore], region_name: str) -> list[dict[str, str]]:
    """The table's rows as people read them: the networks, then the maps that know nothing."""
    return [
        {
            "Map": plain(BASELINES.get(title, title)),
            f"Share on {plain(the(region_name))}": percent(score.value),
            "Area share": percent(score.area),
            "Lift": f"{score.lift:.2f}",
            "Peak inside": {0.0: "no", 1.0: "yes"}.get(score.hit, percent(score.hit)),
        }
        for title, score in scores.items()
    ]


def rows_of_regions(by_region: ByRegion) -> list[dict[str, str]]:
    """The table of several regions, a column each: the networks, then the maps that know nothing."""
    titles = list(dict.fromkeys(title for scores in by_region.values() for title in scores))
    titles.sort(key=lambda title: title in BASELINES)  # baselines last, else as they come
    return [
        {
            "Map": plain(BASELINES.get(title, title)),
            **{
                plain(the(name)): f"{percent(scores[title].value)} · {times(scores[title].lift)}"
                if title in scores
                else "–"
                for name, scores in by_region.items()
            },
        }
        for title in titles
    ]


def rows_of_score(by_region: ByRegion, score: Score) -> list[dict[str, str]]:
    """The table of any score: value and lift of each map, a column for each region."""
    titles = sorted(
        dict.fromkeys(title for scores in by_region.values() for title in scores), key=lambda title: title in BASELINES
    )
    return [
        {
            "Map": plain(BASELINES.get(title, title)),
            **{
                plain(the(name)) if score.of_region is not None else plain(score.title): score_words(scores[title])
                if title in scores
                else "–"
                for name, scores in by_region.items()
            },
        }
        for title in titles
    ]
