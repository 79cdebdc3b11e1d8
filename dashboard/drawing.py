"""Pixels and HTML for the page: small pictures, the region's outline, colour bars."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image, ImageDraw, ImageFont

from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render.panel import percent
from attnviz.render.region_colours import REGION_COLOURS

SCREEN_PIXELS = 960
"""Pictures go to the browser with at most this many pixels a side."""

THUMBNAIL_PIXELS = 160
GRADIENT_STEPS = 17
_NAME_FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
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
    """Where a region's border is drawn over pixels of one size: a coloured line, and a wider black one under it."""

    line: npt.NDArray[np.bool_]
    black: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, region: Region, hw: tuple[int, int]) -> "Outline":
        """The border of a region over its picture, or over an overlay of another size, `hw` pixels."""
        height, width = hw
        whole = Image.fromarray(region.mask_hw.astype(np.uint8) * 255)
        inside = np.asarray(whole.resize((width, height), Image.Resampling.BOX)) >= 128
        reach = max(1, round(max(hw) / OUTLINES_PER_SIDE))
        return cls(_band(inside, reach), _band(inside, reach + max(1, reach // 2)))

    def drawn_on(self, rgb: npt.NDArray[np.uint8], colour: str = REGION_COLOURS[0]) -> npt.NDArray[np.uint8]:
        """A copy of the pixels, uint8 (h, w, 3), with the border drawn in."""
        drawn = rgb.copy()
        drawn[self.black] = 0
        drawn[self.line] = _rgb(colour)
        return drawn


@dataclass(frozen=True, eq=False)
class Outlines:
    """The borders of several regions, and their names, as a layer over pixels of one size: uint8 (h, w, 4)."""

    layer: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, regions: Sequence[tuple[Region, str]], hw: tuple[int, int], names_px: int = 0) -> "Outlines":
        """The borders of regions over pixels of size `hw`.

        Args:
            regions: each with its colour; the first is drawn last, over the others.
            hw: height and width of the pixels.
            names_px: height of the letters; 0 leaves the names out.
        """
        layer = np.zeros((*hw, 4), dtype=np.uint8)
        tops: list[tuple[int, int]] = []
        for region, colour in reversed(regions):
            outline = Outline.of(region, hw)
            layer[outline.black] = (0, 0, 0, 255)
            layer[outline.line] = (*_rgb(colour), 255)
            tops.insert(0, _top(region, hw))
        if names_px:
            image = Image.fromarray(layer)
            named = [(region.name, colour, top) for (region, colour), top in zip(regions, tops, strict=True)]
            _write_names(image, named, names_px)
            layer = np.asarray(image)
        return cls(layer)

    def drawn_on(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """A copy of the pixels, uint8 (h, w, 3), with the layer over them."""
        opacity = self.layer[..., 3:].astype(np.uint16)
        mixed = rgb * (255 - opacity) + self.layer[..., :3] * opacity
        return ((mixed + 127) // 255).astype(np.uint8)

    @property
    def png_url(self) -> str:
        """The layer as a transparent PNG in a data URL."""
        buffer = io.BytesIO()
        Image.fromarray(self.layer).save(buffer, "PNG")
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def _top(region: Region, hw: tuple[int, int]) -> tuple[int, int]:
    """Row and column, at the size drawn, of the middle of the region's widest part near its top."""
    rows = np.flatnonzero(region.mask_hw.any(axis=1))
    first = int(rows[0])
    near = region.mask_hw[first : first + max(1, region.source_hw[0] // 20)]
    columns = np.flatnonzero(near.any(axis=0))
    height, width = region.source_hw
    return round(first * hw[0] / height), round(float(np.median(columns)) * hw[1] / width)


def _write_names(image: Image.Image, named: Sequence[tuple[str, str, tuple[int, int]]], names_px: int) -> None:
    """Each name in its colour on black, at the top of its region; names that would lie on others move down."""
    font = ImageFont.truetype(str(_NAME_FONT), names_px)
    pen = ImageDraw.Draw(image)
    pad = max(2, names_px // 4)
    taken: list[tuple[int, int, int, int]] = []
    for name, colour, (row, column) in named:
        shown = _fitting(name, font, image.width - 4 * pad)
        wide, high = round(font.getlength(shown)) + 2 * pad, names_px + 2 * pad
        left = min(max(0, column - wide // 2), max(0, image.width - wide))
        top = min(max(0, row + pad), max(0, image.height - high))
        while any(left < x1 and x0 < left + wide and top < y1 and y0 < top + high for x0, y0, x1, y1 in taken):
            top += pad
        if top + high > image.height:
            top = max(0, image.height - high)
        taken.append((left, top, left + wide, top + high))
        pen.rounded_rectangle((left, top, left + wide - 1, top + high - 1), pad, fill=(0, 0, 0, 215))
        pen.text((left + pad, top + high / 2), shown, fill=(*_rgb(colour), 255), font=font, anchor="lm")


def _fitting(name: str, font: ImageFont.FreeTypeFont, widest: int) -> str:
    """The name, cut where it is wider than the picture."""
    shown = name
    while len(shown) > 1 and font.getlength(shown) > widest:
        shown = shown.removesuffix("…")[:-1] + "…"
    return shown


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


def region_legend(regions: Sequence[tuple[str, str, float]]) -> str:
    """HTML of the regions' names, each with its colour and the share of the picture that it covers."""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:0.2rem 1.1rem;font-size:0.9rem;line-height:1.5">'
        + "".join(
            '<span style="white-space:nowrap"><span aria-hidden="true" style="display:inline-block;width:0.8em;'
            f'height:0.8em;border:1px solid #000;border-radius:2px;background:{colour};margin-right:0.4em"></span>'
            f"{html.escape(name)}: {percent(area)} of the picture</span>"
            for name, colour, area in regions
        )
        + "</div>"
    )


def small_print(paragraphs: Sequence[str], in_columns: bool = False) -> str:
    """HTML of short notes, one paragraph each; side by side where the page is wide enough, if asked for."""
    style = "font-size:0.9rem;line-height:1.4;margin:0 0 0.6rem;break-inside:avoid"
    notes = "".join(f'<p style="{style}">{html.escape(note)}</p>' for note in paragraphs)
    return f'<div style="column-width:20rem;column-gap:2rem">{notes}</div>' if in_columns else notes
