"""Attention within shifted windows, with its numbers: relative position bias, mask, softmax and output.

Paper: Liu et al. 2021, "Swin Transformer", arXiv:2103.14030, section 3.2, eqs. 3 and 4. Each cell has one number, there
is one head, and no LayerNorm and no MLP.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError
from attnviz.lessons.arrays import Array, matrix, softmax
from attnviz.lessons.shifted_windows import PADDING, Cells, WindowSteps, cell_number, shifted_windows
from attnviz.mechanisms.windows import shift_mask


@dataclass(frozen=True, eq=False)
class WindowQuery:
    """What one cell asks in its window. All tables are (window, window), in the order after the roll.

    Attributes:
        place: row and column of the cell that asks, in its window.
        cells: the cells of the window, numbered row by row on the grid; `PADDING` where the grid was filled up.
        query: what it asks with, `q`.
        keys: `k` of each cell.
        products: `q k`; the scale is 1, as a head of one number has `sqrt(d) = 1`.
        bias: `B`, by each cell's place in the window seen from the one that asks.
        mask: 0, or -100 where only the roll made two cells neighbours.
        logits: products + bias + mask.
        weights: softmax over the whole window.
        values: `v` of each cell.
        attended: sum of weights times values.
    """

    place: tuple[int, int]
    cells: Cells
    query: float
    keys: Array
    products: Array
    bias: Array
    mask: Array
    logits: Array
    weights: Array
    values: Array
    attended: float


@dataclass(frozen=True, eq=False)
class WindowAttentionSteps:
    """Every number of a layer of window attention.

    Attributes:
        windows: how the grid was cut, rolled and masked.
        features: (h, w), what goes in.
        attended: (h, w), what each cell gets of its window.
        output: (h, w), features + attended.
        cells: (windows, window^2), the cell at each place; `PADDING` where the grid was filled up.
        queries: (windows, window^2); 0 in cells that were filled up, likewise keys and values.
        keys: (windows, window^2).
        values: (windows, window^2).
        bias: (window^2, window^2), rows are queries.
        mask: (windows, window^2, window^2).
        weights: (windows, window^2, window^2); each row sums to 1.
    """

    windows: WindowSteps
    features: Array
    attended: Array
    output: Array
    cells: Cells
    queries: Array
    keys: Array
    values: Array
    bias: Array
    mask: Array
    weights: Array

    def asked(self, cell: tuple[int, int]) -> WindowQuery:
        """The steps of one cell.

        Args:
            cell: row and column on the grid, from 0.

        Raises:
            ValueRangeError: the cell lies outside the grid.
        """
        number = cell_number(self.windows.tokens.grid_hw, cell)
        side = self.windows.tokens.window_hw[0]
        which, at = (int(one[0]) for one in np.nonzero(self.cells == number))
        square = (side, side)
        query = float(self.queries[which, at])
        products = query * self.keys[which]
        return WindowQuery(
            (at // side, at % side),
            self.cells[which].reshape(square),
            query,
            self.keys[which].reshape(square),
            products.reshape(square),
            self.bias[at].reshape(square),
            self.mask[which, at].reshape(square),
            (products + self.bias[at] + self.mask[which, at]).reshape(square),
            self.weights[which, at].reshape(square),
            self.values[which].reshape(square),
            float(self.attended[cell]),
        )


def window_attention(
    features: npt.ArrayLike,
    factors: tuple[float, float, float],
    bias_table: npt.ArrayLike,
    shift: int,
    masked: bool = True,
) -> WindowAttentionSteps:
    """A layer of window attention on a map of one number for each cell, with the residual: `z + SW-MSA(z)`.

    Where the windows do not divide the grid, it is filled up with zeros below and at the right, which take part in the
    attention, as in the published code.

    Args:
        features: z, (h, w).
        factors: w_q, w_k and w_v: queries, keys and values are the features times these.
        bias_table: (2 window - 1, 2 window - 1). The middle is for the cell itself, the row below it for keys one row
            below the query, the column right of it for keys one column to the right. The published code has both axes
            the other way round.
        shift: cells that the grid is rolled up and left; 0 for W-MSA.
        masked: whether cells that only the roll made neighbours are kept apart, as the paper does.

    Raises:
        ShapeError: the table is no square with an odd side.
        ValueRangeError: a number is not finite, or the shift is not from 0 to window - 1.

    Example:
        >>> steps = window_attention([[1.0, 0.0], [0.0, 1.0]], (0.0, 0.0, 2.0), [[0.0] * 3] * 3, 0)
        >>> steps.output.tolist()
        [[2.0, 1.0], [1.0, 2.0]]
    """
    z = matrix("features", features)
    w_q, w_k, w_v = matrix("w_q, w_k and w_v", factors, ("numbers",))
    table = matrix("bias_table", bias_table)
    if table.shape[0] != table.shape[1] or len(table) % 2 == 0:
        raise ShapeError(
            f"bias_table must be a square with an odd side; got {table.shape}. "
            "A window of M cells has 2 M - 1 offsets along each axis."
        )
    side = len(table) // 2 + 1
    windows = shifted_windows((z.shape[0], z.shape[1]), side, shift)
    cells = windows.tokens.cells().numpy().reshape(-1, side * side)
    inside = cells != PADDING
    x = np.where(inside, z.ravel()[np.where(inside, cells, 0)], 0.0)
    queries, keys, values = x * w_q, x * w_k, x * w_v
    rows, columns = np.divmod(np.arange(side * side), side)
    bias = table[rows[None] - rows[:, None] + side - 1, columns[None] - columns[:, None] + side - 1]
    apart = shift_mask(windows.tokens) if masked else None
    mask = np.zeros((len(cells), side * side, side * side)) if apart is None else apart.double().numpy()
    weights = softmax(queries[:, :, None] * keys[:, None, :] + bias + mask)
    attended = np.zeros(z.size)
    attended[cells[inside]] = np.einsum("wqk,wk->wq", weights, values)[inside]
    got = attended.reshape(z.shape)
    return WindowAttentionSteps(windows, z, got, z + got, cells, queries, keys, values, bias, mask, weights)
