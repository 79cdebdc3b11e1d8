"""Further regularisers that a phase may use: pasted rectangles, erased rectangles, averaged weights."""

import torch
from torch import Tensor, nn

ERASED_AREA = (0.02, 0.2)
"""Share of a view's area that is erased."""


def cutmix(views: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Paste one rectangle of each view's partner, at the same place of all views.

    Args:
        views: (b, c, h, w).
        generator: of all randomness, on the processor.

    Returns:
        The mixed views; the partner of each, as indices of shape (b,); and the share of a view that stays its own.

    Reference:
        Yun et al. 2019, arXiv:1905.04899, section 3.1, with lambda uniform. One rectangle for the batch, as there.
    """
    height, width = views.shape[-2:]
    draws = torch.rand(3, generator=generator)
    partner = torch.randperm(len(views), generator=generator).to(views.device)
    side = float((1 - draws[0]).sqrt())
    top, bottom = _edges(float(draws[1]), side, height)
    left, right = _edges(float(draws[2]), side, width)
    mixed = views.clone()
    mixed[..., top:bottom, left:right] = views[partner][..., top:bottom, left:right]
    return mixed, partner, 1 - (bottom - top) * (right - left) / (height * width)


def _edges(centre: float, side: float, size: int) -> tuple[int, int]:
    """First and last+1 pixel of a span around a centre, both in shares of the size, cut off at the ends."""
    return max(0, round((centre - side / 2) * size)), min(size, round((centre + side / 2) * size))


def erase(views: Tensor, generator: torch.Generator, probability: float) -> Tensor:
    """Set a rectangle to the mean colour, which is 0 after normalising, in a share of the views.

    Args:
        views: (b, c, h, w), normalised.
        generator: of all randomness, on the processor.
        probability: of a view to lose a rectangle.

    Reference:
        Zhong et al. 2017, arXiv:1708.04896. Differs from it in the filling, which is one colour.
    """
    height, width = views.shape[-2:]
    erased = views.clone()
    low, high = ERASED_AREA
    for view, (chance, area, stretch, y, x) in zip(
        erased, torch.rand(len(views), 5, generator=generator).tolist(), strict=True
    ):
        if chance >= probability:
            continue
        side, ratio = (low + area * (high - low)) ** 0.5, 3 ** (stretch - 0.5)
        top, bottom = _edges(y, side * ratio, height)
        left, right = _edges(x, side / ratio, width)
        view[:, top:bottom, left:right] = 0
    return erased


class Average:
    """An exponential moving average of a network's weights and buffers.

    Args:
        model: whose state is the first average.
        decay: share of the old average that stays at each update, in (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take the present state in. Counters are copied."""
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                self.state[name].lerp_(tensor, 1 - self.decay)
            else:
                self.state[name].copy_(tensor)
