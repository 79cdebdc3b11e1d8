"""Pictures for slides: overlays at full resolution with regions outlined, and strips of colour. Text stays out."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from attnviz.export.comparison import Comparison
from attnviz.regions import Region
from attnviz.render import ScaledMap, legend_strip, overlay
from attnviz.render.inputs import shrink_mask, shrink_pixels, shrunk_hw
from attnviz.render.region_colours import region_colour

LONGEST_PX = 2400
"""A picture keeps its own pixels up to this many a side: more than a slide shows on a screen of 3840 x 2160."""

_OUTLINES_PER_SIDE = 260
_STRIP_HW = (24, 512)


def source_png(comparison: Comparison) -> bytes:
    """The picture itself with its regions outlined."""
    rgb = comparison.picture.rgb
    hw = shrunk_hw((rgb.shape[0], rgb.shape[1]), LONGEST_PX)
    return png(_outlined(shrink_pixels(rgb, hw), _regions(comparison)))


def overlay_png(comparison: Comparison, scaled: ScaledMap) -> bytes:
    """One network's map over the picture, as the comparison draws it. A flat map is not painted."""
    flat = scaled.flat
    drawn = overlay(
        comparison.picture,
        scaled.attention_map,
        vmin=scaled.vmin,
        vmax=scaled.vmax,
        opacity=0.0 if flat else comparison.opacity,
        style="heat" if flat else comparison.style,
        interpolation=comparison.interpolation,
        longest=LONGEST_PX,
    )
    return png(_outlined(drawn, _regions(comparison)))


def strip_png(comparison: Comparison, scaled: ScaledMap) -> bytes:
    """The colours from the cold end to the hot end."""
    strip = legend_strip(scaled, comparison.style, comparison.opacity, _STRIP_HW[1])
    return png(np.repeat((np.clip(strip, 0, 1) * 255 + 0.5).astype(np.uint8), _STRIP_HW[0], axis=0))


def png(pixels: np.ndarray) -> bytes:
    """Pixels as the bytes of a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _regions(comparison: Comparison) -> list[Region]:
    return [one for one in (comparison.region, *comparison.others) if one is not None]


def _outlined(rgb: np.ndarray, regions: Sequence[Region]) -> np.ndarray:
    """Each region's border in its colour over a wider black line, the first region over the others."""
    drawn = rgb.copy()
    reach = max(1, round(max(rgb.shape[:2]) / _OUTLINES_PER_SIDE / 2))
    for place, region in reversed(list(enumerate(regions))):
        inside = shrink_mask(np.asarray(region.mask_hw, dtype=bool), (rgb.shape[0], rgb.shape[1]))
        drawn[_border(inside, reach + max(1, reach // 2))] = 0
        drawn[_border(inside, reach)] = tuple(bytes.fromhex(region_colour(place)[1:]))
    return drawn


def _border(inside: np.ndarray, reach: int) -> np.ndarray:
    """Pixels within `reach` of where a mask changes. The picture's own edge counts: a region ends there."""
    image = Image.fromarray(np.pad(inside, reach).astype(np.uint8) * 255)
    wide = np.asarray(image.filter(ImageFilter.MaxFilter(2 * reach + 1)))
    narrow = np.asarray(image.filter(ImageFilter.MinFilter(2 * reach + 1)))
    return ((wide > 0) & (narrow == 0))[reach:-reach, reach:-reach]
