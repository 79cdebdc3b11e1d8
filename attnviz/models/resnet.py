"""Residual networks whose blocks take any attention, at any place the papers put it.

Papers: He, Zhang, Ren, Sun 2016, arXiv:1512.03385 (the basic block); arXiv:1709.01507 and arXiv:1807.06521 for the
gate's place: on the last BatchNorm's output, before the addition and the final ReLU; arXiv:1904.09925 for the
attention-augmented convolution in place of a block's first 3x3 convolution.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

MakeGate = Callable[[int], nn.Module]
"""Makes the gate of a block from the block's output channels."""

MakeConv = Callable[[int, int, int], nn.Module]
"""Makes a 3x3 convolution from input channels, output channels and stride."""


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution that keeps the grid at stride 1, without bias."""
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)


def centred_conv(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution at stride 1, a 4x4 one at stride 2: either way centred on the cells that it makes one of.

    A 3x3 kernel with stride 2 and padding 1 looks half a cell further up and left than the two cells that its output
    stands for; three of them in a row put a map 3.5 input pixels beside what the network saw. The 4x4 kernel with
    padding 1 rounds an odd size down.
    """
    return nn.Conv2d(in_channels, out_channels, kernel_of(stride), stride, padding=1, bias=False)


def kernel_of(stride: int) -> int:
    """Side of a centred kernel: 3 at stride 1, 4 at stride 2."""
    return 3 if stride == 1 else 4


class BasicBlock(nn.Module):
    """`relu(shortcut(x) + attention(bn(conv(relu(bn(conv(x)))))))`.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of the first convolution. Where the shape changes, the shortcut is a 1x1 convolution with BatchNorm;
            with a stride, after an average over the cells that become one (He et al. 2019, arXiv:1812.01187, "D").
        gate: makes the attention on the residual branch, or None.
        first_conv: makes the first convolution.
        centred: with False, the shortcut takes one cell of those that become one, as in the first paper.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        gate: MakeGate | None = None,
        first_conv: MakeConv = centred_conv,
        centred: bool = True,
    ) -> None:
        super().__init__()
        self.conv1 = first_conv(in_channels, out_channels, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.attention = gate(out_channels) if gate else None
        self.shortcut: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, 1 if centred else stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )
        self.pool = nn.AvgPool2d(stride) if centred and stride != 1 else None

    def forward(self, x: Tensor) -> Tensor:
        residual = torch.relu(self.bn1(self.conv1(x)))
        residual = self.bn2(self.conv2(residual))
        if self.attention is not None:
            residual = self.attention(residual)
        if self.pool is not None:
            x = self.pool(x)
        return torch.relu(residual + (x if self.shortcut is None else self.shortcut(x)))


class ResNet(nn.Module):
    """A stem of stride 2, four stages, global average pooling, one linear layer.

    Args:
        num_classes: outputs.
        widths: channels of the stages.
        depths: blocks of the stages.
        strides: of each stage's first block. The default ends at stride 8 of the input: no stride in the last stage, so
            that its map has 8 cells where the input has 64 pixels.
        gate: makes each block's attention, or None.
        first_convs: per stage, what makes the first convolution of its blocks; `centred_conv` when None.
        centred: every cell of every map is centred on the pixels that it saw, where the input's sides are multiples of
            8. False gives the strides of the first paper, whose maps lie half a cell off.
    """

    cam_layer = "layer4"

    def __init__(
        self,
        num_classes: int,
        widths: Sequence[int] = (32, 64, 128, 160),
        depths: Sequence[int] = (1, 2, 2, 2),
        strides: Sequence[int] = (1, 2, 2, 1),
        gate: MakeGate | None = None,
        first_convs: Sequence[MakeConv] | None = None,
        centred: bool = True,
    ) -> None:
        super().__init__()
        conv = centred_conv if centred else conv3x3
        first_convs = first_convs or [conv] * len(widths)
        self.stem = nn.Sequential(conv(3, widths[0], 2), nn.BatchNorm2d(widths[0]), nn.ReLU(inplace=True))
        in_channels = widths[0]
        for number, (width, depth, stride, first_conv) in enumerate(
            zip(widths, depths, strides, first_convs, strict=True), start=1
        ):
            blocks = [
                BasicBlock(in_channels if n == 0 else width, width, stride if n == 0 else 1, gate, first_conv, centred)
                for n in range(depth)
            ]
            self.add_module(f"layer{number}", nn.Sequential(*blocks))
            in_channels = width
        self.fc = nn.Linear(in_channels, num_classes)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """The last feature map, shape (b, c, h / 8, w / 8) rounded down, for pictures of shape (b, 3, h, w)."""
        x = self.stem(x)
        for number in range(1, 5):
            x = self.get_submodule(f"layer{number}")(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean(dim=(2, 3)))
