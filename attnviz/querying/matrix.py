"""The attention matrix of one layer with its tokens named, small enough to be drawn or sent to a browser."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps.attention_grid import grid_of_queries, row_blocks
from attnviz.maps.choosing import choose
from attnviz.querying.asking import Heads, attention_records, geometry_of, heads_words, hidden_keys
from attnviz.records import SelfAttention, Site, TokenGrid, Trace
from attnviz.records.tokens import PADDING

MOST_NUMBERS = 1_100_000
"""A matrix of more numbers is averaged over blocks of cells until it is smaller: about 1,000 tokens a side."""


@dataclass(frozen=True, eq=False)
class AttentionMatrix:
    """The attention of one layer, rows are queries; each row sums to 1 unless it is one of maxima over heads.

    Attributes:
        model: name of the network, as people should see it.
        site: the layer.
        heads: how the heads were joined, in words.
        weights: (windows, queries, keys), float32, NaN where a query may not look at a patch key.
        queries: how the queries lie.
        keys: how the keys lie.
        block: cells along each side of the blocks that were joined; 1 where nothing was. Rows are means over the
            queries of a block, columns sums over its keys.
        geometry: where the model input lies in the source picture.
        cells_hw: rows and columns of the layer's own grid of keys, before blocks were joined.
        query_cells_hw: likewise of its queries.
    """

    model: str
    site: Site
    heads: str
    weights: npt.NDArray[np.float32]
    queries: TokenGrid
    keys: TokenGrid
    block: int
    geometry: Geometry
    cells_hw: tuple[int, int]
    query_cells_hw: tuple[int, int]

    @property
    def note(self) -> str:
        """What was done to make the matrix smaller; empty where nothing was."""
        if self.block == 1:
            return ""
        return (
            f"The layer has {self.cells_hw[0]} × {self.cells_hw[1]} cells, too many to show one by one: each row "
            f"and column here stands for {self.block} × {self.block} of them. Rows are means over the queries, columns "
            "sums over the keys."
        )

    def box_yxyx(self, grid: TokenGrid) -> tuple[float, float, float, float]:
        """What a grid of this matrix covers: (top, left, bottom, right) in source pixels.

        The last blocks may stick out of the picture.
        """
        own_hw = self.cells_hw if grid is self.keys else self.query_cells_hw
        (top, left), (bottom, right) = self.geometry.to_source(
            [
                (0.0, 0.0),
                tuple(self.geometry.input_hw[axis] * grid.grid_hw[axis] * self.block / own_hw[axis] for axis in (0, 1)),
            ]
        )
        return float(top), float(left), float(bottom), float(right)

    def query_at(self, point_yx: tuple[float, float]) -> tuple[int, int] | None:
        """Row and column, on `queries.grid_hw`, of the query under a point; None where the network never looked."""
        if not self.queries.patches:
            return None
        cell = self.geometry.cell_at(point_yx, self.query_cells_hw)
        return None if cell is None else (cell[0] // self.block, cell[1] // self.block)

    def window_at(self, point_yx: tuple[float, float] | None) -> int:
        """Number of the window whose matrix is shown for a point; the first without one."""
        cell = None if point_yx is None else self.query_at(point_yx)
        return 0 if cell is None else self.queries.index_of(*cell)[0]

    def names(self, grid: TokenGrid, window: int) -> tuple[str, ...]:
        """What each row or column of a window's matrix is: "class", or its place, counted from 1."""
        cells = grid.cells()[window].tolist() if grid.patches else []
        columns = grid.grid_hw[1]
        return (
            *grid.prefix_names,
            *(
                "padding" if one == PADDING else f"row {one // columns + 1}, column {one % columns + 1}"
                for one in cells
            ),
        )

    def ticks(self, grid: TokenGrid, window: int) -> tuple[tuple[int, str], ...]:
        """Where a row of the picture's grid begins in a window's matrix, and the prefix tokens: (place, name)."""
        told = [(place, name) for place, name in enumerate(_short_prefix(grid))]
        cells = grid.cells()[window].tolist() if grid.patches else []
        last = None
        for place, cell in enumerate(cells):
            row = None if cell == PADDING else cell // grid.grid_hw[1]
            if row != last and row is not None:
                told.append((grid.prefix + place, f"row {row + 1}"))
            last = row if row is not None else last
        return tuple(told)


def attention_matrix(
    trace: Trace,
    layer: str | int | None = None,
    heads: Heads = "mean",
    *,
    most: int = MOST_NUMBERS,
    title: str = "",
) -> AttentionMatrix:
    """The matrix of one self-attention layer. It is never held as a whole for all heads.

    Args:
        trace: of a model input from `preprocess`.
        layer: dotted name, pattern, or place among the self-attention layers; None takes the last.
        heads: "mean", "max", or the number of one head, counted from 0.
        most: numbers that the matrix may have. Larger ones of a single window are joined in blocks of cells.
        title: name of the network; by default `trace.model`.

    Raises:
        NothingTracedError: the network has no self-attention whose layout is known.
        NotFoundError: no such layer.
        ValueRangeError: no such head, or windows that together are too large.
    """
    geometry = geometry_of(trace)
    records = attention_records(trace)
    if not records:
        raise NothingTracedError(
            f"{trace.model} must have self-attention of known layout to show a matrix; got none. "
            "Ask a transformer, or query() for what this network has."
        )
    record = choose(records, layer)
    queries, keys = grid_of_queries(record), record.tokens
    block = _block(record, queries, keys, most)
    small_queries, small_keys = _joined(queries, block), _joined(keys, block)
    weights = torch.zeros(keys.windows, small_queries.tokens, small_keys.tokens)
    to_query = _places(queries, small_queries, block)
    to_key = _places(keys, small_keys, block)
    counts = torch.zeros(small_queries.tokens).index_add_(0, to_query, torch.ones(len(to_query)))
    for rows, values in row_blocks(record, heads):
        columns = torch.zeros(*values.shape[:2], small_keys.tokens).index_add_(2, to_key, values)
        weights.index_add_(1, to_query[rows], columns)
    weights /= counts[None, :, None]
    if record.mask is not None and block == 1:
        weights[..., keys.prefix :][hidden_keys(record)] = torch.nan
    return AttentionMatrix(
        title or trace.model,
        record.site,
        heads_words(heads),
        weights.numpy(),
        small_queries,
        small_keys,
        block,
        geometry,
        keys.grid_hw,
        queries.grid_hw,
    )


def _block(record: SelfAttention, queries: TokenGrid, keys: TokenGrid, most: int) -> int:
    numbers = keys.windows * queries.tokens * keys.tokens
    if numbers <= most:
        return 1
    if keys.windows > 1 or queries.windows > 1:
        raise ValueRangeError(
            f"{record.site.layer}: its windows must hold at most {most} numbers together; got {numbers}. "
            "Ask single points with query()."
        )
    block = 2
    while _joined(queries, block).tokens * _joined(keys, block).tokens > most:
        block += 1
        if block > max(*queries.grid_hw, *keys.grid_hw):
            raise ValueRangeError(f"{record.site.layer}: most must leave room for its tokens; got {most}.")
    return block


def _joined(grid: TokenGrid, block: int) -> TokenGrid:
    """The grid of blocks of `block` cells a side; the last may be smaller."""
    if block == 1 or not grid.patches:
        return grid
    small = (math.ceil(grid.grid_hw[0] / block), math.ceil(grid.grid_hw[1] / block))
    return TokenGrid.whole(small, grid.prefix, grid.prefix_names)


def _places(grid: TokenGrid, small: TokenGrid, block: int) -> torch.Tensor:
    """Number of the token that each token of a window is joined to."""
    if block == 1 or not grid.patches:
        return torch.arange(grid.tokens)
    rows, columns = torch.meshgrid(*(torch.arange(size) // block for size in grid.grid_hw), indexing="ij")
    return torch.cat([torch.arange(grid.prefix), grid.prefix + (rows * small.grid_hw[1] + columns).flatten()])


def _short_prefix(grid: TokenGrid) -> list[str]:
    """Names of the prefix tokens, several registers as one name at the first of them."""
    return [name if not name.startswith("register ") else f"reg. {name.split(' ', 1)[1]}" for name in grid.prefix_names]
