"""The other two ways to set CBAM's gates: the spatial one first, and both at once.

Paper: Woo, Park, Lee, Kweon 2018, "CBAM: Convolutional Block Attention Module", arXiv:1807.06521, Table 3. The paper
prefers the channel gate first, which is `Cbam`.
"""

from torch import Tensor, nn

from attnviz.layers.cbam import ChannelGate, Pooling, SpatialGate


class SpatialFirstCbam(nn.Module):
    """Spatial gate, then channel gate, each as in `Cbam`.

    Args:
        channels: channels of the feature map.
        reduction: of the channel gate's hidden layer.
        kernel_size: of the spatial gate's convolution.
        pooling: of the channel gate.

    Example:
        >>> import torch
        >>> SpatialFirstCbam(channels=32)(torch.rand(2, 32, 7, 5)).shape
        torch.Size([2, 32, 7, 5])
    """

    def __init__(self, channels: int, reduction: int = 16, kernel_size: int = 7, pooling: Pooling = "both") -> None:
        super().__init__()
        self.spatial = SpatialGate(kernel_size)
        self.channel = ChannelGate(channels, reduction, pooling)

    def forward(self, x: Tensor) -> Tensor:
        return self.channel(self.spatial(x))


class ParallelCbam(nn.Module):
    """Multiply by `sigmoid(a_c + a_s)`: the logits of both gates, from the same features, added and gated once.

    One factor for each feature. The paper does not write this form as an equation; the sum under one sigmoid is the
    usual reading. Costs are those of the other orders.

    Args:
        channels: channels of the feature map.
        reduction: of the channel gate's hidden layer.
        kernel_size: of the spatial gate's convolution.
        pooling: of the channel gate.

    Example:
        >>> import torch
        >>> ParallelCbam(channels=32)(torch.rand(2, 32, 7, 5)).shape
        torch.Size([2, 32, 7, 5])
    """

    def __init__(self, channels: int, reduction: int = 16, kernel_size: int = 7, pooling: Pooling = "both") -> None:
        super().__init__()
        self.channel = ChannelGate(channels, reduction, pooling)
        self.spatial = SpatialGate(kernel_size)
        self.gate = nn.Sigmoid()

    def mask(self, x: Tensor) -> Tensor:
        """The gate: shape (b, c, h, w), values in (0, 1), for a feature map of that shape."""
        return self.gate(self.channel.logits(x)[:, :, None, None] + self.spatial.logits(x))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.mask(x)
