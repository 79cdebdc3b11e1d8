"""Relative position logits by hand, and against the attention-augmented layer."""

import math

import numpy as np
import pytest
import torch

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.layers import AAConv2d
from attnviz.lessons import relative_positions


def test_by_hand() -> None:
    """A grid of 2 x 3, the query at row 1, column 0: rows are -1 and 0 away, columns 0, 1 and 2.

    Queries of four numbers halve all products. q . r_H is 8 for -1 and 2 for 0; q . r_W is 0, 4 and 6.
    """
    query = [1.0, 0, 0, 0]
    rows = [[8.0, 9, 9, 9], [2, 9, 9, 9], [100, 0, 0, 0]]
    columns = [[100.0, 0, 0, 0], [100, 0, 0, 0], [0, 9, 9, 9], [4, 9, 9, 9], [6, 9, 9, 9]]
    steps = relative_positions(query, rows, columns, (1, 0))
    assert steps.row_offsets.tolist() == [-1, 0]
    assert steps.column_offsets.tolist() == [0, 1, 2]
    assert steps.row_terms.tolist() == [4, 1]
    assert steps.column_terms.tolist() == [0, 2, 3]
    assert steps.logits.tolist() == [[4, 6, 7], [1, 3, 4]]
    exponentials = np.exp([[4, 6, 7], [1, 3, 4]])
    np.testing.assert_allclose(steps.weights, exponentials / exponentials.sum())


@pytest.mark.parametrize("cell", [(0, 0), (2, 1), (2, 3)])
def test_the_layer_gives_the_same(cell: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = AAConv2d(8, 16, key_channels=10, value_channels=4, heads=2, grid_hw=(3, 4)).double()
    queries = torch.randn(1, 2, 12, 5, dtype=torch.float64)
    theirs = layer.relative_logits(queries, (3, 4))[0, 1, cell[0] * 4 + cell[1]].reshape(3, 4).detach()
    query = queries[0, 1, cell[0] * 4 + cell[1]]
    steps = relative_positions(query.numpy(), layer.rel_h.detach().numpy(), layer.rel_w.detach().numpy(), cell)
    np.testing.assert_allclose(steps.logits, theirs, atol=1e-12)
    assert math.isclose(steps.weights.sum(), 1)


def test_the_same_offset_gives_the_same_term_from_every_query() -> None:
    draw = np.random.default_rng(0)
    query, rows, columns = draw.normal(size=3), draw.normal(size=(5, 3)), draw.normal(size=(7, 3))
    one, other = (relative_positions(query, rows, columns, cell) for cell in ((0, 0), (1, 2)))
    assert one.logits[1, 1] == pytest.approx(other.logits[2, 3])  # both one row down and one column right


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    with pytest.raises(ShapeError, match=r"row_table must have an odd number of rows and 1 columns"):
        relative_positions([1.0], np.zeros((2, 1)), np.zeros((3, 1)), (0, 0))
    with pytest.raises(ShapeError, match=r"column_table must have an odd number of rows and 1 columns"):
        relative_positions([1.0], np.zeros((3, 1)), np.zeros((3, 2)), (0, 0))
    with pytest.raises(ValueRangeError, match=r"grid of 2 rows and 2 columns; got \(0, 2\)"):
        relative_positions([1.0], np.zeros((3, 1)), np.zeros((3, 1)), (0, 2))
