"""A small Residual Attention Network.

Paper: Wang et al. 2017, "Residual Attention Network for Image Classification", arXiv:1704.06904, table 2: three stages
of one attention module each, as in Attention-56, and the masks of the stages halve their maps 3, 2 and 1 times.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from attnviz.layers import ResidualAttention, ResidualUnit


class ResidualAttentionNet(nn.Module):
    """A stem of stride 2, three stages with a soft mask, a last stage without, average pooling, one linear layer.

    Meant for pictures of 64 px; any size works. Differs from the paper in its widths, in the stem, and in the last
    stages, which together keep the map at stride 8 of the input instead of 32.

    Args:
        num_classes: outputs.
        widths: channels of the four stages.
        strides: of each stage's first unit.
        halvings: of the masks in the first three stages.
    """

    cam_layer = "norm"

    def __init__(
        self,
        num_classes: int,
        widths: Sequence[int] = (32, 64, 128, 160),
        strides: Sequence[int] = (1, 2, 2, 1),
        halvings: Sequence[int] = (3, 2, 1),
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        in_channels = widths[0]
        for number, (width, stride, times) in enumerate(zip(widths, strides, (*halvings, 0), strict=True), start=1):
            unit = ResidualUnit(in_channels, width, stride)
            attention = ResidualAttention(width, times) if times else ResidualUnit(width)
            self.add_module(f"layer{number}", nn.Sequential(unit, attention))
            in_channels = width
        self.norm = nn.Sequential(nn.BatchNorm2d(in_channels), nn.ReLU(inplace=True))
        self.fc = nn.Linear(in_channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """The last feature map, shape (b, c, h / 8, w / 8) rounded up, for pictures of shape (b, 3, h, w)."""
        x = self.stem(x)
        for number in range(1, 5):
            x = self.get_submodule(f"layer{number}")(x)
        return self.norm(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean(dim=(2, 3)))
