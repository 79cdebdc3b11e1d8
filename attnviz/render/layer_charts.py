"""Charts of one layer of a walk: the factors of channels, and the heads of self-attention."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from attnviz.errors import NothingTracedError
from attnviz.render.walk_charts import EVEN, EVEN_COLOUR, HEAD_COLOUR, calm
from attnviz.walking import AttentionLayer, Gate
from attnviz.walking.words import GATE_NAMES, between, health_words, layer_words, percent, span_of

STRONG_COLOUR = "#FFB000"
WEAK_COLOUR = "#648FFF"
MIDDLE_COLOUR = "#8A93A3"

_EDGE = "#404040"
_CHANNELS_PX, _HEADS_PX = 290, 290


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
    calm(figure, factors_title(gate), _CHANNELS_PX)
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
    heads = [f"head {head + 1}" for head in range(layer.heads)]
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
    calm(figure, layer_words(layer), max(_HEADS_PX - 60, 120 + 30 * layer.heads))
    return figure.update_layout(bargap=0.25)


def heads_alt(layer: AttentionLayer) -> str:
    """The bars of heads in words."""
    told = [
        f"head {head + 1}: entropy {percent(float(entropy))}, distance {distance:.0f} px"
        for head, (entropy, distance) in enumerate(zip(layer.entropy, layer.distance_px, strict=True))
    ]
    return f"{layer_words(layer)} {'; '.join(told)}."


def _refuse_spatial(gate: Gate) -> None:
    if not gate.channel_factors.size:
        raise NothingTracedError(
            f"{gate.site.layer}: the gate must have a factor for each channel; got a {GATE_NAMES[gate.kind]}. "
            "Draw its map instead."
        )
