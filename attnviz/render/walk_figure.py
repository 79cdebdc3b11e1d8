"""A walk through a network's layers as a still figure: all layers on one page."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attnviz.pictures import Picture
from attnviz.render.canvas import Box, Canvas
from attnviz.render.columns import badge_of
from attnviz.render.inputs import pixels_of, shrink_pixels, shrunk_hw
from attnviz.render.panel import MEANINGLESS, NOT_EXPLANATION, UNPROVEN, span
from attnviz.render.walk_charts import (
    APART_COLOUR,
    CHANGED_COLOUR,
    EVEN_COLOUR,
    HEAD_COLOUR,
    attending,
    gated,
    numbered,
    plain_parts,
)
from attnviz.render.walk_maps import painted
from attnviz.walking import AttentionLayer, GatedLayer, Layer, LayerWalk
from attnviz.walking.words import finding, percent, remarks, stands_out

CELL_PIXELS = 420
_NO_BREAK = "\N{NO-BREAK SPACE}"
_GAP_IN = 0.16
_LEAST_PICTURE_IN = 0.34
_CHART_SHARE = 0.36
_WIDE = 1.9
"""Width over height of a small chart of factors, where no layer has a map in the picture's proportions."""


def walk_figure(
    picture: Picture | np.ndarray,
    walk: LayerWalk,
    *,
    size: tuple[float, float],
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
    heading: str = "",
) -> Figure:
    """Draw all layers of a walk: what each shows of the picture, and how much it changed or how it attends.

    Args:
        picture: the source picture, or its pixels.
        walk: of a network on this picture.
        size: width and height in inches.
        theme: "light" or "dark" text and background.
        transparent: leave the background out.
        heading: a line across the top; the finding unless given.

    Returns:
        A matplotlib figure of its own. Where a page is too small for pictures of all layers, they are left out and the
        figure says so.

    Raises:
        ValueRangeError: an unknown theme.
        ShapeError: the walk was made on a picture of another size.
    """
    canvas = Canvas(size, theme, transparent)
    top = canvas.heading(heading or finding(walk))
    rgb = pixels_of(picture)
    small = _strip_fits(canvas, walk, rgb, top)
    bottom = canvas.footer(_notes(walk, small))
    if small:
        top = _strip(canvas, walk, rgb, top, bottom - _CHART_SHARE * (bottom - top)) + canvas.gap(0.16)
    _chart(canvas, walk, top, bottom - canvas.gap(0.06), with_names=not small)
    return canvas.figure


def cell_lines(layer: Layer) -> tuple[str, ...]:
    """What stands under one layer's small picture, in a few words a line."""
    if isinstance(layer, GatedLayer):
        if layer.change is None:
            return ("silent layer",)
        return f"{percent(layer.change.total)} changed", f"{percent(layer.change.selective)} told apart"
    if isinstance(layer, AttentionLayer):
        if not layer.entropy.size:
            return ("no numbers for heads",)
        return f"entropy {percent(float(layer.entropy.mean()))}", f"distance {float(layer.distance_px.mean()):.0f} px"
    return (f"activity {layer.size:.3g}",)


def cell_mark(walk: LayerWalk, place: int) -> str:
    """What is special about a layer among the others; empty for nothing."""
    said = []
    if place == walk.most_changed and stands_out(walk):
        said.append("changes most")
    if place == walk.most_selective:
        said.append("tells apart most")
    return ", ".join(said)


def cell_flags(layer: Layer) -> str:
    """What is wrong with the layer's gates on this picture, each once."""
    if not isinstance(layer, GatedLayer):
        return ""
    told = {gate.kind: gate.health.flags for gate in layer.gates}
    if len(told) == 1:
        return "; ".join(next(iter(told.values())))
    return "; ".join(f"{kind} {', '.join(flags)}" for kind, flags in told.items() if flags)


def _columns(canvas: Canvas, walk: LayerWalk, rgb: np.ndarray, room_wh: tuple[float, float]) -> tuple[int, float]:
    """Cells in a row, and the width of each picture, as large as the room lets it be."""
    text_in = _text_in(canvas)
    best = (1, 0.0)
    for columns in range(1, len(walk.layers) + 1):
        rows = math.ceil(len(walk.layers) / columns)
        wide = (room_wh[0] - (columns - 1) * canvas.gap(_GAP_IN)) / columns
        high = (room_wh[1] - (rows - 1) * canvas.gap(_GAP_IN)) / rows - text_in
        picture_w = min(wide, high * _aspect(walk, rgb))
        if picture_w > best[1]:
            best = (columns, picture_w)
    return best


def _aspect(walk: LayerWalk, rgb: np.ndarray) -> float:
    return rgb.shape[1] / rgb.shape[0] if any(layer.where is not None for layer in walk.layers) else _WIDE


def _text_in(canvas: Canvas) -> float:
    return canvas.line(12) + 3 * canvas.line(11) + 0.05


def _strip_fits(canvas: Canvas, walk: LayerWalk, rgb: np.ndarray, top: float) -> bool:
    room = (canvas.inner, (canvas.height - top - canvas.gap(1.0)) * (1 - _CHART_SHARE))
    width = _columns(canvas, walk, rgb, room)[1]
    return min(width, width / _aspect(walk, rgb)) >= _LEAST_PICTURE_IN and canvas.scale * width >= 0.3


def _strip(canvas: Canvas, walk: LayerWalk, rgb: np.ndarray, top: float, bottom: float) -> float:
    """Draw the layers beside each other. Returns where they end."""
    columns, width = _columns(canvas, walk, rgb, (canvas.inner, bottom - top))
    height = width / _aspect(walk, rgb)
    cell_w = (canvas.inner - (columns - 1) * canvas.gap(_GAP_IN)) / columns
    small = shrink_pixels(rgb, shrunk_hw((rgb.shape[0], rgb.shape[1]), CELL_PIXELS))
    for place, layer in enumerate(walk.layers):
        row, column = divmod(place, columns)
        x = canvas.margin + column * (cell_w + canvas.gap(_GAP_IN))
        y = top + row * (height + _text_in(canvas) + canvas.gap(_GAP_IN))
        mark = cell_mark(walk, place)
        canvas.text(x, y, canvas.fitted(numbered(walk, layer).replace(" ", _NO_BREAK), cell_w, 12, True), 12, bold=True)
        y += canvas.line(12) + 0.03
        axes = canvas.axes(x, y, width, height)
        words = _cell_picture(canvas, axes, layer, rgb, small)
        badge = badge_of(remarks(walk, layer))
        if badge:
            canvas.badge(axes, badge, width)
        if mark:
            canvas.frame(axes, APART_COLOUR)
        y += height + 0.04
        for line in [*cell_lines(layer), cell_flags(layer) or words]:
            canvas.text(x, y, canvas.fitted(line, cell_w, 11), 11, muted=True)
            y += canvas.line(11)
    return y


def _cell_picture(canvas: Canvas, axes: Axes, layer: Layer, rgb: np.ndarray, small: np.ndarray) -> str:
    """Draw what the layer shows of the picture; its factors as a line where it knows no places. Returns its range."""
    if layer.where is not None:
        made = painted(rgb, layer.where, CELL_PIXELS)
        axes.imshow(made.image, aspect="auto")
        axes.set_axis_off()
        return "flat" if made.scaled is None else " to ".join(span(*layer.where.value_range))
    if isinstance(layer, GatedLayer):
        gate = layer.gates[0]
        values = gate.channel_factors[gate.order]
        axes.set_axis_on()
        axes.fill_between(np.linspace(0, 1, len(values)), values, step="mid", color=CHANGED_COLOUR, linewidth=0)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, max(1.0, float(values.max())))
        canvas.calm(axes, ticks=False)
        return " to ".join(span(float(values.min()), float(values.max())))
    axes.imshow(small, aspect="auto")
    axes.set_axis_off()
    return "no map"


def _chart(canvas: Canvas, walk: LayerWalk, top: float, bottom: float, with_names: bool) -> None:
    """The numbers of all layers. Where names would run into each other, numbers do if the names stand above."""
    kinds = {type(layer) for layer in walk.layers}
    left, right = canvas.margin, canvas.margin + canvas.inner
    if GatedLayer in kinds and AttentionLayer in kinds:
        middle = (left + right) / 2
        _change_bars(canvas, walk, (left, top, middle - 0.1, bottom), with_names)
        _head_dots(canvas, walk, (middle + 0.1, top, right, bottom), with_names)
    elif GatedLayer in kinds:
        _change_bars(canvas, walk, (left, top, right, bottom), with_names)
    elif AttentionLayer in kinds:
        if any(isinstance(layer, AttentionLayer) and layer.entropy.size for layer in walk.layers):
            _head_dots(canvas, walk, (left, top, right, bottom), with_names)
    else:
        layers = plain_parts(walk)
        names = _names(canvas, walk, layers, right - left, with_names)
        axes = canvas.chart((left, top, right, bottom), "activity (root mean square)", names)
        axes.bar(range(len(layers)), [one.size for one in layers], color=CHANGED_COLOUR, width=0.7)


def _names(canvas: Canvas, walk: LayerWalk, layers: Sequence[Layer], width: float, with_names: bool) -> list[str]:
    names = [numbered(walk, one) for one in layers]
    if with_names or canvas.fit_beside(names, width):
        return names
    return [name.split(" ")[0] for name in names]


def _change_bars(canvas: Canvas, walk: LayerWalk, box: Box, with_names: bool) -> None:
    layers = gated(walk)
    axes = canvas.chart(box, "% of the features' size", _names(canvas, walk, layers, box[2] - box[0], with_names))
    total = [0.0 if one.change is None else 100 * one.change.total for one in layers]
    apart = [0.0 if one.change is None else 100 * one.change.selective for one in layers]
    axes.bar(range(len(layers)), total, color=CHANGED_COLOUR, width=0.7, label="changed")
    axes.bar(range(len(layers)), apart, color=APART_COLOUR, width=0.7, label="of it, told apart", edgecolor="#404040")
    for place, (whole, part) in enumerate(zip(total, apart, strict=True)):
        canvas.label(axes, place, whole, f"{part:.1f}" if part < 9.95 else f"{part:.0f}")
    axes.set_ylim(0, 1.22 * max(1.0, *total))
    canvas.legend(axes)


def _head_dots(canvas: Canvas, walk: LayerWalk, box: Box, with_names: bool) -> None:
    layers = attending(walk)
    left, top, right, bottom = box
    middle = (left + right) / 2
    names = _names(canvas, walk, layers, (right - left) / 2, with_names)
    halves = ((left, top, middle - 0.08, bottom), (middle + 0.08, top, right, bottom))
    for half, label in zip(halves, ("entropy, % of the largest", "mean distance, px"), strict=True):
        axes = canvas.chart(half, label, names)
        is_entropy = label.startswith("entropy")
        for place, one in enumerate(layers):
            values = 100 * one.entropy if is_entropy else one.distance_px
            apart = place + (np.linspace(-0.2, 0.2, len(values)) if len(values) > 1 else np.zeros(1))
            axes.plot(
                apart,
                values,
                "o",
                color=HEAD_COLOUR,
                markersize=6 * canvas.scale,
                markeredgecolor="#404040",
                markeredgewidth=0.5,
                label="one head" if place == 0 else None,
            )
            even = 100.0 if is_entropy else one.even_px
            if even is not None:
                axes.plot((place - 0.25, place + 0.25), (even, even), color=EVEN_COLOUR, linewidth=2 * canvas.scale,
                          label="attention spread evenly" if place == 0 else None)  # fmt: skip
        axes.set_xlim(-0.6, len(layers) - 0.4)
        highest = 100.0 if is_entropy else max(max(float(one.distance_px.max()), one.even_px or 0.0) for one in layers)
        axes.set_ylim(0, 1.22 * highest)
        if is_entropy:
            canvas.legend(axes)


def _notes(walk: LayerWalk, with_pictures: bool) -> list[str]:
    """How to read the figure, and what not to conclude."""
    said = []
    if any(isinstance(layer, GatedLayer) for layer in walk.layers):
        said.append(
            "Changed: size of (gate x features − features) over size of features. Told apart: what is left of it after "
            "one common factor; a flat gate gives 0. The numbers over the bars are those told apart. Grey areas are "
            "factors of channels, sorted; maps are factors of places."
        )
    if any(isinstance(layer, AttentionLayer) for layer in walk.layers):
        said.append(
            "Entropy: 100 % is attention spread evenly, 0 % a single place. Distance: mean, weighted by attention, in "
            "pixels of the picture. Maps: attention from the class token, or what places receive where there is none."
        )
    if not walk.has_attention:
        said.append("No attention that can be read: maps show the mean over channels of the squared output.")
    if with_pictures:
        said.append("Each small map has its own colour scale, its ends below it; a flat one is not painted.")
    else:
        said.append("The maps of the layers are left out: this page is too small for them.")
    return [*said, *caveats(walk)]


def caveats(walk: LayerWalk) -> list[str]:
    """What must be said of untrained, unproven or changed networks, and of all."""
    said = []
    told = remarks(walk)
    if walk.untrained:
        said.append(f"{walk.network}: {walk.untrained}; {MEANINGLESS}.")
    if "unproven" in told:
        said.append(f"Some layers are {UNPROVEN}.")
    if "intervention" in told:
        said.append("The network ran with its attention changed.")
    return [*said, NOT_EXPLANATION]
