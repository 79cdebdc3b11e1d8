"""BatchNorm as a convolution by hand, and against PyTorch."""

import numpy as np
import pytest
import torch
from torch import nn

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.lessons import fold_steps, norm_as_convolution, norm_layer, norm_steps


def test_the_numbers_by_hand() -> None:
    """Variance 3 and eps 1: the root is 2, so G = 6 / 2 = 3 and g = 1 - 3 * 5 = -14."""
    steps = norm_steps(norm_layer(gamma=6.0, beta=1.0, mean=5.0, variance=3.0, eps=1.0))
    assert (steps.factor.tolist(), steps.offset.tolist()) == ([3], [-14])


def test_as_a_convolution_it_gives_the_same() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(4).eval()
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        nn.init.normal_(tensor)
    norm.running_var.uniform_(0.5, 3)
    conv = norm_as_convolution(norm)
    assert (conv.kernel_size, conv.groups, conv.weight.numel()) == ((1, 1), 4, 4)
    x = torch.randn(2, 4, 3, 5)
    torch.testing.assert_close(conv(x), norm(x))


def test_the_fold_by_hand() -> None:
    """Window times kernel is 4, b = 2, so y = 6 and z = 3 * 6 - 14 = 4; the notes' bias 2 - 14 gives 12 - 12 = 0.

    The difference is b (1 - G) = 2 * -2.
    """
    norm = norm_layer(gamma=6.0, beta=1.0, mean=5.0, variance=3.0, eps=1.0)
    steps = fold_steps([[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 1.0]], 2.0, norm)
    assert steps.products.tolist() == [[0, 0], [0, 4]]
    assert (steps.convolved, steps.normalised) == (6, 4)
    np.testing.assert_allclose(steps.kernel, [[0, 0], [0, 3]])
    assert steps.bias == pytest.approx(3 * 2 - 14)
    assert steps.folded == pytest.approx(4)
    assert steps.notes_bias == pytest.approx(2 - 14)
    assert steps.notes == pytest.approx(0)
    assert steps.notes - steps.normalised == pytest.approx(2 * (1 - 3))


def test_without_a_bias_the_notes_are_right() -> None:
    norm = norm_layer(gamma=2.0, beta=-1.0, mean=0.5, variance=0.25)
    steps = fold_steps([[3.0]], [[-2.0]], 0.0, norm)
    assert steps.notes == pytest.approx(steps.normalised)


def test_what_is_no_fixed_convolution_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueRangeError, match="must have learned factors and running statistics"):
        norm_steps(nn.BatchNorm2d(2, affine=False))
    with pytest.raises(ValueRangeError, match="must have learned factors and running statistics"):
        norm_as_convolution(nn.BatchNorm2d(2, track_running_stats=False))
    with pytest.raises(ValueRangeError, match="variance must be at least 0"):
        norm_layer(1.0, 0.0, 0.0, -1.0)
    with pytest.raises(ValueRangeError, match="must be finite numbers; got inf"):
        norm_layer(1.0, float("inf"), 0.0, 1.0)
    with pytest.raises(ShapeError, match="squares of one size"):
        fold_steps([[1.0, 2.0]], [[1.0, 2.0]], 0.0, norm_layer(1, 0, 0, 1))
