"""What one token looks at: a row of the attention matrix, laid on the grid."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from attnviz.errors import ValueRangeError
from attnviz.maps.attention_grid import SHARE_UNIT, grid_of_queries, levelling, mean_row, rows_of, share_map
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import choose, records_of
from attnviz.records import Record, SelfAttention, TokenGrid, Trace

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
    not shared out among the places; nor is what falls on padding, where windows stick out of the picture. Queries that
    are padding do not count in the mean. Where the queries are other tokens than the keys, `query` is one of them.

    Misleads when: read as importance. A token can be looked at and then ignored by the layers above.

    Args:
        layer: place among the self-attention layers (-1 is the last), dotted name, or pattern.
        query: "class" for the class token, "mean" for the average over all places, or one cell (row, column), counted
            from 0. What people read, such as the map's `meaning`, counts rows, columns and heads from 1.
        heads: "mean", "max", or the number of one head, counted from 0. Maxima over heads do not sum to one.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | int | None = -1
    query: Literal["class", "mean"] | tuple[int, int] = "class"
    heads: Literal["mean", "max"] | int = "mean"

    def __call__(self, trace: Trace) -> AttentionMap:
        """One row of the matrix on the layer's grid; NaN outside the query's window, if the layer has windows."""
        record = choose(records_of(trace, SelfAttention, self), self.layer)
        values, counts, who = self._row(record)
        recipe = repr(replace(self, layer=record.site.layer))
        meaning = f"attention from {who} to each place"
        level = levelling(record, prefix=False) if self.query == "mean" else None
        return share_map(trace, record, values, recipe, meaning, self.heads, counts, level)

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return any(isinstance(record, SelfAttention) for record in records)

    def _row(self, record: SelfAttention) -> tuple[Tensor, Tensor | None, str]:
        """Weights over keys, (windows, keys), how many queries each window's stand for, and who is looking."""
        grid = grid_of_queries(record)
        if self.query == "class":
            place = grid.class_token
            if place is None:
                others = ", ".join(grid.prefix_names) or "patch tokens only"
                raise ValueRangeError(
                    f'{record.site.layer}: query "class" needs a class token; got a layer without one ({others}). '
                    'Use query="mean", or a cell (row, column).'
                )
            return rows_of(record, [place], self.heads)[:, 0], None, "the class token"
        if self.query == "mean":
            return *mean_row(record, self.heads, prefix=False), "the average place"
        window, token = self._cell(record, grid)
        weights = rows_of(record, [token], self.heads)[:, 0]
        alone = torch.full_like(weights, torch.nan)
        alone[window] = weights[window]
        counts = torch.zeros(len(weights))
        counts[window] = 1
        among = "" if record.query_tokens is None else f" of {grid.grid_hw[0]} x {grid.grid_hw[1]} queries"
        return alone, counts, f"the cell in row {self.query[0] + 1}, column {self.query[1] + 1}{among}"

    def _cell(self, record: SelfAttention, grid: TokenGrid) -> tuple[int, int]:
        query = self.query
        if not (
            isinstance(query, tuple)
            and len(query) == 2
            and all(0 <= at < n for at, n in zip(query, grid.grid_hw, strict=True))
        ):
            raise ValueRangeError(
                f'{record.site.layer}: query must be "class", "mean" or a cell (row, column) of the '
                f"{grid.grid_hw[0]} x {grid.grid_hw[1]} grid, counted from 0; got {query!r}."
            )
        return grid.index_of(*query)
