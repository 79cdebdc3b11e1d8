"""Scaled dot-product attention by hand, and against PyTorch's."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.lessons import scaled_dot_product


def test_by_hand() -> None:
    """Tokens 1 and 0, one number each. The first query 1 against keys 2 ln 3 and 0: shares 9/10 and 1/10."""
    steps = scaled_dot_product([[1.0], [0.0]], [[1.0]], [[2 * math.log(3)]], [[10.0]])
    np.testing.assert_allclose(steps.products, [[2 * math.log(3), 0], [0, 0]])
    np.testing.assert_allclose(steps.weights, [[0.9, 0.1], [0.5, 0.5]])
    np.testing.assert_allclose(steps.output, [[9.0], [5.0]])
    np.testing.assert_allclose(steps.exponentials, [[9, 1], [1, 1]])


def test_the_scale_is_the_root_of_the_queries_width() -> None:
    """Queries of four numbers: the products are halved; without scaling they are not."""
    x, w = np.ones((1, 1)), np.ones((1, 4))
    assert scaled_dot_product(x, w, w, w).logits.tolist() == [[2]]
    assert scaled_dot_product(x, w, w, w, scaled=False).logits.tolist() == [[4]]


def test_the_entropy_at_both_ends() -> None:
    """Equal keys: ln 2 for two of them. One key far ahead: 0."""
    even = scaled_dot_product(np.eye(2), np.zeros((2, 1)), np.zeros((2, 1)), np.ones((2, 1)))
    np.testing.assert_allclose(even.entropy, math.log(2))
    sure = scaled_dot_product([[1.0], [0.0]], [[900.0]], [[900.0]], [[1.0]])
    np.testing.assert_allclose(sure.entropy, [0, math.log(2)])
    assert sure.weights[0].tolist() == [1, 0]


@pytest.mark.parametrize("scaled", [True, False])
def test_torch_gives_the_same(scaled: bool) -> None:
    draw = np.random.default_rng(0)
    x, w_q, w_k, w_v = (draw.normal(size=shape) for shape in ((5, 4), (4, 3), (4, 3), (4, 2)))
    steps = scaled_dot_product(x, w_q, w_k, w_v, scaled=scaled)
    q, k, v = (torch.from_numpy(x @ w)[None] for w in (w_q, w_k, w_v))
    theirs = scaled_dot_product_attention(q, k, v, scale=None if scaled else 1.0)[0]
    np.testing.assert_allclose(steps.output, theirs, atol=1e-12)
    np.testing.assert_allclose(steps.weights.sum(axis=1), 1)


def test_bad_matrices_are_refused_in_a_sentence() -> None:
    x, w = np.ones((2, 3)), np.ones((3, 2))
    with pytest.raises(ShapeError, match=r"W_k must have 3 rows, one for each column of X; got \(2, 2\)"):
        scaled_dot_product(x, w, w[:2], w)
    with pytest.raises(ShapeError, match="W_q and W_k must have the same columns"):
        scaled_dot_product(x, w, w[:, :1], w)
    with pytest.raises(ValueRangeError, match="X must be finite numbers; got inf"):
        scaled_dot_product(x * np.inf, w, w, w)
    with pytest.raises(ValueRangeError, match="W_v must be numbers"):
        scaled_dot_product(x, w, w, [["one", "two"]] * 3)  # type: ignore[list-item]
    with pytest.raises(ShapeError, match="Give at least one number"):
        scaled_dot_product(np.zeros((0, 3)), w, w, w)
