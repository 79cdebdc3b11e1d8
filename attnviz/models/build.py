"""The bundled networks' architectures by name: one trunk, differing only in attention, and transformers."""

from collections.abc import Callable
from functools import partial

from torch import nn

from attnviz.errors import NotFoundError
from attnviz.layers import AAConv2d, Cbam, ChannelGate, SpatialFirstCbam, SqueezeExcitation
from attnviz.models.residual_attention import ResidualAttentionNet
from attnviz.models.resnet import MakeConv, ResNet, centred_conv, kernel_of
from attnviz.models.swin import SwinTransformer
from attnviz.models.vit import VisionTransformer


def augmented_conv(heads: int = 4, ratio: float = 0.25, grid_hw: tuple[int, int] = (8, 8)) -> MakeConv:
    """Makes attention-augmented convolutions, centred as the plain ones are, with the paper's channel rule.

    Each head has `max(20, ratio * out_channels / heads)` key channels and `ratio * out_channels / heads` value
    channels, rounded down (arXiv:1904.09925, section 4.2: kappa = upsilon = 0.25, at least 20 dimensions a head).
    """

    def make(in_channels: int, out_channels: int, stride: int) -> nn.Module:
        share = int(ratio * out_channels) // heads
        return AAConv2d(
            in_channels,
            out_channels,
            kernel_of(stride),
            stride,
            key_channels=heads * max(20, share),
            value_channels=heads * share,
            heads=heads,
            grid_hw=grid_hw,
        )

    return make


ARCHITECTURES: dict[str, Callable[..., nn.Module]] = {
    "resnet_plain": ResNet,
    "se_resnet": partial(ResNet, gate=SqueezeExcitation),
    "cbam_resnet": partial(ResNet, gate=Cbam),
    "cbam_spatial_first": partial(ResNet, gate=SpatialFirstCbam),
    "cbam_channel": partial(ResNet, gate=ChannelGate),
    "cbam_channel_avg": partial(ResNet, gate=partial(ChannelGate, pooling="avg")),
    "cbam_channel_max": partial(ResNet, gate=partial(ChannelGate, pooling="max")),
    "residual_attention": ResidualAttentionNet,
    "aa_resnet": partial(ResNet, first_convs=(centred_conv, centred_conv, augmented_conv(), augmented_conv())),
    "vit": VisionTransformer,
    "swin": SwinTransformer,
}
"""Key: the network's public name. Value: makes it, given the number of classes and `centred`. Extended here only."""


def build(architecture: str, num_classes: int = 50, centred: bool = True) -> nn.Module:
    """The network of that name with fresh random weights, in training mode.

    Args:
        architecture: a key of `ARCHITECTURES`.
        num_classes: outputs of the last layer.
        centred: see `ResNet`.

    Raises:
        NotFoundError: no such architecture; the message lists them.
    """
    if architecture not in ARCHITECTURES:
        raise NotFoundError(
            f"architecture must be one of {', '.join(ARCHITECTURES)}; got {architecture!r}. Choose one of these."
        )
    return ARCHITECTURES[architecture](num_classes, centred=centred)
