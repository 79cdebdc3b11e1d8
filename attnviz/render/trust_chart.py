"""Can a map be trusted? Deletion and insertion curves beside random orders, and the map under random weights."""

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from attnviz.faithfulness.trust_results import RemovalCurve, Trust
from attnviz.render.focus_words import BAR_COLOUR
from attnviz.render.trust_words import (
    RANDOM_COLOUR,
    RANDOM_QUESTION,
    REMOVAL_QUESTION,
    SIMILARITY_AXIS,
    SSIM_COLOUR,
    STAGES_AXIS,
    cells_axis,
    curve_heading,
    curve_lines,
    draws_words,
    over_draws,
    randomisation_chart_alt,
    removal_chart_alt,
    short_stage,
    titled,
)
from attnviz.render.whatif_words import BAND_COLOUR, GRID_COLOUR

__all__ = ["randomisation_chart", "randomisation_chart_alt", "removal_chart", "removal_chart_alt"]

_LEGEND_PX = 34


def removal_chart(trust: Trust) -> go.Figure:
    """The class probability while the picture is covered, and uncovered, in the order of the map.

    Args:
        trust: from `faithfulness.trust`.

    Returns:
        A plotly figure with a transparent background: deletion on the left, insertion on the right; the order of the
        map, the order from the middle outwards, and the middle 95 % of random orders.
    """
    curves = (trust.deletion, trust.insertion)
    figure = make_subplots(
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=[_heading(curve) for curve in curves],
    )
    for column, curve in enumerate(curves, start=1):
        _draw_curves(figure, curve, column)
        figure.update_xaxes(
            title_text=cells_axis(curve),
            ticksuffix=" %",
            range=[0, 100],
            row=1,
            col=column,
        )
    figure.update_yaxes(title_text=f"probability of {trust.target_name}", ticksuffix=" %", row=1, col=1)
    figure.update_yaxes(range=[0, 102], zeroline=False)
    _plain(figure, titled(trust, REMOVAL_QUESTION), 430)
    return figure


def randomisation_chart(trust: Trust) -> go.Figure:
    """How much of the map is left as the weights become random, from the output down.

    Args:
        trust: from `faithfulness.trust`.

    Returns:
        A plotly figure with a transparent background: the mean over the draws with their whole range, for the rank
        correlation and for SSIM. 1 is the map itself, 0 has nothing to do with it.
    """
    found = trust.randomisation
    figure = go.Figure()
    stages = ["trained", *(short_stage(stage).replace("\n", "<br>") for stage in found.stages)]
    for values, name, colour, dash, fill in (
        (found.rank, "rank correlation", BAR_COLOUR, "solid", "rgba(76,120,168,0.22)"),
        (found.ssim, "SSIM", SSIM_COLOUR, "dot", "rgba(209,73,91,0.16)"),
    ):
        if not np.isfinite(values).any():
            continue
        whole = np.hstack([np.ones((len(values), 1)), values])
        low, mean, high = over_draws(whole)
        _band(figure, np.arange(len(stages)), low, high, fill, None)
        figure.add_scatter(
            x=np.arange(len(stages)),
            y=mean,
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2.5},
            name=name,
            customdata=["none", *(f"{100 * share:.0f} %" for share in found.replaced)],
            hovertemplate=name + " %{y:.2f}, weights replaced: %{customdata}<extra></extra>",
        )
    figure.add_hline(y=0, line={"dash": "dash", "color": RANDOM_COLOUR, "width": 1.5})
    figure.update_xaxes(
        tickvals=np.arange(len(stages)),
        ticktext=stages,
        tickangle=0,
        tickfont={"size": 11},
        title_text=STAGES_AXIS,
    )
    figure.update_yaxes(range=[-1.05, 1.05], title_text=SIMILARITY_AXIS, zeroline=False)
    title = titled(trust, RANDOM_QUESTION)
    _plain(figure, f"{title}<br><span style='font-size:13px'>{draws_words(found)}</span>", 430)
    return figure


def _draw_curves(figure: go.Figure, curve: RemovalCurve, column: int) -> None:
    share = 100 * curve.share
    first = column == 1
    low, high = curve.band
    at = {"row": 1, "col": column}
    _band(figure, share, 100 * low, 100 * high, BAND_COLOUR, at)
    for line in curve_lines(curve):
        figure.add_scatter(
            x=share,
            y=100 * line.values,
            mode="lines",
            line={"color": line.colour, "dash": line.dash, "width": line.width},
            name=line.name,
            legendgroup=line.name,
            showlegend=first,
            hovertemplate=line.hover + ": %{y:.1f} % at %{x:.0f} % of the cells<extra></extra>",
            **at,
        )


def _band(
    figure: go.Figure,
    x: npt.NDArray[np.generic],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    colour: str,
    at: dict[str, int] | None,
) -> None:
    """An area between two lines, which the legend does not name."""
    known = np.isfinite(low) & np.isfinite(high)
    figure.add_scatter(
        x=np.concatenate([x[known], x[known][::-1]]),
        y=np.concatenate([high[known], low[known][::-1]]),
        fill="toself",
        fillcolor=colour,
        line={"width": 0},
        mode="lines",
        showlegend=False,
        hoverinfo="skip",
        **(at or {}),
    )


def _heading(curve: RemovalCurve) -> str:
    first, second = curve_heading(curve)
    direction, better = first.split(" ", 1)
    return f"<b>{direction}</b> {better}<br><span style='font-size:13px'>{second}</span>"


def _plain(figure: go.Figure, title: str, height: int) -> None:
    figure.update_layout(
        title={"text": title, "x": 0, "y": 1, "yanchor": "top", "pad": {"t": 12}, "font": {"size": 16}},
        height=height,
        margin={"l": 10, "r": 10, "t": 90, "b": 96},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "top", "yref": "container", "y": _LEGEND_PX / height, "x": 0},
    )
    figure.update_xaxes(gridcolor=GRID_COLOUR)
    figure.update_yaxes(gridcolor=GRID_COLOUR)
