"""Heads whose entropy and distance are arithmetic, on a picture 60 high and 100 wide."""

import math

import numpy as np
import pytest
import torch

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.maps import attention_entropy, mean_attention_distance
from attnviz.querying import head_rows
from attnviz.querying.heads import row_distance, row_entropy
from attnviz.records import Site, SpatialMask, TokenGrid
from tests.querying.toys import attention, trace_of


def test_entropy_of_an_even_row_is_ln_n_and_of_a_single_cell_0() -> None:
    assert row_entropy(np.full((2, 3), 0.1)) == pytest.approx((math.log(6), 1))
    assert row_entropy(np.array([[0.0, 0.5], [np.nan, 0.0]])) == (0.0, 0.0)
    # two of three cells may be looked at, alike: ln 2 of ln 2
    assert row_entropy(np.array([[0.4, 0.4, np.nan]])) == pytest.approx((math.log(2), 1))
    # shares 1/2, 1/4, 1/4: ln 2 / 2 + 2 ln 4 / 4 = 3/2 ln 2, of at most ln 3
    assert row_entropy(np.array([[0.2, 0.1, 0.1]])) == pytest.approx(
        (1.5 * math.log(2), 1.5 * math.log(2) / math.log(3))
    )
    assert math.isnan(row_entropy(np.zeros((2, 2)))[0])
    assert math.isnan(row_entropy(np.array([[0.5, np.nan]]))[1])


def test_distance_is_between_centres_of_cells() -> None:
    # 1 x 4 cells of 60 x 25 pixels: half of the attention stays, half goes two cells, 50 pixels
    assert row_distance(np.array([[0.2, 0.0, 0.2, np.nan]]), (0, 0), (1, 4), (60.0, 100.0)) == pytest.approx(25)
    # 3 x 1 cells of 20 x 100: all of it goes two rows down
    assert row_distance(np.array([[0.0], [0.0], [1.0]]), (0, 0), (3, 1), (60.0, 100.0)) == pytest.approx(40)
    # queries on 2 x 2, keys on 1 x 1: from the centre of the top left quarter to the centre of all
    assert row_distance(np.array([[1.0]]), (0, 0), (2, 2), (60.0, 100.0)) == pytest.approx(math.hypot(15, 25))
    assert row_distance(np.array([[1.0]]), None, (2, 2), (60.0, 100.0)) is None


class TestTwoHeads:
    """A class token and a 1 x 2 grid; the first head looks at its own place, the second at all places alike."""

    OWN = torch.tensor([[0.5, 0.25, 0.25], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5]])
    EVEN = torch.tensor([[0.2, 0.4, 0.4]] * 3)
    RECORD = attention(torch.stack([OWN, EVEN]), TokenGrid.whole((1, 2), prefix=1))

    def test_from_a_point(self) -> None:
        rows = head_rows(trace_of(self.RECORD), (0.0, 0.0), title="Net")
        assert (rows.model, rows.cell, rows.who) == ("Net", (0, 0), "the cell in row 1, column 1")
        own, even = rows.rows
        assert np.allclose(own.row.values_hw, [[0.5, 0.0]])
        assert np.allclose(even.row.values_hw, [[0.4, 0.4]])
        assert (own.prefix, even.prefix) == pytest.approx((0.5, 0.2))
        assert (own.entropy_share, even.entropy_share) == pytest.approx((0, 1))
        assert even.entropy == pytest.approx(math.log(2))
        # cells are 50 pixels wide: the even head sends half of what is left to the other one
        assert (own.distance_px, even.distance_px) == pytest.approx((0, 25))
        assert (own.mean_distance_px, even.mean_distance_px) == pytest.approx((0, 25))

    def test_from_the_class_token(self) -> None:
        rows = head_rows(trace_of(self.RECORD), "class")
        assert (rows.cell, rows.who) == (None, "the class token")
        own, even = rows.rows
        assert np.allclose(own.row.values_hw, [[0.25, 0.25]])
        assert (own.prefix, even.prefix) == pytest.approx((0.5, 0.2))
        assert own.distance_px is None
        assert own.entropy_share == pytest.approx(1)

    def test_the_means_are_those_of_the_library(self) -> None:
        rows = head_rows(trace_of(self.RECORD), (0.0, 0.0)).rows
        assert [one.mean_entropy_share for one in rows] == attention_entropy(self.RECORD, share=True).tolist()
        assert [one.mean_distance_px for one in rows] == mean_attention_distance(self.RECORD, (60, 50)).tolist()


def test_what_has_no_heads_says_so() -> None:
    with pytest.raises(NothingTracedError, match="self-attention"):
        head_rows(trace_of(SpatialMask(Site("gate", 0, "cbam.spatial"), torch.rand(2, 2))), (0.0, 0.0))
    with pytest.raises(ValueRangeError, match='"class" needs a class token'):
        head_rows(trace_of(attention(torch.full((1, 2, 2), 0.5), TokenGrid.whole((1, 2)))), "class")
    only_class = attention(
        torch.tensor([[[0.2, 0.5, 0.3]]]), TokenGrid.whole((1, 2), prefix=1), query_tokens=TokenGrid.nowhere()
    )
    with pytest.raises(ValueRangeError, match="only the class token looks"):
        head_rows(trace_of(only_class), (0.0, 0.0))
    assert len(head_rows(trace_of(only_class), "class").rows) == 1
