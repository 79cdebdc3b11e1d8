"""Where self-attention looks from in each picture of a study: the same share of every picture, or its first region."""

from collections.abc import Sequence
from typing import Literal

from attnviz.comparing import middle_of
from attnviz.errors import ValueRangeError
from attnviz.pictures import Picture
from attnviz.regions import Region

StudyPoint = tuple[float, float] | Literal["region"]
"""(down, across) as shares of a picture's height and width, or the middle of its first region."""


def checked_point(point: StudyPoint | None) -> StudyPoint | None:
    """The point, if it is one.

    Raises:
        ValueRangeError: it is not two shares below 1.
    """
    if point is None or point == "region":
        return point
    if isinstance(point, str) or len(point) != 2 or not all(0 <= share < 1 for share in point):
        raise ValueRangeError(
            f'the point of a study must be two shares (down, across) of each picture, from 0 to below 1, or "region"; '
            f"got {point!r}. The middle is (0.5, 0.5)."
        )
    return float(point[0]), float(point[1])


def point_in(point: StudyPoint, picture: Picture, regions: Sequence[Region]) -> tuple[float, float]:
    """The point in one picture, (row, column) in its pixels."""
    if isinstance(point, str):
        return middle_of(regions[0])
    height, width = picture.hw
    return point[0] * height, point[1] * width


def study_point_words(point: StudyPoint) -> str:
    """Such as "50 % across, 40 % down"."""
    if isinstance(point, str):
        return "the middle of the first region"
    return f"{100 * point[1]:g} % across, {100 * point[0]:g} % down"
