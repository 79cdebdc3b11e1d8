"""What one token looks at: a row of the attention matrix, laid on the grid."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from attnviz.errors import ValueRangeError
from attnviz.maps.attention_grid import SHARE_UNIT, row_blocks, rows_of, share_map
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import choose, records_of
from attnviz.records import Record, SelfAttention, Trace

_CARD = MethodCard(
    name="attention_from",
    title="Attention from one place",
    answers="What does this token, or this place in the picture, look at?",
    needs="SelfAttention",
    class_dependent=False,
    unit=SHARE_UNIT,
)


@register_method(_CARD)
@dataclass(frozen=True)
class AttentionFrom:
    """Softmax weights of one query over all places.

    Only the keys that lie in the picture are drawn; what goes to class and register tokens is said in the note and
    not shared out among the places.

    Misleads when: read as importance. A token can be looked at and then ignored by the layers above.

    Args:
        layer: place among the self-attention layers (-1 is the last), dotted name, or pattern.
        query: "class" for the class token, "mean" for the average over all places, or one cell (row, column).
        heads: "mean", "max", or the number of one head. Maxima over heads do not sum to one.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | int | None = -1
    query: Literal["class", "mean"] | tuple[int, int] = "class"
    heads: Literal["mean", "max"] | int = "mean"

    def __call__(self, trace: Trace) -> AttentionMap:
        """One row of the matrix on the layer's grid; NaN outside the query's window, if the layer has windows."""
        record = choose(records_of(trace, SelfAttention, self), self.layer)
        values, who = self._row(record)
        recipe = repr(replace(self, layer=record.site.layer))
        return share_map(trace, record, values, recipe, f"attention from {who} to each place", self.heads)

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return any(isinstance(record, SelfAttention) for record in records)

    def _row(self, record: SelfAttention) -> tuple[Tensor, str]:
        """Weights over keys, (windows, keys), and who is looking."""
        layer, prefix, windows = record.site.layer, record.tokens.prefix, record.keys.shape[0]
        if self.query == "class":
            place = record.tokens.class_token
            if place is None:
                others = ", ".join(record.tokens.prefix_names) or "patch tokens only"
                raise ValueRangeError(
                    f'{layer}: query "class" needs a class token; got a layer without one ({others}). '
                    'Use query="mean", or a cell (row, column).'
                )
            return rows_of(record, [place], self.heads)[:, 0], "the class token"
        if self.query == "mean":
            total = torch.zeros(windows, record.keys.shape[2])
            for rows, weights in row_blocks(record, self.heads):
                total += weights[:, max(0, prefix - rows.start) :].sum(dim=1)
            return total / (record.queries.shape[2] - prefix), "the average place"
        window, token = self._cell(record)
        weights = rows_of(record, [token], self.heads)[:, 0]
        alone = torch.full_like(weights, torch.nan)
        alone[window] = weights[window]
        return alone, f"the cell in row {self.query[0]}, column {self.query[1]}"

    def _cell(self, record: SelfAttention) -> tuple[int, int]:
        grid_hw = record.tokens.grid_hw
        query = self.query
        if not (
            isinstance(query, tuple)
            and len(query) == 2
            and all(0 <= at < n for at, n in zip(query, grid_hw, strict=True))
        ):
            raise ValueRangeError(
                f'{record.site.layer}: query must be "class", "mean" or a cell (row, column) of the '
                f"{grid_hw[0]} x {grid_hw[1]} grid, counted from 0; got {query!r}."
            )
        return record.tokens.index_of(*query)
