"""The small and large pictures of a walk: maps of places and feature maps of channels, never painted where flat."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import matplotlib
import numpy as np

from attnviz.maps import AttentionMap, is_flat
from attnviz.pictures import Picture
from attnviz.render.inputs import on_shrunk_picture, shrunk_hw
from attnviz.render.overlay import overlay
from attnviz.render.panel import number, span
from attnviz.render.scale import ScaledMap, scale_maps
from attnviz.walking import Channel, Gate

OPACITY = 0.9
_HELD = 0.99
_PAPER_GREY = 158
"""Of feature maps that are flat, and of what the network did not see."""


@dataclass(frozen=True, eq=False)
class Painted:
    """One picture of a walk.

    Attributes:
        image: uint8 (h, w, 3), the map over the picture; the picture alone, in grey, where the map is flat.
        scaled: the map with the range of its colours; None where it is flat, so that there are no colours.
        words: the range, or that the map is flat and between which values.
    """

    image: np.ndarray
    scaled: ScaledMap | None
    words: str


def painted(picture: Picture | np.ndarray, one: AttentionMap, longest: int) -> Painted:
    """A map over its picture, on its own colour scale from its smallest value to its largest.

    Args:
        picture: the source picture, or its pixels.
        one: a map of it. One that is flat, by `maps.is_flat`, is told and not painted.
        longest: pixels of the longer side.
    """
    (scaled,) = scale_maps([one], "per map")
    return _painted(picture, scaled, longest)


def channel_pictures(channels: Sequence[Channel], gate: Gate, hw: tuple[int, int], longest: int) -> tuple[Painted, ...]:
    """Feature maps of channels of one gate in the frame of the picture, all on the colour scale of `channel_range`.

    Args:
        channels: of this gate.
        gate: decides the colour scale.
        hw: height and width of the source picture.
        longest: pixels of the longer side.

    Returns:
        One for each channel, its cells opaque. What the network did not see is grey, and so is a flat one.
    """
    low, high = channel_range(gate)
    paper = np.full((*shrunk_hw(hw, longest), 3), _PAPER_GREY, np.uint8)
    made = []
    for channel in channels:
        one = channel.features
        flat = is_flat(one)
        clipped = replace(one, values_hw=np.clip(one.values_hw, low, high))
        scaled = ScaledMap(one, low, high, one.unit, flat=flat)
        image = paper if flat else _opaque(clipped, scaled, hw, paper)
        ends = span(*one.value_range)
        words = f"{one.unit} {' to '.join(ends)}".replace("-", "\N{MINUS SIGN}")
        made.append(Painted(image, None if flat else scaled, f"flat: {words}" if flat else words))
    return tuple(made)


def channel_range(gate: Gate) -> tuple[float, float]:
    """Ends of the colour scale that the shown channels of a gate share, so that their feature maps can be compared.

    They hold 99 % of the shown values; what lies beyond is drawn at the ends, so that one peak does not hide the rest.
    From zero, or around zero where some values are negative.
    """
    shown = [np.abs(one.features.values_hw).ravel() for one in (*gate.strongest, *gate.weakest)]
    if not shown:
        return 0.0, 1.0
    amounts = np.concatenate(shown)
    reach = float(np.quantile(amounts, _HELD)) or float(amounts.max()) or 1.0
    signed = any(one.features.signed for one in (*gate.strongest, *gate.weakest))
    return (-reach if signed else 0.0), reach


def channel_range_words(gate: Gate) -> str:
    """The shared colour scale in words, such as "activation -3.1 to 3.1, beyond it the last colour"."""
    low, high = channel_range(gate)
    return f"activation {number(low)} to {number(high)}, beyond it the last colour".replace("-", "\N{MINUS SIGN}")


def channel_bar(gate: Gate) -> ScaledMap | None:
    """The shared colour scale as a range to draw a colour bar of; None without channels."""
    if not gate.strongest:
        return None
    one = gate.strongest[0].features
    return ScaledMap(one, *channel_range(gate), one.unit)


def _opaque(one: AttentionMap, scaled: ScaledMap, hw: tuple[int, int], paper: np.ndarray) -> np.ndarray:
    placed = on_shrunk_picture(one, np.broadcast_to(np.uint8(0), (*hw, 3)), paper.shape[:2]).on_source()
    height = (np.nan_to_num(placed, nan=scaled.vmin) - scaled.vmin) / (scaled.vmax - scaled.vmin)
    colours = matplotlib.colormaps[scaled.palette](height)[..., :3]
    drawn = (np.clip(colours, 0, 1) * 255 + 0.5).astype(np.uint8)
    return np.where(np.isnan(placed)[..., None], paper, drawn)


def _painted(picture: Picture | np.ndarray, scaled: ScaledMap, longest: int) -> Painted:
    image = overlay(
        picture,
        scaled.attention_map,
        vmin=scaled.vmin,
        vmax=scaled.vmax,
        opacity=0.0 if scaled.flat else OPACITY,
        longest=longest,
    )
    low, high = span(*scaled.attention_map.value_range)
    unit = scaled.attention_map.unit
    if scaled.flat:
        return Painted(image, None, f"flat: {unit} {low}" + (" everywhere" if low == high else f" to {high}"))
    return Painted(image, scaled, f"{unit} {low} to {high}")
