"""Shared steps of the maps that read self-attention."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from attnviz.errors import ValueRangeError
from attnviz.maps.base import AttentionMap
from attnviz.records import SelfAttention, Trace

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
        f'heads must be "mean", "max" or a number in 0..{count - 1}, as {record.site.layer} has {count}; '
        f"got {heads!r}. Choose one of these."
    )


def patches_only(record: SelfAttention, values: Tensor) -> tuple[np.ndarray, float]:
    """Values of the keys, (windows, keys), laid on the grid without the prefix tokens.

    Returns:
        The (h, w) grid, and what the prefix tokens held in all windows together. Nothing is renormalised.
    """
    prefix = record.tokens.prefix
    held = float(values[:, :prefix].sum()) if prefix else 0.0
    grid_hw = record.tokens.scatter(values[:, prefix:])
    return grid_hw.numpy(), held


def share_map(
    trace: Trace, record: SelfAttention, values: Tensor, method: str, meaning: str, heads: str | int
) -> AttentionMap:
    """The map of shares of attention that the keys of one layer get.

    Args:
        trace: that the record is from.
        record: of the layer.
        values: shape (windows, keys).
        method: the recipe.
        meaning: what was averaged, but for the heads.
        heads: how they were joined. Maxima over heads do not sum to one, so of those no share is told.
    """
    grid, held = patches_only(record, values)
    how = {"mean": "mean over heads", "max": "maximum over heads"}.get(str(heads), f"head {heads}")
    return AttentionMap(
        values_hw=grid,
        method=method,
        sites=(record.site,),
        meaning=f"{meaning}, {how}",
        unit=SHARE_UNIT,
        bounds=(0.0, 1.0),
        signed=False,
        geometry=trace.geometry,
        note=prefix_note(record, held) if heads != "max" else "",
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
