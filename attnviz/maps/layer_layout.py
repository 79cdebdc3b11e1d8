"""How a layer's output lies on the picture: channels first, channels last, or a row of tokens."""

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from einops import rearrange
from torch import Tensor, nn

from attnviz.errors import ShapeError
from attnviz.records.token_layouts import token_grid, token_layouts


class Layout(Protocol):
    """Turns a layer's output into a grid of shape (1, c, h, w), and a changed grid back into an output."""

    def to_grid(self, output: Tensor) -> Tensor: ...

    def from_grid(self, grid_bchw: Tensor, output: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class FeatureMap:
    """A map of features, (1, c, h, w) or (1, h, w, c)."""

    channels: Literal["first", "last"]

    def to_grid(self, output: Tensor) -> Tensor:
        return output if self.channels == "first" else rearrange(output, "b h w c -> b c h w")

    def from_grid(self, grid_bchw: Tensor, output: Tensor) -> Tensor:
        return grid_bchw if self.channels == "first" else rearrange(grid_bchw, "b c h w -> b h w c")


@dataclass(frozen=True)
class Tokens:
    """Prefix tokens, then patch tokens row by row: (1, prefix + h * w, c)."""

    grid_hw: tuple[int, int]
    prefix: int

    def to_grid(self, output: Tensor) -> Tensor:
        return rearrange(output[:, self.prefix :], "b (h w) c -> b c h w", h=self.grid_hw[0])

    def from_grid(self, grid_bchw: Tensor, output: Tensor) -> Tensor:
        return torch.cat([output[:, : self.prefix], rearrange(grid_bchw, "b c h w -> b (h w) c")], dim=1)


def one_tensor(output: object, layer: str) -> Tensor:
    """A layer's output, if that is a single tensor.

    Raises:
        ShapeError: it is something else, such as a pair of tokens and weights.
    """
    if not isinstance(output, Tensor):
        raise ShapeError(
            f"{layer} must return one tensor; got {type(output).__name__}. Choose a layer inside it or after it."
        )
    return output


def layout_of(model: nn.Module, output: Tensor, input_hw: tuple[int, int], layer: str) -> Layout:
    """Find how an output lies on the picture, or refuse: a guess here would put a map in the wrong place.

    Args:
        model: asked for its token grid, as a trace does.
        output: the layer's output for one picture.
        input_hw: pixels of the model input.
        layer: its name, for the message.

    Raises:
        ShapeError: neither reading of the shape agrees with the picture's proportions, or the token count is not that
            of the patch grid and the tokens that the model names.
    """
    shape = tuple(output.shape)
    if output.ndim == 4:
        first, last = _fits(shape[2:4], input_hw), _fits(shape[1:3], input_hw)
        if first:
            return FeatureMap("first")
        if last:
            return FeatureMap("last")
        raise ShapeError(
            f"{layer} must return a feature map in the proportions of the {input_hw[0]} x {input_hw[1]} input; "
            f"got {shape}. Choose an earlier layer, before pooling."
        )
    if output.ndim != 3:
        raise ShapeError(
            f"{layer} must return (1, c, h, w) or (1, tokens, c); got {shape}. Choose a layer whose output has places."
        )
    grid = token_grid(token_layouts(model, layer, shape[1], input_hw), shape[1])
    if grid is None:
        raise ShapeError(
            f"{layer} must return tokens that lie on a known grid; got {shape[1]} of them from an input of "
            f"{input_hw[0]} x {input_hw[1]} px. Choose a layer at the patch grid's resolution, or give the model a "
            "method grid_of(input_hw) and the names of its other tokens as `prefix`."
        )
    return Tokens(grid.grid_hw, grid.prefix)


def _fits(grid_hw: tuple[int, ...], input_hw: tuple[int, int]) -> bool:
    """Whether a grid could be the input divided by one stride: rounding may take or add one cell a side."""
    height, width = grid_hw
    if height > input_hw[0] or width > input_hw[1] or height * width == 1:
        return False
    stride = max(input_hw[0] / height, input_hw[1] / width)
    return abs(input_hw[0] / stride - height) <= 1 and abs(input_hw[1] / stride - width) <= 1
