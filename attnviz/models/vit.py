"""A small vision transformer for any input size.

Papers: Dosovitskiy et al. 2021, arXiv:2010.11929 (class token, learned positions, pre-norm blocks); Xiao et al. 2021,
"Early Convolutions Help Transformers See Better", arXiv:2106.14881: the patch embedding is a few strided
convolutions, which small data need.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from attnviz.models.resnet import centred_conv, conv3x3


class Block(nn.Module):
    """`x + attention(norm(x))`, then `x + mlp(norm(x))`.

    Args:
        width: channels of a token.
        heads: of the self-attention; divides `width`.
        mlp_ratio: hidden units of the MLP per channel.
        keeps: give only so many of the first tokens; None gives all. All are attended to either way.
    """

    def __init__(self, width: int, heads: int, mlp_ratio: int = 4, keeps: int | None = None) -> None:
        super().__init__()
        self.keeps = keeps
        self.norm1 = nn.LayerNorm(width)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, mlp_ratio * width), nn.GELU(), nn.Linear(mlp_ratio * width, width))

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm1(x)
        attended, _ = self.attn(normed, normed, normed, need_weights=False)
        x = (x + attended)[:, : self.keeps]
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """Convolutional patch embedding of stride 8, one class token, pre-norm blocks, a linear head on the class token.

    Args:
        num_classes: outputs.
        width: channels of a token.
        depth: blocks.
        heads: per block.
        grid_hw: grid that the learned positions are stored for; other grids resample them bicubically.
        stem_widths: channels of the three strided convolutions.
        centred: every patch token is centred on the pixels that it saw, where the input's sides are multiples of 8;
            False gives strided 3x3 convolutions, whose tokens lie half a cell off.
    """

    prefix = ("class",)
    stride = 8

    def __init__(
        self,
        num_classes: int,
        width: int = 160,
        depth: int = 6,
        heads: int = 4,
        grid_hw: tuple[int, int] = (8, 8),
        stem_widths: tuple[int, int, int] = (24, 48, 96),
        centred: bool = True,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        conv = centred_conv if centred else conv3x3
        self.rounding = 0 if centred else self.stride - 1
        in_channels = 3
        for channels in stem_widths:
            layers += [
                conv(in_channels, channels, 2),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            ]
            in_channels = channels
        self.patch_embed = nn.Sequential(*layers, nn.Conv2d(in_channels, width, 1))
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, width, *grid_hw) * 0.02)
        # The head reads the class token alone, so the last block's MLP has nothing to do for the others.
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth - 1)), Block(width, heads, keeps=1))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, num_classes)
        # The residual stream that enters the last block. Behind that block there are no patch tokens, and after
        # its LayerNorm a component that all tokens share decides the sign of whole maps.
        self.cam_layer = f"blocks.{depth - 2}"
        nn.init.normal_(self.class_token, std=0.02)
        for module in self.blocks.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        """Rows and columns of patch tokens for a model input of that many pixels."""
        height, width = ((size + self.rounding) // self.stride for size in input_hw)
        return height, width

    def tokens(self, x: Tensor) -> Tensor:
        """Class token and patch tokens with their positions: shape (b, 1 + n, width)."""
        patches = self.patch_embed(x)
        positions: Tensor = self.positions
        if positions.shape[-2:] != patches.shape[-2:]:
            positions = F.interpolate(positions, size=patches.shape[-2:], mode="bicubic", align_corners=False)
        patches = rearrange(patches + positions, "b d h w -> b (h w) d")
        return torch.cat([self.class_token.expand(len(x), -1, -1), patches], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.blocks(self.tokens(x)))[:, 0])
