"""What is drawn and written for one picture of a comparison."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from attnviz.maps import AttentionMap
from attnviz.regions import Region
from attnviz.render.overlay import Style, legend_strip, overlay
from attnviz.render.panel import Panel, number, percent, span, the
from attnviz.render.region_colours import region_colour
from attnviz.render.scale import ScaledMap

LONGEST_PIXELS = 1200
"""Photographs are embedded with at most this many pixels a side, so that SVG and PDF files stay small."""

TITLE_PT, BODY_PT, SMALL_PT = 17.0, 14.0, 14.0


@dataclass(frozen=True)
class Words:
    """One paragraph: its text, size, weight, the lines it may take, and the colour of a square before it, if any."""

    text: str
    size_pt: float
    bold: bool = False
    muted: bool = False
    most_lines: int = 3
    mark: str = ""


@dataclass(frozen=True, eq=False)
class ColourBar:
    """A strip of colours with the numbers at its ends.

    Attributes:
        strip: float (1, n, 3), the colours as they look over a middle grey.
        low: text at the cold end; begins with "<" where values lie below it.
        high: text at the hot end; begins with ">" where values lie above it.
    """

    strip: np.ndarray
    low: str
    high: str


@dataclass(frozen=True)
class Mark:
    """Lines over a picture, in one colour on black: points (x, y) in shares of its width and height."""

    lines: tuple[tuple[tuple[float, float], ...], ...]
    colour: str = "#FFFFFF"


@dataclass(frozen=True, eq=False)
class Column:
    """One picture with its paragraphs.

    Attributes:
        image: pixels to draw.
        above: paragraphs above the picture.
        bar: colour bar under the picture, if any.
        unit: unit of the bar's numbers, or what stands in place of the bar.
        rest: further paragraphs, under the bar or beside the picture.
        badge: warnings drawn on the picture, such as "UNTRAINED", one a line; empty for none.
        marks: lines drawn over the picture.
    """

    image: np.ndarray
    above: tuple[Words, ...]
    bar: ColourBar | None
    unit: tuple[Words, ...]
    rest: tuple[Words, ...]
    badge: str = ""
    marks: tuple[Mark, ...] = ()

    def paragraphs(self, beside: bool) -> tuple[Words, ...]:
        """What stands beside the picture, or under its colour bar: there the unit comes first."""
        return self.rest[:1] + self.unit + self.rest[1:] if beside else self.unit + self.rest


def source_column(image: np.ndarray, regions: Sequence[Region]) -> Column:
    """The picture itself, with each region's share of its area, in the region's colour where there are several."""
    rest = tuple(
        Words(area_words(region), BODY_PT, most_lines=4, mark=region_colour(place) if len(regions) > 1 else "")
        for place, region in enumerate(regions)
    )
    return Column(image, (Words("Picture", TITLE_PT, bold=True),), None, (), rest)


def area_words(region: Region) -> str:
    """How much of the picture a region covers."""
    name = the(region.name)
    area = percent(float(np.asarray(region.mask_hw).mean()))
    return f"{name[0].upper()}{name[1:]} covers {area} of the picture"


def panel_column(
    rgb: np.ndarray,
    panel: Panel,
    scaled: ScaledMap,
    region: Region | None,
    style: Style,
    interpolation: Literal["cells", "smooth"],
    opacity: float,
) -> Column:
    """One network's map over the picture. A flat map is named, with its range, and not painted."""
    flat = scaled.flat
    above = [Words(panel.title, TITLE_PT, bold=True)]
    if panel.prediction_line:
        above.append(Words(panel.prediction_line, BODY_PT))
    unit = Words(flat_words(panel.attention_map), BODY_PT) if flat else Words(scaled.unit, SMALL_PT, muted=True)
    rest = []
    focus = panel.focus_line(region.name) if region is not None else ""
    if focus:
        rest.append(Words(focus, BODY_PT, bold=True))
    if panel.others:
        rest.append(Words(panel.others_line, BODY_PT))
    rest.append(Words(f"{panel.grid_line}, {layers_of(panel.attention_map)}", SMALL_PT, muted=True))
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
    return Column(image, tuple(above), bar, (unit,), tuple(rest), badge_of(panel.warnings))


def badge_of(warnings: Sequence[str]) -> str:
    """Warnings as they stand on a picture, in short lines: "UNTRAINED PARTS", then "2 OF 62 TENSORS"."""
    return "\n".join(warnings).replace(": ", "\n").replace(", ", "\n").upper()


def flat_words(attention_map: AttentionMap) -> str:
    """What stands in place of a colour bar when a map hardly varies."""
    low, high = attention_map.value_range
    return f"flat ({' .. '.join(span(low, high))} {attention_map.unit})"


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
    )
