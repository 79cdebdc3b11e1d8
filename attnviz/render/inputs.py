"""The picture, the region and the map at the size they are drawn."""

from dataclasses import replace

import numpy as np
from PIL import Image

from attnviz.errors import ShapeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture


def pixels_of(picture: Picture | np.ndarray) -> np.ndarray:
    """The pixels of a picture, uint8 (h, w, 3).

    Raises:
        ShapeError: not an RGB array of bytes.
    """
    rgb = picture if isinstance(picture, np.ndarray) else picture.rgb
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ShapeError(
            f"a picture must be uint8 of shape (h, w, 3); got {rgb.dtype} {rgb.shape}. Open it with open_picture()."
        )
    return rgb


def shrunk_hw(source_hw: tuple[int, int], longest: int) -> tuple[int, int]:
    """The size with the same proportions and at most `longest` pixels a side. Small pictures stay as they are."""
    factor = min(1.0, longest / max(source_hw))
    return max(1, round(source_hw[0] * factor)), max(1, round(source_hw[1] * factor))


def shrink_pixels(rgb: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """The picture at another size, averaged over the pixels that fall together."""
    if rgb.shape[:2] == hw:
        return rgb
    return np.asarray(Image.fromarray(rgb).resize((hw[1], hw[0]), Image.Resampling.BOX, reducing_gap=None))


def shrink_mask(mask_hw: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """The mask at another size: true where at least half of a pixel is inside."""
    if mask_hw.shape == hw:
        return mask_hw
    inside = Image.fromarray(mask_hw.astype(np.uint8) * 255).resize((hw[1], hw[0]), Image.Resampling.BOX)
    return np.asarray(inside) >= 128


def on_shrunk_picture(attention_map: AttentionMap, rgb: np.ndarray, hw: tuple[int, int]) -> AttentionMap:
    """The same map, its geometry speaking of the picture at another size.

    Raises:
        ShapeError: the map was made from a picture of another size.
    """
    geometry = attention_map.geometry
    if geometry is None:
        geometry = Geometry.identity((rgb.shape[0], rgb.shape[1]))
    if tuple(geometry.source_hw) != rgb.shape[:2]:
        raise ShapeError(
            f"the map must belong to a picture of {rgb.shape[0]} x {rgb.shape[1]} pixels; got one made from "
            f"{geometry.source_hw[0]} x {geometry.source_hw[1]}. Draw it over the picture it was made from."
        )
    scale_yx = (
        geometry.scale_yx[0] * geometry.source_hw[0] / hw[0],
        geometry.scale_yx[1] * geometry.source_hw[1] / hw[1],
    )
    return replace(attention_map, geometry=replace(geometry, source_hw=hw, scale_yx=scale_yx))
