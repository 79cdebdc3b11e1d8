"""One layer of a walk as a still figure: its map, the factors of its channels, and the channels at both ends."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from attnviz.errors import ValueRangeError
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.render.canvas import Box, Canvas
from attnviz.render.columns import LONGEST_PIXELS, badge_of
from attnviz.render.inputs import pixels_of, shrink_pixels, shrunk_hw
from attnviz.render.layer_charts import MIDDLE_COLOUR, STRONG_COLOUR, WEAK_COLOUR, factor_range
from attnviz.render.overlay import legend_strip
from attnviz.render.panel import number
from attnviz.render.walk_charts import EVEN_COLOUR, HEAD_COLOUR
from attnviz.render.walk_figure import caveats
from attnviz.render.walk_maps import OPACITY, channel_pictures, channel_range_words, painted
from attnviz.walking import CHANNELS, AttentionLayer, Channel, Gate, GatedLayer, Layer, LayerWalk
from attnviz.walking.words import GATE_NAMES, between, flat_map_words, health_words, layer_words, remarks, span_of

_CHANNEL_PIXELS = 300
_MOST_IN_A_COLUMN = 4
"""Channels at either end on a page as narrow as a column of a paper."""


def layer_figure(
    picture: Picture | np.ndarray,
    walk: LayerWalk,
    place: int,
    *,
    size: tuple[float, float],
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
    heading: str = "",
) -> Figure:
    """Draw one layer: where it lets through or attends, and for channel gates the channels at both ends.

    Args:
        picture: the source picture, or its pixels.
        walk: of a network on this picture.
        place: of the layer, counted from 0.
        size: width and height in inches.
        theme: "light" or "dark" text and background.
        transparent: leave the background out.
        heading: a line across the top; what the layer did unless given.

    Raises:
        ValueRangeError: an unknown theme, or no such layer.
        ShapeError: the walk was made on a picture of another size.
    """
    layer = layer_at(walk, place)
    canvas = Canvas(size, theme, transparent)
    top = canvas.heading(heading or f"{walk.network}, {layer_words(layer)}")
    bottom = canvas.footer(_notes(walk, place))
    rgb = pixels_of(picture)
    box = (canvas.margin, top, canvas.margin + canvas.inner, bottom)
    if isinstance(layer, GatedLayer):
        for gate in layer.gates:
            box = (box[0], canvas.paragraph(box[0], box[1], _gate_line(layer, gate), canvas.inner, 12, most_lines=2),
                   box[2], box[3])  # fmt: skip
        box = (box[0], box[1] + canvas.gap(0.12), box[2], box[3])
        _gates(canvas, walk, layer, rgb, box)
    elif isinstance(layer, AttentionLayer) and layer.entropy.size:
        left, right = _halves(canvas, box, 0.46)
        _maps(canvas, walk, place, rgb, [layer.where] if layer.where is not None else [], left)
        _heads(canvas, layer, right)
    else:
        _maps(canvas, walk, place, rgb, [layer.where] if layer.where is not None else [], box, with_picture=True)
    return canvas.figure


def layer_at(walk: LayerWalk, place: int) -> Layer:
    """The layer at a place.

    Raises:
        ValueRangeError: there is none.
    """
    if not 0 <= place < len(walk.layers):
        raise ValueRangeError(
            f"the layer's place must be in 0..{len(walk.layers) - 1}; got {place}. {walk.network} has "
            f"{len(walk.layers)} layers."
        )
    return walk.layers[place]


def _gate_line(layer: GatedLayer, gate: Gate) -> str:
    name = GATE_NAMES[gate.kind]
    words = health_words(gate)
    return f"{name[0].upper()}{name[1:]}: {words[0].lower()}{words[1:]}" if len(layer.gates) > 1 else words


def _gates(canvas: Canvas, walk: LayerWalk, layer: GatedLayer, rgb: np.ndarray, box: Box) -> None:
    by_channel = next((gate for gate in layer.gates if gate.channel_factors.size), None)
    wheres = [gate.where for gate in layer.gates if gate.where is not None]
    place = walk.layers.index(layer)
    if by_channel is None:
        _maps(canvas, walk, place, rgb, wheres, box, with_picture=True)
        return
    if canvas.width < 5:
        if wheres:
            upper = (box[0], box[1], box[2], box[1] + 0.4 * (box[3] - box[1]))
            _maps(canvas, walk, place, rgb, wheres, upper)
            box = (box[0], upper[3] + canvas.gap(0.15), box[2], box[3])
    else:
        left, box = _halves(canvas, box, 0.36)
        _maps(canvas, walk, place, rgb, wheres, left, with_picture=not wheres)
    _channels(canvas, walk, by_channel, rgb, box, remarks(walk, layer))


def _halves(canvas: Canvas, box: Box, share: float) -> tuple[Box, Box]:
    left, top, right, bottom = box
    cut = left + share * (right - left)
    return (left, top, cut - canvas.gap(0.2), bottom), (cut + canvas.gap(0.1), top, right, bottom)


def _maps(
    canvas: Canvas, walk: LayerWalk, place: int, rgb: np.ndarray, wheres: Sequence[AttentionMap], box: Box,
    with_picture: bool = False,
) -> None:  # fmt: skip
    """Maps beside each other, as large as they can be, each with its colour bar or the word that it is flat."""
    left, top, right, bottom = box
    count = len(wheres) + (1 if with_picture else 0)
    if not count:
        return
    text = canvas.line(12) + 2 * canvas.line(11) + canvas.gap(0.2)
    wide = (right - left - (count - 1) * canvas.gap(0.3)) / count
    width = min(wide, (bottom - top - text) * rgb.shape[1] / rgb.shape[0])
    height = width * rgb.shape[0] / rgb.shape[1]
    x = left
    if with_picture:
        canvas.text(x, top, "Picture", 12, bold=True)
        axes = canvas.axes(x, top + canvas.line(12) + 0.03, width, height)
        axes.imshow(shrink_pixels(rgb, shrunk_hw((rgb.shape[0], rgb.shape[1]), LONGEST_PIXELS)), aspect="auto")
        axes.set_axis_off()
        x += width + canvas.gap(0.3)
    for one in wheres:
        made = painted(rgb, one, LONGEST_PIXELS)
        canvas.text(x, top, canvas.fitted(_map_title(one), wide, 12, bold=True), 12, bold=True)
        axes = canvas.axes(x, top + canvas.line(12) + 0.03, width, height)
        axes.imshow(made.image, aspect="auto")
        axes.set_axis_off()
        badge = badge_of(remarks(walk, walk.layers[place]))
        if badge:
            canvas.badge(axes, badge, width)
        y = top + canvas.line(12) + height + canvas.gap(0.1)
        if made.scaled is None:
            canvas.paragraph(x, y, flat_map_words(one), wide, 11, most_lines=2, muted=True)
        else:
            bar = canvas.axes(x, y, width, canvas.gap(0.14))
            bar.imshow(legend_strip(made.scaled, "heat", OPACITY), aspect="auto", interpolation="nearest")
            bar.set_axis_off()
            y += canvas.gap(0.18)
            line = f"{number(made.scaled.vmin)} to {number(made.scaled.vmax)} {one.unit}"
            line += f", {one.grid_hw[0]} × {one.grid_hw[1]} cells"
            canvas.paragraph(x, y, line, wide, 11, most_lines=2, muted=True)
        x += width + canvas.gap(0.3)


def _map_title(one: AttentionMap) -> str:
    method = one.method.split("(")[0]
    titles = {
        "SpatialGateMap": "Factor of each place",
        "FeatureMaskMap": "Mean factor of each place",
        "AttentionFrom": "Attention from the class token",
        "Received": "Attention received",
        "Activation": "Activation",
    }
    return titles.get(method, method)


def _channels(canvas: Canvas, walk: LayerWalk, gate: Gate, rgb: np.ndarray, box: Box, told: Sequence[str]) -> None:
    left, top, right, bottom = box
    shown = min(max(len(gate.strongest), len(gate.weakest), 1), _MOST_IN_A_COLUMN if canvas.width < 5 else CHANNELS)
    scale = channel_range_words(gate).split(",")[0]
    rows = [(f"Strongest channels, before the gate ({scale})", gate.strongest[:shown], STRONG_COLOUR)]
    if gate.weakest:
        rows.append(("Weakest channels, before the gate", gate.weakest[:shown], WEAK_COLOUR))
    gap = canvas.gap(0.12)
    text = 2 * canvas.line(11) + canvas.gap(0.1)
    fit = (0.75 if canvas.width < 5 else 0.62) * (bottom - top) / len(rows) - text
    width = min((right - left - (shown - 1) * gap) / shown, fit * rgb.shape[1] / rgb.shape[0])
    height = width * rgb.shape[0] / rgb.shape[1]
    used = len(rows) * (height + text)
    _factor_bars(canvas, gate, (left, top, right, bottom - used - canvas.gap(0.1)))
    y = bottom - used
    for label, channels, colour in rows:
        canvas.text(left, y, canvas.fitted(label, right - left, 11), 11, muted=True)
        y += canvas.line(11) + 0.02
        for at, (channel, made) in enumerate(
            zip(channels, channel_pictures(channels, gate, (rgb.shape[0], rgb.shape[1]), _CHANNEL_PIXELS), strict=True)
        ):
            x = left + at * (width + gap)
            axes = canvas.axes(x, y, width, height)
            axes.imshow(made.image, aspect="auto")
            axes.set_axis_off()
            canvas.frame(axes, colour)
            if told and at == 0:
                canvas.badge(axes, badge_of(told), width)
            words = canvas.fitted(_channel_words(channel, made.scaled is None), width + gap, 11)
            canvas.text(x, y + height + canvas.gap(0.04), words, 11)
        y += height + canvas.line(11) + canvas.gap(0.1)


def _channel_words(channel: Channel, flat: bool) -> str:
    return f"{channel.number}: {channel.factor:.2f}{', flat' if flat else ''}"


def _factor_bars(canvas: Canvas, gate: Gate, box: Box) -> None:
    order = gate.order
    values = gate.channel_factors[order]
    strong, weak = ({one.number for one in end} for end in (gate.strongest, gate.weakest))
    meaning = "Mean factor" if gate.kind == "feature" else "Factor"
    ends = between(*span_of(float(values.min()), float(values.max())))
    axes = canvas.chart(box, f"{meaning} of each of {len(order)} channels, sorted: {ends}")
    of_number = dict.fromkeys(strong, STRONG_COLOUR) | dict.fromkeys(weak, WEAK_COLOUR)
    colours = [of_number.get(one, MIDDLE_COLOUR) for one in order.tolist()]
    axes.bar(range(len(values)), values, color=colours, width=1.0 if len(values) > 60 else 0.86)
    axes.axhline(float(values.mean()), color=EVEN_COLOUR, linestyle="--", linewidth=1.2 * canvas.scale)
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.set_ylim(*factor_range(gate))


def _heads(canvas: Canvas, layer: AttentionLayer, box: Box) -> None:
    left, top, right, bottom = box
    middle = (top + bottom) / 2
    names = [f"head {head + 1}" for head in range(layer.heads)]
    upper, lower = (left, top, right, middle - 0.05), (left, middle + 0.05, right, bottom)
    for half, label, values, even in (
        (upper, "Entropy of each head, % of the largest", 100 * layer.entropy, 100.0),
        (lower, "Mean attention distance, pixels of the picture", layer.distance_px, layer.even_px),
    ):
        axes = canvas.chart(half, label, names)
        axes.bar(range(len(values)), values, color=HEAD_COLOUR, width=0.7)
        for at, value in enumerate(values):
            canvas.label(axes, at, value, f"{value:.0f}")
        if even is not None:
            axes.axhline(even, color=EVEN_COLOUR, linestyle="--", linewidth=1.4 * canvas.scale)
        axes.set_ylim(0, 1.2 * max(float(values.max()), even or 0.0))


def _notes(walk: LayerWalk, place: int) -> list[str]:
    layer = walk.layers[place]
    said = [f"Layer {place + 1} of {len(walk.layers)}: {layer.site.layer or 'the network itself'}, {layer.name}."]
    if isinstance(layer, GatedLayer):
        said.append(
            f"{_ends_words(layer)} Channels: number and factor; feature maps before the gate, all "
            "on one colour scale, beyond its ends the last colour. The dashed line is the mean factor."
        )
    elif isinstance(layer, AttentionLayer):
        if layer.where is not None:
            said.append(f"Map: {layer.where.meaning}." + (f" {layer.where.note}." if layer.where.note else ""))
        said.append("The dashed line is attention spread evenly.")
        said += [note for note in layer.notes if not layer.entropy.size]
    else:
        said.append(f"Map: {layer.where.meaning}.")
    return [" ".join(said), *caveats(walk)]


def _ends_words(layer: GatedLayer) -> str:
    """What the ends of the factors mean, where they are known."""
    bounds = layer.gates[0].health.bounds
    if bounds is None:
        return "A factor of 1 leaves features as they are."
    low, high = bounds
    return f"Factors can be {low:g} (closed) to {high:g} (open); 1 leaves features as they are."
