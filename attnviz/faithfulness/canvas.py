"""Parts of a picture blurred, or filled with its mean colour, and shown to the network again.

A picture is changed in its own pixels and then preprocessed as ever. Where only the model input is known, that is what
is changed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from attnviz.errors import ValueRangeError
from attnviz.faithfulness.placing import Mask, Place
from attnviz.faithfulness.subject import Subject
from attnviz.geometry import cell_weights
from attnviz.pictures import Picture
from attnviz.regions import Region

BLUR_SHARE = 1 / 16
"""Sigma of the blur, as a share of the short side, unless told otherwise: a dog becomes a patch of its colours."""

Substitute = Literal["blurred", "filled"]
"""What stands in a region instead: a Gaussian blur of the picture, or the picture's mean colour."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The pixels that are changed: the source picture's, or the model input's where no picture is known.

    Attributes:
        subject: the network and the picture.
        blur_sigma_px: standard deviation of the Gaussian blur, in these pixels.
    """

    subject: Subject
    blur_sigma_px: float

    @classmethod
    def of(cls, subject: Subject, blur_sigma_px: float | None) -> "Canvas":
        """The canvas of a subject; without a sigma, `BLUR_SHARE` of the short side.

        Raises:
            ValueRangeError: the sigma is not a positive number.
        """
        if blur_sigma_px is None:
            return cls(subject, BLUR_SHARE * min(_hw(subject)))
        if not (math.isfinite(blur_sigma_px) and blur_sigma_px > 0):
            raise ValueRangeError(f"blur_sigma_px must be above 0; got {blur_sigma_px}. Leave it out for the default.")
        return cls(subject, float(blur_sigma_px))

    @property
    def pixels(self) -> str:
        """Which pixels are changed, in words."""
        return "source picture" if self.subject.picture is not None else "model input"

    @cached_property
    def box(self) -> tuple[slice, slice]:
        """The pixels that the network sees, as rows and columns of the canvas."""
        height, width = _hw(self.subject)
        if self.subject.picture is None:
            return slice(0, height), slice(0, width)
        # a pixel is seen when its centre is
        top, left, bottom, right = (math.ceil(edge - 0.5) for edge in self.subject.seen.geometry.seen_box())
        return slice(top, bottom), slice(left, right)

    def mask(self, region: Region) -> Mask:
        """What the network sees of a region, true inside, over the pixels of `box`."""
        if self.subject.picture is not None:
            return region.mask_hw[self.box]
        geometry = self.subject.seen.geometry
        return cell_weights(region.mask_hw, geometry, geometry.input_hw) >= 0.5

    @cached_property
    def fill(self) -> tuple[float, ...]:
        """The mean colour: 8-bit red, green and blue of the picture, or the model input's own mean of each channel."""
        if self.subject.picture is not None:
            return tuple(float(round(mean)) for mean in self.subject.picture.rgb.reshape(-1, 3).mean(axis=0))
        return tuple(float(mean) for mean in self.subject.seen.tensor[0].float().mean(dim=(1, 2)))

    def words(self, substitute: Substitute) -> str:
        """What stands in a region instead, with the numbers."""
        if substitute == "blurred":
            return f"Gaussian blur, sigma {self.blur_sigma_px:.3g} px of the {self.pixels}"
        if self.subject.picture is not None:
            return "RGB {:.0f}, {:.0f}, {:.0f} of the source picture".format(*self.fill)
        return "mean of each channel of the model input"

    def shown(self, mask: Mask, places: Sequence[Place | None], substitute: Substitute) -> Tensor:
        """The network's inputs with the region changed at each place, None for where it lies: (places, 3, h, w)."""
        return torch.cat([self._one(mask if place is None else place.of(mask), substitute) for place in places])

    def _one(self, mask: Mask, substitute: Substitute) -> Tensor:
        if self.subject.picture is None:
            tensor = self.subject.seen.tensor
            inside = torch.from_numpy(np.ascontiguousarray(mask)).to(tensor.device)
            other = self._blurred_tensor if substitute == "blurred" else tensor.new_tensor(self.fill)[:, None, None]
            return torch.where(inside, other, tensor)
        rgb = self.subject.picture.rgb.copy()
        part = rgb[self.box]
        part[mask] = self._blurred_rgb[self.box][mask] if substitute == "blurred" else np.array(self.fill, np.uint8)
        return self.subject.see(Picture(rgb, "", self.subject.picture.name))

    @cached_property
    def _blurred_rgb(self) -> npt.NDArray[np.uint8]:
        assert self.subject.picture is not None
        image = Image.fromarray(self.subject.picture.rgb)
        return np.asarray(image.filter(ImageFilter.GaussianBlur(self.blur_sigma_px)))

    @cached_property
    def _blurred_tensor(self) -> Tensor:
        return blurred(self.subject.seen.tensor, self.blur_sigma_px)


def blurred(tensor: Tensor, sigma_px: float) -> Tensor:
    """A model input (1, channels, h, w) under a Gaussian blur; the border is mirrored."""
    from scipy.ndimage import gaussian_filter  # here: few need it, and the first screen should not wait for scipy

    values = gaussian_filter(tensor.detach().cpu().float().numpy(), sigma=(0, 0, sigma_px, sigma_px), mode="reflect")
    return torch.from_numpy(values).to(tensor)


def _hw(subject: Subject) -> tuple[int, int]:
    if subject.picture is not None:
        return subject.picture.hw
    return int(subject.seen.tensor.shape[2]), int(subject.seen.tensor.shape[3])
