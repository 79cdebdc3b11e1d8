"""The notes' example: what they print, what follows from it, and each slip."""

import math

import numpy as np
import pytest

from attnviz.lessons import softmax
from attnviz.lessons.tea import as_printed, printed_queries, projection, slips, tokens


def test_the_projection_makes_the_printed_queries() -> None:
    np.testing.assert_array_equal(tokens() @ projection(), printed_queries())


def test_the_weights_by_hand() -> None:
    """Q Q^T = [[1, 0, 1], [0, 2, 2], [1, 2, 3]], divided by the root of 3; each row by its sum of exponentials."""
    steps = as_printed()
    np.testing.assert_array_equal(steps.products, [[1, 0, 1], [0, 2, 2], [1, 2, 3]])
    one, two, three = (math.exp(number / math.sqrt(3)) for number in (1, 2, 3))
    np.testing.assert_allclose(steps.weights[0], np.array([one, 1, one]) / (one + 1 + one))
    np.testing.assert_allclose(steps.weights[1], np.array([1, two, two]) / (1 + two + two))
    np.testing.assert_allclose(steps.weights[2], np.array([one, two, three]) / (one + two + three))
    np.testing.assert_allclose(steps.output, steps.weights @ printed_queries())


def test_each_slip_says_what_is_right() -> None:
    """The numbers that the sentences name, from the definitions."""
    said = {slip.where: slip.right for slip in slips()}
    assert len(said) == 7
    assert "rank 2 only" in said["W_q, W_k, W_v"]  # the third row is the sum of the first two
    assert "the printed Q is 3 × 3" in said["The shape of Q"]
    assert "√3 for the printed one" in said["The scale"]
    assert "from 0 to 2.12" in said["The range"]  # 3 / sqrt(2)
    assert "0.0504" in said["The probability"]
    assert "which would be 0.02" in said["The probability"]
    # no weight of the example is as small as the 0.05 that the notes show
    assert as_printed().weights.min() == pytest.approx(1 / (1 + 2 * math.exp(2 / math.sqrt(3))))
    assert "smallest weight 0.14" in said["The probability"]


def test_the_softmax_of_large_numbers() -> None:
    """Shares do not change when a number is added to all; no exponential overflows."""
    np.testing.assert_allclose(softmax([1000.0, 1000.0 + math.log(3)]), [0.25, 0.75])
    np.testing.assert_allclose(softmax([[0.0, 0.0], [0.0, math.log(4)]], axis=0)[:, 1], [0.2, 0.8])
