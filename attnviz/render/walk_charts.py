"""Charts of a walk through a network's layers: what gates changed, how heads attend, and the factors of channels."""

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from attnviz.errors import NothingTracedError
from attnviz.walking import AttentionLayer, GatedLayer, Layer, LayerWalk, PlainLayer
from attnviz.walking.words import (
    change_words,
    finding,
    layer_words,
    short_name,
)

CHANGED_COLOUR = "#8A93A3"
APART_COLOUR = "#FFB000"
HEAD_COLOUR = "#648FFF"
EVEN_COLOUR = "#D1495B"

CHANGED, APART = "changed", "of it, told apart"
EVEN = "attention spread evenly"

_EDGE = "#404040"
_HEIGHT_PX = 300


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
    calm(figure, finding(walk), _HEIGHT_PX)
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
            customdata=[head + 1 for of_heads in values for head in range(len(of_heads))],
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
    calm(figure, finding(walk), _HEIGHT_PX + 20)
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
    calm(figure, finding(walk), _HEIGHT_PX)
    return figure.update_layout(bargap=0.3, showlegend=False)


def activity_alt(walk: LayerWalk) -> str:
    """The chart of activity in words."""
    return f"{finding(walk)} Part by part: {' '.join(layer_words(layer) for layer in plain_parts(walk))}"


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


def calm(figure: go.Figure, title: str, height: int) -> None:
    """Give a chart its title, its height without the title, and a transparent background."""
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
