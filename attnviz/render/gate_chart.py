"""Charts of what gates did: energy moved between regions, and selective channels with their weights."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from attnviz.gate_effect import ChannelSelectivity, GateEffect
from attnviz.render.gate_words import (
    MOVED_AXIS,
    PREFERENCE_AXIS,
    PREFERENCE_TICKS,
    REST_COLOUR,
    WEIGHT_AXIS,
    gate_name,
    moved_chart_alt,
    moved_sentence,
    moved_summary,
    part_colours,
    parts_of,
    place,
    preference_ticks,
    reach_of,
    selectivity_chart_alt,
    selectivity_summary,
    sides_of,
    tenths,
    weight_range,
    went,
)

__all__ = [
    "REST_COLOUR",
    "gate_name",
    "moved_chart",
    "moved_chart_alt",
    "moved_sentence",
    "moved_summary",
    "selectivity_chart",
    "selectivity_chart_alt",
    "selectivity_summary",
    "tenths",
    "untitled",
]

_ROW_PX, _FRAME_PX = 30, 150
_LARGEST_PX, _SMALLEST_PX = 30.0, 5.0
_TITLE_CHARACTERS, _LINE_PX = 76, 22


def moved_chart(effects: Sequence[GateEffect], numbers: Sequence[int] | None = None) -> go.Figure:
    """Bars of what each gate took from some regions and gave to others.

    Args:
        effects: of one network's gates in the order in which they ran, as from `gate_effect.gate_effects`.
        numbers: the regions' numbers, which decide their colours; 0, 1, 2 and so on unless given.

    Returns:
        A plotly figure with a transparent background. Bars to the left are shares that a region lost, bars to the
        right shares that it gained; both sides of a row are of one length. The title is about the gate that moved
        most.

    Raises:
        ValueRangeError: there is no effect, or they are of different regions.
    """
    parts = parts_of(effects)
    rows = [gate_name(effect) for effect in effects]
    figure = go.Figure()
    for part, colour in zip(parts, part_colours(parts, numbers), strict=True):
        figure.add_bar(
            x=[100 * effect.moved[part] for effect in effects],
            y=rows,
            orientation="h",
            marker={"color": colour, "line": {"color": "#404040", "width": 1}},
            customdata=[went(effect, part) for effect in effects],
            name=place(part),
            hovertemplate=f"%{{y}}, {place(part)}: %{{customdata}}<extra></extra>",
        )
    for row, effect in zip(rows, effects, strict=True):
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=8, y=row, text=f"{100 * effect.total_moved:.1f}", showarrow=False
        )
    figure.add_annotation(
        x=1, xref="paper", xanchor="left", xshift=8, y=1, yref="paper", yanchor="bottom", text="moved", showarrow=False
    )
    reach = reach_of(effects)
    figure.add_vline(x=0, line={"color": "#808080", "width": 1.5})
    figure.update_xaxes(
        range=[-reach, reach],
        zeroline=False,
        title_text=MOVED_AXIS,
    )
    figure.update_yaxes(categoryorder="array", categoryarray=rows[::-1], automargin=True)
    _plain(figure, moved_summary(effects), _FRAME_PX + _ROW_PX * len(rows))
    figure.update_layout(barmode="relative", bargap=0.3, margin_r=60)
    return figure


def selectivity_chart(found: ChannelSelectivity, numbers: Sequence[int] | None = None) -> go.Figure:
    """Each channel's preference for a region against the weight that its gate gave it.

    Args:
        found: as from `gate_effect.channel_selectivity`.
        numbers: of the region and of the other one, which decide their colours; 0 and 1 unless given.

    Returns:
        A plotly figure with a transparent background: one point for each channel, the larger the more of the layer's
        energy it has. The dashed line is the mean weight.
    """
    colours = part_colours([found.region, found.against], numbers)
    size = np.clip(_LARGEST_PX * np.sqrt(found.energy / found.energy.max()), _SMALLEST_PX, None)
    figure = go.Figure()
    figure.add_hline(y=float(found.weights.mean()), line={"dash": "dash", "color": "#808080", "width": 1.5})
    figure.add_vline(x=0, line={"color": "#808080", "width": 1.5})
    for (chosen, said, _), colour, symbol in zip(sides_of(found), colours, ("circle", "square"), strict=True):
        figure.add_scatter(
            x=found.selectivity[chosen],
            y=found.weights[chosen],
            mode="markers",
            marker={
                "size": size[chosen],
                "color": colour,
                "symbol": symbol,
                "opacity": 0.8,
                "line": {"color": "black", "width": 1},
            },
            customdata=np.column_stack([np.flatnonzero(chosen), 100 * found.energy[chosen]]),
            name=said,
            hovertemplate="channel %{customdata[0]}: preference %{x:.2f}, weight %{y:.3f}, "
            "%{customdata[1]:.1f} % of the energy<extra></extra>",
        )
    figure.update_xaxes(
        range=[-1.08, 1.08],
        tickvals=PREFERENCE_TICKS,
        ticktext=[said.replace("\n", "<br>") for said in preference_ticks(found)],
        zeroline=False,
        title_text=PREFERENCE_AXIS,
    )
    figure.update_yaxes(title_text=WEIGHT_AXIS, range=weight_range(found), zeroline=False)
    _plain(figure, selectivity_summary(found), 460)
    return figure


def untitled(figure: go.Figure) -> go.Figure:
    """One of these charts without its title, for a page that says the sentence above it as text."""
    lines = str(figure.layout.title.text).count("<br>") + 1
    return figure.update_layout(
        title=None,
        height=figure.layout.height - _LINE_PX * lines,
        margin_t=figure.layout.margin.t - _LINE_PX * lines,
    )


def _plain(figure: go.Figure, title: str, height: int) -> None:
    lines = _wrapped(title)
    height += _LINE_PX * len(lines)
    figure.update_layout(
        title={
            "text": "<br>".join(lines),
            "x": 0,
            "xref": "container",
            "y": 1 - _LINE_PX / height,  # of the first line's foot
            "yref": "container",
            "yanchor": "auto",
            "font": {"size": 16},
        },
        height=height,
        margin={"l": 10, "r": 10, "t": 46 + _LINE_PX * len(lines), "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )


def _wrapped(text: str) -> list[str]:
    """Lines of a title: plotly draws a long one beyond the figure's edge."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > _TITLE_CHARACTERS:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines
