"""Shared steps of the maps that read self-attention."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.maps.base import AttentionMap
from attnviz.records import SelfAttention, TokenGrid, Trace
from attnviz.records.tokens import PADDING

SHARE_UNIT = "share of attention"

QUERIES_AT_ONCE = 256
"""Rows of an attention matrix computed at one time: a whole matrix of 4,097 tokens and 12 heads is 800 MB."""


def row_blocks(record: SelfAttention, heads: str | int = "mean") -> Iterator[tuple[slice, Tensor]]:
    """The joined attention matrix in blocks of rows.

    Yields:
        Which queries, and their weights of shape (windows, block, keys).

    Raises:
        ValueRangeError: `heads` is neither "mean", nor "max", nor the number of a head.
    """
    queries = record.queries.shape[2]
    for start in range(0, queries, QUERIES_AT_ONCE):
        stop = min(start + QUERIES_AT_ONCE, queries)
        yield slice(start, stop), rows_of(record, list(range(start, stop)), heads)


def rows_of(record: SelfAttention, queries: Sequence[int], heads: str | int) -> Tensor:
    """Rows of the attention matrix with the heads joined, (windows, queries, keys).

    Raises:
        ValueRangeError: `heads` is neither "mean", nor "max", nor the number of a head.
    """
    if heads == "mean":
        return record.weights(queries=queries).mean(dim=1)
    if heads == "max":
        return record.weights(queries=queries).amax(dim=1)
    count = record.queries.shape[1]
    if isinstance(heads, int) and not isinstance(heads, bool) and 0 <= heads < count:
        return record.weights(queries=queries, heads=[heads])[:, 0]
    raise ValueRangeError(
        f'heads must be "mean", "max" or a number in 0..{count - 1}, as {record.site.layer} has {count} heads; '
        f"got {heads!r}. Choose one of these."
    )


def grid_of_queries(record: SelfAttention) -> TokenGrid:
    """How the queries lie.

    Raises:
        ShapeError: the record has more or fewer queries than lie on that grid.
    """
    grid = record.query_tokens or record.tokens
    got = (record.queries.shape[0], record.queries.shape[2])
    if got != (grid.windows, grid.tokens):
        raise ShapeError(
            f"{record.site.layer}: queries must number (windows, tokens) = {(grid.windows, grid.tokens)}, as their "
            f"grid says; got {got}. Trace with the right grid_hw, or correct the mechanism."
        )
    return grid


def on_picture(grid: TokenGrid, *, prefix: bool) -> Tensor:
    """True for the tokens that lie on the picture, not on padding, (windows, tokens).

    Args:
        grid: of the tokens.
        prefix: what to say of class and register tokens.
    """
    named = torch.full((grid.windows, grid.prefix), prefix)
    return torch.cat([named, grid.cells() != PADDING], dim=1)


def mean_row(record: SelfAttention, heads: str | int, *, prefix: bool) -> tuple[Tensor, Tensor]:
    """The mean row of each window's matrix. Queries that are padding are left out.

    Args:
        record: of the layer.
        heads: how to join them.
        prefix: whether class and register tokens count among the queries.

    Returns:
        The rows, (windows, keys), and how many queries each is the mean of, (windows,).

    Raises:
        ValueRangeError: no query is left.
    """
    counted = on_picture(grid_of_queries(record), prefix=prefix)
    counts = counted.sum(dim=1)
    if not counts.sum():
        raise ValueRangeError(
            f"{record.site.layer}: the mean must be over queries that lie on the picture; got none, only "
            f'{", ".join(grid_of_queries(record).prefix_names)}. Use query="class", or Received.'
        )
    total = torch.zeros(record.keys.shape[0], record.keys.shape[2])
    for rows, weights in row_blocks(record, heads):
        total += torch.einsum("w q, w q k -> w k", counted[:, rows].float(), weights)
    return total / counts[:, None], counts


def levelling(record: SelfAttention, *, prefix: bool) -> Tensor | None:
    """Factors for `mean_row` that make attention which prefers nothing the same everywhere, or None where it is so.

    A shifted window that sticks out of the picture, whose padding is masked, shares its attention among fewer keys: the
    mean row is larger there for no other reason. The factor of a key is what it would get from even attention in a
    whole window, over what it would get from even attention under the layer's mask.

    Args:
        record: of the layer.
        prefix: as for `mean_row`.

    Returns:
        Shape (windows, keys), or None.
    """
    if record.mask is None or not record.tokens.is_padded:
        return None
    counted = on_picture(grid_of_queries(record), prefix=prefix).float()
    windows, keys = record.keys.shape[0], record.keys.shape[2]
    even = record.mask.float().softmax(dim=-1)
    even = even.reshape((1,) * (4 - even.dim()) + tuple(even.shape)).mean(dim=1)
    even = even.expand(windows, counted.shape[1], keys)
    mean = torch.einsum("w q, w q k -> w k", counted, even) / counted.sum(dim=1, keepdim=True).clamp(min=1)
    return torch.where(mean > 0, 1 / keys / mean, 1.0)


@dataclass(frozen=True)
class Laid:
    """Shares of the keys, laid on the grid.

    Attributes:
        grid_hw: values of the cells. Nothing is renormalised.
        prefix: share of all attention that went to class and register tokens.
        padding: share of all attention that went to padding outside the picture.
    """

    grid_hw: npt.NDArray[np.float32]
    prefix: float
    padding: float


def lay(record: SelfAttention, values: Tensor, counts: Tensor | None = None) -> Laid:
    """Lay the shares of the keys on the grid.

    Args:
        record: of the layer.
        values: shape (windows, keys).
        counts: (windows,), how many queries each row stands for; 0 where it stands for none. None: one each.
    """
    prefix = record.tokens.prefix
    counts = torch.ones(len(values)) if counts is None else counts.float()
    grid = record.tokens.scatter(values[:, prefix:])
    # Weigh the windows by their queries; a window without any may hold NaN.
    share = torch.where(counts[:, None] > 0, values, 0) * counts[:, None] / counts.sum()
    padding = share[:, prefix:][record.tokens.cells() == PADDING]
    return Laid(grid.numpy(), float(share[:, :prefix].sum()), float(padding.sum()))


def share_map(
    trace: Trace,
    record: SelfAttention,
    values: Tensor,
    method: str,
    meaning: str,
    heads: str | int,
    counts: Tensor | None = None,
    level: Tensor | None = None,
) -> AttentionMap:
    """The map of shares of attention that the keys of one layer get.

    Args:
        trace: that the record is from.
        record: of the layer.
        values: shape (windows, keys).
        method: the recipe.
        meaning: what was averaged, but for the heads.
        heads: how they were joined. Maxima over heads do not sum to one, so of those no share is told.
        counts: as for `lay`.
        level: factors of the drawn values, as `levelling` gives them; the note tells shares without them.
    """
    laid = lay(record, values, counts)
    drawn = laid.grid_hw
    if level is not None:
        drawn = record.tokens.scatter((values * level)[:, record.tokens.prefix :]).numpy()
        meaning += ", windows at the edge levelled"
    joined = {"mean": "mean over heads", "max": "maximum over heads"}
    how = f"head {heads + 1}" if isinstance(heads, int) else joined[heads]  # as people count
    told = [prefix_note(record, laid.prefix), padding_note(record, laid.padding)] if heads != "max" else []
    return AttentionMap(
        values_hw=drawn,
        method=method,
        sites=(record.site,),
        meaning=f"{meaning}, {how}",
        unit=SHARE_UNIT,
        bounds=(0.0, 1.0),
        signed=False,
        geometry=trace.geometry,
        note="; ".join(sentence for sentence in (*told, window_note(record)) if sentence),
    )


def prefix_note(record: SelfAttention, held: float) -> str:
    """What went to tokens that have no place in the picture."""
    names = record.tokens.prefix_names
    if not names:
        return ""
    registers = sum(name.startswith("register") for name in names)
    told = [f"the {name} token" for name in names if not name.startswith("register")]
    if registers:
        told.append("1 register token" if registers == 1 else f"{registers} register tokens")
    return f"{held * 100:.1f} % of the attention goes to {' and '.join(told)} and is not drawn"


def padding_note(record: SelfAttention, held: float) -> str:
    """What went to padding, where windows stick out of the picture and the network does not mask that."""
    if not record.tokens.is_padded:
        return ""
    return f"{held * 100:.1f} % of the attention goes to padding outside the picture and is not drawn"


def window_note(record: SelfAttention) -> str:
    """How far a query can see at all."""
    tokens = record.tokens
    if tokens.windows == 1:
        return ""
    rows, columns = tokens.window_hw
    spread = " spread over the whole picture" if tokens.strided else ""
    shift = f", shifted by {tokens.shift_hw[0]} x {tokens.shift_hw[1]}" if any(tokens.shift_hw) else ""
    return f"each cell looks only within its window of {rows} x {columns} cells{spread}{shift}"
