"""Where the tokens of a self-attention layer lie: grid, windows, shift, and the tokens that lie nowhere."""

import math
from dataclasses import dataclass

from einops import rearrange
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError


@dataclass(frozen=True)
class TokenGrid:
    """How tokens lie on the feature map. Global attention is one window as large as the grid.

    Windows are numbered row by row, and so are the tokens inside one. A grid that the windows do not divide is first
    padded at the bottom and the right; then it is rolled up and left by the shift (Liu et al. 2021, arXiv:2103.14030).

    Attributes:
        grid_hw: rows and columns of patch tokens.
        window_hw: rows and columns of one window.
        shift_hw: cyclic shift of the windows, in tokens.
        prefix: class and register tokens, standing before the patch tokens.
        prefix_names: one name for each of them; by default "class", then "register 1" and so on.

    Raises:
        ValueRangeError: a size is not positive, or the names do not match `prefix`.
    """

    grid_hw: tuple[int, int]
    window_hw: tuple[int, int]
    shift_hw: tuple[int, int] = (0, 0)
    prefix: int = 0
    prefix_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, size_hw in (("grid_hw", self.grid_hw), ("window_hw", self.window_hw)):
            if len(size_hw) != 2 or min(size_hw) < 1:
                raise ValueRangeError(f"{name} must be two whole numbers of at least 1; got {size_hw}. Rows go first.")
        if self.prefix < 0:
            raise ValueRangeError(f"prefix must be at least 0; got {self.prefix}. Count class and register tokens.")
        if not self.prefix_names:
            names = ("class", *(f"register {number}" for number in range(1, self.prefix)))
            object.__setattr__(self, "prefix_names", names[: self.prefix])
        if len(self.prefix_names) != self.prefix:
            raise ValueRangeError(
                f"prefix_names must name {self.prefix} tokens; got {self.prefix_names}. Give one name for each."
            )

    @classmethod
    def whole(cls, grid_hw: tuple[int, int], prefix: int = 0, prefix_names: tuple[str, ...] = ()) -> "TokenGrid":
        """The grid of global attention: a single window."""
        return cls(grid_hw, grid_hw, prefix=prefix, prefix_names=prefix_names)

    @property
    def class_token(self) -> int | None:
        """Place of the class token among the tokens; None if there is none, even where there are registers."""
        return self.prefix_names.index("class") if "class" in self.prefix_names else None

    @property
    def windows_hw(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return math.ceil(self.grid_hw[0] / self.window_hw[0]), math.ceil(self.grid_hw[1] / self.window_hw[1])

    @property
    def windows(self) -> int:
        """Number of windows."""
        return math.prod(self.windows_hw)

    @property
    def patches(self) -> int:
        """Patch tokens in one window."""
        return math.prod(self.window_hw)

    @property
    def tokens(self) -> int:
        """Tokens in one window, prefix tokens included: rows and columns of its attention matrix."""
        return self.prefix + self.patches

    def scatter(self, values: Tensor) -> Tensor:
        """One value per patch token laid on the grid, shift and padding undone.

        Args:
            values: shape (windows, patches), without prefix tokens.

        Returns:
            Shape (h, w).

        Raises:
            ShapeError: the values have another shape, for example because prefix tokens are still among them.

        Example:
            >>> import torch
            >>> TokenGrid(grid_hw=(2, 4), window_hw=(2, 2)).scatter(torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7]]))
            tensor([[0, 1, 4, 5],
                    [2, 3, 6, 7]])
        """
        if tuple(values.shape) != (self.windows, self.patches):
            raise ShapeError(
                f"values must have shape (windows, tokens) = {(self.windows, self.patches)}; got "
                f"{tuple(values.shape)}. Give patch tokens only; this grid has {self.prefix} prefix tokens to drop."
            )
        padded = rearrange(
            values,
            "(rows columns) (y x) -> (rows y) (columns x)",
            rows=self.windows_hw[0],
            y=self.window_hw[0],
        )
        return padded.roll(self.shift_hw, dims=(0, 1))[: self.grid_hw[0], : self.grid_hw[1]]

    def index_of(self, y: int, x: int) -> tuple[int, int]:
        """The (window, token) of a cell of the grid: row y, column x. Tokens count from the first prefix token.

        Raises:
            ValueRangeError: the cell lies outside the grid.
        """
        if not (0 <= y < self.grid_hw[0] and 0 <= x < self.grid_hw[1]):
            raise ValueRangeError(
                f"cell must lie in a grid of {self.grid_hw[0]} rows and {self.grid_hw[1]} columns; got {(y, x)}. "
                "Rows and columns count from 0."
            )
        row = (y - self.shift_hw[0]) % (self.windows_hw[0] * self.window_hw[0])
        column = (x - self.shift_hw[1]) % (self.windows_hw[1] * self.window_hw[1])
        window = (row // self.window_hw[0]) * self.windows_hw[1] + column // self.window_hw[1]
        token = (row % self.window_hw[0]) * self.window_hw[1] + column % self.window_hw[1]
        return window, self.prefix + token
