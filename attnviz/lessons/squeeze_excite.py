"""Squeeze and excitation, step by step.

Paper: Hu, Shen, Albanie, Sun, Wu 2018, "Squeeze-and-Excitation Networks", arXiv:1709.01507, eqs. 2 to 4.
"""

from dataclasses import dataclass

import numpy.typing as npt
import torch
from torch import Tensor, nn

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.layers import SqueezeExcitation
from attnviz.lessons.arrays import Array, array, matrix


@dataclass(frozen=True, eq=False)
class ExciteSteps:
    """Every number on the way through a squeeze-and-excitation layer, for one picture.

    Attributes:
        features: (c, h, w), what goes in.
        squeezed: (c,), the mean of each channel: z (eq. 2).
        reduced: (c / r,), `W1 z + b1`, before the ReLU.
        hidden: (c / r,), after the ReLU.
        logits: (c,), `W2 hidden + b2`, before the sigmoid.
        weights: (c,), the gate s, each in (0, 1) (eq. 3).
        output: (c, h, w), every channel times its weight (eq. 4).
    """

    features: Array
    squeezed: Array
    reduced: Array
    hidden: Array
    logits: Array
    weights: Array
    output: Array


@torch.no_grad()
def squeeze_and_excite(layer: SqueezeExcitation, features: Tensor | npt.ArrayLike) -> ExciteSteps:
    """The steps of a layer on a feature map, made by the layer's own parts.

    Args:
        layer: trained, or made by `excite_layer`.
        features: (c, h, w), such as `ChannelWeights.features` of a trace.

    Raises:
        ShapeError: the features have other axes, or another number of channels than the layer.
    """
    x = as_features(features, layer.fc1)
    squeezed = x.mean(dim=(1, 2))
    reduced = layer.fc1(squeezed)
    hidden = torch.relu(reduced)
    logits = layer.fc2(hidden)
    weights = torch.sigmoid(logits)
    output = x * weights[:, None, None]
    return ExciteSteps(*map(array, (x, squeezed, reduced, hidden, logits, weights, output)))


def as_features(features: Tensor | npt.ArrayLike, first: nn.Linear) -> Tensor:
    """A feature map (c, h, w) in the precision and on the device of the linear layer that reads its channels."""
    x = features.detach() if isinstance(features, Tensor) else torch.from_numpy(
        matrix("features", features, ("channels", "h", "w"))
    )  # fmt: skip
    if x.dim() != 3 or len(x) != first.in_features:
        raise ShapeError(
            f"features must have shape ({first.in_features}, h, w); got {tuple(x.shape)}. "
            "Give the feature map of one picture, with the layer's number of channels."
        )
    return x.to(first.weight)


def excite_layer(
    reduce: npt.ArrayLike, expand: npt.ArrayLike, reduce_bias: npt.ArrayLike, expand_bias: npt.ArrayLike
) -> SqueezeExcitation:
    """A squeeze-and-excitation layer with given numbers, in double precision.

    Args:
        reduce: W1, (hidden, c).
        expand: W2, (c, hidden).
        reduce_bias: b1, (hidden,).
        expand_bias: b2, (c,).

    Raises:
        ShapeError: the numbers do not fit each other.
        ValueRangeError: one is not finite.
    """
    w1, w2 = matrix("W1", reduce, ("hidden", "channels")), matrix("W2", expand, ("channels", "hidden"))
    b1, b2 = matrix("b1", reduce_bias, ("hidden",)), matrix("b2", expand_bias, ("channels",))
    hidden, channels = w1.shape
    if w2.shape != (channels, hidden) or b1.shape != (hidden,) or b2.shape != (channels,):
        raise ShapeError(
            f"W2, b1 and b2 must have shapes {(channels, hidden)}, {(hidden,)} and {(channels,)} beside W1 of "
            f"{w1.shape}; got {w2.shape}, {b1.shape} and {b2.shape}. Give each channel a row of W2."
        )
    layer = SqueezeExcitation(channels, reduction=channels)
    layer.fc1, layer.fc2 = linear(w1, b1), linear(w2, b2)
    return layer.eval()


def linear(weight: Array, bias: Array) -> nn.Linear:
    """A linear layer with given numbers, in double precision."""
    made = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
    made.weight.data, made.bias.data = torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy())
    return made.requires_grad_(False)


def excite_parameters(channels: int, reduction: int) -> int:
    """Parameters of one layer with biases: `2 c (c / r) + c / r + c`, with c / r rounded down, at least 1.

    Raises:
        ValueRangeError: a number is below 1.

    Example:
        >>> excite_parameters(256, 16)
        8464
    """
    if channels < 1 or reduction < 1:
        raise ValueRangeError(
            f"channels and reduction must be at least 1; got {channels} and {reduction}. 1 keeps every channel."
        )
    hidden = max(1, channels // reduction)
    return 2 * channels * hidden + hidden + channels
