"""Walks through networks' layers and their pictures, each made once. Moving from layer to layer runs no network."""

import base64
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image

from attnviz.pictures import Picture
from attnviz.render.inputs import on_shrunk_picture
from attnviz.render.walk_figure import cell_flags, cell_lines, cell_mark
from attnviz.render.walk_maps import Painted, channel_pictures, painted
from attnviz.walking import Gate, GatedLayer, LayerWalk, layer_walk
from attnviz.walking.words import layer_words, remarks, short_name
from dashboard import badges, drawing, service
from dashboard.components.layer_strip import StripLayer

STRIP_PIXELS = 190
CHANNEL_PIXELS = 240
_STRIP_FACTORS = 48
"""The strip draws at most this many of a gate's factors, evenly spaced."""


@dataclass(frozen=True, eq=False)
class Channels:
    """Feature maps of the channels at both ends of a gate, ready to be shown."""

    strongest: tuple[Painted, ...]
    weakest: tuple[Painted, ...]


def walk(picture: Picture, name: str) -> LayerWalk:
    """The walk through one network; made now, or found if it was made before.

    Raises:
        AttnvizError: the network cannot be had; the message says why.
    """
    return _walk(picture.sha256, name, picture)


@st.cache_resource(max_entries=60, show_spinner=False)
def _walk(sha256: str, name: str, _picture: Picture) -> LayerWalk:
    seen = service.trace(_picture, name)
    shared = service.network(name)
    if seen.records:
        return layer_walk(shared.loaded, _picture, trace=seen)
    with shared.lock:  # the activations take one pass
        return layer_walk(shared.loaded, _picture, trace=seen)


def map_picture(picture: Picture, name: str, place: int) -> Painted | None:
    """One layer's map over the picture; None where it has none."""
    return _map_picture(picture.sha256, name, place, drawing.SCREEN_PIXELS, picture)


@st.cache_resource(max_entries=240, show_spinner=False)
def _map_picture(sha256: str, name: str, place: int, longest: int, _picture: Picture) -> Painted | None:
    one = walk(_picture, name).layers[place].where
    if one is None:
        return None
    pixels = drawing.on_screen(sha256, _picture)
    return painted(pixels, on_shrunk_picture(one, _picture.rgb, (pixels.shape[0], pixels.shape[1])), longest)


@st.cache_resource(max_entries=120, show_spinner=False)
def _channels(sha256: str, name: str, place: int, number: int, _picture: Picture) -> Channels:
    layer = walk(_picture, name).layers[place]
    assert isinstance(layer, GatedLayer)  # asked for gates only
    gate: Gate = layer.gates[number]
    strongest, weakest = (
        channel_pictures(end, gate, _picture.hw, CHANNEL_PIXELS) for end in (gate.strongest, gate.weakest)
    )
    return Channels(strongest, weakest)


def channels(picture: Picture, name: str, place: int, number: int) -> Channels:
    """The channels at both ends of a gate: the layer's place and the gate's number in it, counted from 0."""
    return _channels(picture.sha256, name, place, number, picture)


def strip(picture: Picture, name: str) -> tuple[StripLayer, ...]:
    """All layers of a network, small."""
    return _strip(picture.sha256, name, picture)


@st.cache_resource(max_entries=60, show_spinner=False)
def _strip(sha256: str, name: str, _picture: Picture) -> tuple[StripLayer, ...]:
    seen = walk(_picture, name)
    made = []
    for place, layer in enumerate(seen.layers):
        small = _map_picture(sha256, name, place, STRIP_PIXELS, _picture)
        gated = isinstance(layer, GatedLayer)
        change = layer.change if gated else None
        mark, flag = cell_mark(seen, place), cell_flags(layer)
        values = cell_lines(layer)
        made.append(
            StripLayer(
                name=short_name(seen, layer),
                image="" if small is None else _url(badges.with_badge(small.image, remarks(seen, layer))),
                factors=_factors(layer.gates[0]) if gated and small is None else (),
                share=None if change is None else change.total,
                apart=0.0 if change is None else change.selective,
                values=values,
                mark=mark,
                flag=flag,
                alt=" ".join(filter(None, (f"{place + 1} of {len(seen.layers)}:", layer_words(layer), mark, flag))),
            )
        )
    return tuple(made)


def _factors(gate: Gate) -> tuple[float, ...]:
    """Sorted factors as shares of the axis, which runs from zero to the largest that there can be."""
    values = gate.channel_factors[gate.order]
    bounds = gate.health.bounds
    top = bounds[1] if bounds is not None else max(1.0, float(values.max()))
    places = np.unique(np.linspace(0, len(values) - 1, min(_STRIP_FACTORS, len(values))).round().astype(int))
    return tuple(float(round(max(0.0, value) / top, 4)) for value in values[places])


def _url(rgb: npt.NDArray[np.uint8]) -> str:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
