"""Boxes and points as people type them."""

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.regions import told_box, told_numbers


def test_pixels_and_shares_of_width_and_height() -> None:
    """Of 10 rows and 20 columns: 10% of 20 is column 2, 50% of 10 is row 5, 5 columns wide, 40% of 10 is 4 rows."""
    region = told_box("dog", ["10%", " 50% ", "5", "40%"], (10, 20), "the box")
    expected = np.zeros((10, 20), dtype=bool)
    expected[5:9, 2:7] = True
    np.testing.assert_array_equal(region.mask_hw, expected)


def test_one_pixel_is_enough_and_less_is_not() -> None:
    assert told_box("dog", ["3", "4", "1", "1"], (10, 20), "the box").mask_hw.sum() == 1
    for box in (["0.12", "0.05", "0.8", "0.9"], ["3", "4", "0.99", "5"], ["3", "4", "5", "0.99"]):
        with pytest.raises(ValueRangeError, match=r"at least one pixel wide and high.*percent sign"):
            told_box("dog", box, (10, 20), "the box")


def test_shares_that_are_less_than_a_pixel_are_refused_too() -> None:
    """4% of 20 columns are 0.8 of one."""
    with pytest.raises(ValueRangeError, match=r"got 0\.8 x 5 pixels"):
        told_box("dog", ["0", "0", "4%", "50%"], (10, 20), "the box")


@pytest.mark.parametrize("parts", [["1"], ["1", "2", "3"], ["1", "x"], ["1", ""], ["1", "%"]])
def test_what_is_no_pair_of_numbers(parts: list[str]) -> None:
    with pytest.raises(ValueRangeError, match="the point must have 2 numbers, in pixels or %"):
        told_numbers(parts, (10, 20), "the point")


@pytest.mark.parametrize("part", ["inf", "nan", "inf%"])
def test_numbers_are_finite(part: str) -> None:
    with pytest.raises(ValueRangeError, match="finite"):
        told_numbers(["1", part], (10, 20), "the point")
