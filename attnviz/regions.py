"""Named regions of a picture, such as "dog" and "grass": a box, a polygon or a mask file.

A pixel belongs to a box or a polygon when its centre lies inside; pixel i has its centre at i + 0.5.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from attnviz.errors import PictureError, ShapeError, ValueRangeError
from attnviz.pictures.reading import PictureFile, decode, read_file, upright

ASPECT_TOLERANCE = 0.01
"""A mask file may differ from the picture's aspect ratio by this share: another size is fine, another crop is not."""


@dataclass(frozen=True, eq=False)
class Region:
    """A named part of a picture. It is never empty and never the whole picture: neither can be compared with the rest.

    Attributes:
        name: what it shows, such as "dog".
        mask_hw: true inside, shape (h, w) of the source picture, read-only.

    Raises:
        ShapeError: the mask does not have two axes.
        ValueRangeError: the mask is empty or covers the whole picture.
    """

    name: str
    mask_hw: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        mask = np.array(self.mask_hw, dtype=bool)
        if mask.ndim != 2 or mask.size == 0:
            raise ShapeError(f"mask_hw must have shape (h, w) of the picture; got {mask.shape}. Drop the other axes.")
        if not mask.any():
            raise ValueRangeError(
                f"region {self.name!r} must cover at least one pixel's centre; got an empty mask. Draw it larger, or "
                "inside the picture."
            )
        if mask.all():
            raise ValueRangeError(
                f"region {self.name!r} must leave some of the picture out; got all of it. Draw it around the object."
            )
        mask.setflags(write=False)
        object.__setattr__(self, "mask_hw", mask)

    @classmethod
    def from_box(cls, name: str, box_yxyx: tuple[float, float, float, float], source_hw: tuple[int, int]) -> "Region":
        """The pixels whose centre lies in a box.

        Args:
            name: what it shows.
            box_yxyx: (top, left, bottom, right) in source pixels. What lies outside the picture is cut off.
            source_hw: height and width of the picture.

        Raises:
            ValueRangeError: the box is not finite or upside down, or holds no pixel's centre, or the whole picture.
        """
        top, left, bottom, right = (float(edge) for edge in box_yxyx)
        if not all(math.isfinite(edge) for edge in (top, left, bottom, right)) or bottom <= top or right <= left:
            raise ValueRangeError(
                f"box_yxyx must be (top, left, bottom, right) with top < bottom and left < right; got {box_yxyx}. "
                "Put rows first."
            )
        rows, columns = (np.arange(size) + 0.5 for size in _size(source_hw))
        return cls(name, np.outer((top <= rows) & (rows < bottom), (left <= columns) & (columns < right)))

    @classmethod
    def from_polygon(cls, name: str, points_yx: npt.ArrayLike, source_hw: tuple[int, int]) -> "Region":
        """The pixels whose centre lies in a closed polygon; where it crosses itself, by the even-odd rule.

        Args:
            name: what it shows.
            points_yx: corners in order, shape (n, 2) with n at least 3, in source pixels, row first.
            source_hw: height and width of the picture.

        Raises:
            ShapeError: fewer than three points, or not pairs.
            ValueRangeError: a point is not finite, or the polygon holds no pixel's centre, or the whole picture.
        """
        points = np.asarray(points_yx, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
            raise ShapeError(
                f"points_yx must have shape (n, 2) with n >= 3; got {points.shape}. Give at least 3 corners."
            )
        if not np.isfinite(points).all():
            raise ValueRangeError("points_yx must be finite; got NaN or infinity. Draw the outline again.")
        height, width = _size(source_hw)
        # A pixel is inside when an odd number of sides lies to its left, on the row of its centre.
        crossings = np.zeros((height, width + 1), dtype=bool)
        for (y0, x0), (y1, x1) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if y0 == y1:
                continue
            first, last = (int(np.clip(math.ceil(y - 0.5), 0, height)) for y in sorted((y0, y1)))
            rows = np.arange(first, last)
            x = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
            crossings[rows, np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)] ^= True
        return cls(name, np.logical_xor.accumulate(crossings, axis=1)[:, :width])

    @classmethod
    def from_mask_file(cls, name: str, file: PictureFile, source_hw: tuple[int, int]) -> "Region":
        """A region from a mask picture of any size with the picture's aspect ratio.

        Inside is: where the file has transparent parts, what is at least half opaque; where it has just two grey
        values, the brighter one (so 0 and 1 work as well as 0 and 255); otherwise what is at least half as bright as
        white.

        Args:
            name: what it shows.
            file: a picture file as `open_picture` reads; its EXIF rotation is applied.
            source_hw: height and width of the picture; the mask is resized to it by nearest neighbour.

        Raises:
            PictureError: the file cannot be read, or has another aspect ratio.
            ValueRangeError: the mask is empty or covers the whole picture.
        """
        contents, file_name = read_file(file)
        image, notes = decode(contents, file_name)
        mask = upright(Image.fromarray(_inside(image)), image, notes)
        height, width = _size(source_hw)
        if abs((mask.height / mask.width) / (height / width) - 1) > ASPECT_TOLERANCE:
            raise PictureError(
                f"{file_name}: the mask must have the picture's aspect ratio; got a mask {mask.height} high and "
                f"{mask.width} wide for a picture {height} high and {width} wide. "
                "Make it from the uncropped, upright picture."
            )
        resized = mask if mask.size == (width, height) else mask.resize((width, height), Image.Resampling.NEAREST)
        return cls(name, np.asarray(resized) > 0)

    @property
    def source_hw(self) -> tuple[int, int]:
        """Height and width of the picture, in pixels."""
        return self.mask_hw.shape[0], self.mask_hw.shape[1]

    @property
    def area(self) -> float:
        """Share of the picture's pixels inside, above 0 and below 1."""
        return float(self.mask_hw.mean())

    def invert(self, name: str | None = None) -> "Region":
        """The rest of the picture, called "not ..." unless named."""
        return Region(name or f"not {self.name}", ~self.mask_hw)

    def union(self, other: "Region", name: str | None = None) -> "Region":
        """What lies in either region."""
        self._same_picture(other)
        return Region(name or f"{self.name} or {other.name}", self.mask_hw | other.mask_hw)

    def intersection(self, other: "Region", name: str | None = None) -> "Region":
        """What lies in both regions.

        Raises:
            ValueRangeError: they do not overlap.
        """
        self._same_picture(other)
        return Region(name or f"{self.name} and {other.name}", self.mask_hw & other.mask_hw)

    def _same_picture(self, other: "Region") -> None:
        if self.source_hw != other.source_hw:
            raise ShapeError(
                f"both regions must be of one picture; got {self.source_hw} and {other.source_hw}. "
                "Draw them on the same picture."
            )


def grown(mask_hw: npt.NDArray[np.bool_], radius_px: float) -> npt.NDArray[np.bool_]:
    """A mask with every pixel added whose centre is at most `radius_px` from the centre of one inside."""
    outside = np.where(mask_hw, 0, 1).astype(np.uint8)
    try:
        import cv2

        distance_px = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    except ImportError:  # opencv-python needs system libraries that a bare server lacks; this is exact too, but slower
        from scipy.ndimage import distance_transform_edt

        distance_px = distance_transform_edt(outside)
    return np.asarray(distance_px <= radius_px + 1e-4)


def _size(source_hw: tuple[int, int]) -> tuple[int, int]:
    if len(source_hw) != 2 or min(source_hw) < 1:
        raise ShapeError(f"source_hw must be (height, width) of at least 1; got {source_hw}. Use picture.hw.")
    return int(source_hw[0]), int(source_hw[1])


def _inside(image: Image.Image) -> npt.NDArray[np.uint8]:
    """255 inside, 0 outside, as the file is stored."""
    has_alpha = image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info
    if has_alpha:
        alpha = np.asarray(image.convert("LA" if image.mode == "La" else "RGBA"))[..., -1]
        if alpha.min() < 255:
            return np.where(alpha >= 128, 255, 0).astype(np.uint8)
    deep = image.mode.startswith("I") or image.mode == "F"
    grey = np.asarray(image if deep else image.convert("RGB").convert("L")).astype(np.float64)
    dark, bright = float(grey.min()), float(grey.max())
    if dark < bright and bool(((grey == dark) | (grey == bright)).all()):
        inside = grey == bright
    elif image.mode == "F":
        inside = grey >= max(1.0, bright) / 2
    else:
        inside = grey >= (65535 if deep else 255) / 2
    return np.where(inside, 255, 0).astype(np.uint8)
