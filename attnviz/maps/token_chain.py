"""A row of self-attention layers that pass the same tokens on, which rollout, relevance and LeGrad are defined for."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from attnviz.errors import AttnvizError, ShapeError, ValueRangeError
from attnviz.records import Record, SelfAttention


def refuse_unfit(records: Sequence[SelfAttention], method: str, *, all_heads: bool = False) -> None:
    """Refuse attention that cannot be followed from layer to layer.

    Args:
        records: in the order the layers ran.
        method: its name, for the message.
        all_heads: refuse layers with heads turned off, too.

    Raises:
        ShapeError: attention is windowed, or the number of tokens changes from layer to layer.
        ValueRangeError: attention is mixed with convolution, or a head is off.
    """
    for record in records:
        layer = record.site.layer
        if record.site.mechanism == "aa_conv":
            raise ValueRangeError(
                f"{method} must follow layers that pass on attention alone; got {layer}, where attention stands beside "
                "a convolution. Use AttentionFrom on one layer."
            )
        if record.queries.shape[0] != 1 or record.tokens.window_hw != record.tokens.grid_hw:
            raise ShapeError(
                f"{method} must follow attention over the whole picture; got {layer}, which attends within windows of "
                f"{record.tokens.window_hw}. Use AttentionFrom or Received on one layer."
            )
        if all_heads and record.heads_off:
            raise ValueRangeError(
                f"{method} must follow all heads of a layer, whose mean it takes; got {layer} with heads turned off. "
                "Use AttentionFrom or Received on one layer."
            )
        queries, keys = record.queries.shape[2], record.keys.shape[2]
        if queries != keys:
            raise ShapeError(
                f"{method} must follow square attention matrices; got {queries} queries and {keys} keys in {layer}. "
                "Use AttentionFrom on one layer."
            )
        if record.query_tokens is not None:
            raise ShapeError(
                f"{method} must follow the same tokens from query to key; got {layer}, where other tokens look than "
                "are looked at. Use AttentionFrom or Received on one layer."
            )
        first = records[0]
        if queries != first.queries.shape[2] or record.tokens != first.tokens:
            raise ShapeError(
                f"{method} must follow the same tokens through all layers; got {first.queries.shape[2]} tokens in "
                f"{first.site.layer} and {queries} in {layer}. Use AttentionFrom on one layer."
            )


def can_be_followed(records: Iterable[Record], *, all_heads: bool = False) -> bool:
    """Whether there is self-attention, and `refuse_unfit` lets it pass."""
    found = [record for record in records if isinstance(record, SelfAttention)]
    try:
        refuse_unfit(found, "this", all_heads=all_heads)
    except AttnvizError:
        return False
    return bool(found)


def start_row(last: SelfAttention) -> tuple[Tensor, str]:
    """Where the way down begins: at the class token, or at the mean of all places.

    Returns:
        Shares of the tokens, (tokens,), which sum to one, and what that is in words.
    """
    prefix, count, start = last.tokens.prefix, last.queries.shape[2], last.tokens.class_token
    row = torch.zeros(count)
    if start is not None:
        row[start] = 1.0
        return row, "the class token"
    row[prefix:] = 1.0 / (count - prefix)
    return row, "the average place"
