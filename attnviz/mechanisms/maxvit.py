"""Block and grid attention of MaxViT, in torchvision and in timm.

Paper: Tu et al. 2022, "MaxViT: Multi-Axis Vision Transformer", arXiv:2204.01697, section 3.2. Block attention works in
windows of neighbouring cells; grid attention in windows whose cells lie spread over the whole map.

torchvision scales by the width of all heads together, not of one; so do the released weights. Sizes that the windows
do not divide are refused by both libraries.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Protocol, cast

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, refuse, register
from attnviz.mechanisms.windows import Core, WindowBlock, as_rows, number_of, pair_of, split_heads, tensor_of, whole_of
from attnviz.records import SelfAttention, TokenGrid

Attend = Callable[[Tensor], Tensor]
PAPER = "arXiv:2204.01697"


def _partition(block: nn.Module, grid_hw: tuple[int, int]) -> TokenGrid:
    return TokenGrid(grid_hw, pair_of(block, "partition_size"), strided=not block.partition_block)


def _project_torchvision(layer: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return split_heads(layer.get_submodule("to_qkv")(windows), whole_of(layer, "n_heads"))


def _scale_torchvision(layer: nn.Module) -> float:
    return number_of(layer, "scale_factor")


def _bias_torchvision(layer: nn.Module, windows: Tensor) -> Tensor:
    index, tokens = tensor_of(layer, "relative_position_index").flatten(), windows.shape[1]
    return rearrange(tensor_of(layer, "relative_position_bias_table")[index], "(q k) heads -> heads q k", q=tokens)


def _merge_torchvision(layer: nn.Module, joined: Tensor) -> Tensor:
    merged: Tensor = layer.get_submodule("merge")(joined)
    return merged


_TORCHVISION = Core(_project_torchvision, _scale_torchvision, _bias_torchvision, _merge_torchvision)


@register("torchvision.models.maxvit.PartitionAttentionLayer")
class TorchvisionMaxVitMechanism(Mechanism[nn.Module]):
    """The layer (1, channels, h, w) with its norms and its MLP: it alone knows how the windows are cut."""

    key = "maxvit"
    paper = PAPER

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        attention = layer.get_submodule("attn_layer.1")
        inside: list[Tensor] = []

        def look_inside(run: Run) -> None:
            inside.append(one_picture(run.x, emit.layer).detach())  # (1, windows, tokens, channels)

        yield emit.after(attention, look_inside)

        def look(run: Run) -> None:
            height, width = run.x.shape[2:4]
            tokens = self._tokens(layer, (int(height), int(width)))
            _TORCHVISION.emit(emit, attention, inside.pop(), partial(as_rows, tokens=tokens), tokens)

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: SelfAttention) -> Tensor:
        norm, attention = layer.get_submodule("attn_layer.0"), layer.get_submodule("attn_layer.1")
        grid = rearrange(x, "1 c h w -> h w c")
        grid = grid + _TORCHVISION.attend_on_grid(attention, norm(grid), record)
        return rearrange(grid + layer.get_submodule("mlp_layer")(grid), "h w c -> 1 c h w")

    @staticmethod
    def _tokens(layer: nn.Module, grid_hw: tuple[int, int]) -> TokenGrid:
        strided = layer.partition_type == "grid"
        # The layer cuts squares of p x p cells. Of a grid window these are the windows, and each gives it one cell.
        edge = whole_of(layer, "p")
        window_hw = (grid_hw[0] // edge, grid_hw[1] // edge) if strided else (edge, edge)
        return TokenGrid(grid_hw, window_hw, strided=strided)


def _project_timm(layer: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    qkv = layer.get_submodule("qkv")
    if isinstance(qkv, nn.Conv2d):
        projected = nn.functional.linear(windows, qkv.weight.flatten(1), qkv.bias)
    else:
        projected = qkv(windows)
    if layer.head_first:
        q, k, v = rearrange(
            projected, "w n (heads three d) -> three w heads n d", three=3, heads=whole_of(layer, "num_heads")
        )
        return q, k, v
    return split_heads(projected, whole_of(layer, "num_heads"))


def _scale_timm(layer: nn.Module) -> float:
    return number_of(layer, "scale")


class _RelativePosition(Protocol):
    """timm's relative positions, of whichever sort."""

    def get_bias(self) -> Tensor: ...


def _relative(layer: nn.Module) -> _RelativePosition | None:
    return cast(_RelativePosition | None, layer.rel_pos)


def _bias_timm(layer: nn.Module, _windows: Tensor) -> Tensor | None:
    relative = _relative(layer)
    return relative.get_bias() if relative is not None else None


def _merge_timm(layer: nn.Module, joined: Tensor) -> Tensor:
    proj = layer.get_submodule("proj")
    if isinstance(proj, nn.Conv2d):
        return nn.functional.linear(joined, proj.weight.flatten(1), proj.bias)
    merged: Tensor = proj(joined)
    return merged


_TIMM = Core(_project_timm, _scale_timm, _bias_timm, _merge_timm)


def _finish(block: nn.Module, x: Tensor, attend: Attend) -> Tensor:
    norm1, ls1, norm2, mlp, ls2 = (block.get_submodule(name) for name in ("norm1", "ls1", "norm2", "mlp", "ls2"))
    x = x + ls1(attend(norm1(x)))
    return x + ls2(mlp(norm2(x)))


def _finish_2d(block: nn.Module, x: Tensor, attend: Attend) -> Tensor:
    """The same where norms, scales and MLP want channels before rows and columns."""
    norm1, ls1, norm2, mlp, ls2 = (block.get_submodule(name) for name in ("norm1", "ls1", "norm2", "mlp", "ls2"))
    x = rearrange(x, "h w c -> 1 c h w")
    attended = attend(rearrange(norm1(x), "1 c h w -> h w c"))
    x = x + ls1(rearrange(attended, "h w c -> 1 c h w"))
    return rearrange(x + ls2(mlp(norm2(x))), "1 c h w -> h w c")


def _channels_to_last(windows: Tensor, tokens: TokenGrid) -> Tensor:
    return rearrange(windows, "w c y x -> w (y x) c", w=tokens.windows)


register("timm.models.maxxvit.PartitionAttentionCl")(WindowBlock("maxvit", PAPER, _TIMM, _partition, _finish))
register("timm.models.maxxvit.PartitionAttention2d")(
    WindowBlock("maxvit", PAPER, _TIMM, _partition, _finish_2d, channels_last=False, rows=_channels_to_last)
)


@register("timm.models.maxxvit.ParallelPartitionAttention")
class ParallelPartitionMechanism(Mechanism[nn.Module]):
    """Block and grid attention side by side, each with half of the channels: two records in one run."""

    key = "maxvit"
    paper = PAPER

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        inside: dict[str, Tensor] = {}

        def look_inside(part: str, run: Run) -> None:
            inside[part] = run.x.detach()

        for part in ("block", "grid"):
            yield emit.after(layer.get_submodule(f"attn_{part}"), partial(look_inside, part))

        def look(run: Run) -> None:
            height, width = one_picture(run.x, emit.layer).shape[1:3]
            for part in ("block", "grid"):
                tokens = TokenGrid((int(height), int(width)), pair_of(layer, "partition_size"), strided=part == "grid")
                rows = partial(as_rows, tokens=tokens)
                _TIMM.emit(emit, layer.get_submodule(f"attn_{part}"), inside.pop(part), rows, tokens, part=part)

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, block: SelfAttention, grid: SelfAttention) -> Tensor:
        def attend(normed: Tensor) -> Tensor:
            halves = [
                _TIMM.attend_on_grid(layer.get_submodule(f"attn_{part}"), normed, record)
                for part, record in (("block", block), ("grid", grid))
            ]
            return torch.cat(halves, dim=-1)

        return _finish(layer, x[0], attend)[None]


@register("timm.models.maxxvit.Attention2d")
class Attention2dMechanism(Mechanism[nn.Module]):
    """The same layer over a whole map (1, channels, h, w), as CoAtNet uses it (Dai et al. 2021, arXiv:2106.04803)."""

    key = "mhsa"
    paper = "arXiv:2106.04803"

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        def look(run: Run) -> None:
            x, shared = one_picture(run.x, emit.layer), run.argument(1, "shared_rel_pos")
            tokens = TokenGrid.whole((int(x.shape[2]), int(x.shape[3])))
            core = _TIMM
            if _relative(layer) is None and isinstance(shared, Tensor):
                core = replace(_TIMM, bias=lambda _layer, _windows: shared)
            core.emit(emit, layer, x, partial(_channels_to_last, tokens=tokens), tokens)

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: SelfAttention) -> Tensor:
        y = _TIMM.attend_on_grid(layer, rearrange(x, "1 c h w -> h w c"), record)
        return rearrange(y, "h w c -> 1 c h w")


refuse(
    "it sees windows and not where they lie, so it is read only inside the layer of its own library that cuts them.",
    "torchvision.models.maxvit.RelativePositionalMultiHeadAttention",
    "timm.models.maxxvit.AttentionCl",
)
