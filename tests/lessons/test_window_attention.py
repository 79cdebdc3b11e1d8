"""Attention within shifted windows by hand, and against torchvision's own layer."""

import math

import numpy as np
import pytest
import torch
from torchvision.models.swin_transformer import shifted_window_attention

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.lessons import window_attention
from attnviz.lessons.shifted_windows import PADDING

NO_BIAS = np.zeros((3, 3))
MAP = np.arange(16.0).reshape(4, 4)


def test_even_attention_is_the_mean_of_the_window() -> None:
    """With w_q = 0 every logit is 0: each cell of the tile 0, 1, 4, 5 gets w_v times its mean, 2.5, and adds itself."""
    steps = window_attention(MAP, (0, 1, 1), NO_BIAS, shift=0)
    assert steps.attended[:2, :2].tolist() == [[2.5, 2.5], [2.5, 2.5]]
    assert steps.output[:2, :2].tolist() == [[2.5, 3.5], [6.5, 7.5]]
    assert window_attention(MAP, (0, 1, -2), NO_BIAS, shift=0).attended[3, 3] == -2 * (10 + 11 + 14 + 15) / 4


def test_content_decides_by_the_softmax_of_the_products() -> None:
    """Tile 1, 0 / 0, 2, cell (0, 0) with q = 1: products 1, 0, 0, 2, so e / (e + 2 + e^2) stays with itself."""
    asked = window_attention([[1.0, 0], [0, 2]], (1, 1, 3), NO_BIAS, shift=0).asked((0, 0))
    total = math.e + 2 + math.e**2
    assert asked.products.tolist() == [[1, 0], [0, 2]]
    np.testing.assert_allclose(asked.weights, [[math.e / total, 1 / total], [1 / total, math.e**2 / total]])
    assert asked.values.tolist() == [[3, 0], [0, 6]]
    assert asked.attended == pytest.approx((3 * math.e + 6 * math.e**2) / total)


def test_the_bias_goes_by_the_way_from_query_to_key() -> None:
    """ln 4 for keys one row below, ln 2 for keys one column to the right; the others are 0."""
    table = [[0.0, 0, 0], [0, 0, math.log(2)], [0, math.log(4), 0]]
    steps = window_attention([[0.0, 0], [0, 0]], (1, 1, 1), table, shift=0)
    # exponentials from the upper left: itself 1, right 2, below 4, diagonal 1
    np.testing.assert_allclose(steps.asked((0, 0)).weights, np.array([[1, 2], [4, 1]]) / 8)
    # from the lower right nobody is below or to the right
    np.testing.assert_allclose(steps.asked((1, 1)).weights, np.full((2, 2), 0.25))
    # from the upper right: below is the lower right
    np.testing.assert_allclose(steps.asked((0, 1)).weights, np.array([[1, 1], [1, 4]]) / 7)


def test_the_mask_keeps_strangers_apart() -> None:
    """Rolled by one, the corners 0, 3, 12 and 15 share a window: each keeps all of its attention, unless unmasked."""
    steps = window_attention(MAP, (0, 0, 1), NO_BIAS, shift=1)
    asked = steps.asked((0, 0))
    assert asked.cells.tolist() == [[15, 12], [3, 0]]
    assert asked.place == (1, 1)
    assert asked.mask.tolist() == [[-100, -100], [-100, 0]]
    np.testing.assert_allclose(asked.weights, [[0, 0], [0, 1]], atol=1e-40)
    assert steps.attended[0, 3] == pytest.approx(3)
    # the window of 1, 2 (from the upper border) and 13, 14 (from the lower one) falls into two halves
    assert steps.attended[0, 1] == pytest.approx((1 + 2) / 2)
    assert steps.attended[3, 1] == pytest.approx((13 + 14) / 2)
    assert steps.attended[1, 1] == pytest.approx((5 + 6 + 9 + 10) / 4)
    open_to_all = window_attention(MAP, (0, 0, 1), NO_BIAS, shift=1, masked=False)
    assert open_to_all.attended[0, 0] == pytest.approx((0 + 3 + 12 + 15) / 4)
    assert open_to_all.attended[0, 1] == pytest.approx((1 + 2 + 13 + 14) / 4)


def test_a_grid_that_is_filled_up_has_zeros_that_take_part() -> None:
    """Three columns in windows of 2: the last column, 2 and 5, shares its window with two zeros."""
    steps = window_attention([[0.0, 1, 2], [3, 4, 5]], (0, 0, 1), NO_BIAS, shift=0)
    assert steps.attended.tolist() == [[2, 2, 7 / 4], [2, 2, 7 / 4]]
    assert steps.asked((0, 2)).cells.tolist() == [[2, PADDING], [5, PADDING]]


@pytest.mark.parametrize(
    ("grid_hw", "window", "shift"), [((4, 4), 2, 1), ((8, 12), 4, 2), ((5, 7), 3, 1), ((3, 9), 4, 0)]
)
def test_torchvision_computes_the_same(grid_hw: tuple[int, int], window: int, shift: int) -> None:
    rng = np.random.default_rng(0)
    z, table = rng.normal(size=grid_hw), rng.normal(size=(2 * window - 1,) * 2)
    factors = (1.5, -0.7, 2.0)
    places = np.stack(np.divmod(np.arange(window**2), window), axis=1)
    # torchvision's table goes by query minus key
    away = places[:, None] - places[None]
    bias = np.flip(table)[away[..., 0] + window - 1, away[..., 1] + window - 1]
    qkv = torch.tensor(factors, dtype=torch.float64)[:, None]
    out = shifted_window_attention(
        torch.from_numpy(z)[None, :, :, None], qkv, torch.eye(1, dtype=torch.float64),
        torch.from_numpy(bias)[None, None], [window] * 2, 1, [shift] * 2,
    )  # fmt: skip
    steps = window_attention(z, factors, table, shift)
    np.testing.assert_allclose(steps.attended, out[0, :, :, 0].numpy(), atol=1e-12)
    np.testing.assert_allclose(steps.output, z + steps.attended)


def test_bad_numbers_are_refused_in_a_sentence() -> None:
    with pytest.raises(ShapeError, match=r"bias_table must be a square with an odd side; got \(2, 3\)"):
        window_attention(MAP, (1, 1, 1), np.zeros((2, 3)), 0)
    with pytest.raises(ValueRangeError, match="shift must lie between 0 and window - 1 = 1; got 2"):
        window_attention(MAP, (1, 1, 1), NO_BIAS, 2)
    with pytest.raises(ValueRangeError, match="features must be finite numbers; got nan"):
        window_attention([[math.nan]], (1, 1, 1), NO_BIAS, 0)
    with pytest.raises(ValueRangeError, match=r"grid of 4 rows and 4 columns; got \(0, 4\)"):
        window_attention(MAP, (1, 1, 1), NO_BIAS, 0).asked((0, 4))
