"""Shifted-window attention of timm's Swin Transformers: version 1, version 2, and the other version 2, "cr".

Papers: Liu et al. 2021, "Swin Transformer", arXiv:2103.14030, section 3.2; Liu et al. 2022, "Swin Transformer V2",
arXiv:2111.09883, section 3.

The attention layer sees windows and a mask, the block makes both. It rolls, then pads, the other way round than
torchvision; padding is not masked, so some attention goes there.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attnviz.mechanisms.base import refuse, register
from attnviz.mechanisms.windows import (
    Core,
    WindowBlock,
    cosine,
    number_of,
    pair_of,
    split_heads,
    tensor_of,
    tensor_or_none,
    whole_of,
)
from attnviz.records import TokenGrid

Attend = Callable[[Tensor], Tensor]


def _tokens(block: nn.Module, grid_hw: tuple[int, int]) -> TokenGrid:
    return TokenGrid(grid_hw, pair_of(block, "window_size"), pair_of(block, "shift_size"), rolled_first=True)


def _project(layer: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return split_heads(layer.get_submodule("qkv")(windows), whole_of(layer, "num_heads"))


def _scale(layer: nn.Module) -> float:
    return number_of(layer, "scale")


def _bias(layer: nn.Module, _windows: Tensor) -> Tensor:
    table = tensor_of(layer, "relative_position_bias_table")
    index = tensor_of(layer, "relative_position_index")
    return table[index].permute(2, 0, 1)  # (queries, keys, heads) to (heads, queries, keys)


def _norm_first(block: nn.Module, x: Tensor, attend: Attend) -> Tensor:
    x = x + attend(block.get_submodule("norm1")(x))
    return x + block.get_submodule("mlp")(block.get_submodule("norm2")(x))


def _project_2(layer: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The keys have no bias. The layer does not call its `qkv`, so neither a hook on that nor its bias would do."""
    bias = tensor_or_none(layer, "q_bias")
    if bias is not None:
        bias = torch.cat([bias, torch.zeros_like(bias), tensor_of(layer, "v_bias")])
    q, k, v = split_heads(F.linear(windows, tensor_of(layer, "qkv.weight"), bias), whole_of(layer, "num_heads"))
    return *cosine(q, k, tensor_of(layer, "logit_scale")), v


def _bias_2(layer: nn.Module, _windows: Tensor) -> Tensor:
    """Continuous position bias: a small network of the log-spaced offset, held between 0 and 16."""
    table = layer.get_submodule("cpb_mlp")(tensor_of(layer, "relative_coords_table")).flatten(0, 2)
    return 16 * table[tensor_of(layer, "relative_position_index")].permute(2, 0, 1).sigmoid()


def _norm_last(block: nn.Module, x: Tensor, attend: Attend) -> Tensor:
    x = x + block.get_submodule("norm1")(attend(x))
    return x + block.get_submodule("norm2")(block.get_submodule("mlp")(x))


def _project_cr(layer: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v = _project(layer, windows)
    return *cosine(q, k, tensor_of(layer, "logit_scale")), v


def _bias_cr(layer: nn.Module, windows: Tensor) -> Tensor:
    tokens = windows.shape[1]
    return layer.get_submodule("meta_mlp")(tensor_of(layer, "relative_coordinates_log")).T.reshape(-1, tokens, tokens)


def _norm_last_cr(block: nn.Module, x: Tensor, attend: Attend) -> Tensor:
    return block.get_submodule("norm3")(_norm_last(block, x, attend))


register("timm.models.swin_transformer.SwinTransformerBlock")(
    WindowBlock("swin", "arXiv:2103.14030", Core(_project, _scale, _bias), _tokens, _norm_first)
)
register("timm.models.swin_transformer_v2.SwinTransformerV2Block")(
    WindowBlock("swin", "arXiv:2111.09883", Core(_project_2, bias=_bias_2), _tokens, _norm_last)
)
register("timm.models.swin_transformer_v2_cr.SwinTransformerV2CrBlock")(
    WindowBlock("swin", "arXiv:2111.09883", Core(_project_cr, bias=_bias_cr), _tokens, _norm_last_cr)
)
refuse(
    "it sees windows and not where they lie, so it is read only inside the block of its own library that cuts them.",
    "timm.models.swin_transformer.WindowAttention",
    "timm.models.swin_transformer_v2.WindowAttention",
    "timm.models.swin_transformer_v2_cr.WindowMultiHeadAttention",
)
