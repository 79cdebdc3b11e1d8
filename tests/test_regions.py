"""Regions: which pixels a box, a polygon and a mask file mean."""

import io
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attnviz.errors import PictureError, ShapeError, ValueRangeError
from attnviz.regions import Region, grown


def file_of(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, kind, **options)
    return file.getvalue()


def pixels(region: Region) -> list[list[int]]:
    return region.mask_hw.astype(int).tolist()


class TestRegion:
    def test_area_is_the_share_of_pixels(self):
        assert Region("dog", np.array([[True, False, False, False]])).area == 0.25

    def test_the_mask_is_a_copy_that_cannot_be_written(self):
        mask = np.array([[True, False]])
        region = Region("dog", mask)
        mask[:] = False
        assert pixels(region) == [[1, 0]]
        with pytest.raises(ValueError, match="read-only"):
            region.mask_hw[0, 0] = False

    def test_empty_full_and_misshapen_masks_are_refused(self):
        with pytest.raises(ValueRangeError, match=r"'dog' must cover at least one pixel's centre; got an empty mask"):
            Region("dog", np.zeros((2, 2), bool))
        with pytest.raises(ValueRangeError, match=r"'dog' must leave some of the picture out; got all of it"):
            Region("dog", np.ones((2, 2), bool))
        with pytest.raises(ShapeError, match=r"got \(1, 2, 2\)"):
            Region("dog", np.ones((1, 2, 2), bool))

    def test_invert_union_and_intersection(self):
        left, top = Region("left", [[1, 0], [1, 0]]), Region("top", [[1, 1], [0, 0]])
        assert pixels(left.invert()) == [[0, 1], [0, 1]]
        assert left.invert().name == "not left"
        assert left.invert("grass").name == "grass"
        assert pixels(left.union(top)) == [[1, 1], [1, 0]]
        assert pixels(left.intersection(top)) == [[1, 0], [0, 0]]
        assert left.union(top).name == "left or top"
        assert left.intersection(top, "corner").name == "corner"

    def test_combinations_that_leave_nothing_or_everything(self):
        left = Region("left", [[1, 0]])
        with pytest.raises(ValueRangeError, match="got an empty mask"):
            left.intersection(left.invert())
        with pytest.raises(ValueRangeError, match="got all of it"):
            left.union(left.invert())

    def test_regions_of_two_pictures_do_not_combine(self):
        with pytest.raises(ShapeError, match=r"of one picture; got \(1, 2\) and \(2, 1\)"):
            Region("a", [[1, 0]]).union(Region("b", [[1], [0]]))


class TestBox:
    def test_rows_come_first(self):
        assert pixels(Region.from_box("dog", (1, 0, 2, 3), (3, 4))) == [[0, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0]]

    def test_a_pixel_is_inside_when_its_centre_is(self):
        # Centres at 0.5, 1.5, 2.5, 3.5; from 0.5 (included) to 2.5 (not included).
        assert pixels(Region.from_box("dog", (0, 0.5, 1, 2.5), (1, 4))) == [[1, 1, 0, 0]]
        assert pixels(Region.from_box("dog", (0, 0.6, 1, 2.6), (1, 4))) == [[0, 1, 1, 0]]

    def test_what_lies_outside_is_cut_off(self):
        assert pixels(Region.from_box("dog", (-5, 2, 99, 99), (2, 4))) == [[0, 0, 1, 1], [0, 0, 1, 1]]

    @pytest.mark.parametrize("box", [(2, 0, 1, 3), (0, 3, 2, 3), (0, 0, float("nan"), 2), (0, 0, float("inf"), 2)])
    def test_an_impossible_box_is_refused(self, box):
        with pytest.raises(ValueRangeError, match="with top < bottom and left < right"):
            Region.from_box("dog", box, (3, 4))

    @pytest.mark.parametrize("box", [(0.6, 0.6, 0.9, 0.9), (10, 10, 12, 12)])
    def test_a_box_without_a_pixel_is_refused(self, box):
        with pytest.raises(ValueRangeError, match="must cover at least one pixel"):
            Region.from_box("dog", box, (3, 4))

    def test_the_picture_must_have_a_size(self):
        with pytest.raises(ShapeError, match=r"got \(0, 4\)"):
            Region.from_box("dog", (0, 0, 1, 1), (0, 4))


class TestPolygon:
    def test_a_triangle_hand_worked(self):
        # Corners (y, x) = (0, 0), (4, 0), (4, 4): below the diagonal. The centre (r + .5, c + .5) is inside where
        # c < r; on the diagonal itself (c = r) the side goes through the centre, and a side belongs to what is right
        # of it.
        region = Region.from_polygon("dog", [(0, 0), (4, 0), (4, 4)], (4, 5))
        expected = [[0, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]]
        assert pixels(region) == expected

    @settings(max_examples=50, deadline=None)
    @given(st.data())
    def test_a_rectangle_is_the_box(self, data):
        edge = st.floats(-3, 12, allow_nan=False)
        top, left = data.draw(edge), data.draw(edge)
        box = (top, left, top + data.draw(st.floats(1.1, 9)), left + data.draw(st.floats(1.1, 9)))
        corners = [(box[0], box[1]), (box[0], box[3]), (box[2], box[3]), (box[2], box[1])]
        try:
            expected = Region.from_box("dog", box, (8, 10)).mask_hw
        except ValueRangeError as error:
            with pytest.raises(ValueRangeError, match=str(error)[:20]):
                Region.from_polygon("dog", corners, (8, 10))
        else:
            np.testing.assert_array_equal(Region.from_polygon("dog", corners, (8, 10)).mask_hw, expected)
            # Neither the direction nor the first corner matters.
            turned = Region.from_polygon("dog", corners[2::-1] + corners[3:], (8, 10))
            np.testing.assert_array_equal(turned.mask_hw, expected)

    def test_area_of_a_disc(self):
        # A polygon of 200 corners on a circle of radius 40: pi r^2 = 5026.5, less 0.02 % for the corners.
        angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
        points = np.stack([60.3 + 40 * np.sin(angle), 50.7 + 40 * np.cos(angle)], axis=1)
        region = Region.from_polygon("disc", points, (120, 110))
        assert region.mask_hw.sum() == pytest.approx(np.pi * 40**2, rel=0.005)
        rows, columns = np.nonzero(region.mask_hw)
        assert rows.mean() + 0.5 == pytest.approx(60.3, abs=0.1)
        assert columns.mean() + 0.5 == pytest.approx(50.7, abs=0.1)

    def test_where_it_crosses_itself_the_even_odd_rule_holds(self):
        # A square drawn round twice: every pixel has two sides to its left, so it is outside again.
        square = [(0, 0), (0, 2), (2, 2), (2, 0)]
        assert Region.from_polygon("once", square, (3, 3)).mask_hw.sum() == 4
        with pytest.raises(ValueRangeError, match="got an empty mask"):
            Region.from_polygon("twice", square * 2, (3, 3))

    @pytest.mark.parametrize("points", [[(0, 0), (1, 1)], [(0, 0, 0)] * 3, [1, 2, 3]])
    def test_too_few_points(self, points):
        with pytest.raises(ShapeError, match="n >= 3"):
            Region.from_polygon("dog", points, (3, 3))

    def test_points_must_be_finite(self):
        with pytest.raises(ValueRangeError, match="must be finite"):
            Region.from_polygon("dog", [(0, 0), (0, float("nan")), (2, 2)], (3, 3))


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


class TestGrown:
    MASK = np.zeros((7, 9), bool)
    MASK[3, 4] = True

    def expected(self, radius):
        rows, columns = np.indices(self.MASK.shape)
        return np.hypot(rows - 3, columns - 4) <= radius + 1e-6

    @pytest.mark.parametrize("radius", [0, 0.9, 1, 2, 2.5, 4])
    def test_a_pixel_grows_to_a_disc(self, radius):
        np.testing.assert_array_equal(grown(self.MASK, radius), self.expected(radius))

    def test_without_opencv_the_disc_is_the_same(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cv2", None)  # importing it now raises ImportError
        for radius in (0, 1, 2.5):
            np.testing.assert_array_equal(grown(self.MASK, radius), self.expected(radius))
