"""BatchNorm as a convolution, and folded into the one before it, step by step.

Paper: Ioffe, Szegedy 2015, "Batch Normalization", arXiv:1502.03167, section 3.1 (inference).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.folding import fold_batchnorm
from attnviz.lessons.arrays import Array, array, matrix


@dataclass(frozen=True, eq=False)
class NormSteps:
    """The numbers of a BatchNorm in evaluation mode, one for each channel.

    Attributes:
        gamma: learned factor.
        beta: learned offset.
        mean: running mean.
        variance: running variance.
        eps: added to the variance.
        factor: `G = gamma / sqrt(variance + eps)`.
        offset: `g = beta - G mean`.
    """

    gamma: Array
    beta: Array
    mean: Array
    variance: Array
    eps: float
    factor: Array
    offset: Array


@dataclass(frozen=True, eq=False)
class FoldSteps:
    """One output of a convolution and the BatchNorm behind it, and of the one convolution that does both.

    Attributes:
        products: (k, k), the window times the kernel.
        convolved: `y = sum(products) + bias`.
        normalised: `z = G y + g`, by the BatchNorm.
        norm: the BatchNorm's numbers.
        kernel: (k, k), the folded kernel, `G F`.
        bias: the folded bias, `G b + g`.
        folded: what the folded convolution gives.
        notes_bias: `b + g`, the bias that lecture notes print.
        notes: what a convolution with that bias gives; off by `b (1 - G)`.
    """

    products: Array
    convolved: float
    normalised: float
    norm: NormSteps
    kernel: Array
    bias: float
    folded: float
    notes_bias: float
    notes: float


def norm_steps(norm: nn.BatchNorm2d) -> NormSteps:
    """The numbers of a BatchNorm.

    Raises:
        ValueRangeError: it has no learned factors, or no running statistics.
    """
    mean, variance = norm.running_mean, norm.running_var
    if not norm.affine or mean is None or variance is None:
        raise ValueRangeError(
            "the BatchNorm must have learned factors and running statistics; got one without. "
            "Only such a one is a fixed convolution."
        )
    gamma, beta, running_mean, running_var = map(array, (norm.weight, norm.bias, mean, variance))
    factor = gamma / np.sqrt(running_var + norm.eps)
    return NormSteps(gamma, beta, running_mean, running_var, norm.eps, factor, beta - factor * running_mean)


def norm_as_convolution(norm: nn.BatchNorm2d) -> nn.Conv2d:
    """A BatchNorm in evaluation mode as a 1x1 convolution of each channel on its own.

    Returns:
        A depthwise convolution with kernel `G` and bias `g`, from (b, c, h, w) to the same shape.

    Raises:
        ValueRangeError: the BatchNorm has no learned factors, or no running statistics.
    """
    steps = norm_steps(norm)
    channels = len(steps.factor)
    made = nn.Conv2d(channels, channels, 1, groups=channels)
    made = made.to(norm.weight)
    made.weight.data.copy_(torch.from_numpy(steps.factor)[:, None, None, None])
    assert made.bias is not None
    made.bias.data.copy_(torch.from_numpy(steps.offset))
    return made.requires_grad_(False)


def norm_layer(gamma: float, beta: float, mean: float, variance: float, eps: float = 1e-5) -> nn.BatchNorm2d:
    """A BatchNorm of one channel with given numbers, in double precision and evaluation mode.

    Raises:
        ValueRangeError: the variance is negative, or its sum with eps is not positive, or a number is not finite.
    """
    matrix("gamma, beta, mean, variance and eps", [gamma, beta, mean, variance, eps], ("numbers",))
    if variance < 0 or variance + eps <= 0:
        raise ValueRangeError(
            f"variance must be at least 0, and variance + eps above 0; got {variance:g} and {eps:g}. "
            "A variance is a mean of squares."
        )
    norm = nn.BatchNorm2d(1, eps=eps, dtype=torch.float64)
    for tensor, value in ((norm.weight, gamma), (norm.bias, beta), (norm.running_mean, mean),
                          (norm.running_var, variance)):  # fmt: skip
        assert tensor is not None
        tensor.data.fill_(value)
    return norm.eval()


@torch.no_grad()
def fold_steps(window: npt.ArrayLike, kernel: npt.ArrayLike, bias: float, norm: nn.BatchNorm2d) -> FoldSteps:
    """One output of a convolution, of the BatchNorm behind it, and of both folded by `attnviz.fold_batchnorm`.

    Args:
        window: (k, k), what the kernel lies on.
        kernel: F, (k, k).
        bias: b, of the convolution.
        norm: of one channel, in evaluation mode, such as from `norm_layer`.

    Raises:
        ShapeError: window and kernel differ in shape, or are not square.
        ValueRangeError: a number is not finite.
    """
    seen, weights = matrix("window", window), matrix("kernel", kernel)
    matrix("bias", [bias], ("numbers",))
    side = len(weights)
    if seen.shape != weights.shape or weights.shape != (side, side):
        raise ShapeError(
            f"window and kernel must be squares of one size; got {seen.shape} and {weights.shape}. "
            "The kernel lies on the window cell by cell."
        )
    conv = nn.Conv2d(1, 1, side, dtype=torch.float64)
    assert conv.bias is not None
    conv.weight.data[0, 0], conv.bias.data[0] = torch.from_numpy(weights.copy()), bias
    x = torch.from_numpy(seen.copy())[None, None]
    steps = norm_steps(norm)
    folded = fold_batchnorm(nn.Sequential(conv, norm).eval(), x)
    kernel_of_both, bias_of_both = folded.get_parameter("0.weight"), folded.get_parameter("0.bias")
    products = seen * weights
    convolved = conv(x)
    notes_bias = bias + float(steps.offset[0])
    return FoldSteps(
        products,
        float(convolved),
        float(norm(convolved)),
        steps,
        array(kernel_of_both)[0, 0],
        float(bias_of_both[0]),
        float(folded(x)),
        notes_bias,
        float(products.sum() * steps.factor[0]) + notes_bias,
    )
