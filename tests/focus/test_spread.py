"""Entropy and effective share by hand."""

import math

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.focus import effective_share, entropy
from attnviz.geometry import Geometry
from tests.focus.by_hand import a_map


def test_two_by_two_hand_worked():
    # Shares 1/4, 1/4, 1/2, 0: one and a half bits of two.
    attention_map = a_map([[1, 1], [2, 0]])
    assert entropy(attention_map).value == pytest.approx(0.75)
    # A flat map of 2 ** 1.5 cells has one and a half bits.
    assert effective_share(attention_map).value == pytest.approx(2**1.5 / 4)


def test_a_single_lit_cell():
    attention_map = a_map([[0, 0], [7, 0]])
    assert entropy(attention_map).value == 0.0
    assert effective_share(attention_map).value == pytest.approx(1 / 4)


def test_equal_cells_cover_their_share():
    values = np.zeros((4, 4))
    values[1:3, 1:4] = 0.2
    assert effective_share(a_map(values)).value == pytest.approx(6 / 16)
    assert entropy(a_map(values)).value == pytest.approx(math.log(6) / math.log(16))


def test_the_unit_does_not_matter():
    values = np.array([[1, 2], [3, 4]])
    assert entropy(a_map(values * 1e-20)).value == pytest.approx(entropy(a_map(values)).value)


def test_a_cell_in_the_padding_counts_by_its_part_in_the_picture():
    # The picture covers all of the upper cells and half of the lower ones: areas 1, 1, 1/2, 1/2. Only the first column
    # is lit, evenly: mass 2/3 and 1/3 on areas that are half of the picture. As flat as half of it can be.
    padded = Geometry((3, 4), (4, 4), (1.0, 1.0), (0.0, 0.0))
    score = effective_share(a_map([[1, 0], [1, 0]], padded))
    assert score.value == pytest.approx(0.5)


def test_it_knows_no_region():
    score = entropy(a_map([[1, 1], [2, 0]]))
    assert (score.region, score.area, score.hit, score.lift) == ("", 1.0, 1.0, score.value)
    # On 2 x 2 cells the Gaussian is flat.
    assert score.baselines["centred Gaussian"] == pytest.approx(1)


def test_one_cell_has_no_entropy():
    with pytest.raises(ValueRangeError, match="over more than one cell; got 1 from"):
        entropy(a_map([[3]]))
    assert effective_share(a_map([[3]])).value == 1.0
