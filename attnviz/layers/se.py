"""Squeeze-and-Excitation: one factor per channel, from the channel means.

Paper: Hu, Shen, Sun 2018, "Squeeze-and-Excitation Networks", arXiv:1709.01507, eqs. 2 to 4.
"""

import torch
from torch import Tensor, nn


class SqueezeExcitation(nn.Module):
    """Multiply every channel by `sigmoid(W2 relu(W1 z))`, where `z` holds the channel means.

    Both linear layers have biases, as in the released network definitions.

    Args:
        channels: channels of the feature map.
        reduction: `r` of the paper; the hidden layer has `max(1, channels // reduction)` units.

    Example:
        >>> layer = SqueezeExcitation(channels=32)
        >>> layer(torch.rand(2, 32, 7, 5)).shape
        torch.Size([2, 32, 7, 5])
    """

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(1, channels // reduction)
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.gate = nn.Sigmoid()

    def weights(self, x: Tensor) -> Tensor:
        """The gate: shape (b, c), values in (0, 1), for a feature map of shape (b, c, h, w)."""
        squeezed = x.mean(dim=(2, 3))
        return self.gate(self.fc2(torch.relu(self.fc1(squeezed))))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weights(x)[:, :, None, None]
