"""Entropy and distance of attention: limiting cases, and small ones worked by hand."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.maps import AttentionFrom, Received, Rollout
from attnviz.maps.attention_grid import QUERIES_AT_ONCE
from attnviz.maps.statistics import attention_entropy, mean_attention_distance
from attnviz.records import SelfAttention, Site, TokenGrid


def uniform(tokens: TokenGrid, heads: int = 1) -> SelfAttention:
    """Equal logits: each row is spread evenly over the tokens of its window."""
    same = torch.zeros(tokens.windows, heads, tokens.tokens, 1)
    return SelfAttention(Site("attn", 0, "mhsa"), same, same, 1.0, tokens)


@pytest.mark.parametrize(
    ("grid_hw", "patch_px", "expected"),
    # By definition: the mean over all pairs of patches of patch_px * sqrt(dy^2 + dx^2), to two decimals.
    [((14, 14), 16, 116.49), ((16, 16), 14, 116.57), ((24, 24), 16, 200.05), ((7, 7), 16, 57.75)],
)
def test_distance_of_even_attention(grid_hw: tuple[int, int], patch_px: int, expected: float) -> None:
    distance = mean_attention_distance(uniform(TokenGrid.whole(grid_hw), heads=2), patch_px)
    assert distance.shape == (2,)
    assert distance.tolist() == pytest.approx([expected] * 2, abs=0.005)


def test_a_class_token_changes_neither_number() -> None:
    with_class = uniform(TokenGrid.whole((14, 14), prefix=1))
    assert float(mean_attention_distance(with_class, 16)) == pytest.approx(116.49, abs=0.005)
    assert float(attention_entropy(with_class)) == pytest.approx(5.2781, abs=5e-5)  # ln 196


def test_entropy_of_even_attention() -> None:
    record = uniform(TokenGrid.whole((14, 14)), heads=3)
    assert attention_entropy(record).tolist() == pytest.approx([math.log(196)] * 3)
    assert attention_entropy(record, share=True).tolist() == pytest.approx([1.0] * 3)


def test_a_head_that_looks_at_itself(attention_of: Callable[..., SelfAttention]) -> None:
    record = attention_of(torch.eye(6)[None], TokenGrid.whole((2, 3)))
    assert attention_entropy(record).tolist() == [0]
    assert attention_entropy(record, share=True).tolist() == [0]
    assert mean_attention_distance(record, 16).tolist() == [0]


def test_rows_worked_by_hand(attention_of: Callable[..., SelfAttention]) -> None:
    # A class token and two patches. Without the class token the rows are [1/4 3/4] and [0 1].
    weights = torch.tensor([[[0.2, 0.4, 0.4], [0.6, 0.1, 0.3], [0.5, 0.0, 0.5]]])
    record = attention_of(weights, TokenGrid.whole((1, 2), prefix=1))
    nats = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75)) / 2
    assert float(attention_entropy(record)) == pytest.approx(nats)
    assert float(attention_entropy(record, share=True)) == pytest.approx(nats / math.log(2))
    # The first patch sends 3/4 of its attention one patch of 10 px away, the second nothing: mean 3.75 px.
    assert float(mean_attention_distance(record, (99, 10))) == pytest.approx(3.75)


def test_height_and_width_of_a_cell_are_not_swapped() -> None:
    # Two rows of one column: half of the attention stays, half goes one row of 10 px.
    assert mean_attention_distance(uniform(TokenGrid.whole((2, 1))), (10, 99)).tolist() == [5]


def test_windows_stay_within_themselves() -> None:
    # Three windows in each of two rows, the last one cut by the edge: cells 0 1 | 2 3 | 4.
    record = uniform(TokenGrid((2, 5), (1, 2)))
    # Eight cells see two of the picture, themselves and a neighbour 8 px away: 4 px. Two see only themselves: 0.
    assert float(mean_attention_distance(record, 8)) == pytest.approx(8 * 4 / 10)
    assert float(attention_entropy(record)) == pytest.approx(8 * math.log(2) / 10)
    # Of the largest possible, the cells that have a choice reach all.
    assert float(attention_entropy(record, share=True)) == pytest.approx(1)


def test_strided_windows_reach_far() -> None:
    # Columns 0 and 2, 1 and 3: half of the attention goes two cells of 8 px.
    assert mean_attention_distance(uniform(TokenGrid((1, 4), (1, 2), strided=True)), 8).tolist() == [8]


def test_the_shift_is_undone() -> None:
    # One row of four cells, shifted by one: windows hold 1 2 and 3 0. Without a mask, 3 and 0 are 3 cells apart.
    record = uniform(TokenGrid((1, 4), (1, 2), (0, 1)))
    assert mean_attention_distance(record, 8).tolist() == [(4 + 4 + 12 + 12) / 4]


def test_queries_on_a_finer_grid(attention_of: Callable[..., SelfAttention]) -> None:
    # Two keys of 8 px, centres at 4 and 12; four queries, centres at 2, 6, 10 and 14, each looking at the first key.
    weights = torch.tensor([[[1.0, 0.0]] * 4])
    record = attention_of(weights, TokenGrid.whole((1, 2)), query_tokens=TokenGrid.whole((1, 4)))
    assert mean_attention_distance(record, 8).tolist() == [(2 + 2 + 6 + 10) / 4]


def test_a_class_query_alone_has_no_place(attention_of: Callable[..., SelfAttention]) -> None:
    record = attention_of(
        torch.tensor([[[0.5, 0.5]]]), TokenGrid.whole((1, 2)), query_tokens=TokenGrid.nowhere(("class",))
    )
    for statistic in (attention_entropy, lambda one: mean_attention_distance(one, 16)):
        with pytest.raises(ValueRangeError, match=r"blocks\.0\.attn: .* must be a mean over rows between patches"):
            statistic(record)


def test_rows_that_leave_nothing_for_the_picture_do_not_count(attention_of: Callable[..., SelfAttention]) -> None:
    # The first patch looks at the class token alone; the second evenly at both patches.
    weights = torch.tensor([[[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]])
    record = attention_of(weights, TokenGrid.whole((1, 2), prefix=1))
    assert float(attention_entropy(record)) == pytest.approx(math.log(2))


@pytest.mark.parametrize("patch_px", [0, -1, math.inf, (16, 0)])
def test_a_patch_without_size_is_refused(patch_px: float) -> None:
    with pytest.raises(ValueRangeError, match="patch_px must be positive; got"):
        mean_attention_distance(uniform(TokenGrid.whole((2, 2))), patch_px)


def test_a_record_that_does_not_fit_its_grid_is_refused(attention_of: Callable[..., SelfAttention]) -> None:
    record = attention_of(torch.full((1, 3, 2), 0.5), TokenGrid.whole((1, 2)))
    with pytest.raises(ShapeError, match=r"queries must number \(windows, tokens\) = \(1, 2\).*got \(1, 3\)"):
        attention_entropy(record)


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation gives."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else (made,):
            if isinstance(tensor, torch.Tensor):
                self.numbers = max(self.numbers, tensor.untyped_storage().nbytes() // tensor.element_size())
        return made


@contextmanager
def at_most(numbers: int) -> Iterator[None]:
    with Largest() as largest:
        yield
    assert 0 < largest.numbers <= numbers


def test_no_step_ever_holds_the_matrix(trace_of) -> None:
    # 64 x 64 patches and a class token: 4,097 tokens, as a picture of 1024 px has.
    tokens = TokenGrid.whole((64, 64), prefix=1)
    torch.manual_seed(0)
    queries, keys = torch.randn(2, 1, 1, 4097, 2)
    record = SelfAttention(Site("attn", 0, "mhsa"), queries, keys, 1.0, tokens)
    trace = trace_of(record)
    block = QUERIES_AT_ONCE * 4097
    assert block < 4097**2 / 15
    with at_most(block):
        Rollout()(trace)
    with at_most(block):
        Received()(trace)
    with at_most(block):
        AttentionFrom(query="mean")(trace)
    with at_most(block):
        attention_entropy(record)
    with at_most(block):
        mean_attention_distance(record, 16)
    with at_most(2 * 2 * 4097):  # queries and keys, in one piece of memory here
        AttentionFrom(query=(3, 5))(trace)
    with pytest.raises(AssertionError), at_most(block):
        record.weights(queries=range(QUERIES_AT_ONCE + 1))
