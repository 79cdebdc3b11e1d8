"""What stands in the place of the picture, or of a part of it, when a method takes it away.

The choice matters: a part that is merely made grey is itself a thing to see. So every map says what was put there.
"""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from attnviz.errors import ValueRangeError

Replacement = Literal["blur", "mean"]

BLUR_SHARE = 1 / 8
"""Standard deviation of the blur, as a share of the short side: objects melt away, broad colours stay."""

Progress = Callable[[int, int], None]
"""Gets how many passes are done and how many there are. An error that it raises ends the work and is passed on."""


def require_replacement(kind: str) -> None:
    """Refuse an unknown kind.

    Raises:
        ValueRangeError: it is neither "blur" nor "mean".
    """
    if kind not in ("blur", "mean"):
        raise ValueRangeError(f'baseline must be "blur" or "mean"; got {kind!r}. "blur" suits photographs.')


def without_content(picture: Tensor, kind: Replacement) -> Tensor:
    """A picture of the same size without its content.

    Args:
        picture: (1, channels, h, w), on any scale.
        kind: "blur" is a Gaussian blur whose standard deviation is an eighth of the short side; "mean" is the
            picture's own mean in every channel.

    Returns:
        Likewise. A picture of one colour is its own replacement.
    """
    if kind == "mean":
        return picture.mean(dim=(2, 3), keepdim=True).expand_as(picture).clone()
    from skimage.filters import gaussian  # here: it brings in SciPy, and `import attnviz` should be quick

    array = picture[0].detach().cpu().numpy().astype(np.float64)
    blurred = gaussian(
        array, sigma=min(array.shape[1:]) * BLUR_SHARE, mode="reflect", preserve_range=True, channel_axis=0
    )
    return torch.from_numpy(blurred)[None].to(picture)


def in_words(kind: Replacement) -> str:
    """The replacement, for a sentence."""
    return {"blur": "a blurred picture", "mean": "the picture's mean colour"}[kind]


class Counter:
    """Counts pictures that have passed through the network.

    Args:
        total: how many there will be.
        progress: told after each batch; None for nobody.
    """

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._done = 0
        self._total = total
        self._progress = progress

    def add(self, pictures: int) -> None:
        self._done = min(self._total, self._done + pictures)
        if self._progress is not None:
            self._progress(self._done, self._total)
