import math

import numpy as np
import pytest

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.focus.intervals import bootstrap_mean, paired_difference, rate


@pytest.mark.parametrize("value", [0.0, 0.1, -3.7])
def test_constant_values_leave_no_doubt(value: float) -> None:
    found = bootstrap_mean([value] * 30)
    assert (found.value, found.low, found.high, found.count) == (value, value, value, 30)


def test_the_interval_is_that_of_all_draws() -> None:
    # Two pictures, 0 and 1: the four draws have the means 0, 1/2, 1/2, 1. Half of all means are 1/2, so the middle
    # 40 % are, too, and the middle 90 % reach from 0 to 1.
    narrow, wide = bootstrap_mean([0.0, 1.0], confidence=0.4), bootstrap_mean([0.0, 1.0], confidence=0.9)
    assert (narrow.low, narrow.value, narrow.high) == (0.5, 0.5, 0.5)
    assert (wide.low, wide.value, wide.high) == (0.0, 0.5, 1.0)


def test_the_width_is_that_of_the_standard_error() -> None:
    # 4,000 values 0 and 1 in turn: the standard error of their mean is 0.5 / sqrt(4000).
    found = bootstrap_mean(np.arange(4000) % 2)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.5 / math.sqrt(4000), rel=0.08)


def test_the_same_seed_gives_the_same_interval_and_another_one_does_not() -> None:
    values = np.random.default_rng(5).normal(size=50)
    assert bootstrap_mean(values) == bootstrap_mean(values)
    assert bootstrap_mean(values, seed=1).low != bootstrap_mean(values).low


def test_a_constant_difference_is_certain_however_much_the_pictures_differ() -> None:
    other = np.arange(40.0) ** 2
    found = paired_difference(other + 1, other)
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)
    assert found.above_zero
    assert paired_difference(other, other + 1).below_zero
    # Unpaired, the two means could not be told apart.
    assert bootstrap_mean(other + 1).low < bootstrap_mean(other).high


def test_wilson_by_hand() -> None:
    # z = 1.96 for 95 %. 8 of 10: middle (8 + 1.9207) / (10 + 3.8415) = 0.7167; half width
    # sqrt(3.8415 * (10 * 0.16 + 0.9604)) / 13.8415 = 0.2266.
    found = rate(8, 10)
    assert found.value == 0.8
    assert (found.low, found.high) == (pytest.approx(0.7167 - 0.2266, abs=2e-4), pytest.approx(0.9433, abs=2e-4))


def test_none_and_all_stay_in_range_and_leave_a_width() -> None:
    z2 = 1.959964**2
    assert (rate(0, 20).low, rate(20, 20).high) == (0.0, 1.0)
    assert rate(0, 20).high == pytest.approx(z2 / (20 + z2), rel=1e-6)
    assert rate(20, 20).low == pytest.approx(20 / (20 + z2), rel=1e-6)


def test_what_has_no_interval_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"shape \(n,\); got \(0,\)"):
        bootstrap_mean([])
    with pytest.raises(ValueRangeError, match="got 1 that are not"):
        bootstrap_mean([1.0, math.nan])
    with pytest.raises(ValueRangeError, match="confidence"):
        bootstrap_mean([1.0], confidence=1.0)
    with pytest.raises(ValueRangeError, match="resamples"):
        bootstrap_mean([1.0], resamples=0)
    with pytest.raises(ShapeError, match="got 2 and 3"):
        paired_difference([1, 2], [1, 2, 3])
    with pytest.raises(ValueRangeError, match="got 3 of 2"):
        rate(3, 2)
