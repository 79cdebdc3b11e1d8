"""Residual attention: a trunk branch, and beside it an hourglass whose soft mask multiplies the trunk's features.

Paper: Wang, Jiang, Qian, Yang, Li, Zhang, Wang, Tang 2017, "Residual Attention Network for Image Classification",
arXiv:1704.06904, eqs. 1 to 3 and figs. 2 and 3.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from attnviz.errors import ValueRangeError


class ResidualUnit(nn.Module):
    """`shortcut(x) + branch(x)` with three convolutions of which the middle one is 3x3, each behind BatchNorm and ReLU.

    The order is that of He et al. 2016, arXiv:1603.05027, which the paper builds on. The hidden convolution has half
    the channels of the output, where the paper has a quarter: its layers are eight times as wide.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output; None for those of the input.
        stride: of the 3x3 convolution; where the shape changes the shortcut is a 1x1 convolution.
    """

    def __init__(self, in_channels: int, out_channels: int | None = None, stride: int = 1) -> None:
        super().__init__()
        out_channels = out_channels or in_channels
        hidden = max(1, out_channels // 2)
        self.branch = nn.Sequential(
            *_convolution(in_channels, hidden, 1),
            *_convolution(hidden, hidden, 3, stride),
            *_convolution(hidden, out_channels, 1),
        )
        self.shortcut: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.branch(x) + (x if self.shortcut is None else self.shortcut(x))


class SoftMask(nn.Module):
    """An hourglass: down with max-pooling, up again bilinearly, then two 1x1 convolutions and a sigmoid.

    Each halving is a max-pooling of stride 2 by which a side of n becomes (n + 1) // 2. On the way up each map is
    brought to the exact size that it had on the way down, so any input size works. The maps between the top and the
    bottom are joined by skip connections of one residual unit (fig. 3).

    Args:
        channels: channels of the feature map.
        halvings: how often the hourglass halves the grid, at least once.
        units: residual units behind each halving, and again on the way up; `r` in the paper.
        pool: side of the pooled squares: 3 as in the paper, or 2, which looks at just the cells that become one.

    Raises:
        ValueRangeError: there is no halving, or no unit, or another `pool`.
    """

    def __init__(self, channels: int, halvings: int, units: int = 1, pool: int = 3) -> None:
        super().__init__()
        if halvings < 1 or units < 1:
            raise ValueRangeError(
                f"halvings and units must be at least 1; got {halvings} and {units}. A mask needs an hourglass."
            )
        if pool not in (2, 3):
            raise ValueRangeError(f"pool must be 2 or 3; got {pool}. The paper has 3.")
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if pool == 3 else nn.MaxPool2d(2, ceil_mode=True)
        self.down = nn.ModuleList(_units(channels, units) for _ in range(halvings))
        self.up = nn.ModuleList(_units(channels, units) for _ in range(halvings))
        self.skips = nn.ModuleList(ResidualUnit(channels) for _ in range(halvings - 1))
        self.logits = nn.Sequential(
            *_convolution(channels, channels, 1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 1),
        )
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """The mask: values in (0, 1), of the shape (b, c, h, w) of `x`."""
        sizes_hw, skipped = [], []
        for level, down in enumerate(self.down):
            sizes_hw.append(x.shape[-2:])
            x = down(self.pool(x))
            skipped.append(self.skips[level](x) if level < len(self.skips) else None)
        for up, size_hw, skip in zip(self.up, reversed(sizes_hw), reversed(skipped), strict=True):
            x = up(x if skip is None else x + skip)
            x = F.interpolate(x, size=size_hw, mode="bilinear", align_corners=False)
        return self.gate(self.logits(x))


class ResidualAttention(nn.Module):
    """`after((1 + M) * T)`, where the trunk T and the soft mask M both see `before(x)` (eq. 3).

    The 1 lets the trunk's features through where the mask is closed, so that masks can be stacked without fading them.

    Args:
        channels: channels of the input and the output.
        halvings: of the mask's hourglass; the paper has 3, 2 and 1 in its three stages.
        around: residual units before the branches, and again after them; `p` in the paper.
        trunk: residual units in the trunk, `t` in the paper; or a trunk of one's own that keeps the shape.
        mask_units: residual units at each level of the hourglass; `r` in the paper.
        pool: see `SoftMask`.

    Example:
        >>> import torch
        >>> ResidualAttention(channels=32, halvings=2).eval()(torch.rand(2, 32, 7, 5)).shape
        torch.Size([2, 32, 7, 5])
    """

    def __init__(
        self,
        channels: int,
        halvings: int = 2,
        *,
        around: int = 1,
        trunk: int | nn.Module = 2,
        mask_units: int = 1,
        pool: int = 3,
    ) -> None:
        super().__init__()
        self.before = _units(channels, around)
        self.trunk = trunk if isinstance(trunk, nn.Module) else _units(channels, trunk)
        self.mask = SoftMask(channels, halvings, mask_units, pool)
        self.after = _units(channels, around)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        return self.after((1 + self.mask(x)) * self.trunk(x))


def _units(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualUnit(channels) for _ in range(count)))


def _convolution(in_channels: int, out_channels: int, side: int, stride: int = 1) -> tuple[nn.Module, ...]:
    """BatchNorm, ReLU, and a convolution that keeps the grid at stride 1, without bias."""
    return (
        nn.BatchNorm2d(in_channels),
        nn.ReLU(inplace=True),
        nn.Conv2d(in_channels, out_channels, side, stride, side // 2, bias=False),
    )
