"""What is drawn and written for one picture of a comparison."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from attnviz.maps import AttentionMap, is_flat
from attnviz.render.inputs import HasMask
from attnviz.render.overlay import Style, legend_strip, overlay
from attnviz.render.panel import Panel, number, the
from attnviz.render.scale import ScaledMap

LONGEST_PIXELS = 1200
"""Photographs are embedded with at most this many pixels a side, so that SVG and PDF files stay small."""

TITLE_PT, BODY_PT, SMALL_PT = 17.0, 14.0, 14.0


@dataclass(frozen=True)
class Words:
    """One paragraph: its text, size, weight, and the lines it may take."""

    text: str
    size_pt: float
    bold: bool = False
    muted: bool = False
    most_lines: int = 2


@dataclass(frozen=True, eq=False)
class ColourBar:
    """A strip of colours with the numbers at its ends.

    Attributes:
        strip: float (1, n, 3), the colours as they look over a middle grey.
        low: text at the cold end; begins with "<" where values lie below it.
        high: text at the hot end; begins with ">" where values lie above it.
        unit: unit of both.
    """

    strip: np.ndarray
    low: str
    high: str
    unit: str


@dataclass(frozen=True, eq=False)
class Column:
    """One picture with the paragraphs above and below it.

    Attributes:
        image: pixels to draw.
        above: paragraphs above the picture.
        bar: colour bar under the picture, if any.
        below: paragraphs under the bar.
        badge: a warning drawn on the picture, such as "UNTRAINED"; empty for none.
        alt: the column in words.
    """

    image: np.ndarray
    above: tuple[Words, ...]
    bar: ColourBar | None
    below: tuple[Words, ...]
    badge: str
    alt: str


def source_column(image: np.ndarray, region: HasMask | None) -> Column:
    """The picture itself, with the region's share of its area."""
    below: tuple[Words, ...] = ()
    alt = "The picture"
    if region is not None:
        name = the(region.name)
        sentence = f"{name[0].upper()}{name[1:]} covers {float(np.asarray(region.mask_hw).mean()) * 100:.0f} % of it"
        below = (Words(sentence, BODY_PT),)
        alt = f"The picture. {sentence}"
    return Column(image, (Words("Picture", TITLE_PT, bold=True),), None, below, "", alt)


def panel_column(
    rgb: np.ndarray,
    panel: Panel,
    scaled: ScaledMap,
    region: HasMask | None,
    style: Style,
    interpolation: Literal["cells", "smooth"],
    opacity: float,
) -> Column:
    """One network's map over the picture. A flat map is named, with its range, and not painted."""
    flat = is_flat(panel.attention_map)
    above = [Words(panel.title, TITLE_PT, bold=True)]
    if panel.prediction_line:
        above.append(Words(panel.prediction_line, BODY_PT))
    below = []
    if flat:
        below.append(Words(flat_words(panel.attention_map), BODY_PT))
    focus = panel.focus_line(region.name) if region is not None else ""
    if focus:
        below.append(Words(focus, BODY_PT, bold=True))
    below.append(Words(f"{panel.grid_line}, {layers_of(panel.attention_map)}", SMALL_PT, muted=True))
    image = overlay(
        rgb,
        scaled.attention_map,
        vmin=scaled.vmin,
        vmax=scaled.vmax,
        opacity=0.0 if flat else opacity,
        style="heat" if flat else style,
        interpolation=interpolation,
        longest=LONGEST_PIXELS,
    )
    bar = None if flat else _bar(scaled, style, opacity)
    words = [panel.title, panel.prediction_line, flat_words(panel.attention_map) if flat else "", focus]
    return Column(
        image, tuple(above), bar, tuple(below), "" if panel.trained else "UNTRAINED", ": ".join(filter(None, words))
    )


def flat_words(attention_map: AttentionMap) -> str:
    """What stands in place of a colour bar when a map hardly varies."""
    low, high = attention_map.value_range
    return f"flat ({number(low)} .. {number(high)} {attention_map.unit})"


def layers_of(attention_map: AttentionMap) -> str:
    """The layer a map was made from, or how many."""
    layers = list(dict.fromkeys(site.layer for site in attention_map.sites))
    return layers[0] if len(layers) == 1 else f"{len(layers)} layers"


def _bar(scaled: ScaledMap, style: Style, opacity: float) -> ColourBar:
    under, over = scaled.clipped
    return ColourBar(
        strip=legend_strip(scaled, style, opacity),
        low=("< " if under else "") + number(scaled.vmin),
        high=("> " if over else "") + number(scaled.vmax),
        unit=scaled.unit,
    )
