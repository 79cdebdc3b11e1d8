"""Attention of timm between different tokens: one class token or learned query asks, or keys are pooled.

Papers: Touvron et al. 2021, "Going deeper with Image Transformers", arXiv:2103.17239, section 4; Yuan et al. 2021,
"VOLO", arXiv:2106.13112; Chen et al. 2021, "CrossViT", arXiv:2103.14899; Lee et al. 2019, "Set Transformer",
arXiv:1810.00825, section 3.2; Wang et al. 2022, "PVT v2", arXiv:2106.13797; Chu et al. 2021, "Twins", arXiv:2104.13840;
Li et al. 2022, "MViTv2", arXiv:2112.01526; Qin et al. 2024, "MobileNetV4", arXiv:2404.10518.
"""

from collections.abc import Sequence
from typing import ClassVar, cast

import torch
from einops import einsum, rearrange, repeat
from torch import Tensor, nn

from attnviz.mechanisms.base import Run, register
from attnviz.mechanisms.projected import (
    Places,
    ProjectedAttention,
    TimmLayer,
    additive_mask,
    heads_of,
    joined,
    row,
    split,
    three_of,
)
from attnviz.mechanisms.timm_rope import turned
from attnviz.records import SelfAttention, TokenGrid


class ClassQuery(ProjectedAttention):
    """The first token asks, all tokens answer; the output is the class token alone.

    Args:
        names: of the three projections, or of two where one gives keys and values.
    """

    def __init__(self, paper: str, *names: str) -> None:
        self.paper = paper
        self._names = names

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        return Places(x.shape[1], TokenGrid.nowhere(("class",)))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        q = split(layer.get_submodule(self._names[0])(x[:, :1]), heads_of(layer))
        return q, self._keys_and_values(layer, x)[0]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._keys_and_values(layer, x)[1]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return layer.proj(joined(attended))

    def _keys_and_values(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor]:
        return two_of(torch.cat([layer.get_submodule(name)(x) for name in self._names[1:]], dim=-1), heads_of(layer))


register("timm.models.cait.ClassAttn")(ClassQuery("arXiv:2103.17239", "q", "k", "v"))
register("timm.models.volo.ClassAttention")(ClassQuery("arXiv:2106.13112", "q", "kv"))
register("timm.models.crossvit.CrossAttention")(ClassQuery("arXiv:2103.14899", "wq", "wk", "wv"))


@register("timm.layers.attention_pool.AttentionPoolLatent")
class LatentPoolMechanism(ProjectedAttention):
    """Learned queries, mostly one, look at all tokens."""

    paper = "arXiv:1810.00825"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        names = tuple(f"latent {number}" for number in range(1, int(layer.latent_len) + 1))
        return Places(x.shape[1], TokenGrid.nowhere(names))

    def mask(self, layer: TimmLayer, run: Run, x: Tensor) -> Tensor | None:
        return additive_mask(run.argument(1, "attn_mask"), None, int(layer.latent_len))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        q = split(layer.q(layer.latent), heads_of(layer))
        k = self._keys_and_values(layer, x)[0]
        return layer.q_norm(q), layer.k_norm(k)

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._keys_and_values(layer, x)[1]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        y = layer.proj(joined(attended))
        if layer.mlp is not None:
            y = y + layer.mlp(layer.norm(y))
        if layer.pool == "token":
            return y[:, 0]
        return y.mean(dim=1) if layer.pool == "avg" else y

    @staticmethod
    def _keys_and_values(layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor]:
        if layer.pos_embed is not None:
            x = x + cast(Tensor, layer.pos_embed)[None]
        return two_of(layer.kv(x), heads_of(layer))


@register("timm.models.twins.GlobalSubSampleAttn", "timm.models.pvt_v2.Attention")
class SubsampledKeysMechanism(ProjectedAttention):
    """All places ask; a coarser map of them answers. Each call says how its tokens lie."""

    paper = "arXiv:2106.13797"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        size = run.argument(1, "feat_size") if run.argument(1, "feat_size") is not None else run.argument(1, "size")
        return (pair_of(size),)

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        rows, columns = cast(tuple[int, int], given[0])
        if getattr(layer, "pool", None) is not None:
            pooled = cast(nn.AdaptiveAvgPool2d, layer.pool).output_size
            return Places(TokenGrid.whole(pair_of(pooled)), TokenGrid.whole((rows, columns)))
        if layer.sr is None:
            return Places(TokenGrid.whole((rows, columns)))
        step = pair_of(cast(nn.Conv2d, layer.sr).stride)
        return Places(TokenGrid.whole((rows // step[0], columns // step[1])), TokenGrid.whole((rows, columns)))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        q = split(layer.q(x), heads_of(layer))
        return q, self._keys_and_values(layer, x, cast(tuple[int, int], given[0]))[0]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._keys_and_values(layer, x, (record.query_tokens or record.tokens).grid_hw)[1]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return layer.proj(joined(attended))

    @staticmethod
    def _keys_and_values(layer: TimmLayer, x: Tensor, grid_hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
        pool = getattr(layer, "pool", None)
        if layer.sr is not None:
            maps = rearrange(x, "b (h w) c -> b c h w", h=grid_hw[0])
            maps = pool(maps) if isinstance(pool, nn.Module) else maps
            x = layer.norm(row(layer.sr(maps)))
            if isinstance(pool, nn.Module):
                x = layer.act(x)
        return two_of(layer.kv(x), heads_of(layer))


@register("timm.models.mvitv2.MultiScaleAttention")
class MultiScaleAttentionMechanism(ProjectedAttention):
    """Queries, keys and values are pooled on their maps; pooled queries are added to what they attend to."""

    paper = "arXiv:2112.01526"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (pair_of(run.argument(1, "feat_size")),)

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        grid_hw = cast(tuple[int, int], given[0])
        prefix = int(bool(layer.has_cls_token))
        keys = TokenGrid.whole(_pooled_hw(layer.pool_k, grid_hw), prefix)
        queries = TokenGrid.whole(_pooled_hw(layer.pool_q, grid_hw), prefix)
        return Places(keys, queries if queries != keys else None)

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return bool(layer.rel_pos_type == "spatial")

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        grid_hw = cast(tuple[int, int], given[0])
        prefix = int(bool(layer.has_cls_token))
        queries = self.queries_and_keys(layer, x, grid_hw)[0]
        rows, columns = _pooled_hw(layer.pool_q, grid_hw)
        key_rows, key_columns = _pooled_hw(layer.pool_k, grid_hw)
        placed = rearrange(queries[:, :, prefix:], "b heads (h w) d -> b heads h w d", h=rows)
        down = _by_scaled_distance(cast(Tensor, layer.rel_pos_h), rows, key_rows)
        across = _by_scaled_distance(cast(Tensor, layer.rel_pos_w), columns, key_columns)
        total = (
            einsum(placed, down, "b heads h w d, h kh d -> b heads h w kh")[..., None]
            + einsum(placed, across, "b heads h w d, w kw d -> b heads h w kw")[..., None, :]
        )
        patches = rearrange(total, "b heads h w kh kw -> b heads (h w) (kh kw)")
        return nn.functional.pad(patches, (prefix, 0, prefix, 0))

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        grid_hw = cast(tuple[int, int], given[0])
        return self._pooled(layer, x, grid_hw, "q"), self._pooled(layer, x, grid_hw, "k")

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._pooled(layer, x, self._grid_before(layer, x, record), "v")

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        if layer.residual_pooling:
            attended = attended + record.queries.to(attended)
        return layer.proj(joined(attended))

    @staticmethod
    def _grid_before(layer: TimmLayer, x: Tensor, record: SelfAttention) -> tuple[int, int]:
        """Rows and columns before pooling, from those behind it and the number of tokens."""
        count = x.shape[1] - int(bool(layer.has_cls_token))
        keys = record.tokens.grid_hw
        queries = (record.query_tokens or record.tokens).grid_hw
        before = ((rows, count // rows) for rows in range(1, count + 1) if count % rows == 0)
        fitting = (
            grid_hw
            for grid_hw in before
            if (_pooled_hw(layer.pool_q, grid_hw), _pooled_hw(layer.pool_k, grid_hw)) == (queries, keys)
        )
        return next(fitting)

    @staticmethod
    def _pooled(layer: TimmLayer, x: Tensor, grid_hw: tuple[int, int], which: str) -> Tensor:
        """Queries, keys or values, (b, heads, tokens, d). The class token passes by the pool."""
        at = "qkv".index(which)
        projected = layer.qkv(x).chunk(3, dim=-1)[at]
        tokens = split(projected, heads_of(layer))
        pool, norm = getattr(layer, f"pool_{which}"), getattr(layer, f"norm_{which}")
        if pool is not None:
            prefix = int(bool(layer.has_cls_token))
            maps = rearrange(tokens[:, :, prefix:], "b heads (h w) d -> (b heads) d h w", h=grid_hw[0])
            pooled = rearrange(pool(maps), "(b heads) d h w -> b heads (h w) d", b=len(x))
            tokens = torch.cat([tokens[:, :, :prefix], pooled], dim=2)
        return cast(Tensor, norm(tokens)) if norm is not None else tokens


@register("timm.layers.attention2d.MultiQueryAttention2d")
class MultiQueryAttentionMechanism(ProjectedAttention):
    """All heads share keys and values; queries, and keys and values, may be of coarser maps."""

    paper = "arXiv:2404.10518"
    axes: ClassVar[str] = "b c h w"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        # Looks run when the network is done: what the layer's own projections give says how the tokens lie.
        with torch.no_grad():
            keys = TokenGrid.whole(self.grid_hw(layer.key(x)))
        rows, columns = self.grid_hw(x)
        strides = pair_of(layer.query_strides)
        queries = TokenGrid.whole((rows // strides[0], columns // strides[1]))
        return Places(keys, queries if queries != keys else None)

    def mask(self, layer: TimmLayer, run: Run, x: Tensor) -> Tensor | None:
        return additive_mask(run.argument(1, "attn_mask"), None, 0)

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        heads = heads_of(layer)
        q = split(row(layer.query(x)), heads)
        return q, repeat(row(layer.key(x)), "b n d -> b heads n d", heads=heads)

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return row(layer.value(x))[:, None]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        rows, _ = (record.query_tokens or record.tokens).grid_hw
        maps = rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=rows)
        return layer.output(maps)


@register("timm.layers.attention_pool2d.AttentionPool2d", "timm.layers.attention_pool2d.RotAttentionPool2d")
class MapPoolMechanism(ProjectedAttention):
    """The pool of CLIP's residual networks: a token in front of all places asks, and its answer is the output.

    Radford et al. 2021, arXiv:2103.00020, section 2.4. The token is learned, or the mean of all places. A layer that
    gives a map instead of one vector lets all places ask, too.
    """

    paper = "arXiv:2103.00020"
    axes: ClassVar[str] = "b c h w"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        name = ("mean",) if layer.cls_token is None else ("class",)
        keys = TokenGrid.whole(self.grid_hw(x), 1, name)
        return Places(keys, TokenGrid.nowhere(name) if layer.pool_type == "token" else None)

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        q, k, _ = self._project(layer, x)
        rope = self._rope(layer, x)
        if rope is not None:
            halves = bool(layer.rotate_half)
            q, k = turned(q, rope, 1, halves=halves), turned(k, rope, 1, halves=halves)
        return q[:, :, :1] if layer.pool_type == "token" else q, k

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._project(layer, x)[2]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        y = layer.proj(joined(attended))
        return y[:, 0] if layer.pool_type == "token" else self.unflat(y[:, 1:], x)

    def _project(self, layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        places = self.flat(x)
        first = places.mean(dim=1, keepdim=True) if layer.cls_token is None else layer.cls_token[None]
        tokens = torch.cat([first, places], dim=1)
        if self._rope(layer, x) is None:
            from timm.layers import resample_abs_pos_embed  # the layer at hand comes from there

            tokens = tokens + resample_abs_pos_embed(
                layer.pos_embed[None], list(self.grid_hw(x)), old_size=list(layer.feat_size), num_prefix_tokens=1
            )
        if layer.qkv is not None:
            return three_of(layer.qkv(tokens), heads_of(layer))
        q, k, v = (split(project(tokens), heads_of(layer)) for project in (layer.q, layer.k, layer.v))
        return q, k, v

    def _rope(self, layer: TimmLayer, x: Tensor) -> Tensor | None:
        """Sines and cosines of all places, where the layer turns queries and keys instead of adding positions."""
        embed = getattr(layer.pos_embed, "get_embed", None)
        if embed is None:
            return None
        angles = embed(self.grid_hw(x))
        return torch.cat(angles, dim=-1) if isinstance(angles, tuple) else angles


def pair_of(size: object) -> tuple[int, int]:
    """A size as rows and columns."""
    if isinstance(size, int):
        return size, size
    rows, columns = cast(Sequence[int], size)
    return int(rows), int(columns)


def two_of(projected: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """Keys and values from one projection: all keys first."""
    k, v = rearrange(projected, "b n (two heads d) -> two b heads n d", two=2, heads=heads)
    return k, v


def _pooled_hw(pool: object, grid_hw: tuple[int, int]) -> tuple[int, int]:
    """The size of a convolution's or pool's output, by its definition."""
    if not isinstance(pool, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
        return grid_hw
    kernel, stride, padding = (pair_of(size) for size in (pool.kernel_size, pool.stride, pool.padding))
    rows, columns = ((size + 2 * padding[axis] - kernel[axis]) // stride[axis] + 1 for axis, size in enumerate(grid_hw))
    return rows, columns


def _by_scaled_distance(table: Tensor, queries: int, keys: int) -> Tensor:
    """(queries, keys, d) on one axis: the entry of each distance, counted on the finer of the two maps."""
    query_step, key_step = max(keys / queries, 1.0), max(queries / keys, 1.0)
    asking = torch.arange(queries, device=table.device) * query_step
    answering = torch.arange(keys, device=table.device) * key_step
    return table[(asking[:, None] - answering[None, :] + (keys - 1) * key_step).long()]
