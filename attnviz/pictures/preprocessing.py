"""From a picture to what a network sees, and where that lies in the picture."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.pictures.reading import MAX_PIXELS, Picture

ResizeFilter = Literal["nearest", "bilinear", "bicubic", "lanczos"]

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocessing:
    """How a picture becomes a network's input.

    Attributes:
        short_side: pixels of the short side after resizing.
        mean: of the training pictures per channel, on the scale 0 to 1.
        std: likewise the standard deviation.
        crop_hw: None lets the network see the whole picture at its own aspect ratio. A size crops the centre after
            resizing, as torchvision and timm do.
        interpolation: filter of the resize, always with antialiasing (except "nearest").
        multiple_of: without a crop, the long side is rounded to a multiple of this, so that the cells of a network of
            this total stride divide the input evenly.
        max_aspect: without a crop, a picture longer than this many times its short side is padded with the mean colour
            instead of becoming ever longer.

    Raises:
        ValueRangeError: a field is outside what is said here.
    """

    short_side: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    crop_hw: tuple[int, int] | None = None
    interpolation: ResizeFilter = "bicubic"
    multiple_of: int = 8
    max_aspect: float = 4.0

    def __post_init__(self) -> None:
        # Cards are read from JSON, which knows no tuples; a tuple keeps the dataclass hashable.
        for field in ("mean", "std", "crop_hw"):
            value = getattr(self, field)
            object.__setattr__(self, field, None if value is None else tuple(value))
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ValueRangeError(
                f"mean and std must be three numbers each, std positive; got mean {self.mean}, std {self.std}. "
                "Take them from the network's card."
            )
        if self.interpolation not in _RESAMPLING:
            raise ValueRangeError(
                f"interpolation must be one of {', '.join(_RESAMPLING)}; got {self.interpolation!r}. Choose one."
            )
        if self.crop_hw is not None and (len(self.crop_hw) != 2 or min(self.crop_hw) < 1):
            raise ValueRangeError(
                f"crop_hw must be (height, width) of at least 1; got {self.crop_hw}. Use None for no crop."
            )
        if self.multiple_of < 1 or self.short_side < 1 or (self.crop_hw is None and self.short_side % self.multiple_of):
            raise ValueRangeError(
                f"short_side must be a positive multiple of multiple_of; got {self.short_side} and {self.multiple_of}. "
                "Use a multiple of the network's total stride."
            )
        if self.max_aspect < 1:
            raise ValueRangeError(f"max_aspect must be at least 1; got {self.max_aspect}. 4 suits most photographs.")


@dataclass(frozen=True, eq=False)
class ModelInput:
    """What a network is given, and where it lies in the picture.

    Attributes:
        tensor: float32 of shape (1, 3, h, w), normalised.
        geometry: from source pixels to the pixels of `tensor`.
        picture_sha256: of the picture's file.
        preprocessing: how it was made; None for an input made by hand.
    """

    tensor: Tensor
    geometry: Geometry
    picture_sha256: str
    preprocessing: Preprocessing | None = None

    def __post_init__(self) -> None:
        expected = (1, 3, *self.geometry.input_hw)
        if tuple(self.tensor.shape) != expected:
            raise ShapeError(
                f"tensor must have shape {expected}, as its geometry says; got {tuple(self.tensor.shape)}. "
                "Use preprocess(picture, preprocessing)."
            )


def preprocess(picture: Picture, preprocessing: Preprocessing) -> ModelInput:
    """A picture as a network wants it.

    Args:
        picture: the photograph.
        preprocessing: the network's own, from its card.

    Returns:
        The normalised tensor and its geometry. Without `crop_hw` the network sees the whole picture: the short side is
        `short_side`, the long side the nearest multiple of `multiple_of`, so the two scales differ a little. With
        `crop_hw` the tensor equals torchvision's Resize, CenterCrop, ToTensor and Normalize.
    """
    seen, geometry = (
        _whole(picture, preprocessing) if preprocessing.crop_hw is None else _cropped(picture, preprocessing)
    )
    pixels = torch.from_numpy(seen).permute(2, 0, 1)[None].to(torch.float32) / 255
    mean, std = _normalisation(preprocessing)
    return ModelInput(((pixels - mean) / std).contiguous(), geometry, picture.sha256, preprocessing)


def seen_rgb(model_input: ModelInput) -> npt.NDArray[np.uint8]:
    """The picture as the network saw it, normalisation undone: uint8 of shape (h, w, 3).

    Raises:
        ValueRangeError: the input was made by hand, so its normalisation is not known.
    """
    if model_input.preprocessing is None:
        raise ValueRangeError("the model input must know its preprocessing; got none. Make it with preprocess().")
    mean, std = _normalisation(model_input.preprocessing)
    pixels = (model_input.tensor.detach().cpu().float() * std + mean)[0].permute(1, 2, 0)
    return np.ascontiguousarray((pixels * 255).round().clamp(0, 255).to(torch.uint8).numpy())


def _whole(picture: Picture, preprocessing: Preprocessing) -> tuple[npt.NDArray[np.uint8], Geometry]:
    """The whole picture at its own aspect ratio, padded with the mean colour where it is too long."""
    multiple, short_side = preprocessing.multiple_of, preprocessing.short_side
    long_axis = int(picture.hw[1] > picture.hw[0])
    aspect = picture.hw[long_axis] / picture.hw[1 - long_axis]
    drawn_aspect = min(aspect, preprocessing.max_aspect)
    long_side = max(short_side, round(short_side * drawn_aspect / multiple) * multiple)
    resized_short = short_side
    if aspect > preprocessing.max_aspect:  # the long side is rounded and may ask for more than there is
        resized_short = min(short_side, max(1, round(long_side / aspect)))
    input_hw, resized_hw = [short_side, short_side], [resized_short, resized_short]
    input_hw[long_axis] = resized_hw[long_axis] = long_side
    before = tuple((whole - drawn) // 2 for whole, drawn in zip(input_hw, resized_hw, strict=True))
    seen = np.empty((input_hw[0], input_hw[1], 3), dtype=np.uint8)
    seen[:] = np.round(np.clip(preprocessing.mean, 0, 1) * np.float64(255)).astype(np.uint8)
    rows, columns = (slice(start, start + size) for start, size in zip(before, resized_hw, strict=True))
    seen[rows, columns] = _resize(picture, (resized_hw[0], resized_hw[1]), preprocessing)
    return seen, _geometry(
        picture, (input_hw[0], input_hw[1]), (resized_hw[0], resized_hw[1]), (-before[0], -before[1])
    )


def _cropped(picture: Picture, preprocessing: Preprocessing) -> tuple[npt.NDArray[np.uint8], Geometry]:
    """The centre of the resized picture, with torchvision's rounding; black where the picture is too small."""
    crop_hw = preprocessing.crop_hw or (preprocessing.short_side, preprocessing.short_side)
    short, long = sorted(picture.hw)
    long_side = int(preprocessing.short_side * long / short)
    wide = picture.hw[1] > picture.hw[0]
    resized_hw = (preprocessing.short_side, long_side) if wide else (long_side, preprocessing.short_side)
    offset = [
        -((crop - resized) // 2) if crop > resized else int(round((resized - crop) / 2.0))  # noqa: RUF046
        for crop, resized in zip(crop_hw, resized_hw, strict=True)
    ]
    seen = np.zeros((*crop_hw, 3), dtype=np.uint8)
    (top, rows), (left, columns) = (_overlap(*axis) for axis in zip(offset, crop_hw, resized_hw, strict=True))
    part = _resized_part(picture, resized_hw, (rows, columns), preprocessing)
    seen[top : top + part.shape[0], left : left + part.shape[1]] = part
    return seen, _geometry(picture, crop_hw, resized_hw, (offset[0], offset[1]))


def _overlap(offset: int, crop: int, resized: int) -> tuple[int, slice]:
    """Along one axis: where the resized picture begins in the crop, and which of its pixels the crop takes."""
    first, last = max(0, offset), min(resized, offset + crop)
    return first - offset, slice(first, last)


def _resized_part(
    picture: Picture, resized_hw: tuple[int, int], part: tuple[slice, slice], preprocessing: Preprocessing
) -> npt.NDArray[np.uint8]:
    """A part of the resized picture. 1 x 5000 pixels would become 224 x 1,120,000: then only the part is made."""
    if resized_hw[0] * resized_hw[1] <= MAX_PIXELS:
        return _resize(picture, resized_hw, preprocessing)[part]
    (top, bottom), (left, right) = (
        (axis.start * source / resized, axis.stop * source / resized)
        for axis, source, resized in zip(part, picture.hw, resized_hw, strict=True)
    )
    size = (part[1].stop - part[1].start, part[0].stop - part[0].start)
    image = Image.fromarray(picture.rgb)
    return np.asarray(image.resize(size, _RESAMPLING[preprocessing.interpolation], box=(left, top, right, bottom)))


def _resize(picture: Picture, resized_hw: tuple[int, int], preprocessing: Preprocessing) -> npt.NDArray[np.uint8]:
    image = Image.fromarray(picture.rgb)
    return np.asarray(image.resize((resized_hw[1], resized_hw[0]), _RESAMPLING[preprocessing.interpolation]))


def _geometry(
    picture: Picture, input_hw: tuple[int, int], resized_hw: tuple[int, int], offset_yx: tuple[int, int]
) -> Geometry:
    scale = (resized_hw[0] / picture.hw[0], resized_hw[1] / picture.hw[1])
    return Geometry(picture.hw, input_hw, scale, (float(offset_yx[0]), float(offset_yx[1])))


def _normalisation(preprocessing: Preprocessing) -> tuple[Tensor, Tensor]:
    mean, std = (
        torch.tensor(values, dtype=torch.float32).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std)
    )
    return mean, std
