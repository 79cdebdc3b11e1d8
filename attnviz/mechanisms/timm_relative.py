"""Self-attention of timm with a learned bias for each relative position.

Papers: Bao et al. 2021, "BEiT", arXiv:2106.08254; Shaw et al. 2018, arXiv:1803.02155, for relative positions; Graham et
al. 2021, "LeViT", arXiv:2104.01136, section 4.2; Li et al. 2022, "EfficientFormer", arXiv:2206.01191; Li et al. 2022,
"Exploring Plain Vision Transformer Backbones", arXiv:2203.16527, for positions that are multiplied with the queries.
"""

from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from einops import einsum, rearrange
from torch import Tensor

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
from attnviz.mechanisms.timm_rope import biased_qkv, turned
from attnviz.records import SelfAttention, TokenGrid


@register("timm.models.beit.Attention")
class BeitAttentionMechanism(ProjectedAttention):
    """A table of its own, one shared by all layers that comes with the call, both, or none."""

    paper = "arXiv:2106.08254"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (run.argument(1, "shared_rel_pos_bias"),)

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return layer.relative_position_bias_table is not None or given[0] is not None

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        total = x.new_zeros(())
        if layer.relative_position_bias_table is not None:
            table = layer.relative_position_bias_table[layer.relative_position_index]
            total = total + rearrange(table, "queries keys heads -> 1 heads queries keys")
        return total + given[0] if isinstance(given[0], Tensor) else total

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return three_of(biased_qkv(layer, x), heads_of(layer))[:2]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return three_of(biased_qkv(layer, x), heads_of(layer))[2]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return layer.proj(joined(attended))


@register("timm.models.vision_transformer_relpos.RelPosAttention")
class RelPosAttentionMechanism(QkvAttention):
    """A bias of its own, or else the one that comes with the call, which is ignored where there is an own one."""

    paper = "arXiv:1803.02155"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (run.argument(1, "shared_rel_pos"),)

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return layer.rel_pos is not None or given[0] is not None

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        return cast(Tensor, given[0]) if layer.rel_pos is None else layer.rel_pos.get_bias()

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        q, k = super().queries_and_keys(layer, x)
        return layer.q_norm(q), layer.k_norm(k)


class DistanceAttention(ProjectedAttention):
    """One bias for each head and each pair (|rows apart|, |columns apart|), kept in `attention_biases`.

    In evaluation mode the layer looks its biases up once and keeps them. A record takes what the layer keeps.
    """

    paper = "arXiv:2104.01136"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (layer.attention_bias_cache.get(str(run.x.device)),)

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return True

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        kept = given[0]
        biases = kept if isinstance(kept, Tensor) else layer.attention_biases[:, layer.attention_bias_idxs]
        return cast(Tensor, biases)[None]

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return self.project(layer, x)[:2]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self.project(layer, x)[2]

    def project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, which lie together for each head; values may be longer than keys."""
        projected = split(layer.qkv(x), heads_of(layer))
        key, value = int(layer.key_dim), int(layer.val_dim)
        q, k, v = projected.split([key, key, value], dim=-1)
        return q, k, v

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return layer.proj(joined(attended))


@register("timm.models.levit.Attention")
class LevitAttentionMechanism(DistanceAttention):
    """On tokens in a row, or, in the convolutional form, on a map. Output norms are inside its projections."""

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        return Places(TokenGrid.whole(levit_grid(layer)))

    def project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if not layer.use_conv:
            return super().project(layer, x)
        projected = split(row(layer.qkv(x)), heads_of(layer))
        q, k, v = projected.split([int(layer.key_dim), int(layer.key_dim), int(layer.val_dim)], dim=-1)
        return q, k, v

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        if not layer.use_conv:
            return super().output(layer, x, attended, record)
        maps = rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=x.shape[2])
        return layer.proj(maps)


@register("timm.models.levit.AttentionDownsample")
class LevitDownsampleMechanism(LevitAttentionMechanism):
    """Every n-th row and column asks; all rows and columns answer."""

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        rows, columns = levit_grid(layer)
        stride = int(layer.stride)
        return Places(TokenGrid.whole((rows, columns)), TokenGrid.whole((-(-rows // stride), -(-columns // stride))))

    def project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, kv = layer.q(x), layer.kv(x)
        if layer.use_conv:
            q, kv = row(q), row(kv)
        q, kv = split(q, heads_of(layer)), split(kv, heads_of(layer))
        k, v = kv.split([int(layer.key_dim), int(layer.val_dim)], dim=-1)
        return q, k, v

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        if not layer.use_conv:
            return layer.proj(joined(attended))
        rows = -(-x.shape[2] // int(layer.stride))
        maps = rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=rows)
        return layer.proj(maps)


@register("timm.models.efficientformer.Attention")
class EfficientFormerAttentionMechanism(DistanceAttention):
    """The layer keeps no grid, but the table of its distances does."""

    paper = "arXiv:2206.01191"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        return Places(TokenGrid.whole(_grid_of_distances(cast(Tensor, layer.attention_bias_idxs))))


@register("timm.models.efficientformer_v2.Attention2dDownsample")
class EfficientFormerDownsampleMechanism(DistanceAttention):
    """Every second row and column asks, after a convolution; a convolution of the values is added to the result.

    Li et al. 2023, "Rethinking Vision Transformers for MobileNet Size and Speed", arXiv:2212.08059.
    """

    paper = "arXiv:2212.08059"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        rows, columns = layer.resolution2
        return Places(TokenGrid.whole(levit_grid(layer)), TokenGrid.whole((int(rows), int(columns))))

    def project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = (split(row(project(x)), heads_of(layer)) for project in (layer.q, layer.k, layer.v))
        return q, k, v

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        maps = rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=layer.resolution2[0])
        return layer.proj(layer.act(maps + layer.v_local(layer.v(x))))


@register("timm.models.vision_transformer_sam.Attention")
class SamAttentionMechanism(QkvAttention):
    """Global attention on a map (1, h, w, channels). Row and column distances are multiplied with the queries.

    Inside a block with windows the block is read instead, see `timm_windows`.
    """

    paper = "arXiv:2203.16527"
    axes: ClassVar[str] = "b h w c"

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return bool(layer.use_rel_pos)

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        return sam_bias(layer, self.queries_and_keys(layer, x)[0], self.grid_hw(x))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return sam_queries_and_keys(layer, self.flat(x))


def sam_queries_and_keys(layer: TimmLayer, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Queries and keys of a SAM layer from (windows, tokens, channels), normed, and turned where it has a rope."""
    q, k, _ = three_of(layer.qkv(tokens), heads_of(layer))
    q, k = layer.q_norm(q), layer.k_norm(k)
    rope = getattr(layer, "rope", None)
    if not layer.use_rel_pos and rope is not None:
        angles = rope.get_embed()
        q, k = turned(q, angles), turned(k, angles)
    return q, k


def sam_bias(layer: TimmLayer, queries: Tensor, grid_hw: tuple[int, int]) -> Tensor:
    """`q . (r_height[rows apart] + r_width[columns apart])`, with tables stretched to the grid."""
    rows, columns = grid_hw
    placed = rearrange(queries, "b heads (y x) d -> b heads y x d", y=rows)
    along_rows = einsum(placed, _stretched(layer.rel_pos_h, rows), "b heads y x d, y ky d -> b heads y x ky")
    along_columns = einsum(placed, _stretched(layer.rel_pos_w, columns), "b heads y x d, x kx d -> b heads y x kx")
    total = along_rows[..., :, None] + along_columns[..., None, :]
    return rearrange(total, "b heads y x ky kx -> b heads (y x) (ky kx)")


def _stretched(table: object, size: int) -> Tensor:
    """(size, size, d): for each query and key on one axis, the entry of their distance."""
    entries = cast(Tensor, table)
    if len(entries) != 2 * size - 1:
        entries = F.interpolate(entries.T[None], size=2 * size - 1, mode="linear")[0].T
    places = torch.arange(size, device=entries.device)
    return entries[places[:, None] - places[None, :] + size - 1]


def levit_grid(layer: TimmLayer) -> tuple[int, int]:
    """Rows and columns of the keys of a layer that was built for one grid."""
    rows, columns = cast(tuple[int, int], layer.resolution)
    return int(rows), int(columns)


def _grid_of_distances(numbers: Tensor) -> tuple[int, int]:
    """Rows and columns from the number of each pair's distance, which is `rows apart * columns + columns apart`.

    The second token lies one column from the first one in its own row; from the token below that, one row and one
    column. So its first column of numbers counts 1, 0, 1, 2, ... and breaks where the row ends.
    """
    count = len(numbers)
    second = numbers[min(1, count - 1)].tolist()
    columns = next((at for at in range(2, count) if second[at] != at - 1), count)
    return count // columns, columns
