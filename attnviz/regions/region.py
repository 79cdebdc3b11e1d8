"""One named region of a picture: made of a box, a polygon or a mask file, inverted, combined, renamed."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.pictures.reading import PictureFile
from attnviz.regions.mask_file import mask_of_file


@dataclass(frozen=True, eq=False)
class Region:
    """A named part of a picture. It is never empty and never the whole picture: neither can be compared with the rest.

    Attributes:
        name: what it shows, such as "dog"; breaks of its lines become spaces, as it stands in titles and tables.
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
        object.__setattr__(self, "name", " ".join(self.name.splitlines()))

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
        return cls(name, mask_of_file(file, _size(source_hw)))

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

    def difference(self, other: "Region", name: str | None = None) -> "Region":
        """What lies in this region and not in the other.

        Raises:
            ValueRangeError: the other covers all of this one.
        """
        self._same_picture(other)
        return Region(name or f"{self.name} without {other.name}", self.mask_hw & ~other.mask_hw)

    def rename(self, name: str) -> "Region":
        """The same pixels under another name."""
        return Region(name, self.mask_hw)

    def _same_picture(self, other: "Region") -> None:
        if self.source_hw != other.source_hw:
            raise ShapeError(
                f"both regions must be of one picture; got {self.source_hw} and {other.source_hw}. "
                "Draw them on the same picture."
            )


def _size(source_hw: tuple[int, int]) -> tuple[int, int]:
    if len(source_hw) != 2 or min(source_hw) < 1:
        raise ShapeError(f"source_hw must be (height, width) of at least 1; got {source_hw}. Use picture.hw.")
    return int(source_hw[0]), int(source_hw[1])
