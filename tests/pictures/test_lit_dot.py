"""A lit dot at a known pixel lands there again: through the file, EXIF rotation, resize, crop and projection back."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attnviz.geometry import project
from attnviz.pictures import Picture, Preprocessing, open_picture, preprocess, seen_rgb

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
WHOLE = Preprocessing(64, MEAN, STD)
CROPPED = Preprocessing(64, MEAN, STD, crop_hw=(56, 40))
LARGE_CROP = Preprocessing(64, MEAN, STD, crop_hw=(72, 160))

# How the stored rows and columns go, by the EXIF standard: the visual side of row 0, then of column 0.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def stored_pixels(upright: np.ndarray, orientation: int) -> np.ndarray:
    """The upright picture as a camera stores it, pixel by pixel from the standard's wording."""
    row_side, column_side = SIDES[orientation]
    height, width = upright.shape[:2]
    swapped = row_side in ("left", "right")
    stored = np.empty((width, height, 3) if swapped else (height, width, 3), np.uint8)

    def along(side: str, index: np.ndarray) -> np.ndarray:
        """Distance `index` from a side, as an upright row or column."""
        return {"top": index, "bottom": height - 1 - index, "left": index, "right": width - 1 - index}[side]

    row, column = np.indices(stored.shape[:2])
    first, second = along(row_side, row), along(column_side, column)
    stored[row, column] = upright[second, first] if swapped else upright[first, second]
    return stored


def dotted(hw: tuple[int, int], dot_yx: tuple[int, int], radius: int) -> np.ndarray:
    """Black, with a white square of side 2 radius + 1 around a pixel."""
    picture = np.zeros((*hw, 3), np.uint8)
    y, x = dot_yx
    picture[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = 255
    return picture


def check(picture: Picture, dot_yx: tuple[int, int], preprocessing: Preprocessing) -> None:
    """The dot, as the network saw it, is drawn back onto its pixel."""
    made = preprocess(picture, preprocessing)
    light = seen_rgb(made).astype(float).min(axis=2)
    light[light < 128] = 0  # also what padding and the filter's ripples leave
    # Its centre of light, carried back, is the centre of the pixel, to half a pixel of the coarser picture.
    rows, columns = np.indices(light.shape) + 0.5
    centre = made.geometry.to_source(((rows * light).sum() / light.sum(), (columns * light).sum() / light.sum()))
    half_yx = np.maximum(0.5, 0.5 / np.array(made.geometry.scale_yx))
    assert (np.abs(centre - (np.array(dot_yx) + 0.5)) <= half_yx).all()
    # A network of stride 8 lights one cell; drawn on the source, that cell covers the dot.
    cells = light.reshape(light.shape[0] // 8, 8, light.shape[1] // 8, 8).sum(axis=(1, 3))
    drawn = project(cells, made.geometry)
    assert drawn.shape == picture.hw
    assert drawn[dot_yx] == pytest.approx(cells.max())
    assert np.isnan(drawn).any() == (made.geometry.seen_box() != pytest.approx((0, 0, *picture.hw)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("preprocessing", [WHOLE, CROPPED, LARGE_CROP], ids=["whole", "crop", "padded crop"])
@pytest.mark.parametrize(
    ("hw", "dot_yx"), [((120, 200), (31, 118)), ((210, 130), (131, 44))], ids=["landscape", "portrait"]
)
def test_through_every_exif_rotation(orientation, preprocessing, hw, dot_yx):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(stored_pixels(dotted(hw, dot_yx, 3), orientation)).save(file, "JPEG", quality=95, exif=exif)
    picture = open_picture(file.getvalue())
    assert picture.hw == hw
    check(picture, dot_yx, preprocessing)


@pytest.mark.parametrize(("hw", "dot_yx"), [((40, 600), (22, 431)), ((600, 40), (431, 9))])
def test_through_the_padding_of_a_panorama(hw, dot_yx):
    check(Picture.from_array(dotted(hw, dot_yx, 6)), dot_yx, WHOLE)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_at_any_place_of_any_picture(data):
    hw = data.draw(st.tuples(st.integers(70, 160), st.integers(70, 160)))
    # In the middle of a cell, so that one cell is the brightest: cells are at least 8 source pixels here.
    scale = 64 / min(hw)
    cell = data.draw(st.tuples(*(st.integers(1, int(size * scale / 8) - 2) for size in hw)))
    dot = tuple(min(size - 4, int((8 * index + 4) / scale)) for size, index in zip(hw, cell, strict=True))
    check(Picture.from_array(dotted(hw, dot, 2)), dot, WHOLE)
