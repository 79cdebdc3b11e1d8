"""Convolutional Block Attention Module: a channel gate, then a spatial gate.

Paper: Woo, Park, Lee, Kweon 2018, "CBAM: Convolutional Block Attention Module", arXiv:1807.06521, eqs. 1 to 3.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from attnviz.errors import ValueRangeError

Pooling = Literal["avg", "max", "both"]
"""What describes a channel: its mean (as in SE), its maximum, or both, each sent through the same MLP."""


class ChannelGate(nn.Module):
    """Multiply every channel by `sigmoid(MLP(mean) + MLP(max))`; both poolings share one MLP with biases (eq. 2).

    Args:
        channels: channels of the feature map.
        reduction: the hidden layer has `max(1, channels // reduction)` units.
        pooling: leaves out one of the two terms, as in the paper's Table 1. With "avg" the gate is that of SE.

    Raises:
        ValueRangeError: no such pooling.
    """

    def __init__(self, channels: int, reduction: int = 16, pooling: Pooling = "both") -> None:
        super().__init__()
        if pooling not in get_args(Pooling):
            raise ValueRangeError(f"pooling must be one of avg, max, both; got {pooling!r}. Choose one of these.")
        self.pooling = pooling
        hidden = max(1, channels // reduction)
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.gate = nn.Sigmoid()

    def mlp(self, pooled: Tensor) -> Tensor:
        """Channel logits from pooled channels, both of shape (b, c)."""
        return self.fc2(torch.relu(self.fc1(pooled)))

    def logits(self, x: Tensor) -> Tensor:
        """The gate before its sigmoid: shape (b, c), for a feature map of shape (b, c, h, w)."""
        if self.pooling == "avg":
            return self.mlp(x.mean(dim=(2, 3)))
        if self.pooling == "max":
            return self.mlp(x.amax(dim=(2, 3)))
        return self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))

    def weights(self, x: Tensor) -> Tensor:
        """The gate: shape (b, c), values in (0, 1), for a feature map of shape (b, c, h, w)."""
        return self.gate(self.logits(x))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights(x)[:, :, None, None]


class SpatialGate(nn.Module):
    """Multiply every position by `sigmoid(conv([mean; max]))`, both taken over the channels (eq. 3).

    The convolution has no bias and is followed by BatchNorm, as in the authors' code. Differs from that code in two
    points: the pooled maps are stacked as the paper prints them (mean, then max; the code has max first), and the
    BatchNorm starts at scale 1, not 0, so that an untrained mask is not 0.5 everywhere.

    Args:
        kernel_size: side of the square kernel, odd; 7 in the paper.
    """

    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        self.bn = nn.BatchNorm2d(1)
        self.gate = nn.Sigmoid()

    def logits(self, x: Tensor) -> Tensor:
        """The gate before its sigmoid: shape (b, 1, h, w), for a feature map of shape (b, c, h, w)."""
        pooled = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return self.bn(self.conv(pooled))

    def mask(self, x: Tensor) -> Tensor:
        """The gate: shape (b, 1, h, w), values in (0, 1), for a feature map of shape (b, c, h, w)."""
        return self.gate(self.logits(x))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask(x)


class Cbam(nn.Module):
    """Channel gate, then spatial gate (eq. 1).

    Args:
        channels: channels of the feature map.
        reduction: of the channel gate's hidden layer.
        kernel_size: of the spatial gate's convolution.
        pooling: of the channel gate.

    Example:
        >>> Cbam(channels=32)(torch.rand(2, 32, 7, 5)).shape
        torch.Size([2, 32, 7, 5])
    """

    def __init__(self, channels: int, reduction: int = 16, kernel_size: int = 7, pooling: Pooling = "both") -> None:
        super().__init__()
        self.channel = ChannelGate(channels, reduction, pooling)
        self.spatial = SpatialGate(kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.spatial(self.channel(x))
