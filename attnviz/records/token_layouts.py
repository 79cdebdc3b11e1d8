"""How the tokens of a vision transformer lie on its input, read from the model and never guessed from a square root.

A self-attention layer sees a row of tokens and does not know their grid. Its network does. A network outside this file
is understood if it has a method `grid_of(input_hw)` that gives (rows, columns), and, unless it has exactly one class
token, an attribute `prefix` with the names of the tokens before the patches.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from attnviz.records.tokens import TokenGrid

_USUAL_PATCHES_PX = (4, 7, 8, 14, 16, 32)


@dataclass(frozen=True)
class TokenLayout:
    """How the tokens of a network lie for one input size.

    Attributes:
        grid_hw: rows and columns of patch tokens.
        prefix_names: names of the tokens before them; None if nobody knows those.
        window_hw: rows and columns of the windows that a layer sees; None if it sees the whole grid.
        only: end of the names of the layers that this is true for; "" for all.
        elsewhere: layouts of other layers of the network. They go first.
    """

    grid_hw: tuple[int, int]
    prefix_names: tuple[str, ...] | None = None
    window_hw: tuple[int, int] | None = None
    only: str = ""
    elsewhere: "tuple[TokenLayout, ...]" = ()

    def tokens(self, count: int) -> TokenGrid | None:
        """The grid of a layer with `count` tokens; None if they are not these tokens."""
        height, width = self.window_hw or self.grid_hw
        prefix = count - height * width
        if prefix < 0 or (self.prefix_names is not None and prefix != len(self.prefix_names)):
            return None
        if self.window_hw is not None:
            return TokenGrid(self.grid_hw, self.window_hw, prefix=prefix, prefix_names=self.prefix_names or ())
        return TokenGrid.whole(self.grid_hw, prefix, self.prefix_names or ())

    def of(self, layer: str) -> "Iterator[TokenLayout]":
        """What this says about one layer, the most special word first."""
        yield from (layout for layout in (*self.elsewhere, self) if layer.endswith(layout.only))


def token_layouts(
    model: nn.Module,
    layer: str,
    count: int,
    input_hw: tuple[int, int],
    said: dict[str, TokenLayout | None] | None = None,
) -> Iterator[TokenLayout]:
    """How the tokens of a layer may lie, the best word first.

    Args:
        model: the whole network. What it says goes before what the modules around the layer say, from the outside in.
        layer: dotted name.
        count: its tokens. If nobody speaks, the grid is what the count allows, if it allows only one.
        input_hw: pixels of the model input.
        said: for callers with many layers: keeps what each module said.
    """
    said = {} if said is None else said
    parts = layer.split(".")
    for length in range(len(parts)):
        name = ".".join(parts[:length])
        if name not in said:
            said[name] = layout_of(model.get_submodule(name), input_hw)
        layout = said[name]
        if layout is not None:
            yield from layout.of(layer)
    guess = layout_from_size(count, input_hw)
    if guess is not None:
        yield guess


def token_grid(layouts: Iterable[TokenLayout], count: int) -> TokenGrid | None:
    """The grid of the first layout with exactly so many tokens; None if there is none."""
    return next((grid for layout in layouts if (grid := layout.tokens(count)) is not None), None)


def layout_of(model: nn.Module, input_hw: tuple[int, int]) -> TokenLayout | None:
    """What a network says about its tokens for a model input of that many pixels; None if it says nothing."""
    for read in (_own, _torchvision, _timm_family, _timm, _transformers):
        layout = read(model, input_hw)
        if layout is not None:
            return layout
    return None


def layout_from_size(count: int, input_hw: tuple[int, int]) -> TokenLayout | None:
    """The square patch of a usual size that divides the input into `count` tokens, with or without a class token.

    For networks that say nothing. None if no usual patch fits without remainder; two of them never fit together.
    """
    for patch in _USUAL_PATCHES_PX:
        rows, columns = input_hw[0] / patch, input_hw[1] / patch
        for names in ((), ("class",)):
            if rows.is_integer() and columns.is_integer() and rows * columns + len(names) == count:
                return TokenLayout((int(rows), int(columns)), names)
    return None


def _own(model: nn.Module, input_hw: tuple[int, int]) -> TokenLayout | None:
    grid_of = getattr(model, "grid_of", None)
    if not callable(grid_of):
        return None
    rows, columns = grid_of(input_hw)
    return TokenLayout((int(rows), int(columns)), tuple(getattr(model, "prefix", ("class",))))


def _inherits(model: nn.Module, library: str) -> bool:
    """Whether the network's class, or one that it inherits from, comes from a library; ends in a dot."""
    return any(cls.__module__.startswith(library) for cls in type(model).__mro__)


def _torchvision(model: nn.Module, input_hw: tuple[int, int]) -> TokenLayout | None:
    patch, token = getattr(model, "patch_size", None), getattr(model, "class_token", None)
    if not _inherits(model, "torchvision.") or not isinstance(patch, int) or token is None:
        return None
    return TokenLayout((input_hw[0] // patch, input_hw[1] // patch), ("class",))


def _timm(model: nn.Module, input_hw: tuple[int, int]) -> TokenLayout | None:
    prefix = getattr(model, "num_prefix_tokens", None)
    size_of: Callable[[tuple[int, int]], tuple[int, int]] | None
    size_of = getattr(getattr(model, "patch_embed", None), "dynamic_feat_size", None)
    if not isinstance(prefix, int) or not callable(size_of):
        return None
    names = [
        name
        for name, token in (("class", "cls_token"), ("distillation", "dist_token"))
        if getattr(model, token, None) is not None
    ]
    names += [f"register {number}" for number in range(1, prefix - len(names) + 1)]
    rows, columns = size_of(input_hw)
    return TokenLayout((rows, columns), tuple(names[:prefix]))


def _timm_family(model: nn.Module, input_hw: tuple[int, int]) -> TokenLayout | None:
    """Networks of timm whose tokens do not all lie on the grid of one patch embedding."""
    family = type(model).__module__.removeprefix("timm.models.")
    read = _TIMM_FAMILIES.get((family, type(model).__name__))
    return None if read is None else read(model, input_hw)


def _pit(model: Any, input_hw: tuple[int, int]) -> TokenLayout:
    """Stages on grids that a strided convolution shrinks; class and distillation token are kept apart."""
    names = ("class", "distillation")[: model.cls_token.shape[1]]
    grids = [_convolved(model.patch_embed.conv, input_hw)]
    for stage in model.transformers:
        pool = getattr(getattr(stage, "pool", None), "conv", None)
        if pool is not None:
            grids.append(_convolved(pool, grids[-1]))
    stages = [TokenLayout(grid_hw, names) for grid_hw in grids]
    return replace(stages[0], elsewhere=tuple(stages[1:]))


def _crossvit(model: Any, _input_hw: tuple[int, int]) -> TokenLayout:
    """Two branches, each with a picture of its own size, to which the input is scaled."""
    branches = [
        TokenLayout((size_hw[0] // embed.patch_size[0], size_hw[1] // embed.patch_size[1]), ("class",))
        for size_hw, embed in zip(model.img_size_scaled, model.patch_embed, strict=True)
    ]
    return replace(branches[0], elsewhere=tuple(branches[1:]))


def _tnt(model: Any, input_hw: tuple[int, int]) -> TokenLayout:
    """Patches with a class token; inside each patch, a window of pixels."""
    (rows, columns), (height, width) = model.pixel_embed.dynamic_feat_size(input_hw), model.pixel_embed.new_patch_size
    inside = TokenLayout((rows * height, columns * width), (), (height, width), only="attn_in")
    return TokenLayout((rows, columns), ("class",), elsewhere=(inside,))


def _xcit(model: Any, input_hw: tuple[int, int]) -> TokenLayout:
    """Convolutions of stride two, each of which rounds up."""
    patch = model.patch_embed.patch_size
    patch = patch if isinstance(patch, int) else patch[0]
    return TokenLayout((-(-input_hw[0] // patch), -(-input_hw[1] // patch)), ("class",))


def _naflex(model: Any, input_hw: tuple[int, int]) -> TokenLayout:
    """Patches of a picture of any shape; class and register tokens belong to the embedding."""
    rows, columns = model.embeds.dynamic_feat_size(input_hw)
    names = ["class"] * (model.embeds.cls_token is not None)
    names += [f"register {number}" for number in range(1, model.num_prefix_tokens - len(names) + 1)]
    return TokenLayout((rows, columns), tuple(names))


_TIMM_FAMILIES: dict[tuple[str, str], Callable[[Any, tuple[int, int]], TokenLayout]] = {
    ("pit", "PoolingVisionTransformer"): _pit,
    ("crossvit", "CrossVit"): _crossvit,
    ("tnt", "TNT"): _tnt,
    ("xcit", "Xcit"): _xcit,
    ("naflexvit", "NaFlexVit"): _naflex,
}
"""File and name of a network's class in timm to who reads it."""


def _convolved(convolution: nn.Conv2d, input_hw: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns behind a convolution, by its definition."""
    rows, columns = (
        (size + 2 * int(convolution.padding[axis]) - convolution.kernel_size[axis]) // convolution.stride[axis] + 1
        for axis, size in enumerate(input_hw)
    )
    return rows, columns


def _transformers(model: nn.Module, input_hw: tuple[int, int]) -> TokenLayout | None:
    embeddings = getattr(model, "embeddings", None)
    if not _inherits(model, "transformers.") or not isinstance(embeddings, nn.Module):
        return None
    patches = next((part for part in embeddings.modules() if isinstance(part, nn.Conv2d)), None)
    if patches is None or patches.kernel_size != patches.stride:
        return None
    registers = getattr(embeddings, "register_tokens", None)
    names = [
        name
        for name, token in (
            ("class", "cls_token"),
            ("class", "class_embedding"),
            ("distillation", "distillation_token"),
        )
        if getattr(embeddings, token, None) is not None
    ]
    if registers is not None:
        names += [f"register {number}" for number in range(1, registers.shape[1] + 1)]
    height, width = patches.stride
    return TokenLayout((input_hw[0] // height, input_hw[1] // width), tuple(names))
