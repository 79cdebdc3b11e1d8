"""CBAM's two gates, step by step.

Paper: Woo, Park, Lee, Kweon 2018, "CBAM: Convolutional Block Attention Module", arXiv:1807.06521, eqs. 1 to 3.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.layers import ChannelGate, SpatialGate
from attnviz.lessons.arrays import Array, array, matrix
from attnviz.lessons.squeeze_excite import as_features, linear


@dataclass(frozen=True, eq=False)
class ChannelGateSteps:
    """Every number on the way through the channel gate, for one picture.

    Attributes:
        features: (c, h, w), what goes in.
        mean: (c,), the mean of each channel.
        maximum: (c,), the largest value of each channel.
        hidden_mean: (c / r,), the shared MLP's hidden layer for the means, after the ReLU.
        hidden_maximum: (c / r,), likewise for the maxima.
        logits_mean: (c,), what the shared MLP makes of the means.
        logits_maximum: (c,), what it makes of the maxima.
        logits: (c,), their sum.
        weights: (c,), the gate M_c, each in (0, 1) (eq. 2).
    """

    features: Array
    mean: Array
    maximum: Array
    hidden_mean: Array
    hidden_maximum: Array
    logits_mean: Array
    logits_maximum: Array
    logits: Array
    weights: Array


@dataclass(frozen=True, eq=False)
class SpatialGateSteps:
    """Every number on the way through the spatial gate, for one picture.

    Attributes:
        mean: (h, w), the mean over the channels.
        maximum: (h, w), the largest channel of each place.
        kernel: (2, k, k), first for the means, then for the maxima.
        convolved: (h, w), the convolution's output.
        logits: (h, w), after the BatchNorm.
        mask: (h, w), the gate M_s, each in (0, 1) (eq. 3).
    """

    mean: Array
    maximum: Array
    kernel: Array
    convolved: Array
    logits: Array
    mask: Array


@dataclass(frozen=True, eq=False)
class ConvolutionAt:
    """The convolution at one place: its window times its kernel.

    Attributes:
        window: (2, k, k), means and maxima around the place; 0 beyond the border.
        products: (2, k, k), each number of the window times its weight.
        total: sum of all products.
    """

    window: Array
    products: Array
    total: float


@torch.no_grad()
def channel_gate(gate: ChannelGate, features: Tensor | npt.ArrayLike) -> ChannelGateSteps:
    """The steps of a channel gate on a feature map, made by the gate's own parts.

    Args:
        gate: with both poolings; trained, or made by `channel_gate_layer`.
        features: (c, h, w), such as `ChannelWeights.features` of a trace.

    Raises:
        ShapeError: the features have other axes, or another number of channels than the gate.
        ValueRangeError: the gate pools in one way only.
    """
    if gate.pooling != "both":
        raise ValueRangeError(
            f"the gate must pool in both ways; got pooling={gate.pooling!r}. Follow it as squeeze and excitation."
        )
    x = as_features(features, gate.fc1)
    mean, maximum = x.mean(dim=(1, 2)), x.amax(dim=(1, 2))
    hidden_mean, hidden_maximum = (torch.relu(gate.fc1(pooled)) for pooled in (mean, maximum))
    logits_mean, logits_maximum = gate.mlp(mean), gate.mlp(maximum)
    logits = logits_mean + logits_maximum
    steps = (x, mean, maximum, hidden_mean, hidden_maximum, logits_mean, logits_maximum, logits, torch.sigmoid(logits))
    return ChannelGateSteps(*map(array, steps))


@torch.no_grad()
def spatial_gate(gate: SpatialGate, features: Tensor | npt.ArrayLike) -> SpatialGateSteps:
    """The steps of a spatial gate on a feature map, made by the gate's own parts.

    Args:
        gate: in evaluation mode.
        features: (c, h, w), such as `SpatialMask.features` of a trace: what the channel gate gave.

    Raises:
        ShapeError: the features have other axes.
        ValueRangeError: the gate is in training mode.
    """
    if gate.training:
        raise ValueRangeError("the gate must be in evaluation mode; got training mode. Call gate.eval() first.")
    x = features.detach() if isinstance(features, Tensor) else torch.from_numpy(
        matrix("features", features, ("channels", "h", "w"))
    )  # fmt: skip
    if x.dim() != 3:
        raise ShapeError(f"features must have shape (channels, h, w); got {tuple(x.shape)}. Give one picture's.")
    x = x.to(gate.conv.weight)
    pooled = torch.stack([x.mean(dim=0), x.amax(dim=0)])
    convolved = gate.conv(pooled[None])
    logits = gate.bn(convolved)
    return SpatialGateSteps(
        *map(array, (*pooled, gate.conv.weight[0], convolved[0, 0], logits[0, 0], torch.sigmoid(logits)[0, 0]))
    )


def convolution_at(steps: SpatialGateSteps, row: int, column: int) -> ConvolutionAt:
    """The products that the convolution adds up at one place.

    Raises:
        ValueRangeError: the place lies outside the map.
    """
    height, width = steps.mean.shape
    if not (0 <= row < height and 0 <= column < width):
        raise ValueRangeError(
            f"the place must lie in a map of {height} rows and {width} columns; got {(row, column)}. "
            "Rows and columns count from 0."
        )
    side = steps.kernel.shape[-1]
    padded = np.pad(np.stack([steps.mean, steps.maximum]), ((0, 0), (side // 2,) * 2, (side // 2,) * 2))
    window = padded[:, row : row + side, column : column + side]
    products = window * steps.kernel
    return ConvolutionAt(window, products, float(products.sum()))


def channel_gate_layer(
    reduce: npt.ArrayLike, expand: npt.ArrayLike, reduce_bias: npt.ArrayLike, expand_bias: npt.ArrayLike
) -> ChannelGate:
    """A channel gate with given numbers, in double precision; its shapes are those of `excite_layer`.

    Raises:
        ValueRangeError: a number is not finite.
    """
    w1, w2 = matrix("W1", reduce, ("hidden", "channels")), matrix("W2", expand, ("channels", "hidden"))
    gate = ChannelGate(w1.shape[1], reduction=w1.shape[1])
    gate.fc1 = linear(w1, matrix("b1", reduce_bias, ("hidden",)))
    gate.fc2 = linear(w2, matrix("b2", expand_bias, ("channels",)))
    return gate.eval()
