"""How much a gate changes features: the two limits, and cases of a few numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.walking import feature_change

X = np.array([[[3.0, 4.0]], [[0.0, 5.0]]])  # squares 9, 16, 0, 25: ||x||^2 = 50


def test_a_gate_of_ones_changes_nothing():
    change = feature_change(X, np.ones((2, 1, 1)))
    assert (change.total, change.common, change.selective) == (0, 1, 0)


def test_a_gate_of_zeros_changes_everything():
    change = feature_change(X, np.zeros((2, 1, 1)))
    assert (change.total, change.common, change.selective) == (1, 0, 0)


@pytest.mark.parametrize("factor", [0.5, 0.1, 1.7, 1 / 3])
def test_a_flat_gate_tells_nothing_apart_exactly(factor):
    change = feature_change(X, np.full((1, 1, 2), factor))
    assert change.selective == 0
    assert change.common == factor
    assert change.total == pytest.approx(abs(factor - 1))


def test_a_gate_that_closes_a_channel_with_half_of_the_energy():
    # squares 9 + 16 = 25 and 25. Closed: sqrt(25 / 50). Nearest factor: 25 / 50. Left over: 0.5 of every feature.
    change = feature_change(X, np.array([1.0, 0.0])[:, None, None])
    assert change.total == pytest.approx(0.5**0.5)
    assert change.common == pytest.approx(0.5)
    assert change.selective == pytest.approx(0.5)


def test_a_spatial_gate_by_hand():
    # factors 0 and 1 on the columns: closes 9 of 50; common 41 / 50 = 0.82
    # left over: 0.82^2 * 9 + 0.18^2 * 41 = 6.0516 + 1.3284 = 7.38, over 50 = 0.1476
    change = feature_change(X, np.array([[[0.0, 1.0]]]))
    assert change.total == pytest.approx((9 / 50) ** 0.5)
    assert change.common == pytest.approx(0.82)
    assert change.selective == pytest.approx(0.1476**0.5)


def test_what_is_silent_does_not_count():
    # the only feature that the gate closes is zero already
    change = feature_change(X, np.array([[[1.0, 1.0]], [[0.0, 1.0]]]))
    assert change.total == 0


@given(st.lists(st.floats(0, 2), min_size=4, max_size=4), st.floats(0.1, 100))
def test_the_squares_add_up_and_the_unit_does_not_matter(factors, unit):
    gate = np.array(factors).reshape(2, 1, 2)
    change = feature_change(X, gate)
    assert change.total**2 == pytest.approx((1 - change.common) ** 2 + change.selective**2, abs=1e-9)
    scaled = feature_change(X * unit, gate)
    assert scaled.total == pytest.approx(change.total, abs=1e-9)
    assert scaled.selective == pytest.approx(change.selective, abs=1e-9)


def test_silent_features_have_no_change():
    with pytest.raises(ValueRangeError, match="must differ from zero somewhere; got 0 in all 4"):
        feature_change(np.zeros((2, 1, 2)), np.ones((2, 1, 1)))


@pytest.mark.parametrize(("features", "factor"), [(X[0], np.ones(1)), (X, np.ones((3, 1, 1)))])
def test_other_axes_are_refused(features, factor):
    with pytest.raises(ShapeError):
        feature_change(features, factor)


@pytest.mark.parametrize(("features", "factor"), [(X * np.nan, np.ones((2, 1, 1))), (X, np.full((2, 1, 1), np.inf))])
def test_numbers_that_are_none_are_refused(features, factor):
    with pytest.raises(ValueRangeError, match="finite"):
        feature_change(features, factor)
