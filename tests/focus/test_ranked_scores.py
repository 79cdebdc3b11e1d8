"""Scores by rank: two-by-two maps worked by hand. The cells of [[1, 2], [3, 4]] are looked through as 4, 3, 2, 1."""

import numpy as np
import pytest

from attnviz.focus import average_precision, matched_iou, rank_accuracy
from attnviz.geometry import Geometry
from attnviz.regions import Region
from tests.focus.by_hand import BOTTOM, LEFT, MIDDLE, a_map

MAP = a_map([[1, 2], [3, 4]])


class TestRankAccuracy:
    def test_hand_worked(self):
        # The left is two cells large. The two highest are 4, on the right, and 3, on the left.
        score = rank_accuracy(MAP, LEFT)
        assert score.value == 0.5
        assert (score.area, score.lift) == (0.5, 1.0)
        assert rank_accuracy(MAP, BOTTOM).value == 1.0

    def test_cells_that_the_outline_cuts(self):
        # Three of four columns, three cells large: of 4 it covers a half, of 3 all, of 2 a half. 2 of 3.
        most = Region.from_box("most", (0, 0, 4, 3), (4, 4))
        assert rank_accuracy(MAP, most).value == pytest.approx(2 / 3)

    def test_the_last_cell_is_taken_in_part(self):
        # Three columns of the upper half, one and a half cells large: all of 3, and half of 2, of which half is inside.
        corner = Region.from_box("corner", (0, 0, 2, 3), (4, 4))
        assert rank_accuracy(a_map([[3, 2], [0, 1]]), corner).value == pytest.approx((1 + 1 / 4) / 1.5)

    def test_cells_that_tie_are_taken_alike(self):
        # Three cells for two places: two thirds of each. Two of the three are on the left.
        assert rank_accuracy(a_map([[4, 4], [4, 1]]), LEFT).value == pytest.approx(2 / 3)

    def test_no_corner_is_preferred_where_the_map_is_flat(self):
        corners = [Region.from_box("corner", (y, x, y + 2, x + 2), (4, 4)) for y in (0, 2) for x in (0, 2)]
        flat = a_map(np.full((2, 2), 0.3))
        assert [rank_accuracy(flat, corner).value for corner in corners] == [0.25] * 4

    def test_one_lit_cell(self):
        # It is inside, and of the three that tie at zero a third of each: (1 + 1 / 3) / 2. Outside: two thirds of two.
        assert rank_accuracy(a_map([[5, 0], [0, 0]]), LEFT).value == pytest.approx(2 / 3)
        assert rank_accuracy(a_map([[0, 5], [0, 0]]), LEFT).value == pytest.approx((2 / 3) / 2)

    def test_values_count_by_their_order_alone(self):
        squared = a_map(np.square([[1, 2], [3, 4]]))
        for score in (rank_accuracy, matched_iou, average_precision):
            assert score(squared, LEFT).value == score(MAP, LEFT).value

    def test_padding_is_not_looked_through(self):
        # A picture of 2 x 4 between two rows of padding, where the map is highest.
        padded = Geometry((2, 4), (6, 4), (1.0, 1.0), (-2.0, 0.0))
        left = Region.from_box("left", (0, 0, 2, 2), (2, 4))
        attention_map = a_map([[9, 9], [3, 1], [9, 9]], padded)
        assert rank_accuracy(attention_map, left).value == 1.0
        assert average_precision(attention_map, left).value == 1.0

    def test_cells_without_a_value_are_left_out(self):
        # Left: 1 and 3, of three cells with a value. The two highest are 4 and 3.
        score = rank_accuracy(a_map([[1, np.nan], [3, 4]]), LEFT)
        assert score.value == 0.5
        assert score.baselines["uniform"] == pytest.approx(2 / 3)

    def test_gaussian_baseline_is_as_coarse_as_the_map(self):
        # On 2 x 2 cells the Gaussian is flat; on 4 x 4 its four highest are the middle.
        assert rank_accuracy(MAP, MIDDLE).baselines["centred Gaussian"] == pytest.approx(0.25)
        assert rank_accuracy(a_map(np.ones((4, 4))), MIDDLE).baselines["centred Gaussian"] == pytest.approx(1)


class TestMatchedIou:
    def test_hand_worked(self):
        # Highest two cells: the lower ones. With the left they have one cell in common, of three in all.
        score = matched_iou(MAP, LEFT)
        assert score.value == pytest.approx(1 / 3)
        assert matched_iou(MAP, BOTTOM).value == 1.0

    def test_chance_is_area_over_two_less_the_area(self):
        # Half of each cell: of the two cells on the left one, of three in all.
        score = matched_iou(a_map(np.ones((2, 2))), LEFT)
        assert score.value == score.chance == pytest.approx(1 / 3)
        assert score.lift == 1.0
        assert score.area == 0.5


class TestAveragePrecision:
    def test_hand_worked(self):
        # The left is met at the second place, with precision 1/2, and at the fourth, with 2/4.
        assert average_precision(MAP, LEFT).value == 0.5
        # The bottom at the first and second, with 1 each.
        assert average_precision(MAP, BOTTOM).value == 1.0

    def test_cells_that_the_outline_cuts(self):
        # Region of 1.5 cells: 3 is all inside, precision 1, two thirds of the recall; then 2, half inside: 1.5 of 2.
        corner = Region.from_box("corner", (0, 0, 2, 3), (4, 4))
        expected = (2 / 3) * 1 + (1 / 3) * (1.5 / 2)
        assert average_precision(a_map([[3, 2], [0, 1]]), corner).value == pytest.approx(expected)

    def test_cells_that_tie_are_met_at_once(self):
        # Three cells, two of them on the left.
        assert average_precision(a_map([[4, 4], [4, 1]]), LEFT).value == pytest.approx(2 / 3)

    def test_one_lit_cell(self):
        # Inside: half of the recall with precision 1, the rest with 2 of 4. Outside: all of it with 2 of 4.
        assert average_precision(a_map([[5, 0], [0, 0]]), LEFT).value == pytest.approx(0.5 * 1 + 0.5 * 0.5)
        assert average_precision(a_map([[0, 5], [0, 0]]), LEFT).value == 0.5
