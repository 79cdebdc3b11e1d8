"""Shifted windows by hand, and against torchvision's own mask."""

import numpy as np
import pytest
import torch
from torchvision.models.swin_transformer import shifted_window_attention

from attnviz.errors import ValueRangeError
from attnviz.lessons import reached, shifted_windows
from attnviz.lessons.shifted_windows import MASKED, OTHER_WINDOW, SEEN


def test_without_shift_a_window_is_a_tile() -> None:
    """A 4 x 4 grid in four tiles of 2 x 2: each cell sees the four of its own, so 16 x 4 pairs."""
    steps = shifted_windows((4, 4), window=2, shift=0)
    assert steps.windows.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    assert steps.rolled.tolist() == np.arange(16).reshape(4, 4).tolist()
    assert steps.pairs == 64
    assert steps.seen_from((1, 2)).tolist() == [
        [OTHER_WINDOW, OTHER_WINDOW, SEEN, SEEN],
        [OTHER_WINDOW, OTHER_WINDOW, SEEN, SEEN],
        [OTHER_WINDOW] * 4,
        [OTHER_WINDOW] * 4,
    ]


def test_with_shift_corners_come_together_and_are_masked() -> None:
    """Rolled by one up and left: the four corners share the last window, and none may see another."""
    steps = shifted_windows((4, 4), window=2, shift=1)
    assert steps.rolled.tolist() == [[5, 6, 7, 4], [9, 10, 11, 8], [13, 14, 15, 12], [1, 2, 3, 0]]
    seen = steps.seen_from((0, 0))
    assert seen[0, 0] == SEEN
    assert [seen[0, 3], seen[3, 0], seen[3, 3]] == [MASKED] * 3
    assert (seen[1:3, 1:3] == OTHER_WINDOW).all()
    # the middle window is whole; those at the sides fall into two parts of two, the corner one into four of one
    assert steps.pairs == 16 + 2 * (4 + 4) + 4
    assert len(np.unique(steps.regions)) == 1 + 2 * 2 + 4


def test_where_one_window_covers_an_axis_nothing_is_shifted() -> None:
    steps = shifted_windows((2, 6), window=2, shift=1)
    assert steps.tokens.shift_hw == (0, 1)
    assert steps.rolled.tolist() == [[1, 2, 3, 4, 5, 0], [7, 8, 9, 10, 11, 6]]


def test_two_layers_reach_what_one_cannot() -> None:
    """Cell (1, 1) of the first tile: a shifted layer behind it brings the middle, whose cells saw all four tiles."""
    plain, shifted = shifted_windows((4, 4), 2, 0), shifted_windows((4, 4), 2, 1)
    assert reached([plain], (1, 1)).sum() == 4
    assert reached([plain, plain], (1, 1)).sum() == 4
    assert reached([plain, shifted], (1, 1)).all()
    assert reached([shifted, plain], (1, 1)).sum() == 9  # the tile's cells saw rows and columns 0 to 2: each its part
    assert reached([plain, shifted], (0, 0)).sum() == 4  # the corner sees only itself in the shifted layer


@pytest.mark.parametrize(("grid_hw", "window", "shift"), [((4, 4), 2, 1), ((8, 12), 4, 2), ((5, 7), 3, 1)])
def test_torchvision_sees_the_same_cells(grid_hw: tuple[int, int], window: int, shift: int) -> None:
    """The output of a cell depends on another cell's input exactly where that one is allowed."""
    torch.manual_seed(0)
    height, width = grid_hw
    x = torch.randn(1, height, width, 4, dtype=torch.float64, requires_grad=True)
    qkv, proj = torch.randn(12, 4, dtype=torch.float64), torch.eye(4, dtype=torch.float64)
    bias = torch.zeros(1, 1, window**2, window**2, dtype=torch.float64)
    out = shifted_window_attention(x, qkv, proj, bias, [window] * 2, 1, [shift] * 2)
    steps = shifted_windows(grid_hw, window, shift)
    for cell in ((0, 0), (height // 2, width // 2), (height - 1, 0)):
        (grad,) = torch.autograd.grad(out[0, *cell].sum(), x, retain_graph=True)
        # a masked logit is 100 lower, so what comes through is below exp(-50) of the rest
        felt = (grad[0].abs().sum(-1) > 1e-12).numpy()
        np.testing.assert_array_equal(felt, steps.seen_from(cell) == SEEN)


def test_a_bad_shift_or_cell_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueRangeError, match="shift must lie between 0 and window - 1 = 1; got 2"):
        shifted_windows((4, 4), 2, 2)
    with pytest.raises(ValueRangeError, match=r"grid of 4 rows and 4 columns; got \(4, 0\)"):
        shifted_windows((4, 4), 2, 1).seen_from((4, 0))
    with pytest.raises(ValueRangeError, match="layers must be at least one"):
        reached([], (0, 0))
