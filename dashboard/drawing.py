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
from PIL import Image

from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render.panel import percent
from dashboard.components.region_canvas import COLOUR

SCREEN_PIXELS = 960
"""Pictures go to the browser with at most this many pixels a side."""

THUMBNAIL_PIXELS = 160
GRADIENT_STEPS = 17
OUTLINES_PER_SIDE = 240
"""A region's outline reaches this part of the longest side to either side of the border, and at least a pixel."""


@dataclass(frozen=True)
class ColourBar:
    """A colour bar: the texts at its ends, what they count, and its colours from cold to hot."""

    low: str
    high: str
    unit: str
    colours: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Outline:
    """Where a region's border is drawn over pixels of one size: an orange line, and a wider black one under it."""

    orange: npt.NDArray[np.bool_]
    black: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, region: Region, hw: tuple[int, int]) -> "Outline":
        """The border of a region over its picture, or over an overlay of another size, `hw` pixels."""
        height, width = hw
        whole = Image.fromarray(region.mask_hw.astype(np.uint8) * 255)
        inside = np.asarray(whole.resize((width, height), Image.Resampling.BOX)) >= 128
        reach = max(1, round(max(hw) / OUTLINES_PER_SIDE))
        return cls(_band(inside, reach), _band(inside, reach + max(1, reach // 2)))

    def drawn_on(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A copy of the pixels, uint8 (h, w, 3), with the border drawn in."""
        drawn = rgb.copy()
        drawn[self.black] = 0
        drawn[self.orange] = tuple(bytes.fromhex(COLOUR[1:]))
        return drawn


def _band(inside: npt.NDArray[np.bool_], reach: int) -> npt.NDArray[np.bool_]:
    """Pixels within `reach` of the border, on either side; the picture's own edge is no border."""
    return _grown(inside, reach) & _grown(~inside, reach)


def _grown(mask: npt.NDArray[np.bool_], reach: int) -> npt.NDArray[np.bool_]:
    """The mask and every pixel within `reach` of it, in rows and columns."""
    for _ in range(2):
        grown = mask.copy()
        for shift in range(1, reach + 1):
            grown[shift:] |= mask[:-shift]
            grown[:-shift] |= mask[shift:]
        mask = grown.T
    return mask


def shrunk(picture: Picture, longest: int) -> Image.Image:
    """The picture at most `longest` pixels a side."""
    image = Image.fromarray(picture.rgb)
    image.thumbnail((longest, longest), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return image


@st.cache_resource(max_entries=24, show_spinner=False)
def on_screen(sha256: str, _picture: Picture) -> npt.NDArray[np.uint8]:
    """The picture's pixels as the page draws on them. Shared: not to be written to."""
    pixels = np.asarray(shrunk(_picture, SCREEN_PIXELS))
    pixels.setflags(write=False)
    return pixels


def width_within(hw: tuple[int, int], tallest_px: int) -> int:
    """Width in pixels at which a picture of this size is as high as it may be; the page's column may be narrower."""
    return max(1, round(tallest_px * hw[1] / hw[0]))


@st.cache_data(max_entries=40, show_spinner=False)
def data_url(sha256: str, longest: int, _picture: Picture) -> str:
    """The picture for the browser's canvas, as a JPEG in a data URL."""
    buffer = io.BytesIO()
    shrunk(_picture, longest).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def gradient(strip: npt.NDArray[np.floating]) -> tuple[str, ...]:
    """Evenly spaced colours of a strip, float (1, n, 3), as hexadecimal codes for CSS."""
    places = np.linspace(0, strip.shape[1] - 1, GRADIENT_STEPS).round().astype(int)
    return tuple(matplotlib.colors.to_hex(np.clip(colour, 0, 1)) for colour in strip[0, places])


def colour_bar(bar: ColourBar) -> str:
    """HTML of a colour bar with its numbers and unit: real text, in the colours of the page's theme."""
    end = "white-space:nowrap"
    low, high, unit = (html.escape(text, quote=True) for text in (bar.low, bar.high, bar.unit))
    return (
        f'<div role="img" aria-label="Colours from {low} to {high} {unit}" style="height:0.8rem;border-radius:3px;'
        f'border:1px solid #8888;background:linear-gradient(90deg,{",".join(bar.colours)})"></div>'
        '<div style="display:flex;justify-content:space-between;gap:0.5rem;font-size:0.85rem;line-height:1.4">'
        f'<span style="{end}">{low}</span><span style="text-align:center">{unit}</span>'
        f'<span style="{end}">{high}</span></div>'
    )


def panel_text(
    bar: ColourBar | None, flat: str, focus: str, predictions: Sequence[tuple[str, float]], details: str
) -> str:
    """HTML of what stands under a map: its colours, its score, the network's answers, and how it was made.

    Args:
        bar: None where a bar for all panels stands elsewhere, or where the map is flat.
        flat: what to say of a flat map; empty otherwise.
        focus: the score in words; empty without a region.
        predictions: classes with their probability, drawn as bars as long as the percent.
        details: small print.
    """
    parts = [colour_bar(bar)] if bar else []
    if flat:
        parts.append(f'<div style="font-size:0.9rem;font-style:italic">{html.escape(flat)}</div>')
    if focus:
        parts.append(f'<div style="font-weight:600;margin-top:0.35rem">{html.escape(focus)}</div>')
    for number, (name, probability) in enumerate(predictions):
        parts.append(
            f'<div style="display:flex;justify-content:space-between;gap:0.5rem;font-size:0.9rem;line-height:1.35;'
            f'margin-top:{0.45 if number == 0 else 0.15}rem;font-weight:{600 if number == 0 else 400}">'
            f"<span>{html.escape(name)}</span><span>{percent(probability)}</span></div>"
            '<div style="height:4px;border-radius:2px;background:#8883">'
            f'<div style="height:4px;border-radius:2px;width:{probability:.1%};background:#648FFF"></div></div>'
        )
    parts.append(f'<div style="font-size:0.85rem;line-height:1.35;margin-top:0.45rem">{html.escape(details)}</div>')
    return "".join(parts)


def small_print(paragraphs: Sequence[str]) -> str:
    """HTML of short notes, one paragraph each."""
    return "".join(
        f'<p style="font-size:0.9rem;line-height:1.4;margin:0 0 0.6rem">{html.escape(note)}</p>' for note in paragraphs
    )
