"""A chart for several regions: how far above or below chance each network's map lies on each of them."""

from collections.abc import Sequence

import plotly.graph_objects as go

from attnviz.render.focus_words import (
    GAUSSIAN_TITLE,
    LEAST_LIFT,
    LIFT_AXIS,
    LIFT_TITLE,
    ByRegion,
    lift_chart_alt,
    lift_marks,
    lift_said,
    shown_titles,
)
from attnviz.render.panel import the
from attnviz.render.region_colours import region_colour

__all__ = ["GAUSSIAN_TITLE", "ByRegion", "lift_chart", "lift_chart_alt"]

_ROW_PX, _FRAME_PX = 34, 120
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")


def lift_chart(by_region: ByRegion, numbers: Sequence[int] | None = None) -> go.Figure:
    """Marks of the lift that each network's map has on each region: 1 is chance, 2 twice as much as chance.

    Args:
        by_region: scores by title, by the region's name, as from `focus.table` for each region.
        numbers: the regions' numbers, which decide their colours and symbols; 0, 1, 2 and so on unless given.

    Returns:
        A plotly figure with a transparent background. The dashed line is chance, what any flat map scores; the last
        row is a Gaussian in the middle of the picture.

    Raises:
        ValueRangeError: there is no network's score.
    """
    rows = {name: scores for name, scores in by_region.items() if scores}
    figure = go.Figure()
    figure.add_vline(x=1, line={"dash": "dash", "color": "#808080", "width": 2})
    most = LEAST_LIFT
    for number, name in zip(numbers or range(len(by_region)), by_region, strict=True):
        if name not in rows:
            continue
        marks = lift_marks(by_region, name)
        most = max(most, *(score.lift for _, score in marks))
        figure.add_scatter(
            x=[score.lift for _, score in marks],
            y=[title for title, _ in marks],
            mode="markers",
            marker={
                "symbol": SYMBOLS[number % len(SYMBOLS)],
                "size": 14,
                "color": region_colour(number),
                "line": {"color": "black", "width": 1.5},
            },
            customdata=[lift_said(score) for _, score in marks],
            name=the(name),
            hovertemplate=f"%{{y}}, {the(name)}: %{{customdata}}<extra></extra>",
        )
    shown = shown_titles(by_region)
    figure.update_xaxes(range=[0, 1.08 * most], ticksuffix="×", zeroline=True, title_text=LIFT_AXIS)
    figure.update_yaxes(categoryorder="array", categoryarray=shown[::-1])
    figure.update_layout(
        title={"text": LIFT_TITLE, "x": 0, "font": {"size": 16}},
        height=_FRAME_PX + _ROW_PX * len(shown),
        margin={"l": 10, "r": 10, "t": 72, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    return figure
