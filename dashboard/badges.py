"""Warnings drawn into the pixels of a map, so that a picture taken from the page carries them too."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from attnviz.render.columns import badge_of

COLOUR = "#B00020"
_FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
_PART_OF_WIDTH, _SMALLEST_PX = 0.045, 9
_WIDEST = 0.92


def with_badge(rgb: npt.NDArray[np.uint8], warnings: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The pixels, uint8 (h, w, 3), with a badge in the upper left corner; the same pixels where nothing is to be said.

    Args:
        rgb: a drawn map. It is not written to.
        warnings: as `attnviz.render.Panel.warnings` gives them.
    """
    words = badge_of(warnings)
    if not words:
        return rgb
    image = Image.fromarray(rgb)
    pen = ImageDraw.Draw(image)
    size = max(_SMALLEST_PX, round(_PART_OF_WIDTH * image.width))
    font = ImageFont.truetype(str(_FONT), size)
    wide = pen.multiline_textbbox((0, 0), words, font=font)[2]
    if wide > _WIDEST * image.width:
        font = ImageFont.truetype(str(_FONT), max(_SMALLEST_PX, int(size * _WIDEST * image.width / wide)))
    gap = max(2, size // 3)
    left, top, right, bottom = pen.multiline_textbbox((2 * gap, 2 * gap), words, font=font)
    pen.rounded_rectangle((left - gap, top - gap, right + gap, bottom + gap), gap, fill=COLOUR, outline="white")
    pen.multiline_text((2 * gap, 2 * gap), words, font=font, fill="white")
    return np.asarray(image)
