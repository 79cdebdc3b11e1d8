"""Source picture, model input and grid: hand-worked cases, the definition in exact fractions, and round trips."""

import math
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.geometry import Geometry, cell_totals, cell_weights, project, seen_weights

# Both axes differ in everything, so that no swap of rows and columns can pass.
ASYMMETRIC = Geometry(source_hw=(10, 20), input_hw=(16, 8), scale_yx=(2.0, 0.5), offset_yx=(3.0, 1.0))


@st.composite
def geometries(draw):
    """A picture, resized and then cropped or padded on each axis by itself."""
    source_hw, input_hw, scale, offset = [], [], [], []
    for _axis in "yx":
        source, resized, seen = draw(st.integers(1, 40)), draw(st.integers(1, 60)), draw(st.integers(1, 40))
        source_hw.append(source)
        input_hw.append(seen)
        scale.append(resized / source)
        offset.append(float(draw(st.integers(1 - seen, resized - 1))))
    return Geometry(tuple(source_hw), tuple(input_hw), tuple(scale), tuple(offset))


grids = st.tuples(st.integers(1, 6), st.integers(1, 6))


class TestGeometry:
    def test_points_hand_worked(self):
        # Row 4 * 2 - 3 = 5, column 6 * 0.5 - 1 = 2.
        assert ASYMMETRIC.to_input((4.0, 6.0)).tolist() == [5.0, 2.0]
        assert ASYMMETRIC.to_source((5.0, 2.0)).tolist() == [4.0, 6.0]

    def test_seen_box_hand_worked(self):
        # rows: (0 + 3) / 2 = 1.5 to (16 + 3) / 2 = 9.5;  columns: (0 + 1) / 0.5 = 2 to (8 + 1) / 0.5 = 18
        assert ASYMMETRIC.seen_box() == (1.5, 2.0, 9.5, 18.0)

    def test_padding_is_not_part_of_the_seen_box(self):
        # 4 rows of padding above and below a picture of 2 rows
        padded = Geometry(source_hw=(2, 8), input_hw=(10, 8), scale_yx=(1.0, 1.0), offset_yx=(-4.0, 0.0))
        assert padded.seen_box() == (0.0, 0.0, 2.0, 8.0)

    def test_identity_changes_nothing(self):
        identity = Geometry.identity((3, 7))
        assert identity.seen_box() == (0, 0, 3, 7)
        assert identity.to_input([[1.0, 5.0], [2.5, 0.0]]).tolist() == [[1.0, 5.0], [2.5, 0.0]]

    @given(geometries(), st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=5))
    def test_there_and_back(self, geometry, points):
        np.testing.assert_allclose(geometry.to_source(geometry.to_input(points)), points, atol=1e-6)

    def test_cell_at_hand_worked(self):
        # Cells of a (4, 2) grid are 4 rows by 4 columns of the input. (4, 6) lies at input (5, 2): row 1, column 0.
        assert ASYMMETRIC.cell_at((4.0, 6.0), (4, 2)) == (1, 0)
        # (9, 17) lies at input (15, 7.5): row 3, column 1.
        assert ASYMMETRIC.cell_at((9.0, 17.0), (4, 2)) == (3, 1)

    def test_cell_at_is_none_where_the_model_never_looked(self):
        assert ASYMMETRIC.cell_at((1.0, 6.0), (4, 2)) is None  # input row -1
        assert ASYMMETRIC.cell_at((4.0, 18.0), (4, 2)) is None  # input column 8 is the first beyond

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"source_hw": (0, 4)}, r"source_hw must be .* got \(0, 4\)"),
            ({"input_hw": (4.5, 4)}, "input_hw must be two whole numbers"),
            ({"scale_yx": (1.0, -1.0)}, "scale_yx must be two positive numbers"),
            ({"scale_yx": (math.nan, 1.0)}, "scale_yx must be two positive numbers"),
            ({"offset_yx": (math.inf, 0.0)}, "offset_yx must be two finite numbers"),
            ({"offset_yx": (0.0, 4.0)}, "must overlap the picture"),
        ],
    )
    def test_impossible_geometry_is_refused(self, change, says):
        fine = {"source_hw": (4, 4), "input_hw": (4, 4), "scale_yx": (1.0, 1.0), "offset_yx": (0.0, 0.0)}
        with pytest.raises(ValueRangeError, match=says):
            Geometry(**(fine | change))

    def test_points_must_be_pairs(self):
        with pytest.raises(ShapeError, match=r"got \(3,\)"):
            ASYMMETRIC.to_input([1.0, 2.0, 3.0])


class TestProjectCells:
    def test_hand_worked_with_a_crop(self):
        # Input = source columns 1 to 4 of 0 to 5; two cells of two columns each.
        geometry = Geometry((1, 6), (1, 4), (1.0, 1.0), (0.0, 1.0))
        drawn = project([[7.0, -3.0]], geometry)
        np.testing.assert_array_equal(drawn, [[np.nan, 7, 7, -3, -3, np.nan]])
        assert drawn.dtype == np.float32

    def test_values_are_never_rescaled(self):
        drawn = project([[0.5, 0.5001]], Geometry.identity((2, 2)))
        np.testing.assert_array_equal(drawn, np.float32([[0.5, 0.5001], [0.5, 0.5001]]))

    def test_a_centre_on_a_border_belongs_to_the_second_cell(self):
        # Pixel 1 of 3 has its centre at 1.5, where the two cells of 1.5 pixels meet.
        assert project([[1.0, 2.0]], Geometry.identity((1, 3))).tolist() == [[1.0, 2.0, 2.0]]

    @settings(max_examples=60, deadline=None)
    @given(geometries(), grids)
    def test_each_pixel_takes_the_cell_its_centre_falls_in(self, geometry, grid_hw):
        values = np.arange(grid_hw[0] * grid_hw[1], dtype=np.float32).reshape(grid_hw)
        drawn = project(values, geometry)
        assert drawn.shape == geometry.source_hw

        def cell(pixel, axis):
            # The definition in exact fractions. The scale is a quotient of whole numbers of at most 60 / 40.
            scale = Fraction(geometry.scale_yx[axis]).limit_denominator(40)
            position = (pixel + Fraction(1, 2)) * scale - Fraction(geometry.offset_yx[axis])
            found = math.floor(position * grid_hw[axis] / geometry.input_hw[axis])
            return found if 0 <= found < grid_hw[axis] else None

        rows = [cell(y, 0) for y in range(geometry.source_hw[0])]
        columns = [cell(x, 1) for x in range(geometry.source_hw[1])]
        expected = [[np.nan if None in (r, c) else values[r, c] for c in columns] for r in rows]
        np.testing.assert_array_equal(drawn, np.array(expected, dtype=np.float32).reshape(geometry.source_hw))

    def test_nan_cells_stay_nan(self):
        drawn = project([[np.nan, 2.0]], Geometry.identity((1, 4)))
        np.testing.assert_array_equal(drawn, [[np.nan, np.nan, 2, 2]])

    def test_twelve_megapixels_take_a_moment(self):
        geometry = Geometry((3000, 4000), (64, 88), (64 / 3000, 88 / 4000), (0.0, 0.0))
        start = time.perf_counter()
        project(np.ones((8, 11)), geometry)
        # 0.2 s on one busy core. A loop over the pixels would take half a minute.
        assert time.perf_counter() - start < 5

    @pytest.mark.parametrize("shape", [(4,), (1, 2, 2), (0, 3)])
    def test_values_must_be_a_grid(self, shape):
        with pytest.raises(ShapeError, match=r"values must have shape \(h, w\)"):
            project(np.zeros(shape), Geometry.identity((4, 4)))

    def test_unknown_interpolation_is_refused(self):
        with pytest.raises(ValueRangeError, match="got 'cubic'"):
            project([[1.0]], Geometry.identity((2, 2)), "cubic")


class TestProjectSmooth:
    def test_hand_worked(self):
        # Cells of two pixels have their centres at 1 and 3. Pixel centres 0.5, 1.5, 2.5, 3.5: constant before 1,
        # a quarter and three quarters of the way, constant after 3.
        assert project([[0.0, 8.0]], Geometry.identity((1, 4)), "smooth").tolist() == [[0.0, 2.0, 6.0, 8.0]]

    def test_rows_hand_worked(self):
        # The same along rows, with a third cell: centres at 1, 3, 5.
        drawn = project([[0.0], [8.0], [0.0]], Geometry.identity((6, 1)), "smooth")
        assert drawn.ravel().tolist() == [0.0, 2.0, 6.0, 6.0, 2.0, 0.0]

    def test_an_undefined_cell_spoils_no_neighbour(self):
        # Left cell undefined: its pixels are NaN, and the others know one value only.
        drawn = project([[np.nan, 8.0]], Geometry.identity((1, 4)), "smooth")
        np.testing.assert_array_equal(drawn, [[np.nan, np.nan, 8, 8]])

    @settings(max_examples=40, deadline=None)
    @given(geometries(), grids, st.floats(-3, 3, width=32))
    def test_a_flat_map_stays_flat_and_ends_where_cells_end(self, geometry, grid_hw, value):
        drawn = project(np.full(grid_hw, value), geometry, "smooth")
        np.testing.assert_array_equal(drawn, project(np.full(grid_hw, value), geometry, "cells"))


class TestCellWeights:
    def test_a_pixel_cut_by_four_cells(self):
        # Cells of 1.5 x 1.5 pixels; the middle pixel gives a quarter to each: 0.25 / 2.25 = 1/9.
        mask = np.zeros((3, 3), bool)
        mask[1, 1] = True
        np.testing.assert_allclose(cell_weights(mask, Geometry.identity((3, 3)), (2, 2)), np.full((2, 2), 1 / 9))

    def test_axes_are_not_swapped(self):
        # Left half of a 2 x 4 picture; grid of one row and four columns.
        mask = np.zeros((2, 4), bool)
        mask[:, :2] = True
        assert cell_weights(mask, Geometry.identity((2, 4)), (1, 4)).tolist() == [[1.0, 1.0, 0.0, 0.0]]

    def test_crop_leaves_out_what_it_does_not_see(self):
        # The input sees columns 2 to 5 of 0 to 5; the region is columns 0 to 2: half of the first of two cells.
        mask = np.zeros((1, 6), bool)
        mask[:, :3] = True
        geometry = Geometry((1, 6), (1, 4), (1.0, 1.0), (0.0, 2.0))
        assert cell_weights(mask, geometry, (1, 2)).tolist() == [[0.5, 0.0]]

    def test_padding_counts_to_the_cell_and_not_to_the_picture(self):
        # A picture of two rows in the middle of four; cells of 2 x 2 are half padding, rows of 1 all or nothing.
        geometry = Geometry((2, 8), (4, 8), (1.0, 1.0), (-1.0, 0.0))
        assert seen_weights(geometry, (2, 4)).tolist() == [[0.5] * 4] * 2
        assert seen_weights(geometry, (4, 2)).tolist() == [[0, 0], [1, 1], [1, 1], [0, 0]]

    def test_within_a_box(self):
        # Only columns 1 to 3 count: half of each of the two cells, and of the region (column 0, 1) half of the first.
        mask = np.zeros((1, 4), bool)
        mask[:, :2] = True
        box = (0.0, 1.0, 1.0, 3.0)
        identity = Geometry.identity((1, 4))
        assert cell_weights(mask, identity, (1, 2), within_yxyx=box).tolist() == [[0.5, 0.0]]
        assert seen_weights(identity, (1, 2), within_yxyx=box).tolist() == [[0.5, 0.5]]

    @settings(max_examples=60, deadline=None)
    @given(geometries(), grids, st.integers(0, 2**32 - 1))
    def test_area_is_kept(self, geometry, grid_hw, seed):
        # Summed over the cells, the area is that of the region inside the seen box: each pixel counts by the part of
        # it that lies in the box.
        mask = np.random.default_rng(seed).random(geometry.source_hw) < 0.5
        top, left, bottom, right = geometry.seen_box()
        rows = np.array([max(0.0, min(y + 1, bottom) - max(y, top)) for y in range(geometry.source_hw[0])])
        columns = np.array([max(0.0, min(x + 1, right) - max(x, left)) for x in range(geometry.source_hw[1])])
        cell_area = math.prod(geometry.input_hw[axis] / geometry.scale_yx[axis] / grid_hw[axis] for axis in (0, 1))
        area = cell_weights(mask, geometry, grid_hw).sum() * cell_area
        assert area == pytest.approx(rows @ mask @ columns, abs=1e-6)

    @settings(max_examples=40, deadline=None)
    @given(geometries(), grids)
    def test_a_full_mask_is_what_the_model_saw(self, geometry, grid_hw):
        full = cell_weights(np.ones(geometry.source_hw, bool), geometry, grid_hw)
        np.testing.assert_allclose(full, seen_weights(geometry, grid_hw), atol=1e-9)

    def test_a_mask_of_another_picture_is_refused(self):
        with pytest.raises(ShapeError, match=r"source picture's shape \(2, 4\); got \(4, 2\)"):
            cell_weights(np.ones((4, 2), bool), Geometry.identity((2, 4)), (1, 1))

    def test_an_empty_grid_is_refused(self):
        with pytest.raises(ShapeError, match=r"got \(0, 2\)"):
            seen_weights(Geometry.identity((2, 4)), (0, 2))


def test_a_wholly_covered_cell_is_exactly_one() -> None:
    # A photograph at a short side of 80: cell edges are no round numbers, and sums over them carry rounding noise.
    geometry = Geometry((1213, 1546), (80, 104), (80 / 1213, 104 / 1546), (0.0, 0.0))
    mask = np.zeros((1213, 1546), dtype=bool)
    mask[24:1152, 154:1438] = True
    # 15.1625 rows and 14.865 columns of source pixels for each input pixel: cells 1 to 8 down and 2 to 11 across
    assert (cell_weights(mask, geometry, (10, 13))[1:9, 2:12] == 1.0).all()


class TestCellTotals:
    def test_pixels_add_up_in_their_cells(self):
        # Cells of two by two pixels of 0 to 15.
        values = np.arange(16, dtype=np.float32).reshape(4, 4)
        assert cell_totals(values, Geometry.identity((4, 4)), (2, 2)).tolist() == [[10.0, 18.0], [42.0, 50.0]]

    def test_a_pixel_that_a_border_cuts_counts_by_its_parts(self):
        values = np.array([[1, 2, 4]], np.float32)
        assert cell_totals(values, Geometry.identity((1, 3)), (1, 2)).tolist() == [[2.0, 5.0]]

    def test_what_the_model_did_not_see_is_left_out(self):
        # It saw columns 2 and 3 as two cells; of them only column 3 is asked for.
        crop = Geometry((1, 4), (1, 2), (1.0, 1.0), (0.0, 2.0))
        values = np.array([[8, 4, 2, 1]], np.float32)
        assert cell_totals(values, crop, (1, 2)).tolist() == [[2.0, 1.0]]
        assert cell_totals(values, crop, (1, 2), within_yxyx=(0, 3, 1, 4)).tolist() == [[0.0, 1.0]]

    def test_values_of_another_picture(self):
        with pytest.raises(ShapeError, match=r"must have the source picture's shape \(2, 4\); got \(4, 2\)"):
            cell_totals(np.ones((4, 2), np.float32), Geometry.identity((2, 4)), (1, 1))
