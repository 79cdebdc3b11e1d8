"""A chart of any focus score: a bar for each network, with what the maps that know nothing score."""

from collections.abc import Mapping

import plotly.graph_objects as go

from attnviz.focus import CENTRED_GAUSSIAN, FocusScore, Score
from attnviz.render.focus_words import AREA_COLOUR, BAR_COLOUR, GAUSSIAN_COLOUR, GAUSSIAN_WORDS, networks_of
from attnviz.render.panel import percent, the

_ROW_PX, _FRAME_PX = 46, 150


def score_chart(scores: Mapping[str, FocusScore], score: Score) -> go.Figure:
    """Bars of one score of each network's map.

    Args:
        scores: a score by name of network, as from `focus.table`; rows of the baselines are drawn as marks, not bars.
        score: which score these are.

    Returns:
        A plotly figure with a transparent background. The ticks are what a flat map scores on each network's grid; the
        diamonds are a Gaussian in the middle of the picture.

    Raises:
        ValueRangeError: there is no network's score.
    """
    rows = networks_of(scores)
    names = list(rows)
    figure = go.Figure(
        go.Bar(
            x=[one.value for one in rows.values()],
            y=names,
            orientation="h",
            marker_color=BAR_COLOUR,
            customdata=[score_words(one) for one in rows.values()],
            name=score.title,
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    )
    figure.add_scatter(
        x=[one.chance for one in rows.values()],
        y=names,
        mode="markers",
        marker={"symbol": "line-ns", "size": 26, "line": {"color": AREA_COLOUR, "width": 2.5}},
        name=f"a flat map: {score.chance}",
        hovertemplate="a flat map: %{x:.2f}<extra></extra>",
    )
    figure.add_scatter(
        x=[one.baselines[CENTRED_GAUSSIAN] for one in rows.values()],
        y=names,
        mode="markers",
        marker={"symbol": "diamond", "size": 12, "color": GAUSSIAN_COLOUR, "line": {"color": "black", "width": 1.5}},
        name=GAUSSIAN_WORDS,
        hovertemplate="centred Gaussian: %{x:.2f}<extra></extra>",
    )
    for name, one in rows.items():
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=8, y=name, text=score_words(one), showarrow=False
        )
    figure.update_xaxes(range=[0, 1.02], zeroline=True)
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(
        title={"text": _title(rows, score), "x": 0, "font": {"size": 16}},
        height=_FRAME_PX + _ROW_PX * len(rows),
        margin={"l": 10, "r": 110, "t": 44, "b": 96},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        bargap=0.35,
    )
    return figure


def score_chart_alt(scores: Mapping[str, FocusScore], score: Score) -> str:
    """The chart in words."""
    rows = networks_of(scores)
    said = "; ".join(f"{name} {score_words(one)}" for name, one in rows.items())
    return f"{_title(rows, score)}: {said}. A flat map scores {score.chance}."


def score_words(one: FocusScore) -> str:
    """A score's value and its lift, such as "0.62, lift 1.4"; "yes" or "no" for a hit."""
    return f"{value_words(one)}, lift\N{NO-BREAK SPACE}{one.lift:.1f}"


def value_words(one: FocusScore) -> str:
    """A score's value as people read it: percent for shares, "yes" or "no" for a whole hit, else two decimals."""
    if one.unit == "hit":
        return {0.0: "no", 1.0: "yes"}.get(one.value, percent(one.value))
    return percent(one.value) if one.unit in ("share", "share of cells") else f"{one.value:.2f}"


def _title(rows: Mapping[str, FocusScore], score: Score) -> str:
    region = next(iter(rows.values())).region
    return f"{score.title}, {the(region)}" if region else score.title
