"""A class token and a 1 x 2 grid: three tokens, two heads."""

import numpy as np
import pytest
import torch

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.maps import AttentionFrom, Received, native
from attnviz.records import TokenGrid

HEAD_0 = [[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [0.4, 0.2, 0.4]]
HEAD_1 = [[0.6, 0.1, 0.3], [0.2, 0.4, 0.4], [0.0, 0.0, 1.0]]
WEIGHTS = torch.tensor([HEAD_0, HEAD_1])
TOKENS = TokenGrid.whole((1, 2), prefix=1)


@pytest.mark.parametrize(
    ("query", "heads", "expected"),
    [
        ("class", 0, [[0.5, 0.3]]),
        ("class", 1, [[0.1, 0.3]]),
        ("class", "mean", [[0.3, 0.3]]),  # (0.5 + 0.1) / 2, (0.3 + 0.3) / 2
        ("class", "max", [[0.5, 0.3]]),
        ((0, 0), "mean", [[0.7, 0.2]]),  # row of the first place: (1 + 0.4) / 2, (0 + 0.4) / 2
        ((0, 1), 0, [[0.2, 0.4]]),
        (
            "mean",
            0,
            [[0.6, 0.2]],
        ),  # rows of the two places: (1 + 0.2) / 2, (0 + 0.4) / 2; the class token's is left out
    ],
)
def test_one_row_without_the_class_token(attention_of, trace_of, query, heads, expected):
    made = AttentionFrom(query=query, heads=heads)(trace_of(attention_of(WEIGHTS, TOKENS)))
    assert np.allclose(made.values_hw, expected, atol=1e-6)


def test_what_went_to_the_class_token_is_said_and_not_shared_out(attention_of, trace_of):
    made = AttentionFrom()(trace_of(attention_of(WEIGHTS, TOKENS)))
    # (0.2 + 0.6) / 2 = 40 % stays with the class token; the places keep 0.3 + 0.3
    assert "40.0 %" in made.note
    assert np.isclose(made.values_hw.sum(), 0.6)


def test_the_map_names_the_layer_it_read(attention_of, trace_of):
    records = [attention_of(WEIGHTS, TOKENS, layer=f"blocks.{n}.attn") for n in range(3)]
    trace = trace_of(*records)
    assert AttentionFrom()(trace).method == "AttentionFrom(layer='blocks.2.attn', query='class', heads='mean')"
    assert AttentionFrom(layer=0)(trace).sites == (records[0].site,)
    assert AttentionFrom(layer="blocks.1.*")(trace).sites == (records[1].site,)


def test_received_is_the_mean_of_the_columns(attention_of, trace_of):
    # Mean over heads of the three rows: [.4 .3 .3], [.1 .7 .2], [.2 .1 .7]; columns of the places: 1.1 / 3, 1.2 / 3.
    made = Received()(trace_of(attention_of(WEIGHTS, TOKENS)))
    assert np.allclose(made.values_hw, [[1.1 / 3, 1.2 / 3]], atol=1e-6)
    assert "23.3 %" in made.note  # 0.7 / 3
    one_head = Received(heads=0)(trace_of(attention_of(WEIGHTS, TOKENS)))
    assert np.allclose(one_head.values_hw, [[1.7 / 3, 0.7 / 3]], atol=1e-6)  # (.5 + 1 + .2) / 3, (.3 + 0 + .4) / 3


def test_rows_taken_in_blocks_give_the_same_means(attention_of, trace_of, monkeypatch):
    monkeypatch.setattr("attnviz.maps.attention_grid.QUERIES_AT_ONCE", 2)
    trace = trace_of(attention_of(WEIGHTS, TOKENS))
    assert np.allclose(Received()(trace).values_hw, [[1.1 / 3, 1.2 / 3]], atol=1e-6)
    assert np.allclose(AttentionFrom(query="mean", heads=0)(trace).values_hw, [[0.6, 0.2]], atol=1e-6)


def test_no_class_token_is_an_error_with_a_way_out(attention_of, trace_of):
    two_places = torch.tensor([[[0.25, 0.75], [1.0, 0.0]]])
    trace = trace_of(attention_of(two_places, TokenGrid.whole((1, 2))))
    with pytest.raises(ValueRangeError, match=r'blocks\.0\.attn.*query="mean"'):
        AttentionFrom()(trace)
    made = AttentionFrom(query="mean")(trace)
    assert np.allclose(made.values_hw, [[0.625, 0.375]])  # (0.25 + 1) / 2, (0.75 + 0) / 2
    assert made.note == ""


@pytest.mark.parametrize("query", [(1, 0), (0, 2), (-1, 0), (0,), "patch"])
def test_a_query_outside_the_grid(attention_of, trace_of, query):
    with pytest.raises(ValueRangeError, match="1 x 2 grid"):
        AttentionFrom(query=query)(trace_of(attention_of(WEIGHTS, TOKENS)))


@pytest.mark.parametrize("heads", [2, -1, "median", True])
def test_a_head_that_is_not_there(attention_of, trace_of, heads):
    for method in (AttentionFrom(heads=heads), Received(heads=heads)):
        with pytest.raises(ValueRangeError, match=r'"mean", "max" or a number in 0\.\.1'):
            method(trace_of(attention_of(WEIGHTS, TOKENS)))


def test_in_a_windowed_layer_the_other_windows_are_undefined(attention_of, trace_of):
    # A 1 x 4 grid in two windows of two tokens; the query in column 2 is the first token of the second window.
    weights = torch.tensor([[[[0.5, 0.5], [0.5, 0.5]]], [[[0.1, 0.9], [0.3, 0.7]]]])
    trace = trace_of(attention_of(weights, TokenGrid((1, 4), (1, 2)), mechanism="swin"))
    made = AttentionFrom(query=(0, 2))(trace)
    assert np.allclose(made.values_hw, [[np.nan, np.nan, 0.1, 0.9]], equal_nan=True)


def test_registers_alone_are_no_class_token(attention_of, trace_of):
    tokens = TokenGrid.whole((1, 1), prefix=2, prefix_names=("register 1", "register 2"))
    trace = trace_of(attention_of(WEIGHTS, tokens))
    with pytest.raises(ValueRangeError, match=r'"class" needs a class token.*\(register 1, register 2\).*query="mean"'):
        AttentionFrom()(trace)
    # The only place looks at the registers with (.4 + 0) / 2 + (.2 + 0) / 2 = 30 %, and at itself with the rest.
    made = AttentionFrom(query="mean")(trace)
    assert np.allclose(made.values_hw, [[0.7]], atol=1e-6)
    assert made.note == "30.0 % of the attention goes to 2 register tokens and is not drawn"
    assert native(trace) == Received()


def test_the_class_token_is_found_behind_others(attention_of, trace_of):
    tokens = TokenGrid.whole((1, 1), prefix=2, prefix_names=("register 1", "class"))
    # The class token's row is the second: mean of 0 and 0.4 for the only place.
    assert np.allclose(AttentionFrom()(trace_of(attention_of(WEIGHTS, tokens))).values_hw, [[0.2]], atol=1e-6)


class TestWindowsThatStickOut:
    """A 1 x 3 grid in two windows of two tokens: the last token of the second is padding."""

    TOKENS = TokenGrid((1, 3), (1, 2))
    WEIGHTS = torch.tensor([[[[0.5, 0.5], [0.2, 0.8]]], [[[0.6, 0.4], [1.0, 0.0]]]])
    WINDOWS = "each cell looks only within its window of 1 x 2 cells"

    def test_a_query_beside_padding(self, attention_of, trace_of):
        made = AttentionFrom(query=(0, 2))(trace_of(attention_of(self.WEIGHTS, self.TOKENS)))
        assert np.allclose(made.values_hw, [[np.nan, np.nan, 0.6]], equal_nan=True)
        assert made.note == (
            f"40.0 % of the attention goes to padding outside the picture and is not drawn; {self.WINDOWS}"
        )

    def test_queries_that_are_padding_do_not_count(self, attention_of, trace_of):
        # First window: mean of [.5 .5] and [.2 .8]. Second: the row [.6 .4] of its only true query.
        for method in (AttentionFrom(query="mean"), Received()):
            made = method(trace_of(attention_of(self.WEIGHTS, self.TOKENS)))
            assert np.allclose(made.values_hw, [[0.35, 0.65, 0.6]])
            # Of three queries one sends .4 to padding.
            assert made.note.startswith("13.3 % of the attention goes to padding")

    def test_maxima_are_no_shares(self, attention_of, trace_of):
        made = Received(heads="max")(trace_of(attention_of(self.WEIGHTS, self.TOKENS)))
        assert made.note == self.WINDOWS

    def test_the_note_tells_shift_and_stride(self, attention_of, trace_of):
        even = torch.full((2, 1, 2, 2), 0.5)
        shifted = Received()(trace_of(attention_of(even, TokenGrid((1, 4), (1, 2), (0, 1)))))
        assert shifted.note == f"{self.WINDOWS}, shifted by 0 x 1"
        strided = Received()(trace_of(attention_of(even, TokenGrid((1, 4), (1, 2), strided=True))))
        assert strided.note == f"{self.WINDOWS} spread over the whole picture"


class TestQueriesOfTheirOwn:
    def test_one_class_query_and_no_others(self, attention_of, trace_of):
        # Keys: the class token and two places.
        record = attention_of(torch.tensor([[[0.2, 0.5, 0.3]]]), TOKENS, query_tokens=TokenGrid.nowhere(("class",)))
        trace = trace_of(record)
        for method in (AttentionFrom(), Received()):
            made = method(trace)
            assert np.allclose(made.values_hw, [[0.5, 0.3]])
            assert made.note.startswith("20.0 %")
        with pytest.raises(ValueRangeError, match=r"mean must be over queries that lie on the picture; got none, only"):
            AttentionFrom(query="mean")(trace)
        with pytest.raises(ValueRangeError, match="0 x 0 grid"):
            AttentionFrom(query=(0, 0))(trace)

    def test_a_finer_grid_of_queries_than_of_keys(self, attention_of, trace_of):
        weights = torch.tensor([[[1.0, 0.0], [0.9, 0.1], [0.3, 0.7], [0.2, 0.8]]])
        trace = trace_of(attention_of(weights, TokenGrid.whole((1, 2)), query_tokens=TokenGrid.whole((2, 2))))
        made = AttentionFrom(query=(1, 0))(trace)  # the third query
        assert np.allclose(made.values_hw, [[0.3, 0.7]])
        assert "row 2, column 1 of 2 x 2 queries" in made.meaning  # as people count
        assert np.allclose(AttentionFrom(query="mean")(trace).values_hw, [[0.6, 0.4]])  # 2.4 / 4, 1.6 / 4
        with pytest.raises(ValueRangeError, match="2 x 2 grid"):
            AttentionFrom(query=(0, 2))(trace)

    def test_pooled_keys_keep_their_class_token_apart(self, attention_of, trace_of):
        # Class token and one pooled key; class token and two queries on the picture.
        weights = torch.tensor([[[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]])
        trace = trace_of(attention_of(weights, TokenGrid.whole((1, 1), 1), query_tokens=TokenGrid.whole((1, 2), 1)))
        assert np.allclose(AttentionFrom()(trace).values_hw, [[0.1]])
        assert np.allclose(AttentionFrom(query="mean")(trace).values_hw, [[0.7]])
        assert np.allclose(Received()(trace).values_hw, [[0.5]])

    def test_fewer_queries_than_their_grid_says(self, attention_of, trace_of):
        record = attention_of(torch.tensor([[[0.5, 0.5]]]), TokenGrid.whole((1, 2)))
        with pytest.raises(ShapeError, match=r"queries must number \(windows, tokens\) = \(1, 2\).*got \(1, 1\)"):
            Received()(trace_of(record))
