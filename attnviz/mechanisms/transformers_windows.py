"""Shifted-window attention of the Swin Transformers of `transformers`, versions 1 and 2.

Papers: Liu et al. 2021, "Swin Transformer", arXiv:2103.14030, section 3.2; Liu et al. 2022, "Swin Transformer V2",
arXiv:2111.09883, section 3.

The attention layer sees windows and a mask; the block around it makes both and is what is read. It pads, then rolls, as
torchvision does. It keeps a row of tokens, and is told the rows and columns of their grid. Version 2 adds its mask
twice.
"""

from collections.abc import Callable, Iterable
from typing import cast

from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, refuse, register
from attnviz.mechanisms.windows import Core, cosine
from attnviz.records import SelfAttention, TokenGrid

Attend = Callable[[Tensor], Tensor]


class TransformersWindowMechanism(Mechanism[nn.Module]):
    """Reads a block that is called with a row of tokens and the rows and columns of their grid.

    Args:
        paper: arXiv number.
        core: how the attention inside computes.
        finish: from the block, its input (h, w, channels) and the attention on such a map to the block's output.
        mask_counts: how often the layer adds its mask.
    """

    key = "swin"

    def __init__(
        self, paper: str, core: Core, finish: Callable[[nn.Module, Tensor, Attend], Tensor], mask_counts: int = 1
    ) -> None:
        self.paper = paper
        self._core = core
        self._finish = finish
        self._mask_counts = mask_counts

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        attention = layer.get_submodule("attention")
        # Looks come in the order in which modules finished: the attention's, then the block's.
        inside: list[tuple[Tensor, Tensor | None]] = []

        def look_inside(run: Run) -> None:
            mask = run.argument(1, "attention_mask")
            inside.append((run.x.detach(), mask * self._mask_counts if isinstance(mask, Tensor) else None))

        yield emit.after(attention, look_inside)

        def look(run: Run) -> None:
            one_picture(run.x, emit.layer)
            height, width = cast(tuple[int, int], run.argument(1, "input_dimensions"))
            window, shift = int(layer.window_size), int(layer.shift_size)  # type: ignore[arg-type]
            tokens = TokenGrid((int(height), int(width)), (window, window), (shift, shift))
            windows, mask = inside.pop()
            self._core.emit(emit, attention, windows, lambda cut: cut, tokens, mask)

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: SelfAttention) -> Tensor:
        grid = rearrange(x, "1 (h w) c -> h w c", h=record.tokens.grid_hw[0])
        attention = layer.get_submodule("attention")
        y = self._finish(layer, grid, lambda seen: self._core.attend_on_grid(attention, seen, record))
        return rearrange(y, "h w c -> 1 (h w) c")


def _split(projected: Tensor, heads: int) -> Tensor:
    return rearrange(projected, "w n (heads d) -> w heads n d", heads=heads)


def _project(layer: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    heads = int(layer.num_attention_heads)  # type: ignore[arg-type]
    q, k, v = (_split(layer.get_submodule(name)(windows), heads) for name in ("q_proj", "k_proj", "v_proj"))
    return q, k, v


def _scale(layer: nn.Module) -> float:
    return float(layer.scaling)  # type: ignore[arg-type]


def _bias(layer: nn.Module, _windows: Tensor) -> Tensor:
    table = layer.get_submodule("relative_position_bias")
    bias = table.relative_position_bias_table[table.relative_position_index]  # type: ignore[index]
    return rearrange(bias, "(queries keys) heads -> heads queries keys", queries=table.window_area)


def _merge(layer: nn.Module, joined: Tensor) -> Tensor:
    projected: Tensor = layer.get_submodule("o_proj")(joined)
    return projected


def _norm_first(block: nn.Module, x: Tensor, attend: Attend) -> Tensor:
    x = x + attend(block.get_submodule("layernorm_before")(x))
    y: Tensor = x + block.get_submodule("mlp")(block.get_submodule("layernorm_after")(x))
    return y


def _project_2(layer: nn.Module, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    inner = layer.get_submodule("self")
    heads = int(inner.num_attention_heads)  # type: ignore[arg-type]
    q, k, v = (_split(inner.get_submodule(name)(windows), heads) for name in ("query", "key", "value"))
    return *cosine(q, k, inner.logit_scale), v  # type: ignore[arg-type]


def _bias_2(layer: nn.Module, windows: Tensor) -> Tensor:
    """Continuous position bias: a small network of the log-spaced offset, held between 0 and 16."""
    inner = layer.get_submodule("self")
    table = inner.get_submodule("continuous_position_bias_mlp")(inner.relative_coords_table).flatten(0, 2)
    return 16 * rearrange(table[inner.relative_position_index], "queries keys heads -> heads queries keys").sigmoid()


def _merge_2(layer: nn.Module, joined: Tensor) -> Tensor:
    projected: Tensor = layer.get_submodule("output.dense")(joined)
    return projected


def _norm_last(block: nn.Module, x: Tensor, attend: Attend) -> Tensor:
    x = x + block.get_submodule("layernorm_before")(attend(x))
    mlp = block.get_submodule("output")(block.get_submodule("intermediate")(x))
    y: Tensor = x + block.get_submodule("layernorm_after")(mlp)
    return y


register("transformers.models.swin.modeling_swin.SwinLayer")(
    TransformersWindowMechanism("arXiv:2103.14030", Core(_project, _scale, _bias, _merge), _norm_first)
)
register("transformers.models.swinv2.modeling_swinv2.Swinv2Layer")(
    TransformersWindowMechanism(
        "arXiv:2111.09883", Core(_project_2, bias=_bias_2, merge=_merge_2), _norm_last, mask_counts=2
    )
)
refuse(
    "it sees windows and not where they lie, so it is read only inside the block of its own library that cuts them.",
    "transformers.models.swin.modeling_swin.SwinAttention",
    "transformers.models.swinv2.modeling_swinv2.Swinv2Attention",
)
