"""What a network costs: its parameters, and the multiply-adds of one picture.

Networks are counted on PyTorch's meta device, where tensors have shapes and no numbers, so that the largest one takes
seconds and no memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from attnviz.errors import ValueRangeError

Counted = Literal["layers", "products"]
"""Which multiply-adds count. "layers": those of Conv2d and Linear layers, each run of a layer by itself. "products":
those of every matrix product and convolution, so that attention's products of queries, keys and values count, too.
Neither counts pooling, normalisation, activations or the multiplication by a gate."""


@dataclass(frozen=True)
class Cost:
    """Parameters and multiply-adds of a network.

    Attributes:
        parameters: all numbers that training changes; not BatchNorm's running statistics.
        multiply_adds: of one picture. Papers that print "FLOPs" mean these, or twice as many.
    """

    parameters: int
    multiply_adds: int


def on_meta(build: Callable[[], nn.Module]) -> nn.Module:
    """The network that `build` makes, in evaluation mode and without numbers: its tensors have shapes only."""
    with torch.device("meta"):
        return build().eval()


def cost(model: nn.Module, input_shape: tuple[int, ...], counted: Counted = "layers") -> Cost:
    """Count a network.

    Args:
        model: in evaluation mode, on any device; one from `on_meta` is fastest.
        input_shape: (1, channels, h, w).
        counted: which multiply-adds.

    Returns:
        The cost of one picture.

    Raises:
        ValueRangeError: the batch has not one picture, or there is no such way to count.

    Example:
        >>> cost(nn.Linear(3, 4).eval(), (1, 3))
        Cost(parameters=16, multiply_adds=12)
    """
    if input_shape[0] != 1:
        raise ValueRangeError(f"input_shape must have a batch of 1; got {input_shape}. Costs are those of one picture.")
    if counted not in _COUNTERS:
        raise ValueRangeError(f"counted must be one of {', '.join(_COUNTERS)}; got {counted!r}. Choose one of these.")
    some = next(model.parameters())
    x = torch.empty(input_shape, device=some.device, dtype=some.dtype)
    with torch.no_grad():
        multiply_adds = _COUNTERS[counted](model, x)
    return Cost(sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad), multiply_adds)


def _of_layers(model: nn.Module, x: Tensor) -> int:
    total = 0

    def look(layer: nn.Module, _args: tuple[object, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            total += output.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.Linear):
            total += output.numel() * layer.in_features

    handles = [m.register_forward_hook(look) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    return total


def _of_products(model: nn.Module, x: Tensor) -> int:
    # The fused paths of attention hide its products from the counter.
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            model(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return int(counter.get_total_flops()) // 2


_COUNTERS: dict[str, Callable[[nn.Module, Tensor], int]] = {"layers": _of_layers, "products": _of_products}
