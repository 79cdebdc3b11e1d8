"""Mask pictures: what is inside, and how a mask of another size comes onto the picture."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from attnviz.errors import PictureError
from attnviz.pictures.reading import PictureFile, decode, read_file, upright

ASPECT_TOLERANCE = 0.01
"""A mask file may differ from the picture's aspect ratio by this share: another size is fine, another crop is not."""


def mask_of_file(file: PictureFile, source_hw: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The mask in a mask picture, resized to `source_hw` by nearest neighbour; see `Region.from_mask_file`.

    Raises:
        PictureError: the file cannot be read, or has another aspect ratio.
    """
    contents, file_name = read_file(file)
    image, notes = decode(contents, file_name)
    return np.asarray(fitted(_inside(image), image, notes, file_name, source_hw)) > 0


def fitted(
    values: npt.NDArray[np.uint8], stored: Image.Image, notes: list[str], file_name: str, source_hw: tuple[int, int]
) -> Image.Image:
    """Values of a file's pixels, turned upright and brought to the picture's size by nearest neighbour.

    Raises:
        PictureError: the file has another aspect ratio than the picture.
    """
    mask = upright(Image.fromarray(values), stored, notes)
    height, width = source_hw
    if abs((mask.height / mask.width) / (height / width) - 1) > ASPECT_TOLERANCE:
        raise PictureError(
            f"{file_name}: the mask must have the picture's aspect ratio; got a mask {mask.height} high and "
            f"{mask.width} wide for a picture {height} high and {width} wide. "
            "Make it from the uncropped, upright picture."
        )
    return mask if mask.size == (width, height) else mask.resize((width, height), Image.Resampling.NEAREST)


def _inside(image: Image.Image) -> npt.NDArray[np.uint8]:
    """255 inside, 0 outside, as the file is stored."""
    has_alpha = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    if has_alpha:
        alpha = np.asarray(image.convert("LA" if image.mode == "La" else "RGBA"))[..., -1]
        if alpha.min() < 255:
            return np.where(alpha >= 128, 255, 0).astype(np.uint8)
    deep = image.mode.startswith("I") or image.mode == "F"
    grey = np.asarray(image if deep else image.convert("RGB").convert("L")).astype(np.float64)
    dark, bright = float(grey.min()), float(grey.max())
    if dark < bright and bool(((grey == dark) | (grey == bright)).all()):
        inside = grey == bright
    elif image.mode == "F":
        inside = grey >= max(1.0, bright) / 2
    else:
        inside = grey >= (65535 if deep else 255) / 2
    return np.where(inside, 255, 0).astype(np.uint8)
