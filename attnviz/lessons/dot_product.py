"""Scaled dot-product attention, step by step.

Paper: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, eq. 1.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError
from attnviz.lessons.arrays import Array, matrix, softmax


@dataclass(frozen=True, eq=False)
class DotProductSteps:
    """Every number on the way through one head of self-attention.

    Attributes:
        queries: (n, d_k), `X W_q`.
        keys: (n, d_k), `X W_k`.
        values: (n, d_v), `X W_v`.
        products: (n, n), `Q K^T`; rows are queries.
        scale: what the products are multiplied by: 1 / sqrt(d_k), or 1.
        logits: (n, n), products times scale.
        exponentials: (n, n), `exp(logits)`; infinite where that is larger than a computer's numbers.
        weights: (n, n), softmax of each row, which sums to 1.
        output: (n, d_v), `weights V`: each row is a mixture of the values.
    """

    queries: Array
    keys: Array
    values: Array
    products: Array
    scale: float
    logits: Array
    exponentials: Array
    weights: Array
    output: Array

    @property
    def entropy(self) -> Array:
        """Entropy of each row of weights in nats: 0 if one key takes all, ln n if all get the same."""
        return -np.where(self.weights > 0, self.weights * np.log(np.where(self.weights > 0, self.weights, 1)), 0).sum(1)


def scaled_dot_product(
    x: npt.ArrayLike, w_q: npt.ArrayLike, w_k: npt.ArrayLike, w_v: npt.ArrayLike, scaled: bool = True
) -> DotProductSteps:
    """The steps of `softmax(Q K^T / sqrt(d_k)) V` with Q, K and V made of the same tokens.

    Args:
        x: (n, d), one row for each token.
        w_q: (d, d_k).
        w_k: (d, d_k).
        w_v: (d, d_v).
        scaled: divide the products by sqrt(d_k), as the paper does.

    Raises:
        ShapeError: the matrices cannot be multiplied.
        ValueRangeError: a number is not finite.

    Example:
        >>> steps = scaled_dot_product([[1.0], [0.0]], [[1.0]], [[1.0]], [[2.0]])
        >>> steps.weights[1].tolist()
        [0.5, 0.5]
        >>> steps.output[1].tolist()
        [1.0]
    """
    tokens = matrix("X", x, ("tokens", "d"))
    query, key, value = (
        matrix(name, values, ("d", "columns")) for name, values in (("W_q", w_q), ("W_k", w_k), ("W_v", w_v))
    )
    for name, weights in (("W_q", query), ("W_k", key), ("W_v", value)):
        if len(weights) != tokens.shape[1]:
            raise ShapeError(
                f"{name} must have {tokens.shape[1]} rows, one for each column of X; got {weights.shape}. "
                "Give as many rows as a token has numbers."
            )
    if query.shape != key.shape:
        raise ShapeError(
            f"W_q and W_k must have the same columns; got {query.shape} and {key.shape}. "
            "Queries are compared with keys number by number."
        )
    queries, keys, values = tokens @ query, tokens @ key, tokens @ value
    products = queries @ keys.T
    scale = 1 / math.sqrt(query.shape[1]) if scaled else 1.0
    logits = products * scale
    with np.errstate(over="ignore"):
        exponentials = np.exp(logits)
    weights = softmax(logits)
    return DotProductSteps(
        queries, keys, values, products, scale, logits, exponentials, weights, weights @ values
    )  # fmt: skip
