"""Regions: which pixels a box and a polygon mean, and what combinations hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.regions import Region


def pixels(region: Region) -> list[list[int]]:
    return region.mask_hw.astype(int).tolist()


class TestRegion:
    def test_area_is_the_share_of_pixels(self):
        assert Region("dog", np.array([[True, False, False, False]])).area == 0.25

    def test_a_name_is_one_line(self):
        assert Region.from_box("brown\ndog", (0, 0, 2, 2), (4, 4)).name == "brown dog"

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
        assert pixels(left.difference(top)) == [[0, 0], [1, 0]]
        assert left.difference(top).name == "left without top"
        assert left.rename("west").name == "west"
        assert pixels(left.rename("west")) == pixels(left)
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
        with pytest.raises(ValueRangeError, match="got an empty mask"):
            left.difference(left)

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
