"""The residual networks of the SE and CBAM papers, in the form whose costs those papers print.

Papers: He, Zhang, Ren, Sun 2016, arXiv:1512.03385; Zagoruyko, Komodakis 2016, arXiv:1605.07146 (wide); Xie et al. 2017,
arXiv:1611.05431 (groups); Woo, Park, Lee, Kweon 2018, arXiv:1807.06521, Tables 1, 3 and 4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar, get_args

from torch import Tensor, nn

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.layers import Bam, Cbam, ChannelGate, ParallelCbam, SpatialFirstCbam, SqueezeExcitation
from attnviz.layers.cbam import Pooling
from attnviz.models.published.blocks import BasicBlock, Bottleneck, MakeConv, MakeGate, StrideIn, conv3x3

Attention = Literal["none", "se", "channel", "cbam", "bam"]
"""The gates of every block: none, SE, CBAM's channel gate alone, CBAM; "bam" has one behind each of the first three
stages instead (arXiv:1807.06514)."""

Order = Literal["channel-spatial", "spatial-channel", "parallel"]
"""In which order CBAM's two gates come."""


@dataclass(frozen=True)
class Backbone:
    """What distinguishes one residual network from another.

    Attributes:
        depths: blocks of the stages.
        bottleneck: whether the blocks are bottlenecks, or basic ones.
        planes: of the first stage; each later stage has twice as many.
        groups: of the 3x3 convolutions.
        group_width: their channels per group, for 64 planes.
        stem: channels of the first convolution. The wide networks leave it at 64.
    """

    depths: Sequence[int]
    bottleneck: bool = True
    planes: int = 64
    groups: int = 1
    group_width: int = 64
    stem: int = 64


Choice = TypeVar("Choice", bound=str)

BACKBONES = {
    "resnet18": Backbone((2, 2, 2, 2), bottleneck=False),
    "resnet34": Backbone((3, 4, 6, 3), bottleneck=False),
    "resnet50": Backbone((3, 4, 6, 3)),
    "resnet101": Backbone((3, 4, 23, 3)),
    "resnet152": Backbone((3, 8, 36, 3)),
    "wide_resnet18_1.5": Backbone((2, 2, 2, 2), bottleneck=False, planes=96),
    "wide_resnet18_2.0": Backbone((2, 2, 2, 2), bottleneck=False, planes=128),
    "resnext50_32x4d": Backbone((3, 4, 6, 3), groups=32, group_width=4),
    "resnext101_32x4d": Backbone((3, 4, 23, 3), groups=32, group_width=4),
}
"""Key: name of a published network. Value: its shape."""


class ImageNetResNet(nn.Module):
    """A 7x7 stem of stride 2, max pooling, four stages, global average pooling, one linear layer with bias.

    Args:
        backbone: the network's shape.
        num_classes: outputs.
        gate: makes each block's attention, or None.
        between: makes a layer behind each stage but the last, or None.
        convs3x3: per stage, what makes the first 3x3 convolution of each block.
        stride_in: which convolution of a bottleneck has the stride.
    """

    cam_layer = "layer4"

    def __init__(
        self,
        backbone: Backbone,
        num_classes: int = 1000,
        *,
        gate: MakeGate | None = None,
        between: MakeGate | None = None,
        convs3x3: Sequence[MakeConv] = (conv3x3,) * 4,
        stride_in: StrideIn = "1x1",
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, backbone.stem, 7, 2, padding=3, bias=False),
            nn.BatchNorm2d(backbone.stem),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, padding=1),
        )
        channels = backbone.stem
        for stage, depth in enumerate(backbone.depths):
            planes = backbone.planes * 2**stage
            block: Callable[..., nn.Module] = BasicBlock
            if backbone.bottleneck:
                width = planes * backbone.group_width // 64 * backbone.groups
                block = partial(Bottleneck, width=width, groups=backbone.groups, stride_in=stride_in)
            blocks = []
            for number in range(depth):
                stride = 2 if stage > 0 and number == 0 else 1
                blocks.append(block(channels, planes, stride, gate, convs3x3[stage]))
                channels = 4 * planes if backbone.bottleneck else planes
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            if between is not None and stage < 3:
                self.add_module(f"between{stage + 1}", between(channels))
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """The last feature map, shape (b, c, h / 32, w / 32) rounded up, for pictures of shape (b, 3, h, w)."""
        for name, part in self.named_children():
            if name != "fc":
                x = part(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x).mean(dim=(2, 3)))


def resnet(
    name: str,
    attention: Attention = "none",
    *,
    pooling: Pooling = "both",
    order: Order = "channel-spatial",
    reduction: int = 16,
    kernel_size: int = 7,
    stride_in: StrideIn = "1x1",
    num_classes: int = 1000,
) -> ImageNetResNet:
    """A published residual network with fresh random weights, in training mode.

    The defaults are those whose parameters and multiply-adds the CBAM paper prints: biased MLPs, reduction 16, a 7x7
    kernel, both poolings, channel gate first, the stride of a bottleneck in its first 1x1 convolution. The authors' own
    code and the libraries have it in the 3x3, at 6% more multiply-adds.

    Args:
        name: a key of `BACKBONES`.
        attention: the gates.
        pooling: of the channel gate, for "channel" and "cbam".
        order: of the gates, for "cbam".
        reduction: of the gates' hidden layers.
        kernel_size: of the spatial gate, for "cbam".
        stride_in: which convolution of a bottleneck has the stride.
        num_classes: outputs of the last layer.

    Raises:
        NotFoundError: no such network; the message lists them.
        ValueRangeError: no such attention, pooling, order or place of the stride.

    Example:
        >>> network = resnet("resnet18", "cbam")
        >>> sum(parameter.numel() for parameter in network.parameters())
        11779392
    """
    between = partial(Bam, reduction=reduction) if _one_of("attention", attention, Attention) == "bam" else None
    return ImageNetResNet(
        backbone_named(name),
        num_classes,
        gate=_gate(attention, pooling, _one_of("order", order, Order), reduction, kernel_size),
        between=between,
        stride_in=_one_of("stride_in", stride_in, StrideIn),
    )


def backbone_named(name: str) -> Backbone:
    """The shape of a published network.

    Raises:
        NotFoundError: no such network; the message lists them.
    """
    if name not in BACKBONES:
        raise NotFoundError.among("network", name, BACKBONES, "among the published ones")
    return BACKBONES[name]


def _gate(attention: Attention, pooling: Pooling, order: Order, reduction: int, kernel_size: int) -> MakeGate | None:
    if attention == "se":
        return partial(SqueezeExcitation, reduction=reduction)
    if attention == "channel":
        return partial(ChannelGate, reduction=reduction, pooling=pooling)
    if attention == "cbam":
        kinds = {"channel-spatial": Cbam, "spatial-channel": SpatialFirstCbam, "parallel": ParallelCbam}
        return partial(kinds[order], reduction=reduction, kernel_size=kernel_size, pooling=pooling)
    return None


def _one_of(what: str, value: Choice, choices: object) -> Choice:
    if value not in get_args(choices):
        known = ", ".join(get_args(choices))
        raise ValueRangeError(f"{what} must be one of {known}; got {value!r}. Choose one of these.")
    return value
