"""Bottleneck Attention Module: one factor per feature, from a channel branch and a spatial branch side by side.

Paper: Park, Woo, Lee, Kweon 2018, "BAM: Bottleneck Attention Module", arXiv:1807.06514, eqs. 1 to 4.
"""

from torch import Tensor, nn


class Bam(nn.Module):
    """Multiply every feature by `1 + sigmoid(channel(x) * spatial(x))`.

    Both branches have biases in all their linear layers and convolutions. Differs from the paper, and agrees with the
    authors' code, in three points: the branches are multiplied, not added (eq. 2); the BatchNorm of the channel branch
    stands behind its first linear layer, not behind its last (eq. 3); the spatial branch has a BatchNorm and a ReLU
    behind each convolution but the last, and none behind that (eq. 4).

    Args:
        channels: channels of the feature map.
        reduction: both branches have `max(1, channels // reduction)` hidden channels.
        dilation: of the two 3x3 convolutions in the spatial branch.

    Example:
        >>> import torch
        >>> Bam(channels=32).eval()(torch.rand(2, 32, 7, 5)).shape
        torch.Size([2, 32, 7, 5])
    """

    def __init__(self, channels: int, reduction: int = 16, dilation: int = 4) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.channel = nn.Sequential(
            nn.Linear(channels, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, channels),
        )
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, hidden, 1),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation),
            nn.BatchNorm2d(hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, 1, 1),
        )
        self.gate = nn.Sigmoid()

    def mask(self, x: Tensor) -> Tensor:
        """The gate: values in (0, 1), of the shape (b, c, h, w) of the feature map `x`."""
        return self.gate(self.channel(x.mean(dim=(2, 3)))[:, :, None, None] * self.spatial(x))

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.mask(x))
