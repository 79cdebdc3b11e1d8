"""Whole matrices: what their rows and columns are, and what joining cells does to them."""

import numpy as np
import pytest
import torch

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.querying import attention_matrix, query
from attnviz.records import TokenGrid
from tests.querying.toys import CROPPED, attention, looking_at, trace_of


def test_rows_are_queries_and_sum_to_one() -> None:
    weights = torch.softmax(torch.randn(3, 7, 7), dim=-1)
    matrix = attention_matrix(trace_of(attention(weights, TokenGrid.whole((2, 3), prefix=1))))
    assert matrix.weights.shape == (1, 7, 7)
    assert np.allclose(matrix.weights[0], weights.mean(dim=0), atol=1e-6)
    assert np.allclose(matrix.weights.sum(axis=-1), 1)
    one = attention_matrix(trace_of(attention(weights, TokenGrid.whole((2, 3), prefix=1))), heads=2)
    assert np.allclose(one.weights[0], weights[2], atol=1e-6)
    assert (one.heads, one.note) == ("head 3", "")


def test_tokens_are_named() -> None:
    names = ("class", "register 1")
    trace = trace_of(attention(looking_at(0, 8), TokenGrid.whole((2, 3), prefix=2, prefix_names=names)))
    matrix = attention_matrix(trace)
    told = matrix.names(matrix.keys, 0)
    assert told[:3] == ("class", "register 1", "row 1, column 1")
    assert told[-1] == "row 2, column 3"
    assert matrix.ticks(matrix.keys, 0) == ((0, "class"), (1, "reg. 1"), (2, "row 1"), (5, "row 2"))


def test_the_window_under_the_point_and_its_names() -> None:
    # rolled by 1 across, the windows of a 1 x 4 grid hold columns 1, 2 and 3, 0
    grid = TokenGrid((1, 4), (1, 2), shift_hw=(0, 1))
    weights = torch.tensor([[[[0.9, 0.1], [0.2, 0.8]]], [[[0.3, 0.7], [0.6, 0.4]]]])
    matrix = attention_matrix(trace_of(attention(weights, grid)))
    assert [matrix.window_at((0.0, column)) for column in (0.0, 26.0, 60.0, 99.0)] == [1, 0, 0, 1]
    assert matrix.names(matrix.keys, 1) == ("row 1, column 4", "row 1, column 1")
    assert np.allclose(matrix.weights[1], [[0.3, 0.7], [0.6, 0.4]])


def test_masked_keys_are_not_zero_but_out_of_sight() -> None:
    mask = torch.tensor([[0.0, -100.0], [0.0, 0.0]])[None, None]
    matrix = attention_matrix(trace_of(attention(torch.full((1, 2, 2), 0.5), TokenGrid.whole((1, 2)), mask=mask)))
    assert np.isnan(matrix.weights[0]).tolist() == [[False, True], [False, False]]


def test_a_large_matrix_is_joined_in_blocks_and_says_so() -> None:
    # 3 x 4 cells and a class token: 13 x 13 = 169 numbers. Blocks of 2 x 2 make 2 x 2 cells, 25 numbers.
    weights = torch.softmax(torch.randn(1, 13, 13), dim=-1)
    matrix = attention_matrix(trace_of(attention(weights, TokenGrid.whole((3, 4), prefix=1))), most=100)
    assert (matrix.block, matrix.keys.grid_hw, matrix.weights.shape) == (2, (2, 2), (1, 5, 5))
    assert np.allclose(matrix.weights.sum(axis=-1), 1, atol=1e-6)
    # the top right block holds tokens 1 + (2, 3, 6, 7); the bottom left one, cut short, 1 + (8, 9)
    rows, columns = [9, 10], [3, 4, 7, 8]
    by_hand = weights[0][rows][:, columns].sum(dim=1).mean()
    assert matrix.weights[0, 3, 2] == pytest.approx(float(by_hand), abs=1e-6)
    # the class token stays by itself
    assert matrix.weights[0, 0, 0] == pytest.approx(float(weights[0, 0, 0]), abs=1e-6)
    assert "2 × 2" in matrix.note
    assert "3 × 4 cells" in matrix.note
    # 2 blocks of 2 rows reach over 4 rows of 20 pixels each, 20 below the picture; across they fit
    assert matrix.box_yxyx(matrix.keys) == pytest.approx((0, 0, 80, 100))
    assert matrix.query_at((59.0, 51.0)) == (1, 1)
    assert matrix.query_at((39.0, 49.0)) == (0, 0)


def test_the_box_lies_where_the_network_looked() -> None:
    matrix = attention_matrix(trace_of(attention(looking_at(0, 4), TokenGrid.whole((2, 2))), geometry=CROPPED))
    assert matrix.box_yxyx(matrix.keys) == pytest.approx((0, 20, 60, 80))
    assert matrix.query_at((0.0, 10.0)) is None


def test_its_rows_are_the_answers_to_a_point() -> None:
    trace = trace_of(attention(torch.softmax(torch.randn(2, 7, 7), dim=-1), TokenGrid.whole((2, 3), prefix=1)))
    matrix = attention_matrix(trace)
    for point in ((0.0, 0.0), (59.0, 99.0), (10.0, 60.0)):
        answer = query(trace, point)
        cell = matrix.query_at(point)
        assert cell is not None
        assert answer.attention_map is not None
        _, token = matrix.queries.index_of(*cell)
        assert np.allclose(matrix.weights[0, token, 1:].reshape(2, 3), answer.attention_map.values_hw)


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(NothingTracedError):
        attention_matrix(trace_of())
    windows = attention(torch.full((2, 1, 2, 2), 0.5), TokenGrid((1, 4), (1, 2)))
    with pytest.raises(ValueRangeError, match="query"):
        attention_matrix(trace_of(windows), most=7)
    with pytest.raises(ValueRangeError, match="leave room"):
        attention_matrix(trace_of(attention(looking_at(0, 4), TokenGrid.whole((2, 2)))), most=0)
