"""One region against another, by hand."""

import math

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.focus import contrast, contrasts
from attnviz.geometry import Geometry
from attnviz.regions import Region
from tests.focus.by_hand import LEFT, a_map, grey_picture

DOG = Region.from_box("dog", (0, 0, 2, 2), (4, 4))  # the first cell of four
GRASS = Region.from_box("grass", (2, 0, 4, 4), (4, 4))  # the two below


def test_two_by_two_hand_worked():
    # Dog: 4 of 10 on a quarter, lift 1.6. Grass: 2 + 1 of 10 on a half, lift 0.6.
    found = contrast(a_map([[4, 3], [2, 1]]), DOG, GRASS)
    assert found.value == pytest.approx(1.0)
    assert found.ratio == pytest.approx(1.6 / 0.6)
    assert (found.inside.lift, found.against.lift) == pytest.approx((1.6, 0.6))
    assert (found.name, found.unit) == ("dog against grass", "difference of lifts")


def test_swapping_the_regions_changes_the_sign():
    attention_map = a_map([[4, 3], [2, 1]])
    there, back = contrast(attention_map, DOG, GRASS), contrast(attention_map, GRASS, DOG)
    assert there.value == -back.value
    assert there.ratio == pytest.approx(1 / back.ratio)


def test_a_flat_map_prefers_nothing():
    found = contrast(a_map(np.full((3, 5), 0.3)), DOG, GRASS)
    assert (found.value, found.ratio) == (0.0, 1.0)
    assert found.baselines["uniform"] == 0.0


def test_one_lit_cell():
    # All of the mass on a quarter of the area, nothing on the grass.
    found = contrast(a_map([[5, 0], [0, 0]]), DOG, GRASS)
    assert (found.value, found.ratio) == (4.0, math.inf)


def test_what_lies_in_neither_takes_from_both():
    # The fourth cell holds 90 of 100: lifts 0.04 * 4 and 0.03 * 2; the ratio stays.
    found = contrast(a_map([[4, 93], [2, 1]]), DOG, GRASS)
    assert found.value == pytest.approx(0.16 - 0.06)
    assert found.ratio == pytest.approx(1.6 / 0.6)


def test_baselines_are_contrasts_too():
    # By symmetry the Gaussian has a quarter in each cell: lift 1 in both.
    picture = grey_picture([[0, 0, 0, 0]] * 2 + [[0, 0, 255, 255]] * 2)
    found = contrast(a_map([[4, 3], [2, 1]]), DOG, GRASS, picture=picture)
    assert found.baselines["centred Gaussian"] == pytest.approx(0, abs=1e-12)
    assert found.baselines["edge map"] < 0  # more of the edges are below


def test_a_map_with_nothing_in_either():
    with pytest.raises(ValueRangeError, match="above zero in 'dog' or 'grass'; got zero in both"):
        contrast(a_map([[0, 5], [0, 0]]), DOG, GRASS)


def test_networks_are_compared_on_what_all_of_them_saw():
    # The second saw the lower half only, two cells; left against right there, in both maps.
    crop = Geometry((4, 4), (2, 4), (1.0, 1.0), (2.0, 0.0))
    right = Region.from_box("right", (0, 2, 4, 4), (4, 4))
    found = contrasts({"whole": a_map([[9, 9], [3, 1]]), "crop": a_map([[1, 3]], crop)}, LEFT, right)
    # 3 of 4 on a half: lift 1.5 against 0.5; and the other way round.
    assert {name: one.value for name, one in found.items()} == pytest.approx({"whole": 1.0, "crop": -1.0})


def test_one_flat_row():
    row = contrast(a_map([[4, 3], [2, 1]]), DOG, GRASS).to_dict()
    assert row["lift in dog"] == pytest.approx(1.6)
    assert row["lift in grass"] == pytest.approx(0.6)
    assert row["baseline: uniform"] == 0.0
