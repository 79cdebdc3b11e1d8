"""Deletion and insertion, on networks that read one part of the picture."""

import numpy as np
import pytest
import torch
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.faithfulness import RemovalCurve, removal_curves
from tests.faithfulness.toys import Corner, Middle, map_of

FOUR_STEPS = [0.34375, 0.53125, 0.71875, 0.90625]
"""Areas when the corner, at 1 before and 1/4 after, is covered as the first, second, third or fourth of four cells.

Trapezoids of width 1/4: a step at 1 gives 1/4, the one that falls (1 + 1/4) / 2 / 4 = 0.15625, one at 1/4 0.0625.
As the first: 0.15625 + 3 * 0.0625; each later place trades 0.0625 for 0.25.
"""


@pytest.fixture
def white_corner() -> Tensor:
    """4 x 4 pixels, the top left quarter 1, the rest 0: the mean is 1/4."""
    tensor = torch.zeros(1, 3, 4, 4)
    tensor[..., :2, :2] = 1
    return tensor


def curves(tensor: Tensor, values: list[list[float]], **settings: float) -> tuple[RemovalCurve, RemovalCurve]:
    # a blur much wider than the picture leaves its mean
    return removal_curves(Corner().eval(), tensor, map_of(np.array(values)), target=0, blur_sigma_px=100.0, **settings)  # type: ignore[arg-type]


def test_the_map_that_puts_the_corner_first(white_corner: Tensor) -> None:
    deletion, insertion = curves(white_corner, [[4, 3], [2, 1]])
    assert deletion.share.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert deletion.by_map == pytest.approx([1, 1 / 4, 1 / 4, 1 / 4, 1 / 4])
    assert deletion.area == pytest.approx(FOUR_STEPS[0])
    assert insertion.by_map == pytest.approx([1 / 4, 1, 1, 1, 1], abs=1e-3)
    assert insertion.area == pytest.approx(1.25 - FOUR_STEPS[0], abs=1e-3)  # the curve is 1 + 1/4 - the other one


def test_the_map_that_puts_it_last(white_corner: Tensor) -> None:
    deletion, insertion = curves(white_corner, [[1, 2], [3, 4]])
    assert deletion.area == pytest.approx(FOUR_STEPS[3])
    assert insertion.area == pytest.approx(1.25 - FOUR_STEPS[3], abs=1e-3)


def test_random_orders_and_how_many_do_as_well(white_corner: Tensor) -> None:
    """A random order covers the corner as the first, second, third or fourth cell; only the first does as well."""
    deletion, insertion = curves(white_corner, [[4, 3], [2, 1]], orders=40)
    places = [FOUR_STEPS[int(np.argmin(np.abs(np.array(FOUR_STEPS) - area)))] for area in deletion.areas_random]
    assert deletion.areas_random == pytest.approx(places)
    assert set(places) == set(FOUR_STEPS)
    as_good = places.count(FOUR_STEPS[0])
    assert deletion.as_good == insertion.as_good == as_good
    assert deletion.p_value == pytest.approx((1 + as_good) / 41)
    worst, _ = curves(white_corner, [[1, 2], [3, 4]], orders=40)
    assert worst.p_value == 1
    assert (deletion.band[0] <= deletion.band[1]).all()


def test_a_flat_map_is_one_more_random_order(white_corner: Tensor) -> None:
    areas = {round(curves(white_corner, [[1, 1], [1, 1]], seed=seed)[0].area, 5) for seed in range(12)}
    assert areas == set(FOUR_STEPS)  # not the top left corner first, each time


def test_an_undefined_cell_comes_last(white_corner: Tensor) -> None:
    assert curves(white_corner, [[np.nan, 0], [1, 2]])[0].area == pytest.approx(FOUR_STEPS[3])


def test_the_order_from_the_middle_outwards() -> None:
    """Of 3 x 3 cells the middle one goes first: 1 to the mean, 1/9. With 9 steps: (1 + 1/9) / 2 / 9 + 8 / 9 / 9."""
    tensor = torch.zeros(1, 3, 6, 6)
    tensor[..., 2:4, 2:4] = 1
    values = np.arange(9.0).reshape(3, 3)
    deletion, _ = removal_curves(Middle().eval(), tensor, map_of(values), target=0)
    assert deletion.centre_first == pytest.approx([1, *[1 / 9] * 9], abs=1e-6)
    assert deletion.area_centre == pytest.approx((1 + 1 / 9) / 18 + 8 / 81)
    # the map itself has the middle as the fifth cell: four steps at 1, one that falls, four at 1/9
    assert deletion.area == pytest.approx(4 / 9 + (1 + 1 / 9) / 18 + 4 / 81)
    assert "no better" in deletion.verdict


def test_fewer_steps_than_cells(white_corner: Tensor) -> None:
    deletion, _ = curves(white_corner, [[4, 3], [2, 1]], steps=2)
    assert deletion.share.tolist() == [0, 0.5, 1]
    assert deletion.by_map == pytest.approx([1, 1 / 4, 1 / 4])


def test_the_class_of_the_map_is_asked_for(white_corner: Tensor) -> None:
    one = removal_curves(Corner().eval(), white_corner, map_of(np.ones((2, 2)), target=1))[0]
    assert one.by_map[0] == pytest.approx(0)
    assert one.by_map[-1] == pytest.approx(3 / 4)


def test_the_verdict_holds_the_numbers(white_corner: Tensor) -> None:
    deletion, insertion = curves(white_corner, [[4, 3], [2, 1]])
    assert "area under the curve of 0.34 (lower is better); 20 random orders" in deletion.verdict
    assert "area under the curve of 0.91 (higher is better)" in insertion.verdict
    assert "sigma of 100 px" in insertion.substitute


def test_bad_arguments(white_corner: Tensor) -> None:
    with pytest.raises(ValueRangeError, match="at least 1; got 0"):
        curves(white_corner, [[1, 2], [3, 4]], steps=0)
    with pytest.raises(ShapeError, match="4 x 4; got 8 x 8"):
        curves(white_corner, np.ones((8, 8)).tolist())
    with pytest.raises(ValueRangeError, match="blur_sigma_px"):
        removal_curves(Corner().eval(), white_corner, map_of(np.ones((2, 2))), blur_sigma_px=-1)
