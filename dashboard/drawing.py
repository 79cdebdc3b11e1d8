"""Pixels and HTML for the page: small pictures, the region's outline, colour bars."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image, ImageFilter, ImageOps

from attnviz.pictures import Picture
from attnviz.regions import Region
from dashboard.components.region_canvas import COLOUR
from dashboard.words import percent

SCREEN_PIXELS = 960
"""Pictures go to the browser with at most this many pixels a side."""

THUMBNAIL_PIXELS = 160
GRADIENT_STEPS = 17


@dataclass(frozen=True)
class ColourBar:
    """A colour bar: the texts at its ends, what they count, and its colours from cold to hot."""

    low: str
    high: str
    unit: str
    colours: tuple[str, ...]


def outlined(rgb: npt.NDArray[np.uint8], region: Region | None) -> npt.NDArray[np.uint8]:
    """The pixels with the region's border drawn in, orange over black. A new array.

    Args:
        rgb: the picture or an overlay at any size, uint8 (h, w, 3).
        region: over the source picture; None draws nothing.
    """
    if region is None:
        return rgb
    height, width = rgb.shape[:2]
    inside = Image.fromarray(region.mask_hw.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX)
    inside = inside.point(lambda value: 255 if value >= 128 else 0)
    thin = 2 * max(1, round(max(height, width) / 480)) + 1
    drawn = rgb.copy()
    for thickness, colour in ((2 * thin - 1, "#000000"), (thin, COLOUR)):
        grown = np.asarray(inside.filter(ImageFilter.MaxFilter(thickness)))
        shrunk = np.asarray(inside.filter(ImageFilter.MinFilter(thickness)))
        drawn[grown != shrunk] = tuple(bytes.fromhex(colour[1:]))
    return drawn


def shrunk(picture: Picture, longest: int) -> Image.Image:
    """The picture at most `longest` pixels a side."""
    image = Image.fromarray(picture.rgb)
    image.thumbnail((longest, longest), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return image


@st.cache_data(max_entries=40, show_spinner=False)
def data_url(sha256: str, longest: int, _picture: Picture) -> str:
    """The picture for the browser's canvas, as a JPEG in a data URL."""
    buffer = io.BytesIO()
    shrunk(_picture, longest).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


@st.cache_data(max_entries=60, show_spinner=False)
def thumbnail(sha256: str, _picture: Picture) -> npt.NDArray[np.uint8]:
    """A square from the middle of the picture, for the gallery."""
    image = shrunk(_picture, 3 * THUMBNAIL_PIXELS)
    return np.asarray(ImageOps.fit(image, (THUMBNAIL_PIXELS, THUMBNAIL_PIXELS)))


def gradient(strip: npt.NDArray[np.floating]) -> tuple[str, ...]:
    """Evenly spaced colours of a strip, float (1, n, 3), as hexadecimal codes for CSS."""
    places = np.linspace(0, strip.shape[1] - 1, GRADIENT_STEPS).round().astype(int)
    return tuple(matplotlib.colors.to_hex(np.clip(colour, 0, 1)) for colour in strip[0, places])


def colour_bar(bar: ColourBar) -> str:
    """HTML of a colour bar with its numbers and unit: real text, in the colours of the page's theme."""
    low, high, unit = (html.escape(text, quote=True) for text in (bar.low, bar.high, bar.unit))
    return (
        f'<div role="img" aria-label="Colours from {low} to {high} {unit}" style="height:0.8rem;border-radius:3px;'
        f'border:1px solid #8888;background:linear-gradient(90deg,{",".join(bar.colours)})"></div>'
        '<div style="display:flex;justify-content:space-between;gap:0.5rem;font-size:0.85rem;line-height:1.4">'
        f'<span>{low}</span><span style="text-align:center">{unit}</span><span>{high}</span></div>'
    )


def prediction_bars(predictions: Sequence[tuple[str, float]]) -> str:
    """HTML of classes with their confidence: name, percent, and a bar as long as the percent."""
    rows = []
    for number, (name, probability) in enumerate(predictions):
        weight = 600 if number == 0 else 400
        rows.append(
            f'<div style="display:flex;justify-content:space-between;gap:0.5rem;font-weight:{weight}">'
            f"<span>{html.escape(name)}</span><span>{percent(probability)}</span></div>"
            '<div style="height:3px;border-radius:2px;background:#8884;margin-bottom:0.15rem">'
            f'<div style="height:3px;border-radius:2px;width:{probability:.1%};background:#648FFF"></div></div>'
        )
    return f'<div style="font-size:0.9rem;line-height:1.35">{"".join(rows)}</div>'
