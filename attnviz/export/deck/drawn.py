"""Pictures for slides: overlays at full resolution with regions outlined, and strips of colour. Text stays out."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from attnviz.export.comparison import Comparison
from attnviz.render import ScaledMap, legend_strip, overlay
from attnviz.render.inputs import shrink_mask, shrink_pixels, shrunk_hw
from attnviz.render.region_colours import region_colour

LONGEST_PX = 2400
"""A picture keeps its own pixels up to this many a side: more than a slide shows on a screen of 3840 x 2160."""

_OUTLINES_PER_SIDE = 260
_STRIP_HW = (24, 512)


class Pictures:
    """The pictures of one comparison, each made once; a file keeps only one copy of each.

    Attributes:
        comparison: what they are of.
        scaled: its maps with the ranges of their colours.
        source: the picture itself with its regions outlined, as a PNG.
        overlays: each network's map over it, likewise.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.scaled = comparison.scaled
        rgb = comparison.picture.rgb
        hw = shrunk_hw((rgb.shape[0], rgb.shape[1]), LONGEST_PX)
        self._outlines = _outlines(comparison, hw)
        self.source = self._outlined(shrink_pixels(rgb, hw))
        self.overlays = [self._outlined(_overlay(comparison, one)) for one in self.scaled]

    @property
    def aspect(self) -> float:
        """Width / height; extreme pictures are drawn thicker than they are, to be seen."""
        height, width = self.comparison.picture.hw
        return min(12.0, max(1 / 12, width / height))

    def _outlined(self, rgb: npt.NDArray[np.uint8]) -> bytes:
        return png(np.where(self._outlines[..., 3:] > 0, self._outlines[..., :3], rgb))


def strip_png(comparison: Comparison, scaled: ScaledMap) -> bytes:
    """The colours from the cold end to the hot end."""
    strip = legend_strip(scaled, comparison.style, comparison.opacity, _STRIP_HW[1])
    return png(np.repeat((np.clip(strip, 0, 1) * 255 + 0.5).astype(np.uint8), _STRIP_HW[0], axis=0))


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Pixels as the bytes of a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def _overlay(comparison: Comparison, scaled: ScaledMap) -> npt.NDArray[np.uint8]:
    """One network's map over the picture, as the comparison draws it. A flat map is not painted."""
    return overlay(
        comparison.picture,
        scaled.attention_map,
        vmin=scaled.vmin,
        vmax=scaled.vmax,
        opacity=0.0 if scaled.flat else comparison.opacity,
        style="heat" if scaled.flat else comparison.style,
        interpolation=comparison.interpolation,
        longest=LONGEST_PX,
    )


def _outlines(comparison: Comparison, hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Each region's border in its colour over a wider black line, the first region over the others: RGBA."""
    layer = np.zeros((*hw, 4), np.uint8)
    regions = [one for one in (comparison.region, *comparison.others) if one is not None]
    reach = max(1, round(max(hw) / _OUTLINES_PER_SIDE / 2))
    for place, region in reversed(list(enumerate(regions))):
        inside = shrink_mask(np.asarray(region.mask_hw, dtype=bool), hw)
        layer[_border(inside, reach + max(1, reach // 2))] = (0, 0, 0, 255)
        layer[_border(inside, reach)] = (*bytes.fromhex(region_colour(place)[1:]), 255)
    return layer


def _border(inside: npt.NDArray[np.bool_], reach: int) -> npt.NDArray[np.bool_]:
    """Pixels within `reach` of where a mask changes. The picture's own edge counts: a region ends there."""
    image = Image.fromarray(np.pad(inside, reach).astype(np.uint8) * 255)
    wide = np.asarray(image.filter(ImageFilter.MaxFilter(2 * reach + 1)))
    narrow = np.asarray(image.filter(ImageFilter.MinFilter(2 * reach + 1)))
    return np.asarray(((wide > 0) & (narrow == 0))[reach:-reach, reach:-reach])
