"""The wide residual network of the attention-augmentation paper's CIFAR-100 table.

Papers: Zagoruyko, Komodakis 2016, arXiv:1605.07146 (WRN-28-10, pre-activation blocks); Bello, Zoph, Vaswani, Shlens, Le
2019, arXiv:1904.09925, section 4.1 (attention in the first convolution of every block).
"""

from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attnviz.models.published.aa_resnet import augmented_conv
from attnviz.models.published.blocks import MakeConv, MakeGate, conv1x1, conv3x3

Shortcut = Literal["projection", "padding"]
"""What goes past a block that changes the shape: a 1x1 convolution, or every second position with zero channels added,
which has no parameters."""


class WideBlock(nn.Module):
    """`shortcut(x) + attention(conv(relu(bn(conv(relu(bn(x)))))))`.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of the first convolution.
        gate: makes the attention, or None.
        first_conv: makes the first convolution.
        shortcut: where the shape changes.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        gate: MakeGate | None,
        first_conv: MakeConv,
        shortcut: Shortcut,
    ) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = first_conv(in_channels, out_channels, stride, 1)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.attention = gate(out_channels) if gate else None
        self.stride = stride
        self.added = out_channels - in_channels
        self.projection: nn.Module | None = None
        if shortcut == "projection" and (stride != 1 or self.added):
            self.projection = conv1x1(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        active = torch.relu(self.bn1(x))
        residual = self.conv2(torch.relu(self.bn2(self.conv1(active))))
        if self.attention is not None:
            residual = self.attention(residual)
        if self.projection is not None:
            return residual + self.projection(active)
        x = x[..., :: self.stride, :: self.stride]
        return residual + F.pad(x, (0, 0, 0, 0, 0, self.added))


class WideResNet(nn.Module):
    """WRN-28-10: a 3x3 stem of 16 channels, three stages of four blocks, BatchNorm, pooling, one linear layer.

    Args:
        num_classes: outputs.
        gate: makes each block's attention, or None.
        augmented: whether the first convolution of every block is attention-augmented, with 8 heads, kappa = 0.2 and
            upsilon = 0.1, for pictures of 32 x 32.
        shortcut: where the shape changes. The paper does not say which.
        widening: channels of the stages are 16, 32 and 64 times this.
        depth: blocks of a stage.
    """

    cam_layer = "layer3"

    def __init__(
        self,
        num_classes: int = 100,
        *,
        gate: MakeGate | None = None,
        augmented: bool = False,
        shortcut: Shortcut = "padding",
        widening: int = 10,
        depth: int = 4,
    ) -> None:
        super().__init__()
        self.stem = conv3x3(3, 16)
        channels = 16
        for stage in range(3):
            width, side = 16 * widening * 2**stage, 32 // 2**stage
            conv: MakeConv = conv3x3
            if augmented:
                conv = partial(augmented_conv, kappa=0.2, upsilon=0.1, grid_hw=(side, side))
            blocks = []
            for number in range(depth):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(WideBlock(channels, width, stride, gate, conv, shortcut))
                channels = width
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.bn = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in range(3):
            x = self.get_submodule(f"layer{stage + 1}")(x)
        return self.fc(torch.relu(self.bn(x)).mean(dim=(2, 3)))
