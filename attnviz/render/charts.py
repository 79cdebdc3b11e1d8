"""Charts for pages: how much of each map lies in the region, and what a channel gate does. Each has its own words."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from attnviz.focus import CENTRED_GAUSSIAN, FocusScore
from attnviz.maps import ChannelProfile, channel_profile
from attnviz.records import ChannelWeights
from attnviz.render.focus_words import (
    AREA_COLOUR,
    BAR_COLOUR,
    GAUSSIAN_COLOUR,
    GAUSSIAN_WORDS,
    area_key,
    focus_chart_alt,
    networks_of,
    region_of,
    same_area,
    share_end,
    share_said,
    share_title,
)
from attnviz.render.panel import number, percent, the

__all__ = ["channel_chart", "channel_chart_alt", "focus_chart", "focus_chart_alt"]

SORTED_AXIS, FACTOR_AXIS = "channels, sorted by their factor", "factor"

_ROW_PX, _FRAME_PX = 46, 130


def focus_chart(scores: Mapping[str, FocusScore]) -> go.Figure:
    """Bars of the share that each network's map has in the region, with the two maps that know nothing.

    Args:
        scores: a score by name of network, as from `focus.table`; rows of the baselines are drawn as marks, not bars.

    Returns:
        A plotly figure with a transparent background. The dashed line is the region's area, which any flat map
        scores; the diamond is a Gaussian in the middle of the picture.

    Raises:
        ValueRangeError: there is no network's score.
    """
    rows = networks_of(scores)
    names, region = list(rows), region_of(rows)
    values = [100 * score.value for score in rows.values()]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=names,
            orientation="h",
            marker_color=BAR_COLOUR,
            customdata=[share_said(score) for score in rows.values()],
            name=f"share on {the(region)}",
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    )
    _mark_areas(figure, rows)
    figure.add_scatter(
        x=[100 * score.baselines[CENTRED_GAUSSIAN] for score in rows.values()],
        y=names,
        mode="markers",
        marker={
            "symbol": "diamond",
            "size": 12,
            "color": GAUSSIAN_COLOUR,
            "line": {"color": "black", "width": 1.5},
        },
        name=GAUSSIAN_WORDS,
        hovertemplate="centred Gaussian: %{x:.0f} %<extra></extra>",
    )
    for name, score in rows.items():
        # A column of its own, right of the bars: beside them, numbers would run into the diamonds.
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=8, y=name, text=share_said(score), showarrow=False
        )
    figure.update_xaxes(range=[0, share_end(rows)], ticksuffix=" %", zeroline=True)
    figure.update_yaxes(autorange="reversed")
    _plain(figure, share_title(rows), _FRAME_PX + _ROW_PX * len(rows))
    figure.update_layout(margin_r=110)
    return figure


def channel_chart(record: ChannelWeights) -> go.Figure:
    """The factors of a channel gate, from the most open channel to the most closed.

    Args:
        record: of one channel gate.

    Returns:
        A plotly figure with a transparent background; hovering names the channel.
    """
    profile = channel_profile(record)
    figure = go.Figure(
        go.Scatter(
            x=np.arange(1, profile.factors.size + 1),
            y=profile.factors,
            customdata=profile.order,
            mode="lines",
            line={"shape": "hvh", "color": BAR_COLOUR},
            fill="tozeroy",
            name="gate value",
            hovertemplate="channel %{customdata}: %{y:.3f}<extra></extra>",
        )
    )
    figure.add_hline(y=profile.mean, line={"dash": "dash", "color": AREA_COLOUR})
    figure.update_xaxes(title_text=SORTED_AXIS)
    figure.update_yaxes(title_text=FACTOR_AXIS, range=[0, max(1.0, 1.05 * float(profile.factors[0]))])
    _plain(figure, profile_title(profile), 340)
    figure.update_layout(showlegend=False)
    return figure


def profile_title(profile: ChannelProfile) -> str:
    """Which gate it is, its mean and how many channels are closed and open."""
    return f"Channel gate of {profile.site.layer}: mean {profile.mean:.2f}, {_spread(profile)}{_remarks(profile)}"


def channel_chart_alt(record: ChannelWeights) -> str:
    """The channel chart in words."""
    return profile_alt(channel_profile(record))


def profile_alt(profile: ChannelProfile) -> str:
    """A channel gate in words."""
    return (
        f"Channel gate of {profile.site.layer}, {profile.factors.size} channels: factors from "
        f"{number(float(profile.factors[-1]))} to {number(float(profile.factors[0]))}, mean {profile.mean:.2f}, "
        f"{_spread(profile)}{_remarks(profile)}."
    )


def _remarks(profile: ChannelProfile) -> str:
    """What must be said of a record that is untrained, failed its replay, or was changed by an intervention."""
    site = profile.site
    words = (site.untrained, "unproven" if site.proven is False else "", site.edit)
    return "".join(f"; {word}" for word in words if word)


def _spread(profile: ChannelProfile) -> str:
    if profile.is_flat:
        return "flat: it treats all channels alike"
    return f"{percent(profile.closed)} of the channels closed, {percent(profile.open)} fully open"


def _mark_areas(figure: go.Figure, rows: Mapping[str, FocusScore]) -> None:
    """One line for the area where all networks saw the same part of the picture, else a tick in each row."""
    areas = [100 * score.area for score in rows.values()]
    name = area_key(rows)
    if same_area(rows):
        figure.add_vline(x=areas[0], line={"dash": "dash", "color": AREA_COLOUR, "width": 2.5})
        figure.add_scatter(x=[None], y=[None], mode="lines", line={"dash": "dash", "color": AREA_COLOUR}, name=name)
        return
    figure.add_scatter(
        x=areas,
        y=list(rows),
        mode="markers",
        marker={"symbol": "line-ns", "size": 26, "line": {"color": AREA_COLOUR, "width": 2.5}},
        name=name,
        hovertemplate="area: %{x:.0f} %<extra></extra>",
    )


def _plain(figure: go.Figure, title: str, height: int) -> None:
    figure.update_layout(
        title={"text": title, "x": 0, "font": {"size": 16}},
        height=height,
        margin={"l": 10, "r": 10, "t": 44, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "top", "y": -0.18, "x": 0},
        bargap=0.35,
    )
