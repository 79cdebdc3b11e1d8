"""Mask files: which pixels they mean."""

import io

import numpy as np
import pytest
from PIL import Image

from attnviz.errors import PictureError, ValueRangeError
from attnviz.regions import Region


def file_of(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def pixels(region: Region) -> list[list[int]]:
    return region.mask_hw.astype(int).tolist()


MASK = np.array([[0, 0, 255, 255], [0, 0, 0, 255]], np.uint8)
INSIDE = [[0, 0, 1, 1], [0, 0, 0, 1]]


class TestMaskFile:
    @pytest.mark.parametrize(
        "image",
        [
            MASK,
            Image.fromarray(MASK).convert("1"),
            Image.fromarray(MASK).convert("RGB"),
            (MASK // 255).astype(np.uint8),  # 0 and 1, as label pictures have them
            (MASK // 255).astype(np.uint16),
            MASK.astype(np.uint16) * 257,
            np.dstack([np.full((2, 4, 3), 90, np.uint8), MASK]),  # a cut-out: colours with transparency
            np.dstack([np.zeros((2, 4, 3), np.uint8), np.where(MASK, 128, 127).astype(np.uint8)]),  # half opaque
            Image.merge("LA", [Image.new("L", (4, 2), 0), Image.fromarray(MASK)]),
        ],
        ids=["grey", "1 bit", "RGB", "0 and 1", "16 bit, 0 and 1", "16 bit", "cut-out", "half opaque", "LA"],
    )
    def test_inside_is_what_the_file_means(self, image):
        region = Region.from_mask_file("dog", file_of(image), (2, 4))
        assert pixels(region) == INSIDE
        assert region.name == "dog"

    def test_with_many_greys_inside_begins_at_half(self):
        greys = np.array([[0, 100, 127, 128, 200, 255]], np.uint8)
        assert pixels(Region.from_mask_file("dog", file_of(greys), (1, 6))) == [[0, 0, 0, 1, 1, 1]]

    def test_sixteen_bits_with_many_greys(self):
        # Half of 65535 is 32767.5.
        greys = np.array([[0, 500, 32767, 32768, 65535]], np.uint16)
        assert pixels(Region.from_mask_file("dog", file_of(greys), (1, 5))) == [[0, 0, 0, 1, 1]]

    def test_a_palette_of_two_colours(self):
        # As the VOC data set stores masks: index 0 is black, index 1 dark red.
        image = Image.fromarray((MASK // 255).astype(np.uint8), "P")
        image.putpalette([0, 0, 0, 128, 0, 0])
        assert pixels(Region.from_mask_file("dog", file_of(image), (2, 4))) == INSIDE

    def test_an_opaque_alpha_channel_says_nothing(self):
        rgba = Image.fromarray(MASK).convert("RGBA")
        assert pixels(Region.from_mask_file("dog", file_of(rgba), (2, 4))) == INSIDE

    def test_a_jpeg_mask(self):
        big = np.kron(MASK, np.ones((32, 32), np.uint8))
        region = Region.from_mask_file("dog", file_of(big, "JPEG", quality=90), (64, 128))
        assert (region.mask_hw != (big > 0)).mean() < 0.01

    @pytest.mark.parametrize("factor", [2, 5])
    def test_a_mask_of_another_size_is_resized_by_nearest_neighbour(self, factor):
        expected = np.kron(MASK > 0, np.ones((factor, factor), bool))
        np.testing.assert_array_equal(
            Region.from_mask_file("dog", file_of(MASK), (2 * factor, 4 * factor)).mask_hw, expected
        )
        large = np.kron(MASK, np.ones((factor, factor), np.uint8))
        assert pixels(Region.from_mask_file("dog", file_of(large), (2, 4))) == INSIDE

    def test_exif_rotation_is_honoured(self):
        # Orientation 6: the stored row 0 is the right side, the stored column 0 the top.
        exif = Image.Exif()
        exif[0x0112] = 6
        stored = np.ascontiguousarray(MASK.T[::-1])
        assert pixels(Region.from_mask_file("dog", file_of(stored, exif=exif), (2, 4))) == INSIDE

    def test_another_aspect_ratio_is_refused_with_both_sizes(self):
        with pytest.raises(PictureError) as raised:
            Region.from_mask_file("dog", file_of(MASK), (4, 2))
        message = str(raised.value)
        assert "a mask 2 high and 4 wide" in message
        assert "a picture 4 high and 2 wide" in message

    def test_one_percent_of_aspect_ratio_is_forgiven(self):
        mask = np.zeros((100, 200), np.uint8)
        mask[:, :100] = 255
        assert Region.from_mask_file("dog", file_of(mask), (100, 201)).source_hw == (100, 201)
        with pytest.raises(PictureError, match="aspect ratio"):
            Region.from_mask_file("dog", file_of(mask), (100, 203))

    def test_an_empty_mask_and_a_file_that_is_none(self):
        with pytest.raises(ValueRangeError, match="got an empty mask"):
            Region.from_mask_file("dog", file_of(np.zeros((2, 4), np.uint8)), (2, 4))
        with pytest.raises(ValueRangeError, match="got all of it"):
            Region.from_mask_file("dog", file_of(np.full((2, 4), 255, np.uint8)), (2, 4))
        with pytest.raises(PictureError, match="must be JPEG, PNG"):
            Region.from_mask_file("dog", b"no picture", (2, 4))
