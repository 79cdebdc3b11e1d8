"""From a picture to the tokens of a vision transformer.

Paper: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", arXiv:2010.11929, section 3.1, eq. 1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from einops import rearrange

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.lessons.arrays import Array, matrix


@dataclass(frozen=True)
class TokenCount:
    """How many tokens a picture becomes.

    Attributes:
        grid_hw: rows and columns of whole patches.
        left_over_hw: pixels at the bottom and the right that fill no patch.
        patches: patch tokens.
        tokens: all tokens, with the class token or others before the patches.
        numbers: colour values in one patch: `3 p^2`.
        weights: numbers in the attention matrix of one head: `tokens^2`.
    """

    grid_hw: tuple[int, int]
    left_over_hw: tuple[int, int]
    patches: int
    tokens: int
    numbers: int
    weights: int


def count_tokens(hw: tuple[int, int], patch: int, prefix: int = 1) -> TokenCount:
    """How many tokens a picture becomes.

    Args:
        hw: height and width of the model input in pixels.
        patch: side of a patch in pixels.
        prefix: tokens that are no patches; 1 for a class token.

    Raises:
        ValueRangeError: the picture is smaller than a patch, or a number is not positive.

    Example:
        >>> count_tokens((224, 224), 16).tokens
        197
    """
    if patch < 1 or prefix < 0 or min(hw) < patch:
        raise ValueRangeError(
            f"patch must be from 1 to the picture's short side, {min(hw)}; got {patch}, with {prefix} tokens before "
            "the patches. Take a smaller patch or a larger picture."
        )
    rows, columns = hw[0] // patch, hw[1] // patch
    tokens = rows * columns + prefix
    left_over = (hw[0] - rows * patch, hw[1] - columns * patch)
    return TokenCount((rows, columns), left_over, rows * columns, tokens, 3 * patch**2, tokens**2)


def cut_patches(rgb: npt.NDArray[np.uint8], patch: int) -> npt.NDArray[np.uint8]:
    """The patches of a picture, row by row, as they become tokens.

    Args:
        rgb: (h, w, 3).
        patch: side of a patch in pixels. Pixels that fill no patch are left out.

    Returns:
        Shape (patches, patch, patch, 3).

    Raises:
        ShapeError: the picture has other axes.
        ValueRangeError: it is smaller than a patch.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ShapeError(f"rgb must have shape (h, w, 3); got {rgb.shape}. Put the colours last.")
    rows, columns = count_tokens((rgb.shape[0], rgb.shape[1]), patch).grid_hw
    whole = rgb[: rows * patch, : columns * patch]
    cut: npt.NDArray[np.uint8] = rearrange(whole, "(y p) (x q) c -> (y x) p q c", p=patch, q=patch)
    return cut


def position_similarity(positions: npt.ArrayLike, cell: tuple[int, int]) -> Array:
    """How alike the learned position of one cell is to those of all cells: cosines, as in the paper's Figure 7.

    Args:
        positions: (d, h, w), such as `VisionTransformer.positions[0]`.
        cell: row and column, from 0.

    Returns:
        Shape (h, w), each in [-1, 1]; 1 at the cell itself. A position of length zero has cosine 0 to all.

    Raises:
        ValueRangeError: the cell lies outside the grid, or a number is not finite.
    """
    table = matrix("positions", positions, ("d", "h", "w"))
    height, width = table.shape[1:]
    if not (0 <= cell[0] < height and 0 <= cell[1] < width):
        raise ValueRangeError(
            f"the cell must lie in a grid of {height} rows and {width} columns; got {cell}. "
            "Rows and columns count from 0."
        )
    lengths = np.linalg.norm(table, axis=0)
    units = table / np.where(lengths > 0, lengths, 1)
    return np.asarray(np.einsum("d,dhw->hw", units[:, cell[0], cell[1]], units))
