"""Shifted windows: how the grid is cut, rolled and masked, and which cell sees which.

Paper: Liu et al. 2021, "Swin Transformer", arXiv:2103.14030, section 3.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ValueRangeError
from attnviz.mechanisms.windows import shift_mask
from attnviz.records import TokenGrid

OTHER_WINDOW, MASKED, SEEN = 0, 1, 2
"""In `WindowSteps.seen_from`: what a cell is for the one that looks."""

PADDING = -1
"""In `WindowSteps.rolled` and `WindowSteps.windows`: no cell of the grid."""

Cells = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WindowSteps:
    """One layer of window attention.

    Attributes:
        tokens: grid, window and shift, as a trace has them.
        rolled: (rows of windows * window, columns of windows * window), the cell that lies at each place after the
            roll, numbered row by row; `PADDING` where the grid was filled up.
        windows: (h, w), the number of the window that each cell falls in.
        regions: (h, w), the number of the part of its window that each cell may look at: cells of one window that the
            roll brought together from different sides have different numbers.
        allowed: (h * w, h * w), whether the row's cell sees the column's cell.
    """

    tokens: TokenGrid
    rolled: Cells
    windows: Cells
    regions: Cells
    allowed: npt.NDArray[np.bool_]

    def seen_from(self, cell: tuple[int, int]) -> Cells:
        """What each cell of the grid is for one of them: `SEEN`, `MASKED` or `OTHER_WINDOW`.

        Raises:
            ValueRangeError: the cell lies outside the grid.
        """
        number = cell_number(self.tokens.grid_hw, cell)
        same = self.windows == self.windows[cell]
        return np.where(self.allowed[number].reshape(same.shape), SEEN, np.where(same, MASKED, OTHER_WINDOW))

    @property
    def pairs(self) -> int:
        """Pairs of a query and a key that the layer compares: its cost grows with them."""
        return int(self.allowed.sum())


def shifted_windows(grid_hw: tuple[int, int], window: int, shift: int) -> WindowSteps:
    """How a layer of window attention cuts a grid.

    Along an axis that one window covers there is nothing to shift, and no shift is made.

    Args:
        grid_hw: rows and columns of cells.
        window: side of a window, in cells.
        shift: cells that the grid is rolled up and left; 0 for a layer without shift, half a window in the paper.

    Raises:
        ValueRangeError: a size is below 1, or the shift is not from 0 to window - 1.
    """
    if not 0 <= shift < max(1, window):
        raise ValueRangeError(
            f"shift must lie between 0 and window - 1 = {window - 1}; got {shift}. Half a window is usual."
        )
    plain = TokenGrid(grid_hw, (window, window))
    rows, columns = plain.windows_hw
    tokens = TokenGrid(grid_hw, (window, window), (shift if rows > 1 else 0, shift if columns > 1 else 0))
    cells = tokens.cells().numpy()
    rolled = cells.reshape(rows, columns, window, window).transpose(0, 2, 1, 3).reshape(rows * window, -1)
    mask = shift_mask(tokens)
    together = np.ones((tokens.windows, tokens.patches, tokens.patches), bool) if mask is None else mask.numpy() == 0
    count = grid_hw[0] * grid_hw[1]
    allowed = np.zeros((count, count), bool)
    windows, regions = np.zeros(count, np.int64), np.zeros(count, np.int64)
    found = 0
    for number, members in enumerate(cells):
        inside = members != PADDING
        windows[members[inside]] = number
        allowed[np.ix_(members[inside], members[inside])] = together[number][np.ix_(inside, inside)]
        for part in np.unique(together[number][inside], axis=0):
            regions[members[inside & part]] = found
            found += 1
    return WindowSteps(tokens, rolled, windows.reshape(grid_hw), regions.reshape(grid_hw), allowed)


def reached(layers: Iterable[WindowSteps], cell: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The cells whose content can have come to one cell after some layers, (h, w).

    Args:
        layers: of one grid, in the order they run.
        cell: row and column of the cell at the end.

    Raises:
        ValueRangeError: there is no layer, their grids differ, or the cell lies outside.
    """
    found = list(layers)
    if not found or len({one.tokens.grid_hw for one in found}) != 1:
        raise ValueRangeError(f"layers must be at least one, all of one grid; got {len(found)}. Give them in order.")
    grid_hw = found[0].tokens.grid_hw
    here = np.zeros(grid_hw[0] * grid_hw[1], bool)
    here[cell_number(grid_hw, cell)] = True
    for one in reversed(found):
        here = np.asarray(one.allowed[here].any(axis=0))
    return here.reshape(grid_hw)


def cell_number(grid_hw: tuple[int, int], cell: tuple[int, int]) -> int:
    """A cell's number on the grid, row by row from 0.

    Raises:
        ValueRangeError: the cell lies outside.
    """
    if not (0 <= cell[0] < grid_hw[0] and 0 <= cell[1] < grid_hw[1]):
        raise ValueRangeError(
            f"the cell must lie in a grid of {grid_hw[0]} rows and {grid_hw[1]} columns; got {cell}. "
            "Rows and columns count from 0."
        )
    return cell[0] * grid_hw[1] + cell[1]
