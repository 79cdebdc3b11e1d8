"""Charts of a walk through a network's layers: what gates changed, how heads attend, and the factors of channels."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from attnviz.errors import NothingTracedError
from attnviz.walking import AttentionLayer, Gate, GatedLayer, Layer, LayerWalk, PlainLayer
from attnviz.walking.words import (
    GATE_NAMES,
    between,
    change_words,
    finding,
    health_words,
    layer_words,
    percent,
    short_name,
    span_of,
)

CHANGED_COLOUR = "#8A93A3"
APART_COLOUR = "#FFB000"
STRONG_COLOUR = "#FFB000"
WEAK_COLOUR = "#648FFF"
MIDDLE_COLOUR = "#8A93A3"
HEAD_COLOUR = "#648FFF"
EVEN_COLOUR = "#D1495B"

CHANGED, APART = "changed", "of it, told apart"
EVEN = "attention spread evenly"

_EDGE = "#404040"
_HEIGHT_PX, _CHANNELS_PX, _HEADS_PX = 300, 290, 290


def numbered(walk: LayerWalk, layer: Layer) -> str:
    """A layer's place in the walk and its name, such as "3 layer2.1"."""
    return f"{walk.layers.index(layer) + 1} {short_name(walk, layer)}"


def change_chart(walk: LayerWalk, chosen: int | None = None) -> go.Figure:
    """Bars of how much the gates of each layer change its features, and how much of that tells them apart.

    Args:
        walk: of a network with gates.
        chosen: place of a layer to mark, counted from 0.

    Raises:
        NothingTracedError: the network has no gate.
    """
    layers = gated(walk)
    names = [numbered(walk, layer) for layer in layers]
    total = [0.0 if one.change is None else 100 * one.change.total for one in layers]
    apart = [0.0 if one.change is None else 100 * one.change.selective for one in layers]
    said = [change_words(one.change) for one in layers]
    picked = [chosen is not None and walk.layers[chosen] is one for one in layers]
    edges = {
        "color": [HEAD_COLOUR if one else _EDGE for one in picked],
        "width": [3.0 if one else 0.8 for one in picked],
    }
    figure = go.Figure()
    for values, colour, name, line in (
        (total, CHANGED_COLOUR, CHANGED, edges),
        (apart, APART_COLOUR, APART, {"color": _EDGE, "width": 0.8}),
    ):
        figure.add_bar(
            x=names,
            y=values,
            marker={"color": colour, "line": line},
            customdata=said,
            name=name,
            hovertemplate="%{x}: %{customdata}<extra></extra>",
        )
    for name, top in zip(names, zip(total, apart, strict=True), strict=True):
        figure.add_annotation(
            x=name, y=top[0], text=f"{top[1]:.1f}" if top[1] < 9.95 else f"{top[1]:.0f}", showarrow=False, yshift=9,
            font={"size": 12},
        )  # fmt: skip
    figure.update_yaxes(
        title_text="share of the features' size",
        ticksuffix=" %",
        range=[0, 1.14 * max(1.0, *total)],
        gridcolor="#88888840",
        zerolinecolor="#888888",
    )
    figure.update_xaxes(tickangle=0 if len(names) <= 7 else -40, automargin=True)
    _plain(figure, finding(walk), _HEIGHT_PX)
    return figure.update_layout(barmode="overlay", bargap=0.3)


def change_alt(walk: LayerWalk) -> str:
    """The chart of changes in words."""
    return f"{finding(walk)} Layer by layer: {' '.join(layer_words(layer) for layer in gated(walk))}"


def reach_chart(walk: LayerWalk, chosen: int | None = None) -> go.Figure:
    """Entropy and mean attention distance of each head, layer by layer.

    Args:
        walk: of a network with self-attention.
        chosen: place of a layer to mark, counted from 0.

    Raises:
        NothingTracedError: no self-attention layer has numbers.
    """
    layers = attending(walk)
    names = [numbered(walk, layer) for layer in layers]
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.11)
    for column, values in ((1, [100 * one.entropy for one in layers]), (2, [one.distance_px for one in layers])):
        figure.add_scatter(
            x=[name for name, of_heads in zip(names, values, strict=True) for _ in of_heads],
            y=np.concatenate(values),
            customdata=[head for of_heads in values for head in range(len(of_heads))],
            mode="markers",
            marker={"size": 9, "color": HEAD_COLOUR, "line": {"color": _EDGE, "width": 0.8}},
            name="one head",
            showlegend=column == 1,
            hovertemplate="%{x}, head %{customdata}: %{y:.0f}" + (" %" if column == 1 else " px") + "<extra></extra>",
            row=1,
            col=column,
        )
        even = [100.0] * len(layers) if column == 1 else [one.even_px for one in layers]
        figure.add_scatter(
            x=names,
            y=even,
            mode="markers",
            marker={"symbol": "line-ew", "size": 22, "line": {"color": EVEN_COLOUR, "width": 2.5}},
            name=EVEN,
            showlegend=column == 1,
            hovertemplate=f"%{{x}}, {EVEN}: %{{y:.0f}}" + (" %" if column == 1 else " px") + "<extra></extra>",
            row=1,
            col=column,
        )
    figure.update_xaxes(tickangle=0 if len(names) <= 3 else -40, automargin=True)
    if chosen is not None and walk.layers[chosen] in layers:
        at = layers.index(walk.layers[chosen])  # type: ignore[arg-type]
        for column in (1, 2):
            figure.add_vrect(at - 0.4, at + 0.4, fillcolor="#888888", opacity=0.22, line_width=0, row=1, col=column)
    figure.update_yaxes(gridcolor="#88888840", zerolinecolor="#888888", rangemode="tozero")
    figure.update_yaxes(title_text="entropy, of the largest", ticksuffix=" %", range=[0, 106], row=1, col=1)
    figure.update_yaxes(title_text="mean distance, px of the picture", row=1, col=2)
    _plain(figure, finding(walk), _HEIGHT_PX + 20)
    return figure


def reach_alt(walk: LayerWalk) -> str:
    """The chart of heads in words."""
    return f"{finding(walk)} Layer by layer: {' '.join(layer_words(layer) for layer in attending(walk))}"


def activity_chart(walk: LayerWalk, chosen: int | None = None) -> go.Figure:
    """Bars of how active each part of a network without attention is.

    Raises:
        NothingTracedError: the network has attention; its parts were not measured.
    """
    layers = plain_parts(walk)
    picked = [chosen is not None and walk.layers[chosen] is one for one in layers]
    figure = go.Figure(
        go.Bar(
            x=[numbered(walk, layer) for layer in layers],
            y=[layer.size for layer in layers],
            marker={
                "color": CHANGED_COLOUR,
                "line": {
                    "color": [HEAD_COLOUR if one else _EDGE for one in picked],
                    "width": [3.0 if one else 0.8 for one in picked],
                },
            },
            hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )
    )
    figure.update_xaxes(tickangle=0 if len(layers) <= 7 else -40, automargin=True)
    figure.update_yaxes(title_text="activity (root mean square)", gridcolor="#88888840", zerolinecolor="#888888")
    _plain(figure, finding(walk), _HEIGHT_PX)
    return figure.update_layout(bargap=0.3, showlegend=False)


def activity_alt(walk: LayerWalk) -> str:
    """The chart of activity in words."""
    return f"{finding(walk)} Part by part: {' '.join(layer_words(layer) for layer in plain_parts(walk))}"


def factors_chart(gate: Gate) -> go.Figure:
    """Bars of the factor of each channel, from the largest to the smallest; the shown channels in colours.

    Args:
        gate: a channel gate, or a mask over all features, whose factors are then means over places.

    Raises:
        NothingTracedError: a spatial gate, which has no channels.
    """
    _refuse_spatial(gate)
    order = gate.order
    strong, weak = ({one.number for one in end} for end in (gate.strongest, gate.weakest))
    values = gate.channel_factors[order]
    figure = go.Figure()
    for name, colour, chosen in (
        (f"{len(strong)} strongest", STRONG_COLOUR, strong),
        ("others", MIDDLE_COLOUR, set(order.tolist()) - strong - weak),
        (f"{len(weak)} weakest", WEAK_COLOUR, weak),
    ):
        places = [place for place, number in enumerate(order.tolist()) if number in chosen]
        if places:
            figure.add_bar(
                x=[place + 1 for place in places],
                y=values[places],
                width=1 if len(order) > 60 else 0.86,
                customdata=order[places],
                marker={"color": colour, "line": {"width": 0}},
                name=name,
                hovertemplate="channel %{customdata}: %{y:.3f}<extra></extra>",
            )
    figure.add_hline(y=float(values.mean()), line={"dash": "dash", "color": EVEN_COLOUR, "width": 1.5})
    meaning = "mean factor" if gate.kind == "feature" else "factor"
    figure.update_yaxes(title_text=meaning, range=factor_range(gate), gridcolor="#88888840", zerolinecolor="#888888")
    figure.update_xaxes(title_text=f"{len(order)} channels, sorted by {meaning}", showgrid=False)
    _plain(figure, factors_title(gate), _CHANNELS_PX)
    return figure.update_layout(bargap=0)


def factor_range(gate: Gate) -> tuple[float, float]:
    """Ends of an axis of factors: all that the gate's factors can be, where that is known."""
    bounds = gate.health.bounds
    low, high = bounds if bounds is not None else (min(0.0, gate.health.minimum), max(1.0, gate.health.maximum))
    return min(0.0, low), 1.04 * high


def factors_title(gate: Gate) -> str:
    """What a chart of factors shows: "64 channel factors: 0.31 to 0.72, mean 0.50"."""
    values = gate.channel_factors
    ends = between(*span_of(float(values.min()), float(values.max())))
    what = "mean factors of channels" if gate.kind == "feature" else "channel factors"
    return f"{values.size} {what}: {ends}, mean {values.mean():.3g}"


def factors_alt(gate: Gate) -> str:
    """The bars of factors in words."""
    _refuse_spatial(gate)
    ends = [
        f"{name}: {', '.join(f'channel {one.number} {one.factor:.3f}' for one in end)}"
        for name, end in (("strongest", gate.strongest), ("weakest", gate.weakest))
        if end
    ]
    return f"{factors_title(gate)}; {'; '.join(ends)}. {health_words(gate)}"


def heads_chart(layer: AttentionLayer) -> go.Figure:
    """Bars of the entropy and the mean attention distance of each head of one layer.

    Raises:
        NothingTracedError: the layer has no such numbers; its notes say why.
    """
    if not layer.entropy.size:
        raise NothingTracedError(f"{layer.site.layer} must have numbers for its heads; got none. {layer.notes}")
    heads = [f"head {head}" for head in range(layer.heads)]
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.06)
    ends = (106.0, 1.08 * max(float(layer.distance_px.max()), layer.even_px or 0.0))
    for column, values, digits in ((1, 100 * layer.entropy, "%{x:.1f} %"), (2, layer.distance_px, "%{x:.0f} px")):
        figure.add_bar(
            x=values,
            y=heads,
            orientation="h",
            marker={"color": HEAD_COLOUR, "line": {"color": _EDGE, "width": 0.8}},
            texttemplate=digits,
            textposition="inside",
            insidetextanchor="start",
            textfont={"color": "#101010"},
            hovertemplate="%{y}: " + digits + "<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        even = 100.0 if column == 1 else layer.even_px
        if even is not None:
            figure.add_vline(x=even, line={"color": EVEN_COLOUR, "width": 2, "dash": "dash"}, row=1, col=column)
        figure.update_xaxes(range=[0, ends[column - 1]], row=1, col=column)
    figure.add_scatter(
        x=[None], y=[None], mode="lines", line={"color": EVEN_COLOUR, "dash": "dash"}, name=EVEN, row=1, col=1
    )
    figure.update_xaxes(title_text="entropy, % of the largest", row=1, col=1)
    figure.update_xaxes(title_text="mean distance, px of the picture", row=1, col=2)
    figure.update_xaxes(gridcolor="#88888840", zerolinecolor="#888888")
    figure.update_yaxes(autorange="reversed")
    _plain(figure, layer_words(layer), max(_HEADS_PX - 60, 120 + 30 * layer.heads))
    return figure.update_layout(bargap=0.25)


def heads_alt(layer: AttentionLayer) -> str:
    """The bars of heads in words."""
    told = [
        f"head {head}: entropy {percent(float(entropy))}, distance {distance:.0f} px"
        for head, (entropy, distance) in enumerate(zip(layer.entropy, layer.distance_px, strict=True))
    ]
    return f"{layer_words(layer)} {'; '.join(told)}."


def gated(walk: LayerWalk) -> list[GatedLayer]:
    """The layers with gates.

    Raises:
        NothingTracedError: there is none.
    """
    return _some([layer for layer in walk.layers if isinstance(layer, GatedLayer)], walk, "a gate")


def attending(walk: LayerWalk) -> list[AttentionLayer]:
    """The self-attention layers that have numbers.

    Raises:
        NothingTracedError: there is none.
    """
    found = [layer for layer in walk.layers if isinstance(layer, AttentionLayer) and layer.entropy.size]
    return _some(found, walk, "self-attention that can be laid on the picture")


def plain_parts(walk: LayerWalk) -> list[PlainLayer]:
    """The parts of a network without attention.

    Raises:
        NothingTracedError: it has attention.
    """
    return _some([layer for layer in walk.layers if isinstance(layer, PlainLayer)], walk, "no attention")


def _some(found: list, walk: LayerWalk, what: str) -> list:
    if not found:
        kinds = ", ".join(dict.fromkeys(layer.name for layer in walk.layers))
        raise NothingTracedError(f"{walk.network} must have {what} for this chart; got {kinds}. Draw another chart.")
    return found


def _refuse_spatial(gate: Gate) -> None:
    if not gate.channel_factors.size:
        raise NothingTracedError(
            f"{gate.site.layer}: the gate must have a factor for each channel; got a {GATE_NAMES[gate.kind]}. "
            "Draw its map instead."
        )


def _plain(figure: go.Figure, title: str, height: int) -> None:
    figure.update_layout(
        title={"text": title, "x": 0, "font": {"size": 16}},
        height=height + 34,
        margin={"l": 10, "r": 10, "t": 44, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )


def untitled(figure: go.Figure) -> go.Figure:
    """One of these charts without its title, for a page that says it as text."""
    return figure.update_layout(title=None, height=figure.layout.height - 34, margin_t=24)


__all__: Sequence[str] = [
    "activity_alt",
    "activity_chart",
    "change_alt",
    "change_chart",
    "factors_alt",
    "factors_chart",
    "heads_alt",
    "heads_chart",
    "reach_alt",
    "reach_chart",
    "untitled",
]
