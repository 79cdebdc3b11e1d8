"""The two residual blocks of the ImageNet networks, with the attention where the papers put it.

Papers: He, Zhang, Ren, Sun 2016, arXiv:1512.03385; Xie et al. 2017, arXiv:1611.05431, for the groups. The gate takes
the last BatchNorm's output, before the addition and the final ReLU (arXiv:1709.01507, arXiv:1807.06521).
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

MakeGate = Callable[[int], nn.Module]
"""Makes the attention of a block from the block's output channels."""

StrideIn = Literal["1x1", "3x3"]
"""Which convolution of a bottleneck has the stride: the first 1x1, as first published, or the 3x3, as in libraries."""


MakeConv = Callable[[int, int, int, int], nn.Module]
"""Makes a layer with the shapes of a 3x3 convolution, from input channels, output channels, stride and groups."""


def conv3x3(in_channels: int, out_channels: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the grid at stride 1, without bias."""
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, groups=groups, bias=False)


def conv1x1(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A pointwise convolution without bias."""
    return nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)


class _Residual(nn.Module):
    """`relu(shortcut(x) + attention(branch(x)))`; a 1x1 convolution with BatchNorm where the shape changes."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, gate: MakeGate | None) -> None:
        super().__init__()
        self.attention = gate(out_channels) if gate else None
        self.shortcut: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(conv1x1(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))

    def branch(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        residual = self.branch(x)
        if self.attention is not None:
            residual = self.attention(residual)
        return torch.relu(residual + (x if self.shortcut is None else self.shortcut(x)))


class BasicBlock(_Residual):
    """Two 3x3 convolutions; the first one may be another layer, and has the stride.

    Args:
        in_channels: channels of the input.
        planes: channels of the output.
        stride: of the block.
        gate: makes the attention, or None.
        first_conv: makes the first convolution.
    """

    def __init__(self, in_channels: int, planes: int, stride: int, gate: MakeGate | None, first_conv: MakeConv) -> None:
        super().__init__(in_channels, planes, stride, gate)
        self.conv1 = first_conv(in_channels, planes, stride, 1)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)

    def branch(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))


class Bottleneck(_Residual):
    """A 1x1, a 3x3 and a 1x1 convolution to four times the planes; the 3x3 one may be another layer.

    Args:
        in_channels: channels of the input.
        planes: a quarter of the channels of the output.
        stride: of the block.
        gate: makes the attention, or None.
        middle_conv: makes the 3x3 convolution.
        width: channels of the 3x3 convolution.
        groups: of the 3x3 convolution.
        stride_in: which convolution has the stride.
    """

    def __init__(
        self,
        in_channels: int,
        planes: int,
        stride: int,
        gate: MakeGate | None,
        middle_conv: MakeConv,
        *,
        width: int,
        groups: int,
        stride_in: StrideIn,
    ) -> None:
        super().__init__(in_channels, 4 * planes, stride, gate)
        first, second = (stride, 1) if stride_in == "1x1" else (1, stride)
        self.conv1 = conv1x1(in_channels, width, first)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = middle_conv(width, width, second, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = conv1x1(width, 4 * planes)
        self.bn3 = nn.BatchNorm2d(4 * planes)

    def branch(self, x: Tensor) -> Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(x)))))
