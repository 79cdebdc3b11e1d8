"""Self-attention of timm's smaller families: softmax over all places of a map or all tokens of a row, and no more.

Papers: Dosovitskiy et al. 2021, arXiv:2010.11929, whose equations they keep; Yu et al. 2022, "MetaFormer",
arXiv:2111.11418; Vasu et al. 2023, "FastViT", arXiv:2303.14189; Yuan et al. 2021, "VOLO", arXiv:2106.13112; d'Ascoli et
al. 2021, "ConViT", arXiv:2103.10697; Chen et al. 2021, "Visformer", arXiv:2104.12533; Yun and Ro 2024, "SHViT",
arXiv:2401.16456; Dehghani et al. 2023, "ViT-22B", arXiv:2302.05442.
"""

from typing import ClassVar, cast

import torch
from einops import rearrange
from torch import Tensor, nn

from attnviz.mechanisms.base import Run, register
from attnviz.mechanisms.projected import (
    Places,
    ProjectedAttention,
    QkvAttention,
    TimmLayer,
    additive_mask,
    heads_of,
    joined,
    row,
    split,
    three_of,
)
from attnviz.records import SelfAttention, TokenGrid


@register("timm.models.convit.MHSA", "timm.models.metaformer.Attention")
class RowAttentionMechanism(QkvAttention):
    """Tokens in a row."""


@register("timm.models.volo.Attention")
class MapAttentionMechanism(QkvAttention):
    """The places of a map with its channels last."""

    axes: ClassVar[str] = "b h w c"


@register("timm.models.fastvit.Attention")
class ChannelsFirstAttentionMechanism(QkvAttention):
    """The places of a map with its channels first; the projections are linear layers."""

    axes: ClassVar[str] = "b c h w"


class ConvolvedAttention(ProjectedAttention):
    """On a map with its channels first, `qkv` and `proj` being 1 x 1 convolutions."""

    axes: ClassVar[str] = "b c h w"

    def project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values."""
        return three_of(row(layer.qkv(x)), heads_of(layer))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return self.project(layer, x)[:2]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self.project(layer, x)[2]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return layer.proj(self.unflat(joined(attended), x))


@register("timm.models.visformer.Attention")
class VisformerAttentionMechanism(ConvolvedAttention):
    """As above."""

    paper = "arXiv:2104.12533"


@register("timm.layers.attention2d.Attention2d")
class Attention2dMechanism(ConvolvedAttention):
    """Each head's queries, keys and values may lie together. A mask may come with the call."""

    def project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if not layer.head_first:
            return super().project(layer, x)
        projected = row(layer.qkv(x))
        q, k, v = rearrange(projected, "b n (heads three d) -> three b heads n d", three=3, heads=heads_of(layer))
        return q, k, v

    def mask(self, layer: TimmLayer, run: Run, x: Tensor) -> Tensor | None:
        return additive_mask(run.argument(1, "attn_mask"), None, x.shape[2] * x.shape[3])

    def scale(self, layer: TimmLayer) -> float:
        return float(cast(int, layer.dim_head) ** -0.5)


@register("timm.models.tnt.Attention")
class TntAttentionMechanism(ProjectedAttention):
    """Attention between patches, or, with a window for each patch, between the pixels inside it.

    Han et al. 2021, "Transformer in Transformer", arXiv:2103.00112. The layer does not know where its windows lie.
    """

    paper = "arXiv:2103.00112"
    windowed: ClassVar[bool] = True

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        q, k = layer.qk(x).chunk(2, dim=-1)
        return split(q, heads_of(layer)), split(k, heads_of(layer))

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return split(layer.v(x), heads_of(layer))

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return layer.proj(joined(attended))


@register("timm.models.shvit.SHSA")
class ShvitAttentionMechanism(ConvolvedAttention):
    """One head, on some of the channels; the others pass by and are joined before the projection."""

    paper = "arXiv:2401.16456"

    def project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        seen = layer.pre_norm(x[:, : int(layer.pdim)])
        projected = row(layer.qkv(seen))[:, None]
        q, k, v = projected.split([int(layer.qk_dim), int(layer.qk_dim), int(layer.pdim)], dim=-1)
        return q, k, v

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        both = torch.cat([self.unflat(attended[:, 0], x), x[:, int(layer.pdim) :]], dim=1)
        return layer.proj(both)


@register("timm.models.lowformer.ConvAttention", "timm.models.cpubone.ConvAttention")
class ConvAttentionMechanism(ConvolvedAttention):
    """Attention on a coarser map, made by a strided convolution; the result is spread out again.

    Nottebaum et al. 2024, "LowFormer", arXiv:2409.03460.
    """

    paper = "arXiv:2409.03460"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        return Places(TokenGrid.whole(self._coarse_hw(layer, x)))

    def project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        coarse = layer.pwise(layer.conv_proj(self._padded(layer, x)))
        q, k, v = rearrange(coarse, "b (heads three d) h w -> three b heads (h w) d", three=3, heads=heads_of(layer))
        return q, k, v

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        rows, _ = record.tokens.grid_hw
        maps = rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=rows)
        fine = layer.upsampling(layer.o_proj(maps))
        return fine[..., : x.shape[2], : x.shape[3]]

    @staticmethod
    def _padded(layer: TimmLayer, x: Tensor) -> Tensor:
        """With small kernels the map is first filled up, at the bottom and the right, to a multiple of the stride."""
        stride = int(layer.att_stride)
        if not getattr(layer, "small_kernels", False) or stride == 1:
            return x
        return nn.functional.pad(x, (0, -x.shape[3] % stride, 0, -x.shape[2] % stride))

    def _coarse_hw(self, layer: TimmLayer, x: Tensor) -> tuple[int, int]:
        """The size of a convolution's output, by its definition."""
        convolution = next(part for part in layer.conv_proj.modules() if isinstance(part, nn.Conv2d))
        sizes = []
        for axis, size in enumerate(self._padded(layer, x).shape[2:]):
            padding = convolution.padding[axis]
            reach = convolution.dilation[axis] * (convolution.kernel_size[axis] - 1) + 1
            sizes.append((size + 2 * int(padding) - reach) // convolution.stride[axis] + 1)
        return sizes[0], sizes[1]


@register("timm.models.vision_transformer.ParallelScalingBlock")
class ParallelScalingBlockMechanism(ProjectedAttention):
    """A block whose attention and feed-forward part share one projection; a replay computes the whole block."""

    paper = "arXiv:2302.05442"

    def mask(self, layer: TimmLayer, run: Run, x: Tensor) -> Tensor | None:
        return additive_mask(run.argument(1, "attn_mask"), run.argument(2, "is_causal"), x.shape[1])

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        _, q, k, _ = self._parts(layer, x)
        q, k = split(q, heads_of(layer)), split(k, heads_of(layer))
        return layer.q_norm(q), layer.k_norm(k)

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return split(self._parts(layer, x)[3], heads_of(layer))

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        hidden = self._parts(layer, x)[0]
        if layer.mlp_bias is not None:
            hidden = hidden + cast(Tensor, layer.mlp_bias)
        hidden = layer.mlp_act(hidden)
        if layer.out_proj is not None:
            y = layer.out_proj(torch.cat([joined(attended), hidden], dim=-1))
        else:
            y = layer.attn_out_proj(joined(attended)) + layer.mlp_out_proj(hidden)
        return x + layer.ls(y)

    @staticmethod
    def _parts(layer: TimmLayer, x: Tensor) -> tuple[Tensor, ...]:
        """What goes to the feed-forward part, then queries, keys and values."""
        projected = layer.in_proj(layer.in_norm(x))
        return tuple(projected.split(list(cast(list[int], layer.in_split)), dim=-1))
