"""Who is looked at: the columns of the attention matrix, averaged."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch

from attnviz.maps.attention_grid import patches_only, prefix_note, row_blocks
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import choose, records_of
from attnviz.records import Record, SelfAttention, Trace

_CARD = MethodCard(
    name="received",
    title="Attention received",
    answers="Which places are looked at by all the others, on average?",
    needs="SelfAttention",
    class_dependent=False,
    unit="share of attention",
)


@register_method(_CARD)
@dataclass(frozen=True)
class Received:
    """Mean over all queries, class token included, of the attention each place gets.

    Misleads when: a few background cells draw most of the attention of every query. Such cells act as a store for
    the network and say little about the picture there (Darcet et al. 2024, arXiv:2309.16588).

    Args:
        layer: place among the self-attention layers (-1 is the last), dotted name, or pattern.
        heads: "mean", "max", or the number of one head.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | int | None = -1
    heads: Literal["mean", "max"] | int = "mean"

    def __call__(self, trace: Trace) -> AttentionMap:
        """Column means on the layer's grid; in a windowed layer the mean is over the queries of the window."""
        record = choose(records_of(trace, SelfAttention, self), self.layer)
        windows, _, queries, _ = record.queries.shape
        total = torch.zeros(windows, record.keys.shape[2])
        for _, weights in row_blocks(record, self.heads):
            total += weights.sum(dim=1)
        grid, held = patches_only(record, total / queries)
        how = {"mean": "mean over heads", "max": "maximum over heads"}.get(str(self.heads), f"head {self.heads}")
        return AttentionMap(
            values_hw=grid,
            method=repr(replace(self, layer=record.site.layer)),
            sites=(record.site,),
            meaning=f"attention received by each place, mean over queries, {how}",
            unit=_CARD.unit,
            bounds=(0.0, 1.0),
            signed=False,
            geometry=trace.geometry,
            note=prefix_note(record, held) if self.heads != "max" else "",
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return any(isinstance(record, SelfAttention) for record in records)
