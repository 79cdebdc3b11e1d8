"""A chart for several regions: how far above or below chance each network's map lies on each of them."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from attnviz.errors import ValueRangeError
from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM, FocusScore
from attnviz.render.panel import percent, the
from attnviz.render.region_colours import region_colour

GAUSSIAN_TITLE = "Centred Gaussian blob"
_ROW_PX, _FRAME_PX = 34, 120
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
_LEAST_END = 2.0

ByRegion = Mapping[str, Mapping[str, FocusScore]]
"""Scores by title of network, by name of region; rows of the baselines may be among them."""


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
    titles = _titles(by_region)
    rows = {name: scores for name, scores in by_region.items() if scores}
    figure = go.Figure()
    figure.add_vline(x=1, line={"dash": "dash", "color": "#808080", "width": 2})
    most = _LEAST_END
    for number, (name, scores) in zip(numbers or range(len(by_region)), by_region.items(), strict=True):
        if name not in rows:
            continue
        marks = [(title, scores[title]) for title in titles if title in scores]
        blob = scores.get(CENTRED_GAUSSIAN)
        if blob is not None:
            marks.append((GAUSSIAN_TITLE, blob))
        most = max(most, *(score.lift for _, score in marks))
        figure.add_scatter(
            x=[score.lift for _, score in marks],
            y=[title for title, _ in marks],
            mode="markers",
            marker={
                "symbol": _SYMBOLS[number % len(_SYMBOLS)],
                "size": 14,
                "color": region_colour(number),
                "line": {"color": "black", "width": 1.5},
            },
            customdata=[_said(score) for _, score in marks],
            name=the(name),
            hovertemplate=f"%{{y}}, {the(name)}: %{{customdata}}<extra></extra>",
        )
    shown = [*titles, *([GAUSSIAN_TITLE] if any(CENTRED_GAUSSIAN in scores for scores in rows.values()) else [])]
    figure.update_xaxes(
        range=[0, 1.08 * most], ticksuffix="×", zeroline=True, title_text="1× is chance: the area alone"
    )
    figure.update_yaxes(categoryorder="array", categoryarray=shown[::-1])
    figure.update_layout(
        title={"text": "How many times as much of each map as chance", "x": 0, "font": {"size": 16}},
        height=_FRAME_PX + _ROW_PX * len(shown),
        margin={"l": 10, "r": 10, "t": 72, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    return figure


def lift_chart_alt(by_region: ByRegion) -> str:
    """The chart in words."""
    said = []
    for title in _titles(by_region):
        parts = [f"{the(name)} {_said(scores[title])}" for name, scores in by_region.items() if title in scores]
        said.append(f"{title}: {'; '.join(parts)}")
    return f"How many times as much of each map as chance lies on each region. {'. '.join(said)}."


def _said(score: FocusScore) -> str:
    return f"{score.lift:.1f}× ({percent(score.value)} of the map on {percent(score.area)} of the area)"


def _titles(by_region: ByRegion) -> list[str]:
    """The networks, in the order of the first region that has them."""
    titles = dict.fromkeys(title for scores in by_region.values() for title in scores)
    networks = [title for title in titles if title not in (UNIFORM, CENTRED_GAUSSIAN)]
    if not networks:
        raise ValueRangeError("scores must hold at least one network; got none. Choose a network and a region.")
    return networks
