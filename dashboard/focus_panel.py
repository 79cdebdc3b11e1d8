"""The focus scores as a table and as a chart, beside what a map that knows nothing would score."""

from collections.abc import Mapping

import streamlit as st

from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM, FocusScore
from attnviz.render.charts import focus_chart, focus_chart_alt
from attnviz.render.lift_chart import ByRegion, lift_chart, lift_chart_alt
from attnviz.render.panel import percent, the
from dashboard.service import Answers
from dashboard.told_regions import ChosenRegion
from dashboard.words import plain, times

BASELINES = {UNIFORM: "Uniform map", CENTRED_GAUSSIAN: "Centred Gaussian blob"}


def draw(answers: Answers, chosen: tuple[ChosenRegion, ...]) -> None:
    """Draw the chart and the table, or say what to do to get them."""
    if not chosen:
        st.info("No region yet. Drag a box around the object in the picture, or type its edges.")
        return
    if answers.scores and len(chosen) == 1:
        _one(answers.scores, chosen[0].region.name)
    elif answers.scores or any(answers.others.values()):
        _several({chosen[0].region.name: answers.scores, **answers.others}, [one.number for one in chosen])
    for title, reason in answers.unscored.items():
        st.caption(plain(f"{title}: no score. {reason}"))


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
