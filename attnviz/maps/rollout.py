"""Attention followed from the last layer down to the first.

Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers", arXiv:2005.00928, section 3.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from attnviz.errors import ValueRangeError
from attnviz.maps.attention_grid import lay, prefix_note, row_blocks
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import records_of
from attnviz.maps.token_chain import can_be_followed, refuse_unfit, start_row
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
        refuse_unfit(records, "rollout", all_heads=True)
        last = records[-1]
        row, origin = start_row(last)
        for record in reversed(records):
            row = self.residual * row + (1 - self.residual) * _through(row, record)
        laid = lay(last, row[None])
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
        return can_be_followed(records, all_heads=True)


def _through(row: Tensor, record: SelfAttention) -> Tensor:
    """`row` times the head-averaged matrix of one layer, whose rows are normalised to sum to one, or zero."""
    result = torch.zeros_like(row)
    for queries, weights in row_blocks(record):
        total = weights[0].sum(dim=-1, keepdim=True)
        result += row[queries] @ (weights[0] / torch.where(total > 0, total, 1))
    return result
