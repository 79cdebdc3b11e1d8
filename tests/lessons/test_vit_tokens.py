"""Tokens of a picture by hand, and against the network's own."""

import numpy as np
import pytest
import torch

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.lessons import count_tokens, cut_patches, position_similarity
from attnviz.models import VisionTransformer


@pytest.mark.parametrize(
    ("hw", "patch", "tokens"), [((224, 224), 16, 197), ((384, 384), 16, 577), ((224, 224), 14, 257), ((32, 48), 16, 7)]
)
def test_the_papers_counts(hw: tuple[int, int], patch: int, tokens: int) -> None:
    """ViT-B/16 at 224 and 384, ViT-H/14 at 224; 2 x 3 patches and a class token."""
    found = count_tokens(hw, patch)
    assert found.tokens == tokens
    assert found.weights == tokens**2
    assert found.numbers == 3 * patch**2


def test_pixels_that_fill_no_patch_are_told() -> None:
    """37 = 2 x 16 + 5, and 50 = 3 x 16 + 2."""
    found = count_tokens((37, 50), 16, prefix=5)
    assert (found.grid_hw, found.left_over_hw, found.patches, found.tokens) == ((2, 3), (5, 2), 6, 11)


def test_patches_are_cut_row_by_row() -> None:
    rgb = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    patches = cut_patches(rgb, 2)
    assert patches.shape == (6, 2, 2, 3)
    np.testing.assert_array_equal(patches[0], rgb[:2, :2])
    np.testing.assert_array_equal(patches[2], rgb[:2, 4:])
    np.testing.assert_array_equal(patches[3], rgb[2:, :2])


def test_the_network_has_as_many_tokens() -> None:
    network = VisionTransformer(3, width=8, depth=2, heads=2, stem_widths=(2, 2, 2)).eval()
    with torch.no_grad():
        tokens = network.tokens(torch.zeros(1, 3, 80, 120))
    assert tokens.shape[1] == count_tokens((80, 120), VisionTransformer.stride).tokens


def test_positions_by_hand() -> None:
    """Vectors (1, 0), (2, 0), (0, 3) and (-1, 0) beside the first: cosines 1, 1, 0 and -1; a zero one has 0."""
    positions = np.array([[[1.0, 2, 0, -1, 0]], [[0.0, 0, 3, 0, 0]]])
    np.testing.assert_allclose(position_similarity(positions, (0, 0)), [[1, 1, 0, -1, 0]])
    np.testing.assert_allclose(position_similarity(positions, (0, 4)), [[0, 0, 0, 0, 0]])


def test_what_does_not_fit_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueRangeError, match="patch must be from 1 to the picture's short side, 8; got 9"):
        count_tokens((8, 12), 9)
    with pytest.raises(ShapeError, match=r"rgb must have shape \(h, w, 3\)"):
        cut_patches(np.zeros((8, 8), np.uint8), 4)
    with pytest.raises(ValueRangeError, match="grid of 1 rows and 1 columns"):
        position_similarity(np.ones((2, 1, 1)), (1, 0))
