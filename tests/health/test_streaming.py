"""One pass gives what two passes give."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from attnviz.health.streaming import BINS, Histogram, Moments

numbers = st.floats(-1e3, 1e3, allow_nan=False, width=64)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=numbers))
def test_moments_in_one_pass_equal_those_in_two(rows):
    moments = Moments(rows.shape[1:])
    for row in rows:
        moments.add(row)
    mean = rows.sum(axis=0) / len(rows)
    variance = ((rows - mean) ** 2).sum(axis=0) / len(rows)
    assert np.allclose(moments.mean, mean, atol=1e-9)
    assert np.allclose(moments.variance, variance, atol=1e-7)


def test_a_small_variance_around_a_large_mean_keeps_its_digits():
    # 1e9 - 1, 1e9, 1e9 + 1: the variance is 2/3. A sum of squares near 1e18 has no digit left for it.
    moments = Moments(())
    for value in (1e9 - 1, 1e9, 1e9 + 1):
        moments.add(np.array(value))
    assert float(moments.variance) == pytest.approx(2 / 3)


def test_constant_numbers_have_exactly_no_variance():
    moments = Moments((2,))
    for _ in range(7):
        moments.add(np.array([0.1, 0.7]))
    assert (moments.squares == 0).all()


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, st.integers(1, 200), elements=st.floats(-4, 4, width=64)), st.floats(0, 1))
def test_quantiles_are_off_by_at_most_a_bin(values, share):
    histogram = Histogram(0.0, 1.0)
    for part in np.array_split(values, min(3, len(values))):
        histogram.add(part)
    width = (histogram.high - histogram.low) / BINS
    told = histogram.quantile(share)
    # As many values lie below the told one as the share says, give or take a bin on either side.
    assert (values < told - width - 1e-9).mean() <= share + 1e-9
    assert (values <= told + width + 1e-9).mean() >= share - 1e-9


def test_a_value_outside_doubles_the_range_and_no_count_is_lost():
    histogram = Histogram(0.0, 1.0)
    histogram.add(np.array([0.25, 0.75]))
    histogram.add(np.array([1.5]))  # 0..2
    histogram.add(np.array([-1.0]))  # -2..2
    assert (histogram.low, histogram.high) == (-2.0, 2.0)
    counts, edges = histogram.coarse(8)
    assert edges.tolist() == [-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2]
    assert counts.tolist() == [0, 0, 1, 0, 1, 1, 0, 1]
    assert (histogram.minimum, histogram.maximum) == (-1.0, 1.5)


def test_both_ends_count():
    histogram = Histogram(0.0, 1.0)
    histogram.add(np.array([0.0, 1.0]))
    assert (histogram.low, histogram.high) == (0.0, 1.0)
    assert histogram.coarse(2)[0].tolist() == [1, 1]
