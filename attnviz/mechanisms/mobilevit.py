"""Attention of MobileViT: pixels at the same place of all patches look at each other.

Paper: Mehta and Rastegari 2022, "MobileViT", arXiv:2110.02178, section 3.1.

A patch of h x w pixels gives h * w groups of tokens, each spread over the whole map. The attention layers inside see
the groups as if they were pictures; the block around them is read, and a replay computes the block.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, register
from attnviz.mechanisms.projected import TimmLayer, heads_of, joined, three_of
from attnviz.records import Deferred, SelfAttention, TokenGrid


@register("timm.models.mobilevit.MobileVitBlock")
class MobileVitMechanism(Mechanism[TimmLayer]):
    """One record for each transformer layer of the block, numbered from 0.

    A map that the patches do not divide is stretched first; the tokens then lie on the stretched map.
    """

    key = "mobilevit"
    paper = "arXiv:2110.02178"

    def watch(self, layer: TimmLayer, emit: Emit) -> Iterable[RemovableHandle]:
        grids: list[TokenGrid] = []

        def look_at_map(run: Run) -> None:
            grids[:] = [_tokens(layer, one_picture(run.y, emit.layer))]

        yield emit.after(layer.conv_1x1, look_at_map)
        for number, block in enumerate(layer.transformer):

            def look(run: Run, number: int = number, attention: TimmLayer = block.attn) -> None:
                groups = run.x.detach()
                qk = Deferred(lambda: _queries_and_keys(attention, groups), groups, layer=attention)
                emit(
                    SelfAttention,
                    part=str(number),
                    queries=qk[0],
                    keys=qk[1],
                    scale=float(attention.scale),
                    tokens=grids[0],
                )

            yield emit.after(block.attn, look)

    def replay(self, layer: TimmLayer, x: Tensor, *records: SelfAttention) -> Tensor:
        y = layer.conv_1x1(layer.conv_kxk(x))
        before_hw, tokens = y.shape[2:], records[0].tokens
        groups = tokens.gather(rearrange(_resized(y, tokens.grid_hw), "1 c h w -> h w c"))
        for block, record in zip(layer.transformer, records, strict=True):
            groups = groups + block.ls1(_attended(block.attn, block.norm1(groups), record))
            groups = groups + block.ls2(block.mlp(block.norm2(groups)))
        y = rearrange(tokens.scatter(layer.norm(groups)), "h w c -> 1 c h w")
        y = layer.conv_proj(_resized(y, (int(before_hw[0]), int(before_hw[1]))))
        if layer.conv_fusion is not None:
            y = layer.conv_fusion(torch.cat([x, y], dim=1))
        return y


def _tokens(layer: TimmLayer, y: Tensor) -> TokenGrid:
    rows, columns = (-(-size // patch) for size, patch in zip(y.shape[2:], layer.patch_size, strict=True))
    height, width = layer.patch_size
    return TokenGrid((rows * height, columns * width), (rows, columns), strided=True)


def _resized(y: Tensor, size_hw: tuple[int, int]) -> Tensor:
    if tuple(y.shape[2:]) == size_hw:
        return y
    return F.interpolate(y, size=size_hw, mode="bilinear", align_corners=False)


def _queries_and_keys(attention: TimmLayer, groups: Tensor) -> tuple[Tensor, Tensor]:
    q, k, _ = three_of(attention.qkv(groups), heads_of(attention))
    return attention.q_norm(q), attention.k_norm(k)


def _attended(attention: TimmLayer, groups: Tensor, record: SelfAttention) -> Tensor:
    values = three_of(attention.qkv(groups), heads_of(attention))[2]
    return attention.proj(attention.norm(joined(record.weights().to(values) @ values)))
