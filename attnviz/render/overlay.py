"""A map drawn over its picture, pixel by pixel, in floating point until the last line."""

from typing import Literal

import matplotlib
import numpy as np

from attnviz.errors import ValueRangeError
from attnviz.maps import AttentionMap, is_flat
from attnviz.pictures import Picture
from attnviz.render.inputs import on_shrunk_picture, pixels_of, shrink_pixels, shrunk_hw
from attnviz.render.scale import ScaledMap, scale_maps

Style = Literal["heat", "spotlight"]

STYLES: dict[Style, str] = {
    "heat": "the picture in dimmed grey, the map in colour, more opaque where the value is higher",
    "spotlight": "the picture in its own colours where the value is high, grey and dark elsewhere",
}
"""Style to what it does, for menus."""

_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
_UNSEEN_GREY = 0.62
_HATCH_EVERY = 0.022
_DIMMED = 0.22
_GREY_LIGHT = 0.75
"""Light of the grey picture under "heat": a white dog at full light would wash out the colours over it."""


def overlay(
    picture: Picture | np.ndarray,
    attention_map: AttentionMap,
    *,
    vmin: float | None = None,
    vmax: float | None = None,
    opacity: float = 0.9,
    style: Style = "heat",
    palette: str | None = None,
    interpolation: Literal["cells", "smooth"] = "cells",
    longest: int | None = None,
) -> np.ndarray:
    """Draw a map over the source picture it was made from.

    Colour and opacity are linear in the value: the value `vmax` at opacity 1 is drawn as the palette's last colour
    and nothing of the picture shows through. Values outside the range are drawn at its ends.

    Args:
        picture: the source picture, or its pixels, uint8 (h, w, 3).
        attention_map: a map of this picture.
        vmin: value at the cold end; by default the map's smallest, or minus the largest amount of a signed map.
        vmax: value at the hot end; by default the map's largest. With neither given, a flat map paints nothing.
        opacity: opacity of the hottest place, in [0, 1].
        style: "heat" or "spotlight".
        palette: name of a matplotlib palette; by default inferno, or purple to orange for a signed map.
        interpolation: "cells" or "smooth".
        longest: shrink the picture to at most this many pixels a side first.

    Returns:
        A new uint8 array (h, w, 3). What the model never saw is grey and hatched; what is undefined is hatched.

    Raises:
        ShapeError: the map belongs to a picture of another size.
        ValueRangeError: a range that is empty, an opacity outside [0, 1], or an unknown style.
    """
    if not 0 <= opacity <= 1:
        raise ValueRangeError(f"opacity must be in [0, 1]; got {opacity}.")
    if style not in STYLES:
        raise ValueRangeError(f"style must be one of {', '.join(STYLES)}; got {style!r}.")
    rgb = pixels_of(picture)
    hw = shrunk_hw((rgb.shape[0], rgb.shape[1]), longest or max(rgb.shape[:2]))
    placed = on_shrunk_picture(attention_map, rgb, hw)
    colours = shrink_pixels(rgb, hw).astype(np.float32) / 255
    scaled = _with_range(placed, vmin, vmax)
    values = placed.on_source(interpolation)
    height = _height(values, scaled)
    if vmin is None and vmax is None and is_flat(attention_map):
        height = np.where(np.isnan(height), height, 0.0)
    if style == "heat":
        drawn = _heat(colours, height, scaled.attention_map.signed, palette or scaled.palette, opacity)
    else:
        drawn = _spotlight(colours, _strength(height, scaled.attention_map.signed), opacity)
    drawn = _hatch_unknown(drawn, colours, np.isnan(values), _seen(placed, hw))
    return (np.clip(drawn, 0, 1) * 255 + 0.5).astype(np.uint8)


def legend_strip(scaled: ScaledMap, style: Style, opacity: float, colours: int = 256) -> np.ndarray:
    """The colours of a range from cold to hot, float (1, n, 3), as they look over a middle grey.

    Under "spotlight" it runs from the dimmed grey to full light.
    """
    height = np.linspace(0, 1, colours)[None]
    grey = np.full((1, colours, 3), 0.5, dtype=np.float32)
    if style == "heat":
        return _heat(grey, height, scaled.attention_map.signed, scaled.palette, opacity)
    return _spotlight(np.ones_like(grey), _strength(height, scaled.attention_map.signed), opacity)


def in_grey(rgb: np.ndarray) -> np.ndarray:
    """The picture without its colours, float (h, w, 3) in [0, 1], from values in [0, 1]."""
    return np.repeat((rgb @ _LUMINANCE)[..., None], 3, axis=2)


def _with_range(placed: AttentionMap, vmin: float | None, vmax: float | None) -> ScaledMap:
    usual = scale_maps([placed], "per map")[0]
    low = usual.vmin if vmin is None else vmin
    high = usual.vmax if vmax is None else vmax
    if not low < high:
        raise ValueRangeError(f"the colour range must have vmin < vmax; got {low} and {high}.")
    return ScaledMap(placed, low, high, placed.unit)


def _height(values: np.ndarray, scaled: ScaledMap) -> np.ndarray:
    """Place of each value in its range, 0 at the cold end and 1 at the hot end; NaN stays."""
    return np.clip((values - scaled.vmin) / (scaled.vmax - scaled.vmin), 0, 1)


def _strength(height: np.ndarray, signed: bool) -> np.ndarray:
    """How much a place stands out: the height itself, or for signed maps the distance from the middle."""
    return np.abs(2 * height - 1) if signed else height


def _heat(rgb: np.ndarray, height: np.ndarray, signed: bool, palette: str, opacity: float) -> np.ndarray:
    known = np.nan_to_num(height, nan=0.5 if signed else 0.0)
    paint = matplotlib.colormaps[palette](known.astype(np.float64))[..., :3]
    alpha = opacity * _strength(known, signed)[..., None]
    return (1 - alpha) * _GREY_LIGHT * in_grey(rgb) + alpha * paint


def _spotlight(rgb: np.ndarray, strength: np.ndarray, opacity: float) -> np.ndarray:
    light = np.nan_to_num(strength, nan=0.0)[..., None]
    dark = (1 - opacity) * rgb + opacity * _DIMMED * in_grey(rgb)
    return light * rgb + (1 - light) * dark


def _seen(placed: AttentionMap, hw: tuple[int, int]) -> np.ndarray:
    """Pixels whose centre the model saw."""
    if placed.geometry is None:
        return np.ones(hw, dtype=bool)
    top, left, bottom, right = placed.geometry.seen_box()
    rows, columns = np.arange(hw[0]) + 0.5, np.arange(hw[1]) + 0.5
    return np.outer((rows >= top) & (rows < bottom), (columns >= left) & (columns < right))


def _hatch_unknown(drawn: np.ndarray, rgb: np.ndarray, unknown: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Stripes where there is no value; outside the model's view the picture also fades to grey."""
    if not unknown.any():
        return drawn
    every = max(6, round(_HATCH_EVERY * max(unknown.shape)))
    y, x = np.arange(unknown.shape[0])[:, None], np.arange(unknown.shape[1])[None, :]
    stripe = ((x + y) % every) < max(1, every // 5)
    faded = 0.35 * in_grey(rgb) + 0.65 * _UNSEEN_GREY
    result = np.where((unknown & ~seen)[..., None], faded, drawn)
    return np.where((unknown & stripe)[..., None], 0.45 * result, result)
