"""Which cell each token of a window lies on, worked out by hand on small maps."""

import pytest
import torch

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.records import TokenGrid
from attnviz.records.tokens import PADDING

P = PADDING

FOUR_BY_FOUR = [[5, 6, 9, 10], [7, 4, 11, 8], [13, 14, 1, 2], [15, 12, 3, 0]]
"""Cells 0 to 15, row by row. Rolled by one, rows and columns stand as 1 2 3 0; windows take (1, 2) and (3, 0)."""

PADDED_THEN_ROLLED = [
    # Rows 0 1 2 P stand as 1 2 P 0, columns 0 1 2 3 4 P as 1 2 3 4 P 0. Row 1 of the map begins with cell 5.
    [6, 7, 11, 12], [8, 9, 13, 14], [P, 5, P, 10],
    [P, P, 1, 2], [P, P, 3, 4], [P, P, P, 0],
]  # fmt: skip
ROLLED_THEN_PADDED = [
    # Rows 0 1 2 stand as 1 2 0 and then P, columns as 1 2 3 4 0 and then P.
    [6, 7, 11, 12], [8, 9, 13, 14], [5, P, 10, P],
    [1, 2, P, P], [3, 4, P, P], [0, P, P, P],
]  # fmt: skip
STRIDED = [[0, 2, 8, 10], [1, 3, 9, 11], [4, 6, 12, 14], [5, 7, 13, 15]]
"""Two windows on each axis, so that a window takes every second row and column."""

CASES = {
    "4 x 4, padded first": (TokenGrid((4, 4), (2, 2), (1, 1)), FOUR_BY_FOUR),
    "4 x 4, rolled first": (TokenGrid((4, 4), (2, 2), (1, 1), rolled_first=True), FOUR_BY_FOUR),
    "3 x 5, padded first": (TokenGrid((3, 5), (2, 2), (1, 1)), PADDED_THEN_ROLLED),
    "3 x 5, rolled first": (TokenGrid((3, 5), (2, 2), (1, 1), rolled_first=True), ROLLED_THEN_PADDED),
    "4 x 4, strided": (TokenGrid((4, 4), (2, 2), strided=True), STRIDED),
    # Two rows of windows and three columns: a window takes rows i and i + 2, columns j and j + 3.
    "4 x 6, strided": (
        TokenGrid((4, 6), (2, 2), strided=True),
        [[0, 3, 12, 15], [1, 4, 13, 16], [2, 5, 14, 17], [6, 9, 18, 21], [7, 10, 19, 22], [8, 11, 20, 23]],
    ),
    "a window larger than the map": (TokenGrid((1, 2), (2, 3)), [[0, 1, P, P, P, P]]),
}


@pytest.mark.parametrize("case", CASES)
def test_cells_worked_by_hand(case: str) -> None:
    grid, expected = CASES[case]
    assert grid.cells().tolist() == expected


@pytest.mark.parametrize("case", CASES)
def test_values_written_token_by_token_come_back_on_their_cells(case: str) -> None:
    grid, expected = CASES[case]
    # Each token is given the number of the cell that stands in the table above; padding gets a number of its own.
    written = torch.tensor(expected).where(torch.tensor(expected) != P, torch.tensor(999))
    laid = grid.scatter(written)
    rows, columns = grid.grid_hw
    assert laid.tolist() == [[y * columns + x for x in range(columns)] for y in range(rows)]


@pytest.mark.parametrize("case", CASES)
def test_gather_reads_the_cells_and_gives_nothing_to_padding(case: str) -> None:
    grid, expected = CASES[case]
    rows, columns = grid.grid_hw
    # Two channels: the cell's number plus one, and its negative, so that a true 0 is padding.
    numbers = torch.arange(1.0, rows * columns + 1).view(rows, columns)
    taken = grid.gather(torch.stack([numbers, -numbers], dim=-1))
    wanted = torch.tensor([[0.0 if cell == P else cell + 1.0 for cell in window] for window in expected])
    assert torch.equal(taken, torch.stack([wanted, -wanted], dim=-1))
    assert torch.equal(grid.scatter(taken)[..., 0], numbers)


@pytest.mark.parametrize("case", CASES)
def test_index_of_is_the_place_in_the_table(case: str) -> None:
    grid, expected = CASES[case]
    for window, cells in enumerate(expected):
        for token, cell in enumerate(cells):
            if cell != P:
                assert grid.index_of(*divmod(cell, grid.grid_hw[1])) == (window, token)


def test_padding_is_known() -> None:
    assert TokenGrid((3, 5), (2, 2)).is_padded
    assert not TokenGrid((4, 6), (2, 2), (1, 1)).is_padded
    assert not TokenGrid.whole((3, 5), prefix=1).is_padded


def test_tokens_that_lie_nowhere() -> None:
    grid = TokenGrid.nowhere(("class",))
    assert (grid.tokens, grid.patches, grid.windows, grid.class_token) == (1, 0, 1, 0)
    assert grid.cells().shape == (1, 0)
    with pytest.raises(ValueRangeError, match="0 rows and 0 columns"):
        grid.index_of(0, 0)
    with pytest.raises(ValueRangeError, match="grid_hw must be two whole numbers of at least 1"):
        TokenGrid((0, 0), (0, 0))


def test_a_map_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"grid must have shape \(h, w\) = \(3, 5\); got \(5, 3, 2\)"):
        TokenGrid((3, 5), (2, 2)).gather(torch.zeros(5, 3, 2))
