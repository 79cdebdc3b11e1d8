"""All heads of one layer for one query, each with how spread its attention is and how far it reaches.

Entropy and distance are about patch tokens alone, as in `attnviz.maps.attention_entropy`: class and register tokens and
padding are left out, and the row is divided by what is left of it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from attnviz.errors import AttnvizError, NothingTracedError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionFrom, AttentionMap, attention_entropy, mean_attention_distance
from attnviz.maps.attention_grid import grid_of_queries
from attnviz.maps.choosing import choose
from attnviz.querying.answers import AttentionAnswer, PlaceAnswer
from attnviz.querying.asking import attention_records, geometry_of, query
from attnviz.records import SelfAttention, Site, Trace


@dataclass(frozen=True, eq=False)
class HeadRow:
    """What one head looks at, from one query.

    Attributes:
        head: its number, counted from 0.
        row: the shares on the keys' grid, NaN where the query may not look.
        prefix: share that tokens without a place take together.
        entropy: of this row over the places it may look at, in nats; NaN where it has no choice, or is turned off.
        entropy_share: the same as a share of the largest possible: 1 for an even look, 0 for a single place.
        distance_px: mean distance from the query to what it looks at, in pixels of the source picture; None for a
            query without a place.
        mean_entropy_share: `entropy_share`, mean over all rows of this head; NaN where nobody can tell.
        mean_distance_px: `distance_px`, mean over all rows of this head; NaN likewise.
    """

    head: int
    row: AttentionMap
    prefix: float
    entropy: float
    entropy_share: float
    distance_px: float | None
    mean_entropy_share: float
    mean_distance_px: float


@dataclass(frozen=True, eq=False)
class HeadRows:
    """All heads of one layer, from one query.

    Attributes:
        model: name of the network, as people should see it.
        site: the layer.
        cell: row and column of the query, counted from 0; None for the class token.
        grid_hw: rows and columns of the queries' grid.
        point_yx: the point that was asked, in source pixels; None for the class token.
        rows: one for each head.
    """

    model: str
    site: Site
    cell: tuple[int, int] | None
    grid_hw: tuple[int, int]
    point_yx: tuple[float, float] | None
    rows: tuple[HeadRow, ...]

    @property
    def who(self) -> str:
        """Who looks, counted from 1: "the class token", or "the cell in row 5, column 7"."""
        if self.cell is None:
            return "the class token"
        return f"the cell in row {self.cell[0] + 1}, column {self.cell[1] + 1}"


def head_rows(
    trace: Trace,
    asked: tuple[float, float] | Literal["class"],
    layer: str | int | None = None,
    *,
    title: str = "",
) -> HeadRows:
    """What each head of one self-attention layer looks at, from one point of the photograph or from the class token.

    Args:
        trace: of a model input from `preprocess`.
        asked: a point in pixels of the source picture, rows first, or "class".
        layer: dotted name, pattern, or place among the self-attention layers; None takes the last.
        title: name of the network; by default `trace.model`.

    Raises:
        NothingTracedError: the network has no self-attention whose layout is known.
        NotFoundError: no such layer.
        ValueRangeError: the network did not see the point, no place looks in this layer, or it has no class token.
    """
    geometry = geometry_of(trace)
    records = attention_records(trace)
    if not records:
        raise NothingTracedError(
            f"{trace.model} must have self-attention of known layout to show its heads; got none. "
            "Ask a transformer, or query() for what this network has."
        )
    record = choose(records, layer)
    place = records.index(record)
    grid = grid_of_queries(record)
    heads = range(record.queries.shape[1])
    cell: tuple[int, int] | None = None
    if asked == "class":
        among = trace.of(SelfAttention).index(record)
        maps = [AttentionFrom(layer=among, query="class", heads=head)(trace) for head in heads]
        rows = record.weights(queries=[_class_token(record)])[0, :, 0, : record.tokens.prefix]
        prefix = rows.sum(dim=1).tolist()
    else:
        answers = [query(trace, asked, layer=place, heads=head) for head in heads]
        first = answers[0]
        if not isinstance(first, AttentionAnswer):
            why = first.sentence if not isinstance(first, PlaceAnswer) else "In this layer only the class token looks."
            raise ValueRangeError(f"{record.site.layer}: the point must have a row of attention; got none. {why}")
        cell = first.of_cell
        maps = [answer.row for answer in answers if isinstance(answer, AttentionAnswer)]
        prefix = [sum(answer.prefix.values()) for answer in answers if isinstance(answer, AttentionAnswer)]
    spread, reach = over_all_rows(record, geometry)
    return HeadRows(
        model=title or trace.model,
        site=record.site,
        cell=cell,
        grid_hw=grid.grid_hw,
        point_yx=None if asked == "class" else (float(asked[0]), float(asked[1])),
        rows=tuple(
            HeadRow(
                head,
                maps[head],
                float(prefix[head]),
                *row_entropy(maps[head].values_hw),
                row_distance(maps[head].values_hw, cell, grid.grid_hw, cell_size_px(geometry, (1, 1))),
                float(spread[head]),
                float(reach[head]),
            )
            for head in heads
        ),
    )


def row_entropy(values_hw: np.ndarray) -> tuple[float, float]:
    """How spread one row is: its entropy in nats, and as a share of the largest possible.

    Args:
        values_hw: non-negative shares on a grid, NaN where the query may not look.

    Returns:
        An even row over n cells gives (ln n, 1); a row on a single cell (0, 0). NaN where nothing is left of the row;
        the share is NaN where only one cell may be looked at.

    Example:
        >>> row_entropy(np.array([[0.0, 1.0]]))
        (0.0, 0.0)
    """
    known = values_hw[~np.isnan(values_hw)].astype(np.float64)
    total = known.sum()
    if not total > 0:
        return float("nan"), float("nan")
    shares = known[known > 0] / total
    nats = float(-(shares * np.log(shares)).sum()) + 0.0
    return nats, nats / float(np.log(known.size)) if known.size > 1 else float("nan")


def row_distance(
    values_hw: np.ndarray,
    cell: tuple[int, int] | None,
    of_grid_hw: tuple[int, int],
    input_hw_px: tuple[float, float],
) -> float | None:
    """How far one row reaches: the mean distance from the query's cell to the cells it looks at.

    Args:
        values_hw: non-negative shares on the keys' grid, NaN where the query may not look.
        cell: row and column of the query on its own grid; None for a query without a place.
        of_grid_hw: that grid.
        input_hw_px: height and width that both grids cover, in the pixels that the answer is to have.

    Returns:
        The distance between centres of cells; 0 for a row on the query's own place; None without a place, NaN where
        nothing is left of the row.
    """
    if cell is None:
        return None
    total = float(np.nansum(values_hw))
    if not total > 0:
        return float("nan")
    height, width = values_hw.shape
    down = (np.arange(height) + 0.5) / height * input_hw_px[0] - (cell[0] + 0.5) / of_grid_hw[0] * input_hw_px[0]
    across = (np.arange(width) + 0.5) / width * input_hw_px[1] - (cell[1] + 0.5) / of_grid_hw[1] * input_hw_px[1]
    return float(np.nansum(values_hw * np.hypot(down[:, None], across[None, :])) / total)


def cell_size_px(geometry: Geometry, grid_hw: tuple[int, int]) -> tuple[float, float]:
    """Height and width of one cell in pixels of the source picture; of the whole input for a grid of one cell."""
    height, width = (geometry.input_hw[axis] / geometry.scale_yx[axis] / grid_hw[axis] for axis in (0, 1))
    return float(height), float(width)


def _class_token(record: SelfAttention) -> int:
    token = grid_of_queries(record).class_token
    return 0 if token is None else token


def over_all_rows(record: SelfAttention, geometry: Geometry) -> tuple[torch.Tensor, torch.Tensor]:
    """How spread each head is and how far it looks, mean over all its rows.

    Returns:
        Entropy as a share of the largest possible, and distance in pixels of the source picture, both (heads,); NaN
        where there is no row between patches.
    """
    nobody = torch.full((record.queries.shape[1],), torch.nan)
    try:
        return (
            attention_entropy(record, share=True),
            mean_attention_distance(record, cell_size_px(geometry, record.tokens.grid_hw)),
        )
    except AttnvizError:
        return nobody, nobody
