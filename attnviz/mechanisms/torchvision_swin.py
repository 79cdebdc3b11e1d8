"""Shifted-window attention of torchvision's Swin Transformers, versions 1 and 2.

Papers: Liu et al. 2021, "Swin Transformer", arXiv:2103.14030, section 3.2; Liu et al. 2022, "Swin Transformer V2",
arXiv:2111.09883, section 3.

The layer is one function: nothing inside it can be hooked. It pads, then rolls; it does not roll along an axis that
one window covers. Padding is not masked, so some attention goes there.
"""

from collections.abc import Iterable
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, register
from attnviz.mechanisms.windows import (
    Core,
    cosine,
    pair_of,
    shift_mask,
    split_heads,
    tensor_of,
    tensor_or_none,
    whole_of,
)
from attnviz.records import SelfAttention, TokenGrid


def _project(layer: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    bias, log_scale = tensor_or_none(layer, "qkv.bias"), tensor_or_none(layer, "logit_scale")
    if bias is not None and log_scale is not None:
        # Version 2 sets the keys' part to zero in each run, whatever was trained.
        third = len(bias) // 3
        bias = torch.cat([bias[:third], torch.zeros_like(bias[:third]), bias[2 * third :]])
    q, k, v = split_heads(F.linear(windows, tensor_of(layer, "qkv.weight"), bias), whole_of(layer, "num_heads"))
    if log_scale is not None:
        q, k = cosine(q, k, log_scale)
    return q, k, v


def _scale(layer: nn.Module) -> float:
    if tensor_or_none(layer, "logit_scale") is not None:
        return 1.0
    head_channels = tensor_of(layer, "qkv.weight").shape[1] // whole_of(layer, "num_heads")
    return float(head_channels**-0.5)


class _Relative(Protocol):
    """torchvision's own way to its relative positions, another one in each version."""

    def get_relative_position_bias(self) -> Tensor: ...


def _bias(layer: nn.Module, _windows: Tensor) -> Tensor:
    return cast(_Relative, layer).get_relative_position_bias()


_CORE = Core(_project, _scale, _bias)


@register("torchvision.models.swin_transformer.ShiftedWindowAttention")
class TorchvisionSwinMechanism(Mechanism[nn.Module]):
    """Both versions; the second is a subclass of the first. Input and output are (1, h, w, channels)."""

    key = "swin"
    paper = "arXiv:2103.14030"

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        def look(run: Run) -> None:
            x = one_picture(run.x, emit.layer)
            tokens = _tokens(layer, (int(x.shape[1]), int(x.shape[2])))
            _CORE.emit(emit, layer, x, lambda seen: tokens.gather(seen[0]), tokens, shift_mask(tokens))

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: SelfAttention) -> Tensor:
        return _CORE.attend_on_grid(layer, x[0], record)[None]


def _tokens(layer: nn.Module, grid_hw: tuple[int, int]) -> TokenGrid:
    # Some releases write the shift that a small map had into the layer itself, so it is read after each run.
    tokens = TokenGrid(grid_hw, pair_of(layer, "window_size"), pair_of(layer, "shift_size"))
    rows, columns = tokens.windows_hw
    return TokenGrid(
        grid_hw,
        tokens.window_hw,
        (tokens.shift_hw[0] if rows > 1 else 0, tokens.shift_hw[1] if columns > 1 else 0),
    )
