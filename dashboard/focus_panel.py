"""The focus scores as a table and as a chart, beside what a map that knows nothing would score."""

from collections.abc import Mapping

import streamlit as st

from attnviz.export import FocusBars
from attnviz.focus import CENTRED_GAUSSIAN, SCORES, UNIFORM, FocusScore, Score
from attnviz.render.charts import focus_chart, focus_chart_alt
from attnviz.render.lift_chart import ByRegion, lift_chart, lift_chart_alt
from attnviz.render.panel import percent, the
from attnviz.render.score_chart import score_chart, score_chart_alt, score_words
from dashboard import asking, service, sidebar, state
from dashboard.figure_toolbar import toolbar
from dashboard.service import Answers
from dashboard.told_regions import ChosenRegion
from dashboard.words import plain, times

BASELINES = {UNIFORM: "Uniform map", CENTRED_GAUSSIAN: "Centred Gaussian blob"}


def draw(answers: Answers, chosen: tuple[ChosenRegion, ...]) -> None:
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
    if score.name == "share":
        by_region, unscored = {chosen[0].region.name: answers.scores, **answers.others}, answers.unscored
    else:
        by_region, unscored = asking.scored(answers, chosen if score.of_region is not None else chosen[:1], score.name)
    by_region = {name: scores for name, scores in by_region.items() if scores}
    if by_region and score.name != "share":
        _other(by_region, score)
    elif len(by_region) == 1 and len(chosen) == 1:
        _one(answers.scores, chosen[0].region.name)
    elif by_region:
        _several({chosen[0].region.name: answers.scores, **answers.others}, [one.number for one in chosen])
    if by_region and score.name == "share":
        _toolbar(answers, chosen)
    for title, reason in unscored.items():
        st.caption(plain(f"{title}: no score. {reason}"))


def _score() -> Score:
    name = st.selectbox(
        "Score",
        list(SCORES),
        format_func=lambda one: SCORES[one].title if one in SCORES else str(one),
        key=state.SCORE,
        bind="query-params",
        width=260,
        help="What is measured of each map. By chance, a flat map scores what is written beside it.",
    )
    score = SCORES[name]
    st.caption(plain(f"{score.answers} A flat map scores {score.chance}."))
    return score


def _toolbar(answers: Answers, chosen: tuple[ChosenRegion, ...]) -> None:
    """The buttons that save the chart, or keep it for a talk."""
    figure = FocusBars(
        picture=sidebar.chosen_entry().picture,
        by_region={chosen[0].region.name: answers.scores, **answers.others},
        maps={reading.title: reading.attention_map for reading in answers.readings},
        numbers=tuple(one.number for one in chosen),
        weights={reading.title: service.network(reading.name).loaded.card.sha256 for reading in answers.readings},
    )
    toolbar("focus_bars", f"Focus in {figure.picture.name}", lambda: figure)


def _other(by_region: ByRegion, score: Score) -> None:
    """Any score but the share: a chart of the region in focus, and a table of all."""
    first = next(iter(by_region.values()))
    st.plotly_chart(
        score_chart(first, score),
        config={"displayModeBar": False},
        alt=score_chart_alt(first, score),
        key="score_chart",
    )
    st.table(rows_of_score(by_region, score), hide_index=True, alt=f"{score.title} of each map")


def _one(scores: Mapping[str, FocusScore], region_name: str) -> None:
    chart, words = focus_chart(scores), focus_chart_alt(scores)
    st.plotly_chart(chart, config={"displayModeBar": False}, alt=words)
    st.table(rows(scores, region_name), hide_index=True, alt=f"Share of each map on {the(region_name)}")


def _several(by_region: ByRegion, numbers: list[int]) -> None:
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
