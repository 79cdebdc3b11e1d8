"""A chart of any focus score: a bar for each network, with what the maps that know nothing score."""

from collections.abc import Sequence

import plotly.graph_objects as go

from attnviz.focus import Score
from attnviz.render.focus_words import BAR_COLOUR, ByRegion
from attnviz.render.region_colours import region_colour
from attnviz.render.score_words import (
    baseline_marks,
    number_words,
    row_names,
    score_chart_alt,
    score_end,
    score_rows,
    score_title,
    score_words,
)

__all__ = ["score_chart", "score_chart_alt"]

_ROW_PX, _FRAME_PX, _KEY_PX = 46, 140, 24


def score_chart(by_region: ByRegion, score: Score, numbers: Sequence[int] | None = None) -> go.Figure:
    """Bars of one score of each network's map, in each region.

    Args:
        by_region: scores by title, by the region's name, as from `focus.table`; rows of the baselines are not drawn.
        score: which score these are.
        numbers: the regions' numbers, which decide their colours; 0, 1, 2 and so on unless given.

    Returns:
        A plotly figure with a transparent background. Marks on each bar are what a flat map, a Gaussian in the middle
        and, where it was scored, the picture's edge map have on that network's grid.

    Raises:
        ValueRangeError: there is no network's score.
    """
    rows = score_rows(by_region, score)
    factor = 100 if score.in_percent else 1
    chosen = list(numbers or range(len(by_region)))
    several = len({row.region for row in rows}) > 1
    places, names = list(range(len(rows))), row_names(rows)
    figure = go.Figure(
        go.Bar(
            x=[factor * row.score.value for row in rows],
            y=places,
            orientation="h",
            marker_color=[region_colour(chosen[row.place]) if several else BAR_COLOUR for row in rows],
            customdata=[f"{name}: {score_words(row.score)}" for name, row in zip(names, rows, strict=True)],
            name=score.title,
            showlegend=False,
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    marks = baseline_marks(rows, score)
    for mark in marks:
        line = mark.sign == "|"
        figure.add_scatter(
            x=[factor * row.score.baselines[mark.name] for row in rows],
            y=[place + mark.offset for place in places],
            mode="markers",
            marker={
                "symbol": mark.symbol,
                "size": 26 if line else 12,
                "color": mark.colour,
                "line": {"color": mark.colour if line else "black", "width": 2.5 if line else 1.5},
            },
            customdata=[number_words(row.score.baselines[mark.name], score) for row in rows],
            name=mark.words,
            hovertemplate=f"{mark.name}: %{{customdata}}<extra></extra>",
        )
    for place, row in zip(places, rows, strict=True):
        # a column of its own, right of the bars: beside them, numbers would run into the marks
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=8, y=place, text=score_words(row.score), showarrow=False
        )
    figure.update_xaxes(
        range=[0, 1.02 * factor * score_end(rows)], ticksuffix=" %" if score.in_percent else "", zeroline=True
    )
    figure.update_yaxes(tickvals=places, ticktext=names, range=[len(rows) - 0.5, -0.5])
    keys_px = _KEY_PX * len(marks)
    figure.update_layout(
        title={"text": score_title(rows, score), "x": 0, "font": {"size": 16}},
        height=_FRAME_PX - 72 + keys_px + _ROW_PX * len(rows),
        margin={"l": 10, "r": 110, "t": 44, "b": 24 + keys_px},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "v", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0},
        bargap=0.35,
    )
    return figure
