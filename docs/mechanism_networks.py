"""A small network around each layer class that contract tests need not hold by itself, for docs/mechanisms.py."""

from collections.abc import Callable, Iterator
from functools import partial

import timm.layers
import torch
from timm import models as timm_models
from timm.layers import (
    attention,
    attention2d,
    attention_pool,
    attention_pool2d,
    bottleneck_attn,
    halo_attn,
    non_local_attn,
)
from timm.models import (
    beit,
    cait,
    convit,
    cpubone,
    crossvit,
    davit,
    efficientformer,
    efficientformer_v2,
    efficientvit_msra,
    eva,
    fastvit,
    gcvit,
    gemma4_vit,
    iformer,
    levit,
    lowformer,
    metaformer,
    mobilevit,
    mvitv2,
    nest,
    pvt_v2,
    shvit,
    tiny_vit,
    tnt,
    twins,
    visformer,
    vision_transformer,
    vision_transformer_relpos,
    vision_transformer_sam,
    volo,
)
from torch import Tensor, nn

from tests.mechanisms import test_squeeze_excitation as squeeze_excitation
from tests.mechanisms.contract import vary

Size = tuple[int, int]
Call = Callable[[nn.Module, Tensor, Size], object]

CHANNELS, HEADS, HEAD = 8, 2, 4
SQUARE, OBLONG = (6, 6), (4, 7)
SIZES_HW = (SQUARE, OBLONG)
EVEN = (SQUARE, (4, 8))
"""For layers that halve their map."""


class Around(nn.Module):
    """A 1x1 convolution, the layer, and its output as one row of numbers."""

    def __init__(self, layer: nn.Module, call: Call, prefix: tuple[str, ...]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 1)
        self.layer = layer
        self.call = call
        self.prefix = prefix

    def grid_of(self, input_hw: Size) -> Size:
        return input_hw

    def forward(self, x: Tensor) -> Tensor:
        y = self.call(self.layer, self.stem(x), (x.shape[2], x.shape[3]))
        y = y[0] if isinstance(y, tuple) else y
        assert isinstance(y, Tensor)
        return y.flatten(1)


def on_map(layer: nn.Module, x: Tensor, _hw: Size) -> object:
    """Channels first."""
    return layer(x)


def on_map_channels_last(layer: nn.Module, x: Tensor, _hw: Size) -> object:
    return layer(x.permute(0, 2, 3, 1))


def on_patches(layer: nn.Module, x: Tensor, _hw: Size) -> object:
    """A row of patches, nothing before them."""
    return layer(patches(x))


def on_patches_of_grid(layer: nn.Module, x: Tensor, hw: Size) -> object:
    return layer(patches(x), hw)


def on_tokens(layer: nn.Module, x: Tensor, _hw: Size) -> object:
    """A class token first."""
    return layer(tokens(x))


def on_tokens_of_grid(layer: nn.Module, x: Tensor, hw: Size) -> object:
    return layer(tokens(x), hw)


def on_turned_tokens(layer: nn.Module, x: Tensor, hw: Size) -> object:
    """With a rotary embedding: one angle for each patch and pair of features, sines before cosines."""
    angles = torch.arange(hw[0] * hw[1])[:, None] * torch.tensor([1.0, 1.0, 0.1, 0.1])
    return layer(tokens(x), rope=torch.cat([angles.sin(), angles.cos()], dim=1))


def on_turned_patches(layer: nn.Module, x: Tensor, hw: Size) -> object:
    """Half of the features turn with the row, half with the column."""
    rows, columns = torch.meshgrid(torch.arange(hw[0]), torch.arange(hw[1]), indexing="ij")
    angles = torch.stack([rows, rows, columns, columns], dim=-1).flatten(0, 1)[None].float()
    return layer(patches(x), angles.cos(), angles.sin())


def on_blocks(layer: nn.Module, x: Tensor, _hw: Size) -> object:
    """Blocks of 2 x 2 cells, each a row of patches."""
    return layer(nest.blockify(x.permute(0, 2, 3, 1), 2))


def patches(x: Tensor) -> Tensor:
    return x.flatten(2).transpose(1, 2)


def tokens(x: Tensor) -> Tensor:
    return torch.cat([patches(x).mean(dim=1, keepdim=True), patches(x)], dim=1)


Entry = tuple[Callable[[Size], nn.Module], Call, tuple[Size, ...]]
LAYERS: dict[str, Entry] = {
    # class: how to build it for a map of a size, how to call it, sizes
    "AttentionRope": (lambda hw: attention.AttentionRope(CHANNELS, HEADS, qk_norm=True, norm_layer=nn.LayerNorm),
                      on_turned_tokens, SIZES_HW),
    "Attention2d": (lambda hw: attention2d.Attention2d(CHANNELS, num_heads=HEADS), on_map, SIZES_HW),
    "MultiQueryAttention2d": (lambda hw: attention2d.MultiQueryAttention2d(
        CHANNELS, num_heads=HEADS, key_dim=HEAD, value_dim=HEAD, kv_stride=2), on_map, EVEN),
    "AttentionPoolLatent": (lambda hw: attention_pool.AttentionPoolLatent(CHANNELS, num_heads=HEADS),
                            on_patches, SIZES_HW),
    "AttentionPool2d": (lambda hw: attention_pool2d.AttentionPool2d(CHANNELS, hw, head_dim=HEAD), on_map, SIZES_HW),
    "RotAttentionPool2d": (lambda hw: attention_pool2d.RotAttentionPool2d(CHANNELS, ref_feat_size=hw, head_dim=HEAD),
                           on_map, SIZES_HW),
    "BottleneckAttn": (lambda hw: bottleneck_attn.BottleneckAttn(CHANNELS, feat_size=hw, num_heads=HEADS),
                       on_map, SIZES_HW),
    "HaloAttn": (lambda hw: halo_attn.HaloAttn(CHANNELS, num_heads=HEADS, block_size=2, halo_size=1), on_map, EVEN),
    "NonLocalAttn": (lambda hw: non_local_attn.NonLocalAttn(CHANNELS, rd_channels=4), on_map, SIZES_HW),
    "beit": (lambda hw: beit.Attention(CHANNELS, HEADS, qkv_bias=True, window_size=hw), on_tokens, SIZES_HW),
    "cait": (lambda hw: cait.ClassAttn(CHANNELS, HEADS), on_tokens, SIZES_HW),
    "convit": (lambda hw: convit.MHSA(CHANNELS, HEADS), on_tokens, SIZES_HW),
    "cpubone": (lambda hw: cpubone.ConvAttention(CHANNELS, att_stride=2, att_kernel=3), on_map, EVEN),
    "crossvit": (lambda hw: crossvit.CrossAttention(CHANNELS, HEADS), on_tokens, SIZES_HW),
    "davit": (lambda hw: davit.SpatialBlock(CHANNELS, HEADS, window_size=3), on_map, SIZES_HW),
    "efficientformer": (lambda hw: efficientformer.Attention(CHANNELS, HEAD, HEADS, attn_ratio=1, resolution=hw),
                        on_patches, SIZES_HW),
    "efficientformer_v2": (lambda hw: efficientformer_v2.Attention2dDownsample(CHANNELS, HEAD, HEADS, resolution=hw),
                           on_map, EVEN),
    "efficientvit_msra": (lambda hw: efficientvit_msra.LocalWindowAttention(
        CHANNELS, HEAD, HEADS, attn_ratio=1, resolution=max(hw), window_resolution=3, kernels=(5, 5)),
        on_map, SIZES_HW),
    "eva": (lambda hw: eva.EvaAttention(CHANNELS, HEADS, scale_norm=False), on_turned_tokens, SIZES_HW),
    "fastvit": (lambda hw: fastvit.Attention(CHANNELS, HEAD), on_map, SIZES_HW),
    "gcvit": (lambda hw: gcvit.GlobalContextVitBlock(
        CHANNELS, hw, HEADS, window_size=2, use_global=False, attn_layer=gcvit.WindowAttentionGlobal),
        on_map_channels_last, EVEN),
    "gemma4_vit": (lambda hw: gemma4_vit.Gemma4Attention(CHANNELS, HEADS, HEAD), on_turned_patches, SIZES_HW),
    "iformer": (lambda hw: iformer.SHMA(CHANNELS), on_map, SIZES_HW),
    "levit": (lambda hw: levit.Attention(CHANNELS, HEAD, HEADS, resolution=hw), on_patches, SIZES_HW),
    "levit, smaller": (lambda hw: levit.AttentionDownsample(CHANNELS, CHANNELS, HEAD, HEADS, resolution=hw),
                       on_patches, EVEN),
    "lowformer": (lambda hw: lowformer.ConvAttention(CHANNELS, att_stride=2, att_kernel=3), on_map, EVEN),
    "metaformer": (lambda hw: metaformer.Attention(CHANNELS, HEAD), on_patches, SIZES_HW),
    "mobilevit": (lambda hw: mobilevit.MobileVitBlock(
        CHANNELS, transformer_dim=CHANNELS, transformer_depth=1, num_heads=HEADS, patch_size=2,
        layers=timm_models.byobnet.LayerFn()), on_map, EVEN),
    "mvitv2": (lambda hw: mvitv2.MultiScaleAttention(
        CHANNELS, CHANNELS, hw, HEADS, kernel_q=(3, 3), kernel_kv=(3, 3), stride_kv=(2, 2),
        rel_pos_type="spatial" if hw[0] == hw[1] else "none"),  # timm's tables of relative positions are square
        on_tokens_of_grid, EVEN),
    "nest": (lambda hw: nest.Attention(CHANNELS, HEADS), on_blocks, ((4, 4), (8, 8))),
    "pvt_v2": (lambda hw: pvt_v2.Attention(CHANNELS, HEADS, sr_ratio=2), on_patches_of_grid, EVEN),
    "shvit": (lambda hw: shvit.SHSA(CHANNELS, 4, 4), on_map, SIZES_HW),
    "tiny_vit": (lambda hw: tiny_vit.TinyVitBlock(CHANNELS, HEADS, window_size=3), on_map_channels_last, SIZES_HW),
    "tnt": (lambda hw: tnt.Attention(CHANNELS, CHANNELS, HEADS), on_tokens, SIZES_HW),
    "twins, global": (lambda hw: twins.GlobalSubSampleAttn(CHANNELS, HEADS, sr_ratio=2), on_patches_of_grid, EVEN),
    "twins, local": (lambda hw: twins.LocallyGroupedAttn(CHANNELS, HEADS, ws=3), on_patches_of_grid, SIZES_HW),
    "visformer": (lambda hw: visformer.Attention(CHANNELS, HEADS), on_map, SIZES_HW),
    "ParallelScalingBlock": (lambda hw: vision_transformer.ParallelScalingBlock(CHANNELS, HEADS), on_tokens, SIZES_HW),
    "relpos": (lambda hw: vision_transformer_relpos.RelPosAttention(
        CHANNELS, HEADS, rel_pos_cls=partial(timm.layers.RelPosBias, window_size=hw)), on_patches, SIZES_HW),
    "sam": (lambda hw: vision_transformer_sam.Attention(CHANNELS, HEADS, use_rel_pos=True, input_size=hw),
            on_map_channels_last, SIZES_HW),
    "sam, windows": (lambda hw: vision_transformer_sam.Block(
        CHANNELS, HEADS, use_rel_pos=True, window_size=3, input_size=(3, 3)), on_map_channels_last, SIZES_HW),
    "volo": (lambda hw: volo.Attention(CHANNELS, HEADS), on_map_channels_last, SIZES_HW),
    "volo, class": (lambda hw: volo.ClassAttention(CHANNELS, HEADS), on_tokens, SIZES_HW),
} | {
    f"transformers, {name}": (lambda hw, name=name: squeeze_excitation.TRANSFORMERS[name](CHANNELS, 4),
                              on_map, SIZES_HW)
    for name in ("align", "pp_lcnet_v3", "pp_lcnet_v4", "pp_ocrv6")
}  # fmt: skip


def networks() -> Iterator[tuple[str, Callable[[Size], nn.Module], frozenset[Size]]]:
    """What to call each, how to build it for an input of a size, and the sizes."""
    for title, (make, call, sizes_hw) in LAYERS.items():
        yield title, partial(_network, make, call), frozenset(sizes_hw)


def _network(make: Callable[[Size], nn.Module], call: Call, hw: Size) -> nn.Module:
    has_class = call in (on_tokens, on_tokens_of_grid, on_turned_tokens)
    return vary(Around(make(hw), call, ("class",) if has_class else ())).eval()
