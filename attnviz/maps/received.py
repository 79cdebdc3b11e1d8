"""Who is looked at: the columns of the attention matrix, averaged."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from attnviz.maps.attention_grid import SHARE_UNIT, levelling, mean_row, share_map
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import choose, records_of
from attnviz.records import Record, SelfAttention, Trace

_CARD = MethodCard(
    name="received",
    title="Attention received",
    answers="Which places are looked at by all the others, on average?",
    needs="SelfAttention",
    class_dependent=False,
    unit=SHARE_UNIT,
)


@register_method(_CARD)
@dataclass(frozen=True)
class Received:
    """Mean over all queries, class token included and padding left out, of the attention each place gets.

    Misleads when: a few background cells draw most of the attention of every query. Such cells act as a store for
    the network and say little about the picture there (Darcet et al. 2024, arXiv:2309.16588).

    Args:
        layer: place among the self-attention layers (-1 is the last), dotted name, or pattern.
        heads: "mean", "max", or the number of one head, counted from 0.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | int | None = -1
    heads: Literal["mean", "max"] | int = "mean"

    def __call__(self, trace: Trace) -> AttentionMap:
        """Column means on the layer's grid; in a windowed layer the mean is over the queries of the window.

        Where a masked window sticks out of the picture, its values are levelled: even attention is flat.
        """
        record = choose(records_of(trace, SelfAttention, self), self.layer)
        values, counts = mean_row(record, self.heads, prefix=True)
        recipe = repr(replace(self, layer=record.site.layer))
        meaning = "attention received by each place, mean over queries"
        level = levelling(record, prefix=True)
        return share_map(trace, record, values, recipe, meaning, self.heads, counts, level)

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return any(isinstance(record, SelfAttention) for record in records)
