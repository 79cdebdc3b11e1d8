"""Attention layers of timm that stand in for convolutions: bottleneck, halo and non-local attention.

Papers: Srinivas et al. 2021, "Bottleneck Transformers", arXiv:2101.11605, section 3; Vaswani et al. 2021, "Scaling
Local Self-Attention", arXiv:2103.12731, section 2.2; Wang et al. 2018, "Non-local Neural Networks", arXiv:1711.07971.

Relative positions are multiplied with the queries: `q . (r_height[rows apart] + r_width[columns apart])`. By default
the scale does not reach that term.
"""

from typing import ClassVar

import torch
from einops import einsum, rearrange
from torch import Tensor

from attnviz.mechanisms.base import Run, register
from attnviz.mechanisms.projected import Places, ProjectedAttention, TimmLayer, heads_of, row, split
from attnviz.records import SelfAttention, TokenGrid


class PositionedAttention(ProjectedAttention):
    """What bottleneck and halo attention share: a map with channels first, and a pool behind."""

    axes: ClassVar[str] = "b c h w"

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        return True

    def factor(self, layer: TimmLayer) -> float:
        """What the position term is multiplied by."""
        return float(layer.scale) if layer.scale_pos_embed else 1.0

    def pooled(self, layer: TimmLayer, attended: Tensor, rows: int) -> Tensor:
        """Attended values laid on their map, and what the layer does with it."""
        maps = rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=rows)
        return layer.pool(maps)


@register("timm.layers.bottleneck_attn.BottleneckAttn")
class BottleneckAttentionMechanism(PositionedAttention):
    """Attention over all places of a map of one size."""

    key = "botnet"
    paper = "arXiv:2101.11605"

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        placed = rearrange(self._project(layer, x)[0], "b heads (h w) d -> b heads h w d", h=x.shape[2])
        tables = layer.pos_embed
        down = einsum(placed, _by_distance(tables.height_rel), "b heads h w d, h kh d -> b heads h w kh")
        across = einsum(placed, _by_distance(tables.width_rel), "b heads h w d, w kw d -> b heads h w kw")
        total = (down[..., :, None] + across[..., None, :]) * self.factor(layer)
        return rearrange(total, "b heads h w kh kw -> b heads (h w) (kh kw)")

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return self._project(layer, x)[:2]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._project(layer, x)[2]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return self.pooled(layer, attended, x.shape[2])

    @staticmethod
    def _project(layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        sizes = [int(layer.dim_out_qk), int(layer.dim_out_qk), int(layer.dim_out_v)]
        q, k, v = (split(part, heads_of(layer)) for part in row(layer.qkv(x)).split(sizes, dim=-1))
        return q, k, v


@register("timm.layers.halo_attn.HaloAttn")
class HaloAttentionMechanism(PositionedAttention):
    """Each block of queries sees the block and a halo of places around it.

    At the border the halo reaches over the map, where the layer has zeros for keys and values and does not mask them.
    The record has one key in front for all of them, named "padding": a zero, with the logarithm of their summed
    exponentials as its bias. So its column is the exact attention that falls on padding, and each row sums to 1.
    """

    key = "halo"
    paper = "arXiv:2103.12731"

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        stride = int(layer.block_stride)
        rows, columns = self.grid_hw(x)
        return Places(
            TokenGrid.whole((rows, columns), 1, ("padding",)), TokenGrid.whole((rows // stride, columns // stride))
        )

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return split(row(layer.q(x)), heads_of(layer)), self._keys_and_values(layer, x)[0]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return self._keys_and_values(layer, x)[1]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return self.pooled(layer, attended, x.shape[2] // int(layer.block_stride))

    def mask(self, layer: TimmLayer, run: Run, x: Tensor) -> Tensor | None:
        _, seen_down = self._window(layer, x.shape[2], x.device)
        _, seen_across = self._window(layer, x.shape[3], x.device)
        seen = rearrange(seen_down, "h kh -> h 1 kh 1") & rearrange(seen_across, "w kw -> 1 w 1 kw")
        halo = int(layer.halo_size)
        inside = seen[:, :, halo : halo + x.shape[2], halo : halo + x.shape[3]]
        hidden = rearrange(~inside, "h w kh kw -> (h w) (kh kw)")
        # The bias tells how much of the padding a query sees: nothing of it is minus infinity already.
        hidden = torch.nn.functional.pad(hidden, (1, 0))
        return torch.zeros(hidden.shape, device=x.device).masked_fill(hidden, -torch.inf)[None, None]

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        height, width, halo = x.shape[2], x.shape[3], int(layer.halo_size)
        queries = self.queries_and_keys(layer, x)[0]
        placed = rearrange(queries, "b heads (h w) d -> b heads h w d", h=height // int(layer.block_stride))
        tables = layer.pos_embed
        entry_down, seen_down = self._window(layer, height, x.device)
        entry_across, seen_across = self._window(layer, width, x.device)
        down = einsum(placed, tables.height_rel[entry_down], "b heads h w d, h kh d -> b heads h w kh")
        across = einsum(placed, tables.width_rel[entry_across], "b heads h w d, w kw d -> b heads h w kw")
        down, across = down * self.factor(layer), across * self.factor(layer)
        inside = down[..., halo : halo + height, None] + across[..., None, halo : halo + width]
        padding = _log_of_border(
            down.masked_fill(~rearrange(seen_down, "h kh -> h 1 kh"), -torch.inf),
            across.masked_fill(~seen_across, -torch.inf),
            halo,
        )
        return torch.cat(
            [
                rearrange(padding, "b heads h w -> b heads (h w) 1"),
                rearrange(inside, "b heads h w kh kw -> b heads (h w) (kh kw)"),
            ],
            dim=-1,
        )

    @staticmethod
    def _keys_and_values(layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of the padding, then of all places."""
        both = split(row(layer.kv(x)), heads_of(layer))
        both = torch.nn.functional.pad(both, (0, 0, 1, 0))
        k, v = both.split([int(layer.dim_head_qk), int(layer.dim_head_v)], dim=-1)
        return k, v

    @staticmethod
    def _window(layer: TimmLayer, size: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """For each query and each key on one padded axis: the entry of the position table, and whether it is seen.

        A query counts its place in its block, a key its place in the block's window; the halo is not taken off.
        """
        block, halo, window = int(layer.block_size), int(layer.halo_size), int(layer.win_size)
        asking = torch.arange(size // int(layer.block_stride), device=device)
        start = torch.div(asking, int(layer.block_size_ds), rounding_mode="floor") * block
        in_window = torch.arange(size + 2 * halo, device=device) - start[:, None]
        entry = in_window - (asking % int(layer.block_size_ds))[:, None] + window - 1
        return entry.clamp(0, 2 * window - 2), (in_window >= 0) & (in_window < window)


@register("timm.layers.non_local_attn.NonLocalAttn")
class NonLocalAttentionMechanism(ProjectedAttention):
    """The embedded Gaussian form, with a residual connection inside."""

    key = "non_local"
    paper = "arXiv:1711.07971"
    axes: ClassVar[str] = "b c h w"

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        return row(layer.t(x))[:, None], row(layer.p(x))[:, None]

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return row(layer.g(x))[:, None]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        maps = self.unflat(attended[:, 0], x)
        return layer.norm(layer.z(maps)) + x


def _by_distance(table: Tensor) -> Tensor:
    """(queries, keys, d) on one axis: the entry of each distance, from a table of 2 n - 1 of them."""
    places = torch.arange((len(table) + 1) // 2, device=table.device)
    return table[places[None, :] - places[:, None] + len(places) - 1]


def _log_of_border(down: Tensor, across: Tensor, halo: int) -> Tensor:
    """Logarithm of the summed exponentials of all keys that lie off the map.

    A key's logit is its row's plus its column's, so a rectangle of keys sums to a product. Off the map lie whole rows
    above and below, and of the other rows the columns on the left and the right.

    Args:
        down: (..., rows + 2 halo), minus infinity where a query does not see.
        across: (..., columns + 2 halo), likewise.
        halo: rows and columns off the map on each side.
    """
    if not halo:
        return torch.full(down.shape[:-1], -torch.inf, device=down.device)
    off_rows = torch.cat([down[..., :halo], down[..., -halo:]], dim=-1).logsumexp(-1)
    off_columns = torch.cat([across[..., :halo], across[..., -halo:]], dim=-1).logsumexp(-1)
    return torch.logaddexp(off_rows + across.logsumexp(-1), down[..., halo:-halo].logsumexp(-1) + off_columns)
