"""How alike two maps are, worked by hand."""

import numpy as np
import pytest

from attnviz.errors import ShapeError
from attnviz.faithfulness import moved_mass, rank_correlation, structure

RAMP = np.arange(16.0).reshape(4, 4)


class TestRankCorrelation:
    def test_the_same_order_and_the_reverse(self) -> None:
        assert rank_correlation(RAMP, RAMP**2) == pytest.approx(1)
        assert rank_correlation(RAMP, -RAMP) == pytest.approx(-1)

    def test_ties_share_their_rank(self) -> None:
        """One lit cell of four, in two places: ranks (4, 2, 2, 2) and (2, 4, 2, 2), about their mean 2.5.

        Products -3/4 - 3/4 + 1/4 + 1/4 = -1, squares 9/4 + 3/4 = 3 each: -1/3.
        """
        assert rank_correlation(np.array([[1.0, 0], [0, 0]]), np.array([[0, 1.0], [0, 0]])) == pytest.approx(-1 / 3)

    def test_a_constant_map_has_no_order_unless_both_are_the_same(self) -> None:
        assert np.isnan(rank_correlation(np.ones((4, 4)), RAMP))
        assert rank_correlation(np.ones((4, 4)), np.ones((4, 4))) == 1

    def test_undefined_cells_are_left_out(self) -> None:
        holes = RAMP.copy()
        holes[0, 0] = np.nan
        assert rank_correlation(holes, RAMP) == pytest.approx(1)
        with pytest.raises(ShapeError, match="in common"):
            rank_correlation(np.full((4, 4), np.nan), RAMP)

    def test_two_grids(self) -> None:
        with pytest.raises(ShapeError, match=r"\(4, 4\) and \(2, 2\)"):
            rank_correlation(RAMP, np.ones((2, 2)))


class TestStructure:
    def test_scale_and_offset_do_not_count(self) -> None:
        assert structure(RAMP, 3 * RAMP + 2) == pytest.approx(1)
        assert structure(RAMP, -RAMP) < 0

    def test_a_grid_too_small_for_a_window_has_none(self) -> None:
        assert np.isnan(structure(np.ones((2, 9)), np.ones((2, 9))))
        assert np.isfinite(structure(RAMP[:3, :4], RAMP[:3, :4]))

    def test_undefined_cells(self) -> None:
        assert np.isnan(structure(np.full((4, 4), np.nan), RAMP))


class TestMovedMass:
    def test_half_of_it_moved(self) -> None:
        assert moved_mass(np.array([[1.0, 1.0]]), np.array([[4.0, 0.0]])) == pytest.approx(1 / 2)
        assert moved_mass(np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])) == pytest.approx(1)
        assert moved_mass(RAMP, 7 * RAMP) == pytest.approx(0)

    def test_negative_or_no_mass(self) -> None:
        assert np.isnan(moved_mass(-RAMP, RAMP))
        assert np.isnan(moved_mass(0 * RAMP, RAMP))
