"""Residual networks with attention-augmented convolutions, by the rule that gives the published parameter counts.

Paper: Bello, Zoph, Vaswani, Shlens, Le 2019, arXiv:1904.09925, sections 4.1 and 4.2.
"""

import math
from functools import partial

from attnviz.errors import ValueRangeError
from attnviz.layers import AAConv2d
from attnviz.models.published.blocks import StrideIn, conv3x3
from attnviz.models.published.resnet import ImageNetResNet, backbone_named

LARGEST_GRID = 14
"""Rows of the largest attention grid on ImageNet: the stage with 28 x 28 positions attends on 14 x 14."""


def augmented_conv(
    in_channels: int,
    out_channels: int,
    stride: int = 1,
    groups: int = 1,
    *,
    kappa: float,
    upsilon: float,
    grid_hw: tuple[int, int],
    heads: int = 8,
    least_key_width: int = 20,
    downsample: int = 1,
) -> AAConv2d:
    """An attention-augmented 3x3 convolution, its channels by the paper's rule.

    Each head has `kappa * out_channels / heads` key channels, but at least `least_key_width`, and
    `upsilon * out_channels / heads` value channels, both rounded down. Of the roundings that were tried this is the one
    that gives all published counts.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of the convolution.
        groups: must be 1.
        kappa: key channels per output channel.
        upsilon: value channels per output channel.
        grid_hw: positions of the attention that the relative embeddings are stored for.
        heads: `N_h`.
        least_key_width: key channels of a head, at least.
        downsample: factor by which the attention's grid is coarser than the output.

    Raises:
        ValueRangeError: there are groups.
    """
    if groups != 1:
        raise ValueRangeError(
            f"groups of an attention-augmented convolution must be 1; got {groups}. Choose a network without groups."
        )
    return AAConv2d(
        in_channels,
        out_channels,
        stride=stride,
        key_channels=heads * max(least_key_width, math.floor(kappa * out_channels / heads)),
        value_channels=heads * math.floor(upsilon * out_channels / heads),
        heads=heads,
        grid_hw=grid_hw,
        downsample=downsample,
    )


def aa_resnet(
    name: str,
    kappa: float = 0.2,
    upsilon: float = 0.1,
    *,
    heads: int = 8,
    least_key_width: int = 20,
    stride_in: StrideIn = "3x3",
    num_classes: int = 1000,
) -> ImageNetResNet:
    """A residual network whose last three stages have an attention-augmented convolution in each block.

    In a bottleneck it stands for the 3x3 convolution, in a basic block for the first one. The stage with 28 x 28
    positions attends on 14 x 14. Sizes are those for pictures of 224 x 224; others run, too.

    Args:
        name: a key of `BACKBONES`. The paper has ResNet-34 with kappa = upsilon = 0.25, and ResNet-50, -101 and -152
            with kappa = 0.2 and upsilon = 0.1.
        kappa: key channels per output channel of the 3x3 convolution.
        upsilon: value channels per output channel of the 3x3 convolution.
        heads: attention heads.
        least_key_width: key channels of a head, at least.
        stride_in: which convolution of a bottleneck has the stride.
        num_classes: outputs of the last layer.

    Raises:
        NotFoundError: no such network; the message lists them.
        ValueRangeError: the network has groups.

    Example:
        >>> network = aa_resnet("resnet50")
        >>> sum(parameter.numel() for parameter in network.parameters())
        25809392
    """
    augmented = partial(augmented_conv, kappa=kappa, upsilon=upsilon, heads=heads, least_key_width=least_key_width)
    grid, half = LARGEST_GRID, LARGEST_GRID // 2
    convs = (
        conv3x3,
        partial(augmented, grid_hw=(grid, grid), downsample=2),
        partial(augmented, grid_hw=(grid, grid)),
        partial(augmented, grid_hw=(half, half)),
    )
    return ImageNetResNet(backbone_named(name), num_classes, convs3x3=convs, stride_in=stride_in)
