"""The figure that puts networks side by side, ready for a slide."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.maps import is_flat
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render.columns import LONGEST_PIXELS, area_words, flat_words, panel_column, source_column
from attnviz.render.inputs import pixels_of, shrink_mask, shrink_pixels, shrunk_hw
from attnviz.render.overlay import STYLES, Style
from attnviz.render.panel import MEANINGLESS, NOT_EXPLANATION, UNPROVEN, Panel
from attnviz.render.region_colours import region_colour
from attnviz.render.scale import Scale, ScaledMap, scale_maps, scale_sentences
from attnviz.render.sheet import THEMES, Outlined, Sheet
from attnviz.render.sizes import SLIDE_IN

MOST_PANELS = 6


def comparison_figure(
    picture: Picture | np.ndarray,
    panels: Sequence[Panel],
    *,
    region: Region | None = None,
    others: Sequence[Region] = (),
    scale: Scale = "shared",
    style: Style = "heat",
    interpolation: Literal["cells", "smooth"] = "cells",
    opacity: float = 0.9,
    size: tuple[float, float] = SLIDE_IN,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
    heading: str = "",
) -> Figure:
    """Draw the picture and what each network attends to in it, side by side in one pixel frame.

    Every panel shows the network, its prediction, the map over the picture, a colour bar with numbers and unit, how
    much of the map lies in the region, the native grid and the layer. A map that is flat is named so, with its
    range, instead of being painted.

    Args:
        picture: the source picture, or its pixels.
        panels: one to six networks.
        region: outlined on every picture.
        others: further regions, outlined in colours of their own; their scores stand in `Panel.others`.
        scale: how values become colours; printed on the figure.
        style: "heat" or "spotlight".
        interpolation: "cells" or "smooth"; smooth is printed on the figure.
        opacity: opacity of the hottest place, in [0, 1].
        size: width and height in inches; the default is a 16:9 slide.
        theme: "light" or "dark" text and background.
        transparent: leave the background out.
        heading: a line across the top, such as the finding.

    Returns:
        A matplotlib figure of its own, without ties to pyplot. `attnviz.export` turns it into files.

    Raises:
        ValueRangeError: no panel, too many, or an unknown theme, scale or style.
        ShapeError: the region or a map belongs to a picture of another size.
    """
    check_panels(panels)
    if theme not in THEMES:
        raise ValueRangeError(f"theme must be one of {', '.join(THEMES)}; got {theme!r}.")
    if style not in STYLES:
        raise ValueRangeError(f"style must be one of {', '.join(STYLES)}; got {style!r}.")
    rgb = pixels_of(picture)
    hw = shrunk_hw((rgb.shape[0], rgb.shape[1]), LONGEST_PIXELS)
    regions = [one for one in (region, *others) if one is not None]
    outlines = [Outlined(region_mask(one, rgb, hw), region_colour(place)) for place, one in enumerate(regions)]
    scaled = scale_maps([panel.attention_map for panel in panels], scale)
    columns = [source_column(shrink_pixels(rgb, hw), regions)]
    for panel, one in zip(panels, scaled, strict=True):
        columns.append(panel_column(rgb, panel, one, region, style, interpolation, opacity))
    footer = list(footer_sentences(panels, scaled, scale, interpolation))
    if unit := _common_unit(scaled):
        columns = [column if column.bar is None else replace(column, unit=()) for column in columns]
        footer[0] += f" Unit of every colour bar: {unit}."
    sheet = Sheet(size, THEMES[theme], transparent)
    sheet.draw(columns, heading, footer, outlines)
    return sheet.figure


def comparison_alt(
    picture: Picture,
    panels: Sequence[Panel],
    region: Region | None = None,
    scale: Scale = "shared",
    others: Sequence[Region] = (),
) -> str:
    """The comparison in words, for people who cannot see it: predictions, and shares in the region."""
    check_panels(panels)
    scaled = scale_maps([panel.attention_map for panel in panels], scale)
    parts = [f"{picture.name} and {len(panels)} network{'s' if len(panels) > 1 else ''} side by side"]
    parts += [area_words(one) for one in (region, *others) if one is not None]
    parts += [_panel_alt(panel, region) for panel in panels]
    units = list(dict.fromkeys(one.unit for one in scaled))
    parts.append(f"Colours show {' and '.join(units)}")
    return f"{'. '.join(parts)}. {' '.join(scale_sentences(scaled, [panel.title for panel in panels], scale))}"


def check_panels(panels: Sequence[Panel]) -> None:
    """Refuse a comparison of nothing, or of more networks than a slide can hold."""
    if not 1 <= len(panels) <= MOST_PANELS:
        raise ValueRangeError(
            f"panels must hold 1 to {MOST_PANELS} networks; got {len(panels)}. Draw several figures instead."
        )


def _panel_alt(panel: Panel, region: Region | None) -> str:
    tell = [panel.prediction_line]
    if is_flat(panel.attention_map):
        tell.append(flat_words(panel.attention_map))
    if region is not None:
        tell += [panel.focus_line(region.name), panel.others_line]
    tell += panel.warnings
    return f"{panel.title}: {'; '.join(filter(None, tell))}"


def _common_unit(scaled: Sequence[ScaledMap]) -> str:
    """The unit that several colour bars share, to be said once; empty where they differ, or where there is but one."""
    painted = [one.unit for one in scaled if not one.flat]
    return painted[0] if len(painted) > 1 and len(set(painted)) == 1 else ""


def region_mask(region: Region, rgb: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """The region's mask at the size that the picture is drawn in."""
    mask = np.asarray(region.mask_hw, dtype=bool)
    if mask.shape != rgb.shape[:2]:
        raise ShapeError(
            f"the region must be drawn on a picture of {rgb.shape[0]} x {rgb.shape[1]} pixels; got {mask.shape}. "
            "Draw it on this picture."
        )
    return shrink_mask(mask, hw)


def footer_sentences(
    panels: Sequence[Panel], scaled: Sequence[ScaledMap], scale: Scale, interpolation: str
) -> Iterator[str]:
    """What the values mean, how they became colours, and what not to conclude."""
    yield from map_sentences(panels)
    choice, *drawn = scale_sentences(scaled, [panel.title for panel in panels], scale)
    yield choice
    drawn += drawing_sentences(panels, interpolation)
    if drawn:
        yield " ".join(drawn)
    yield NOT_EXPLANATION


def map_sentences(panels: Sequence[Panel]) -> list[str]:
    """What the maps mean, and what must be said of a network: each sentence once."""
    meanings: dict[str, list[str]] = {}
    for panel in panels:
        one = panel.attention_map
        meanings.setdefault("; ".join(filter(None, (one.meaning, one.note))), []).append(panel.title)
    said = [
        f"Shown: {meaning}." if len(meanings) == 1 else f"{', '.join(dict.fromkeys(titles))}: {meaning}."
        for meaning, titles in meanings.items()
    ]
    for panel in panels:
        if panel.untrained:
            said.append(f"{panel.title}: {panel.untrained}; {MEANINGLESS}.")
        if panel.attention_map.proof == "unproven":
            said.append(f"{panel.title} is {UNPROVEN}.")
        if panel.attention_map.edits:
            said.append(f"{panel.title} ran with its attention changed: {', '.join(panel.attention_map.edits)}.")
    return list(dict.fromkeys(said))


def drawing_sentences(panels: Sequence[Panel], interpolation: str) -> list[str]:
    """How finely the maps are drawn, and what the hatching is."""
    drawn = []
    if interpolation == "smooth":
        drawn.append("Smoothed between cell centres: finer than the network's own grid.")
    if any(np.isnan(panel.attention_map.on_source()).any() for panel in panels if panel.attention_map.geometry):
        drawn.append("Hatched: not seen by the network, or no value there.")
    return drawn
