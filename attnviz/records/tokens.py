"""Where the tokens of a self-attention layer lie: grid, windows, shift, and the tokens that lie nowhere."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError

PADDING = -1
"""In `TokenGrid.cells`: this token lies outside the grid."""


@dataclass(frozen=True)
class TokenGrid:
    """How tokens lie on the feature map. Global attention is one window as large as the grid.

    Windows are numbered row by row, and so are the tokens inside one. A grid that the windows do not divide is padded
    at the bottom and the right. The windows of a shifted layer lie on a grid that was rolled up and left (Liu et al.
    2021, arXiv:2103.14030). Strided windows take every n-th row and column, n being the number of windows on that axis
    (Tu et al. 2022, "MaxViT", arXiv:2204.01697, grid attention).

    Attributes:
        grid_hw: rows and columns of patch tokens; (0, 0) where no token lies on the picture.
        window_hw: rows and columns of one window, in tokens.
        shift_hw: cyclic shift of the windows, in tokens.
        prefix: class and register tokens, standing before the patch tokens.
        prefix_names: one name for each of them; by default "class", then "register 1" and so on.
        rolled_first: the grid is rolled and then padded, as timm does; otherwise padded and then rolled, as
            torchvision does. The two differ where windows do not divide the grid.
        strided: the tokens of a window are spread over the whole grid.

    Raises:
        ValueRangeError: a size is not positive, or the names do not match `prefix`.
    """

    grid_hw: tuple[int, int]
    window_hw: tuple[int, int]
    shift_hw: tuple[int, int] = (0, 0)
    prefix: int = 0
    prefix_names: tuple[str, ...] = ()
    rolled_first: bool = False
    strided: bool = False

    def __post_init__(self) -> None:
        if self.prefix < 0:
            raise ValueRangeError(f"prefix must be at least 0; got {self.prefix}. Count class and register tokens.")
        nowhere = self.prefix > 0 and tuple(self.grid_hw) == tuple(self.window_hw) == (0, 0)
        for name, size_hw in (("grid_hw", self.grid_hw), ("window_hw", self.window_hw)):
            if not nowhere and (len(size_hw) != 2 or min(size_hw) < 1):
                raise ValueRangeError(f"{name} must be two whole numbers of at least 1; got {size_hw}. Rows go first.")
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

    @classmethod
    def nowhere(cls, prefix_names: tuple[str, ...] = ("class",)) -> "TokenGrid":
        """Tokens that have no place on the picture, such as the only query of a class-attention layer."""
        return cls((0, 0), (0, 0), prefix=len(prefix_names), prefix_names=prefix_names)

    @property
    def class_token(self) -> int | None:
        """Place of the class token among the tokens; None if there is none, even where there are registers."""
        return self.prefix_names.index("class") if "class" in self.prefix_names else None

    @property
    def windows_hw(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        if not self.patches:
            return 1, 1
        return math.ceil(self.grid_hw[0] / self.window_hw[0]), math.ceil(self.grid_hw[1] / self.window_hw[1])

    @property
    def windows(self) -> int:
        """Number of windows."""
        return math.prod(self.windows_hw)

    @property
    def patches(self) -> int:
        """Patch tokens in one window, padding included."""
        return math.prod(self.window_hw)

    @property
    def tokens(self) -> int:
        """Tokens in one window, prefix tokens included: rows and columns of its attention matrix."""
        return self.prefix + self.patches

    @property
    def is_padded(self) -> bool:
        """Whether some patch tokens lie outside the grid."""
        return self.windows * self.patches != math.prod(self.grid_hw)

    def cells(self) -> Tensor:
        """The cell that each patch token lies on.

        Returns:
            Whole numbers of shape (windows, patches): row * columns + column, or `PADDING`.

        Example:
            >>> TokenGrid(grid_hw=(1, 3), window_hw=(1, 2), shift_hw=(0, 1)).cells().tolist()
            [[1, 2], [-1, 0]]
        """
        rows, columns = (self._along(axis) for axis in (0, 1))
        row = rows[:, None, :, None]  # window row, window column, row in it, column in it
        column = columns[None, :, None, :]
        cells = torch.where((row < 0) | (column < 0), PADDING, row * self.grid_hw[1] + column)
        return cells.reshape(self.windows, self.patches)

    def scatter(self, values: Tensor) -> Tensor:
        """What each patch token has, laid on the grid, shift and padding undone.

        Args:
            values: shape (windows, patches), without prefix tokens; more axes may follow.

        Returns:
            Shape (h, w), and the axes that followed.

        Raises:
            ShapeError: the values have another shape, for example because prefix tokens are still among them.

        Example:
            >>> import torch
            >>> TokenGrid(grid_hw=(2, 4), window_hw=(2, 2)).scatter(torch.tensor([[0, 1, 2, 3], [4, 5, 6, 7]]))
            tensor([[0, 1, 4, 5],
                    [2, 3, 6, 7]])
        """
        if tuple(values.shape[:2]) != (self.windows, self.patches):
            raise ShapeError(
                f"values must have shape (windows, tokens) = {(self.windows, self.patches)}; got "
                f"{tuple(values.shape)}. Give patch tokens only; this grid has {self.prefix} prefix tokens to drop."
            )
        cells = self.cells().flatten().to(values.device)
        inside = cells != PADDING
        grid = values.new_empty(math.prod(self.grid_hw), *values.shape[2:])
        grid[cells[inside]] = values.flatten(0, 1)[inside]
        return grid.unflatten(0, self.grid_hw)

    def gather(self, grid: Tensor) -> Tensor:
        """What lies on the grid, given to the patch tokens. Padding gets 0. `scatter` undoes it.

        Args:
            grid: shape (h, w); more axes may follow.

        Returns:
            Shape (windows, patches), and the axes that followed.

        Raises:
            ShapeError: the first two axes are not those of the grid.
        """
        if tuple(grid.shape[:2]) != tuple(self.grid_hw):
            raise ShapeError(
                f"grid must have shape (h, w) = {tuple(self.grid_hw)}; got {tuple(grid.shape)}. Put channels last."
            )
        cells = self.cells().to(grid.device)
        taken = grid.flatten(0, 1)[cells.clamp(min=0)]
        padding = (cells == PADDING).reshape(cells.shape + (1,) * (grid.dim() - 2))
        return taken.masked_fill(padding, 0)

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
        window, token = (self.cells() == y * self.grid_hw[1] + x).nonzero()[0].tolist()
        return window, self.prefix + token

    def _along(self, axis: int) -> Tensor:
        """Row or column of each token along one axis, (windows, window), `PADDING` outside the grid."""
        size, window, shift, count = (
            self.grid_hw[axis], self.window_hw[axis], self.shift_hw[axis], self.windows_hw[axis],
        )  # fmt: skip
        places = torch.arange(count * window)
        if self.rolled_first:
            places = torch.where(places < size, (places + shift) % max(1, size), PADDING)
        else:
            places = (places + shift) % max(1, count * window)
            places = torch.where(places < size, places, PADDING)
        return places.view(window, count).T if self.strided else places.view(count, window)
