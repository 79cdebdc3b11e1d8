"""The focus scores as a table and as bars, beside what a map that knows nothing would score."""

from collections.abc import Mapping

import streamlit as st

from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM, FocusScore
from attnviz.regions import Region
from attnviz.render.charts import focus_chart, focus_chart_alt
from attnviz.render.panel import percent, the
from dashboard.service import Answers
from dashboard.words import plain

BASELINES = {UNIFORM: "Uniform map", CENTRED_GAUSSIAN: "Centred Gaussian blob"}


def draw(answers: Answers, region: Region | None) -> None:
    """Draw the bars and the table, or say what to do to get them."""
    if region is None:
        st.info("No region yet. Drag a box around the object in the picture, or type its edges.")
        return
    if answers.scores:
        chart, words = focus_chart(answers.scores), focus_chart_alt(answers.scores)
        st.plotly_chart(chart, config={"displayModeBar": False}, alt=words)
        st.table(rows(answers.scores, region.name), hide_index=True, alt=f"Share of each map on {the(region.name)}")
    for title, reason in answers.unscored.items():
        st.caption(plain(f"{title}: no score. {reason}"))


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
