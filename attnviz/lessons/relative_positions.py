"""Relative position logits in two dimensions, step by step.

Paper: Bello, Zoph, Vaswani, Shlens, Le 2019, "Attention Augmented Convolutional Networks", arXiv:1904.09925, eqs. 3
to 5.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.lessons.arrays import Array, matrix, softmax


@dataclass(frozen=True, eq=False)
class RelativeSteps:
    """What one query adds to the attention logits of every key for its place alone.

    Attributes:
        row_offsets: (h,), rows from the query down to each row of keys; negative above.
        column_offsets: (w,), columns from the query to the right.
        row_terms: (h,), `q . r_H[row offset] / sqrt(d)`.
        column_terms: (w,), `q . r_W[column offset] / sqrt(d)`.
        logits: (h, w), their sums.
        weights: (h, w), softmax of the logits over all keys: the attention if all keys had the same content.
    """

    row_offsets: npt.NDArray[np.int64]
    column_offsets: npt.NDArray[np.int64]
    row_terms: Array
    column_terms: Array
    logits: Array
    weights: Array


def relative_positions(
    query: npt.ArrayLike,
    row_table: npt.ArrayLike,
    column_table: npt.ArrayLike,
    cell: tuple[int, int],
) -> RelativeSteps:
    """The relative logits of one query on a grid.

    Args:
        query: (d,).
        row_table: r_H, (2 h - 1, d): the first row is for the offset -(h - 1), the middle one for 0.
        column_table: r_W, (2 w - 1, d), likewise.
        cell: row and column of the query, from 0.

    Raises:
        ShapeError: a table has an even number of rows, or not as many columns as the query has numbers.
        ValueRangeError: the cell lies outside the grid, or a number is not finite.

    Example:
        >>> steps = relative_positions([1.0], [[0.0]], [[-1.0], [0.0], [2.0]], (0, 0))
        >>> steps.logits.tolist()
        [[0.0, 2.0]]
    """
    q = matrix("query", query, ("d",))
    tables = {"row_table": matrix("row_table", row_table, ("offsets", "d"))}
    tables["column_table"] = matrix("column_table", column_table, ("offsets", "d"))
    for name, table in tables.items():
        if len(table) % 2 == 0 or table.shape[1] != len(q):
            raise ShapeError(
                f"{name} must have an odd number of rows and {len(q)} columns, as the query; got {table.shape}. "
                "A grid of n cells has 2 n - 1 offsets."
            )
    height, width = (len(table) // 2 + 1 for table in tables.values())
    if not (0 <= cell[0] < height and 0 <= cell[1] < width):
        raise ValueRangeError(
            f"the query must lie in a grid of {height} rows and {width} columns; got {cell}. "
            "Rows and columns count from 0."
        )
    row_offsets, column_offsets = np.arange(height) - cell[0], np.arange(width) - cell[1]
    scale = 1 / math.sqrt(len(q))
    row_terms = tables["row_table"][row_offsets + height - 1] @ q * scale
    column_terms = tables["column_table"][column_offsets + width - 1] @ q * scale
    logits = row_terms[:, None] + column_terms[None, :]
    weights = softmax(logits.ravel()).reshape(logits.shape)
    return RelativeSteps(row_offsets, column_offsets, row_terms, column_terms, logits, weights)
