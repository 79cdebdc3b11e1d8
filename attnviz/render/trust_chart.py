"""Can a map be trusted? Deletion and insertion curves beside random orders, and the map under random weights."""

import re

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from attnviz.faithfulness.trust_results import Randomisation, RemovalCurve, Trust
from attnviz.render.charts import BAR_COLOUR, GAUSSIAN_COLOUR
from attnviz.render.whatif_chart import BAND_COLOUR, GRID_COLOUR

_RANDOM_COLOUR = "rgba(128,128,128,1)"
_SSIM_COLOUR = "#D1495B"
_LONGEST_LINE = 14
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
            title_text="cells covered" if curve.direction == "deletion" else "cells uncovered",
            ticksuffix=" %",
            range=[0, 100],
            row=1,
            col=column,
        )
    figure.update_yaxes(title_text=f"probability of {trust.target_name}", ticksuffix=" %", row=1, col=1)
    figure.update_yaxes(range=[0, 102], zeroline=False)
    _plain(figure, _titled(trust, "does the answer hang on the cells that the map marks?"), 430)
    return figure


def removal_chart_alt(trust: Trust) -> str:
    """The curves in words."""
    return f"Deletion and insertion curves of {trust.title}. {trust.deletion.verdict} {trust.insertion.verdict}"


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
    stages = ["trained", *(_short(stage) for stage in found.stages)]
    for values, name, colour, dash, fill in (
        (found.rank, "rank correlation", BAR_COLOUR, "solid", "rgba(76,120,168,0.22)"),
        (found.ssim, "SSIM", _SSIM_COLOUR, "dot", "rgba(209,73,91,0.16)"),
    ):
        if not np.isfinite(values).any():
            continue
        whole = np.hstack([np.ones((len(values), 1)), values])
        low, mean, high = _over_draws(whole)
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
    figure.add_hline(y=0, line={"dash": "dash", "color": _RANDOM_COLOUR, "width": 1.5})
    figure.update_xaxes(
        tickvals=np.arange(len(stages)),
        ticktext=stages,
        tickangle=0,
        tickfont={"size": 11},
        title_text="weights replaced by random ones, from the output down to this layer",
    )
    figure.update_yaxes(range=[-1.05, 1.05], title_text="similarity to the original map", zeroline=False)
    title = _titled(trust, "does the map notice when the network forgets what it learned?")
    small = f"Mean and range of {len(found.rank)} draws. 1: the original map. 0: nothing in common with it."
    _plain(figure, f"{title}<br><span style='font-size:13px'>{small}</span>", 430)
    return figure


def randomisation_chart_alt(trust: Trust) -> str:
    """The randomisation chart in words."""
    found: Randomisation = trust.randomisation
    low, mean, high = _over_draws(found.rank)
    said = [
        f"{stage} {middle:.2f} ({least:.2f} to {most:.2f})" if np.isfinite(middle) else f"{stage} no map"
        for stage, least, middle, most in zip(found.stages, low, mean, high, strict=True)
    ]
    return f"Rank correlation with the original map, weights random down to: {'; '.join(said)}. {found.verdict}"


def _draw_curves(figure: go.Figure, curve: RemovalCurve, column: int) -> None:
    share = 100 * curve.share
    first = column == 1
    low, high = curve.band
    at = {"row": 1, "col": column}
    _band(figure, share, 100 * low, 100 * high, BAND_COLOUR, at)
    lines = (
        (curve.by_map, f"this map, area {curve.area:.2f}", BAR_COLOUR, "solid", 3.5, "the map's highest cells first"),
        (
            curve.centre_first,
            f"middle first, area {curve.area_centre:.2f}",
            GAUSSIAN_COLOUR,
            "dash",
            2.5,
            "from the middle outwards",
        ),
        (
            curve.random.mean(axis=0),
            f"random, area {curve.areas_random.mean():.2f}",
            _RANDOM_COLOUR,
            "dot",
            2,
            f"{len(curve.random)} random orders: mean, and 95 % of them",
        ),
    )
    for values, hover, colour, dash, width, name in lines:
        figure.add_scatter(
            x=share,
            y=100 * values,
            mode="lines",
            line={"color": colour, "dash": dash, "width": width},
            name=name,
            legendgroup=name,
            showlegend=first,
            hovertemplate=hover + ": %{y:.1f} % at %{x:.0f} % of the cells<extra></extra>",
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


def _over_draws(
    values: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Smallest, mean and largest over the draws that have a number; NaN where none has."""
    some = np.isfinite(values).any(axis=0)
    made = np.full((3, values.shape[1]), np.nan)
    known = values[:, some]
    made[:, some] = np.nanmin(known, axis=0), np.nanmean(known, axis=0), np.nanmax(known, axis=0)
    return made[0], made[1], made[2]


def _heading(curve: RemovalCurve) -> str:
    better = "lower is better" if curve.direction == "deletion" else "higher is better"
    middle = f"middle {curve.area_centre:.2f}, random {curve.areas_random.mean():.2f}"
    return (
        f"<b>{curve.direction.capitalize()}</b> ({better})<br>"
        f"<span style='font-size:13px'>area: map {curve.area:.2f}, {middle}; p = {curve.p_value:.2f}</span>"
    )


def _short(stage: str) -> str:
    """A layer's name for an axis, broken after its dots."""
    lines = [""]
    for part in re.findall(r"[^.]+\.?", stage):
        if lines[-1] and len(lines[-1]) + len(part) > _LONGEST_LINE:
            lines.append("")
        lines[-1] += part
    return "<br>".join(lines)


def _titled(trust: Trust, question: str) -> str:
    mark = f"{trust.untrained.upper()}: " if trust.untrained else ""
    return f"{mark}{trust.title}, {trust.target_name}: {question}"


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
