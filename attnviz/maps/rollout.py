"""Attention followed from the last layer down to the first.

Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers", arXiv:2005.00928, section 3.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.maps.attention_grid import lay, prefix_note, row_blocks
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import records_of
from attnviz.records import Record, SelfAttention, Trace

_CARD = MethodCard(
    name="rollout",
    title="Attention rollout",
    answers="Followed through all layers, where does the class token's information come from?",
    needs="SelfAttention",
    class_dependent=False,
    unit="share of rollout",
)


@register_method(_CARD)
@dataclass(frozen=True)
class Rollout:
    """Product over layers of the head-averaged attention, mixed with the identity for the skip connection.

    Each layer counts as residual * I + (1 - residual) * A, its rows normalised to sum to one; the map is the class
    token's row of the product, or the mean over places in a network without a class token. Only that row is carried
    through the layers, never the whole product.

    Misleads when: the values carried by the tokens differ much in size; rollout looks at attention weights alone, and
    it knows no class.

    Args:
        residual: share of a token that passes by the attention, in [0, 1). The paper's one half is the default.
    """

    card: ClassVar[MethodCard] = _CARD
    residual: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.residual < 1:
            raise ValueRangeError(f"residual must be in [0, 1); got {self.residual}. One half is the paper's choice.")

    def __call__(self, trace: Trace) -> AttentionMap:
        """The rollout on the token grid.

        Raises:
            NothingTracedError: the network has no self-attention.
            ShapeError: attention is windowed, or the number of tokens changes from layer to layer.
            ValueRangeError: attention is mixed with convolution, so that a product of matrices means nothing.
        """
        records = records_of(trace, SelfAttention, self)
        _refuse_unfit(records)
        last = records[-1]
        prefix, count, start = last.tokens.prefix, last.queries.shape[2], last.tokens.class_token
        row = torch.zeros(count)
        if start is not None:
            row[start] = 1.0
        else:
            row[prefix:] = 1.0 / (count - prefix)
        for record in reversed(records):
            row = self.residual * row + (1 - self.residual) * _through(row, record)
        laid = lay(last, row[None])
        origin = "the class token" if start is not None else "the average place"
        return AttentionMap(
            values_hw=laid.grid_hw,
            method=repr(self),
            sites=tuple(record.site for record in records),
            meaning=f"attention rollout from {origin} through {len(records)} layers, mean over heads",
            unit=_CARD.unit,
            bounds=(0.0, 1.0),
            signed=False,
            geometry=trace.geometry,
            note=prefix_note(last, laid.prefix).replace("attention", "rollout"),
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        found = [record for record in records if isinstance(record, SelfAttention)]
        try:
            _refuse_unfit(found)
        except (ShapeError, ValueRangeError):
            return False
        return bool(found)


def _through(row: Tensor, record: SelfAttention) -> Tensor:
    """`row` times the head-averaged matrix of one layer, whose rows are normalised to sum to one, or zero."""
    result = torch.zeros_like(row)
    for queries, weights in row_blocks(record):
        total = weights[0].sum(dim=-1, keepdim=True)
        result += row[queries] @ (weights[0] / torch.where(total > 0, total, 1))
    return result


def _refuse_unfit(records: Sequence[SelfAttention]) -> None:
    for record in records:
        layer = record.site.layer
        if record.site.mechanism == "aa_conv":
            raise ValueRangeError(
                f"rollout must follow layers that pass on attention alone; got {layer}, where attention stands beside "
                "a convolution. Use AttentionFrom on one layer."
            )
        if record.queries.shape[0] != 1 or record.tokens.window_hw != record.tokens.grid_hw:
            raise ShapeError(
                f"rollout must follow attention over the whole picture; got {layer}, which attends within windows of "
                f"{record.tokens.window_hw}. Use AttentionFrom or Received on one layer."
            )
        if record.heads_off:
            raise ValueRangeError(
                f"rollout must follow all heads of a layer, whose mean it takes; got {layer} with heads turned off. "
                "Use AttentionFrom or Received on one layer."
            )
        queries, keys = record.queries.shape[2], record.keys.shape[2]
        if queries != keys:
            raise ShapeError(
                f"rollout must follow square attention matrices; got {queries} queries and {keys} keys in {layer}. "
                "Use AttentionFrom on one layer."
            )
        if record.query_tokens is not None:
            raise ShapeError(
                f"rollout must follow the same tokens from query to key; got {layer}, where other tokens look than are "
                "looked at. Use AttentionFrom or Received on one layer."
            )
        first = records[0]
        if queries != first.queries.shape[2] or record.tokens != first.tokens:
            raise ShapeError(
                f"rollout must follow the same tokens through all layers; got {first.queries.shape[2]} tokens in "
                f"{first.site.layer} and {queries} in {layer}. Use AttentionFrom on one layer."
            )
