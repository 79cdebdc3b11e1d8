"""Attention of timm's smaller families inside windows that are neither shifted nor rolled.

Papers: Ding et al. 2022, "DaViT", arXiv:2204.03645; Hatamizadeh et al. 2022, "GC ViT", arXiv:2206.09959; Wu et al.
2022, "TinyViT", arXiv:2207.10666; Chu et al. 2021, "Twins", arXiv:2104.13840; Zhang et al. 2021, "NesT",
arXiv:2105.12723; Li et al. 2022, "Exploring Plain Vision Transformer Backbones", arXiv:2203.16527; Liu et al. 2023,
"EfficientViT", arXiv:2305.07027.

Where the attention layer sees windows alone, the block that cuts them is read, and a replay computes the block. A map
that the windows do not divide is filled up with zeros, which are not masked: some attention falls there.
"""

from abc import abstractmethod
from collections.abc import Callable
from math import isqrt
from typing import ClassVar, cast

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from attnviz.errors import ShapeError
from attnviz.mechanisms.base import Run, register
from attnviz.mechanisms.projected import (
    Places,
    ProjectedAttention,
    QkvAttention,
    TimmLayer,
    heads_of,
    joined,
    row,
    split,
    three_of,
)
from attnviz.mechanisms.timm_pooled import pair_of
from attnviz.mechanisms.timm_relative import sam_bias, sam_queries_and_keys
from attnviz.records import SelfAttention, TokenGrid


class WindowedBlock(ProjectedAttention):
    """Reads a block from its input on a map: norm, windows, attention `attn` inside them, and what follows."""

    key = "windowed"
    axes: ClassVar[str] = "b h w c"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        return Places(TokenGrid(self.grid_hw(x), self.window_hw(layer, x)))

    def scale(self, layer: TimmLayer) -> float:
        return float(layer.attn.scale)

    def window_hw(self, layer: TimmLayer, x: Tensor) -> tuple[int, int]:
        """Rows and columns of one window."""
        return pair_of(layer.window_size)

    def windows(self, layer: TimmLayer, x: Tensor) -> Tensor:
        """What goes into the attention: (windows, tokens, channels)."""
        tokens = cast(TokenGrid, self.places(layer, x).tokens)
        return tokens.gather(self.before(layer, x)[0])

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return self.project(layer.attn, self.windows(layer, x), *given)[:2]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self.project(layer.attn, self.windows(layer, x))[2]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        merged = layer.attn.proj(joined(attended))
        return self.after(layer, x, record.tokens.scatter(merged)[None])

    def project(self, attention: TimmLayer, windows: Tensor, *given: object) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values in each window."""
        return three_of(attention.qkv(windows), heads_of(attention))

    def before(self, layer: TimmLayer, x: Tensor) -> Tensor:
        """The map that is cut into windows, (1, h, w, channels)."""
        return layer.norm1(x)

    @abstractmethod
    def after(self, layer: TimmLayer, x: Tensor, attended: Tensor) -> Tensor:
        """The block's output from what the attention gave, (1, h, w, channels)."""


@register("timm.models.davit.SpatialBlock")
class DavitBlockMechanism(WindowedBlock):
    """Attention between two depthwise convolutions that tell the places."""

    paper = "arXiv:2204.03645"
    axes: ClassVar[str] = "b c h w"

    def before(self, layer: TimmLayer, x: Tensor) -> Tensor:
        placed = rearrange(layer.cpe1(x), "b c h w -> b h w c")
        return layer.norm1(placed)

    def after(self, layer: TimmLayer, x: Tensor, attended: Tensor) -> Tensor:
        y = layer.cpe1(x) + rearrange(attended, "b h w c -> b c h w")
        y = layer.cpe2(y)
        if layer.mlp is None:
            return y
        fed = layer.mlp(layer.norm2(self.flat(y)))
        return y + self.unflat(fed, y)


@register("timm.models.gcvit.GlobalContextVitBlock")
class GcvitBlockMechanism(WindowedBlock):
    """In every other block all windows ask with the same queries, those of a map shrunk to the size of a window.

    Such a query answers for the place in its window where its output goes, and that is where the record has it.
    """

    paper = "arXiv:2206.09959"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (run.argument(1, "q_global"),)

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return True

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        return layer.attn.rel_pos.get_bias()

    def project(self, attention: TimmLayer, windows: Tensor, *given: object) -> tuple[Tensor, Tensor, Tensor]:
        projected = attention.qkv(windows)
        if not attention.use_global:
            return three_of(projected, heads_of(attention))
        k, v = (split(part, heads_of(attention)) for part in projected.chunk(2, dim=-1))
        asked = given[0] if given else None
        if not isinstance(asked, Tensor):
            return k, k, v  # a replay has its queries on the record
        q = repeat(asked, "1 y x (heads d) -> w heads (y x) d", w=len(windows), heads=heads_of(attention))
        return q, k, v

    def after(self, layer: TimmLayer, x: Tensor, attended: Tensor) -> Tensor:
        y = x + layer.ls1(attended)
        return y + layer.ls2(layer.mlp(layer.norm2(y)))


@register("timm.models.tiny_vit.TinyVitBlock")
class TinyVitBlockMechanism(WindowedBlock):
    """The norm is inside the attention layer, behind the zeros that fill the windows."""

    paper = "arXiv:2207.10666"

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return True

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (cast(dict[str, Tensor], layer.attn.attention_bias_cache).get(str(run.x.device)),)

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        attention, kept = layer.attn, given[0]
        biases = kept if isinstance(kept, Tensor) else attention.attention_biases[:, attention.attention_bias_idxs]
        return cast(Tensor, biases)[None]

    def before(self, layer: TimmLayer, x: Tensor) -> Tensor:
        return x

    def project(self, attention: TimmLayer, windows: Tensor, *given: object) -> tuple[Tensor, Tensor, Tensor]:
        projected = attention.qkv(attention.norm(windows))
        key, value = int(attention.key_dim), int(attention.val_dim)
        q, k, v = split(projected, heads_of(attention)).split([key, key, value], dim=-1)
        return q, k, v

    def after(self, layer: TimmLayer, x: Tensor, attended: Tensor) -> Tensor:
        y = rearrange(x + attended, "b h w c -> b c h w")
        y = rearrange(layer.local_conv(y), "b c h w -> b (h w) c")
        return self.unflat(y + layer.mlp(y), x)


@register("timm.models.vision_transformer_sam.Block")
class SamBlockMechanism(WindowedBlock):
    """Some blocks cut windows, and some attend to the whole map."""

    paper = "arXiv:2203.16527"

    def window_hw(self, layer: TimmLayer, x: Tensor) -> tuple[int, int]:
        return pair_of(layer.window_size) if layer.window_size else self.grid_hw(x)

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return bool(layer.attn.use_rel_pos)

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        return sam_bias(layer.attn, self.queries_and_keys(layer, x)[0], self.window_hw(layer, x))

    def project(self, attention: TimmLayer, windows: Tensor, *given: object) -> tuple[Tensor, Tensor, Tensor]:
        q, k = sam_queries_and_keys(attention, windows)
        return q, k, three_of(attention.qkv(windows), heads_of(attention))[2]

    def after(self, layer: TimmLayer, x: Tensor, attended: Tensor) -> Tensor:
        y = x + layer.ls1(attended)
        return y + layer.ls2(layer.mlp(layer.norm2(y)))


@register("timm.models.twins.LocallyGroupedAttn")
class TwinsWindowMechanism(QkvAttention):
    """The layer cuts its windows itself, from tokens in a row whose grid comes with the call."""

    key = "windowed"
    paper = "arXiv:2104.13840"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (pair_of(run.argument(1, "size")),)

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        return Places(TokenGrid(cast(tuple[int, int], given[0]), pair_of(layer.ws)))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return self._project(layer, x, cast(TokenGrid, self.places(layer, x, *given).tokens))[:2]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._project(layer, x, record.tokens)[2]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        on_map = record.tokens.scatter(joined(attended))
        return layer.proj(rearrange(on_map, "h w c -> 1 (h w) c"))

    @staticmethod
    def _project(layer: TimmLayer, x: Tensor, tokens: TokenGrid) -> tuple[Tensor, Tensor, Tensor]:
        windows = tokens.gather(rearrange(x, "1 (h w) c -> h w c", h=tokens.grid_hw[0]))
        return three_of(layer.qkv(windows), heads_of(layer))


@register("timm.models.nest.Attention")
class NestAttentionMechanism(QkvAttention):
    """The input is (1, blocks, tokens, channels). NesT is built for square pictures, so both are squares."""

    key = "windowed"
    paper = "arXiv:2105.12723"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        blocks, side = isqrt(x.shape[1]), isqrt(x.shape[2])
        if (blocks**2, side**2) != tuple(x.shape[1:3]):
            raise ShapeError(
                f"blocks and tokens of a NesT layer must be squares of whole numbers; got {tuple(x.shape[1:3])}. "
                "Trace a network that timm built."
            )
        return Places(TokenGrid((blocks * side, blocks * side), (side, side)))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return super().queries_and_keys(layer, x[0])

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return super().values(layer, x[0], record)

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        # This family joins its heads with the number of the head running fastest.
        return layer.proj(rearrange(attended, "blocks heads n d -> 1 blocks n (d heads)"))


@register("timm.models.efficientvit_msra.LocalWindowAttention")
class CascadedAttentionMechanism(WindowedBlock):
    """Heads run one after the other: each sees its share of the channels plus what the head before it gave."""

    paper = "arXiv:2305.07027"
    axes: ClassVar[str] = "b c h w"

    def window_hw(self, layer: TimmLayer, x: Tensor) -> tuple[int, int]:
        return pair_of(layer.attn.resolution)

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (cast(dict[str, Tensor], layer.attn.attention_bias_cache).get(str(run.x.device)),)

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return True

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        return self._biases(layer, *given)[None]

    def before(self, layer: TimmLayer, x: Tensor) -> Tensor:
        return rearrange(x, "b c h w -> b h w c")

    def after(self, layer: TimmLayer, x: Tensor, attended: Tensor) -> Tensor:
        return rearrange(attended, "b h w c -> b c h w")

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        biases = self._biases(layer, *given)

        def softmax(head: int, q: Tensor, k: Tensor) -> Tensor:
            return (self.scale(layer) * q @ k.transpose(-2, -1) + biases[head]).softmax(dim=-1)

        q, k, _ = self._cascade(layer, x, softmax)
        return q, k

    def replay(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        weights = record.weights().to(x)
        _, _, attended = self._cascade(layer, x, lambda head, _q, _k: weights[:, head])
        maps = rearrange(attended, "w heads (y x) d -> w (heads d) y x", y=record.tokens.window_hw[0])
        merged = rearrange(layer.attn.proj(maps), "w c y x -> w (y x) c")
        return self.after(layer, x, record.tokens.scatter(merged)[None])

    @staticmethod
    def _biases(layer: TimmLayer, *given: object) -> Tensor:
        """(heads, queries, keys): what the layer keeps, or its table looked up."""
        attention, kept = layer.attn, given[0] if given else None
        if isinstance(kept, Tensor):
            return kept
        return attention.attention_biases[:, attention.attention_bias_idxs]

    def _cascade(
        self, layer: TimmLayer, x: Tensor, weights: Callable[[int, Tensor, Tensor], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and attended values of all heads, (windows, heads, tokens, d)."""
        attention = layer.attn
        rows, _ = self.window_hw(layer, x)
        maps = rearrange(self.windows(layer, x), "w (y x) c -> w c y x", y=rows)
        key, value = int(attention.key_dim), int(attention.val_dim)
        heads: list[tuple[Tensor, Tensor, Tensor]] = []
        found: Tensor | None = None
        projections, convolutions = attention.qkvs, attention.dws
        shares = maps.chunk(len(list(projections.children())), dim=1)
        for head, (share, project, convolve) in enumerate(
            zip(shares, projections.children(), convolutions.children(), strict=True)
        ):
            seen = share if found is None else share + found
            q, k, v = project(seen).split([key, key, value], dim=1)
            q, k, v = (rearrange(part, "w d y x -> w (y x) d") for part in (convolve(q), k, v))
            attended = weights(head, q, k) @ v
            found = rearrange(attended, "w (y x) d -> w d y x", y=rows)
            heads.append((q, k, attended))
        q, k, attended = (torch.stack(parts, dim=1) for parts in zip(*heads, strict=True))
        return q, k, attended


@register("timm.models.iformer.SHMA")
class IformerAttentionMechanism(ProjectedAttention):
    """One head, on the whole map or in windows, and a gate on what it gives.

    Zheng 2025, "iFormer", arXiv:2501.15369. The projections are 1 x 1 convolutions, behind the zeros that fill windows.
    """

    key = "windowed"
    paper = "arXiv:2501.15369"
    axes: ClassVar[str] = "b c h w"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        grid_hw = self.grid_hw(x)
        return Places(TokenGrid(grid_hw, pair_of(layer.window_size) if layer.window_size else grid_hw))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        tokens = cast(TokenGrid, self.places(layer, x).tokens)
        return self._pointwise(layer.q, x, tokens)[:, None], self._pointwise(layer.k, x, tokens)[:, None]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._pointwise(layer.v_gate, x, record.tokens).sigmoid().chunk(2, dim=-1)[0][:, None]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        gate = self._pointwise(layer.v_gate, x, record.tokens).sigmoid().chunk(2, dim=-1)[1]
        on_map = record.tokens.scatter(attended[:, 0] * gate)
        return layer.proj(rearrange(on_map, "h w c -> 1 c h w"))

    @staticmethod
    def _pointwise(project: nn.Module, x: Tensor, tokens: TokenGrid) -> Tensor:
        """A 1 x 1 convolution of what lies in the windows, (windows, tokens, channels)."""
        windows = tokens.gather(rearrange(x, "1 c h w -> h w c"))
        return row(project(rearrange(windows, "w n c -> w c n 1")))
