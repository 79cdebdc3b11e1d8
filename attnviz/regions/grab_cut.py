"""Cutting an object out of its surroundings: GrabCut, seeded by a box or a rough mask, refined by marking points."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from attnviz.errors import AssetError, ShapeError, ValueRangeError
from attnviz.pictures.reading import Picture
from attnviz.regions.region import Region

LONGEST_PX = 512
"""Longest side of the copy that is cut. A larger picture is shrunk for it, and the mask comes back at full size."""

MARK_SHARE = 0.012
"""A marking point stands for a disc of this radius, as a share of the longest side."""

SPECK_SHARE = 0.02
"""Pieces smaller than this share of the largest are specks of like colour, and are dropped unless they are marked."""

MOST_POINTS = 500
_FEWEST_BACKGROUND = 8
"""Pixels that the background must have on the shrunk copy, for a colour model of it to be worth anything."""

Points = Sequence[tuple[float, float]]
"""(row, column) each, in pixels of the source picture."""


def grabcut(
    picture: Picture,
    seed: Region | tuple[float, float, float, float],
    name: str | None = None,
    *,
    foreground_points: Points = (),
    background_points: Points = (),
    iterations: int = 5,
) -> Region:
    """Cut an object out of a rough outline around it, by the colours inside and outside.

    What lies outside the seed is background for sure. Within it, GrabCut learns the colours of object and background
    and draws the border where they part. The same picture, seed and points give the same region each time. Pictures
    larger than 512 pixels are cut on a shrunk copy and the border is smoothed back to full size, so it is exact to
    about a pixel of that copy. Specks, below 2 % of the largest piece, are dropped unless they are marked.

    Args:
        picture: the photograph.
        seed: a box (top, left, bottom, right) in source pixels, or a region with a rough outline; the whole object
            must lie in it, with some background.
        name: of the new region; the seed's, or "object" for a box, unless given.
        foreground_points: places (row, column) that belong to the object, outside the seed too. Each stands for a
            small disc.
        background_points: places that do not. Where a disc of either kind overlaps an earlier one, background wins.
        iterations: rounds of learning colours and moving the border.

    Returns:
        The object. Outside the seed it holds at most the discs of foreground points.

    Raises:
        ValueRangeError: a box outside the picture, a point outside it, too many points, iterations below 1, or a seed
            that leaves no background; or nothing was found, or nothing was cut away. The seed is left as it was.
        ShapeError: the seed was drawn on another picture, or points are not pairs.
        AssetError: OpenCV cannot be loaded.

    Reference:
        Rother, Kolmogorov, Blake 2004, "GrabCut", ACM SIGGRAPH, doi:10.1145/1015706.1015720, as OpenCV has it.
    """
    hw = picture.hw
    rough = seed if isinstance(seed, Region) else Region.from_box(name or "object", _inside_box(seed, hw), hw)
    called = name or rough.name
    if rough.source_hw != hw:
        raise ShapeError(
            f"the seed must be drawn on the picture of {hw} (height, width); got one on {rough.source_hw}. "
            "Draw it on this picture."
        )
    if iterations < 1:
        raise ValueRangeError(f"iterations must be at least 1; got {iterations}. The usual number is 5.")
    foreground, background = _points(foreground_points, hw), _points(background_points, hw)
    found = _cut(picture.rgb, rough.mask_hw, foreground, background, iterations, called)
    if not found.any():
        raise ValueRangeError(
            f"GrabCut of {called!r} must leave something of the outline; got nothing. Mark points on the object, or "
            "draw the outline larger."
        )
    if not (rough.mask_hw & ~found).any():
        raise ValueRangeError(
            f"GrabCut of {called!r} must cut something away; got the whole outline. Mark points of the background, or "
            "draw the outline so that some background lies in it."
        )
    return Region(called, found)


def _cut(
    rgb: npt.NDArray[np.uint8],
    rough: npt.NDArray[np.bool_],
    foreground: npt.NDArray[np.float64],
    background: npt.NDArray[np.float64],
    iterations: int,
    name: str,
) -> npt.NDArray[np.bool_]:
    try:
        import cv2
    except ImportError as error:
        raise AssetError(
            f"OpenCV must be importable to cut an object out; it is not ({error}). "
            "Run pip install opencv-python-headless, or draw the outline by hand."
        ) from error
    height, width = rough.shape
    factor = min(1.0, LONGEST_PX / max(height, width))
    small_wh = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(rgb, small_wh, interpolation=cv2.INTER_AREA) if factor < 1 else rgb
    inside = cv2.resize(rough.astype(np.uint8), small_wh, interpolation=cv2.INTER_NEAREST) > 0
    labels = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    radius = max(1, round(MARK_SHARE * max(small_wh)))
    scale_yx = small_wh[1] / height, small_wh[0] / width
    for points, label in ((foreground, cv2.GC_FGD), (background, cv2.GC_BGD)):
        for y, x in points * scale_yx:
            cv2.circle(labels, (int(x), int(y)), radius, int(label), -1)
    if int((labels == cv2.GC_BGD).sum()) < _FEWEST_BACKGROUND:
        raise ValueRangeError(
            f"the outline of {name!r} must leave some background around the object; got nearly all of the picture. "
            "Draw it smaller."
        )
    if not ((labels == cv2.GC_PR_FGD) | (labels == cv2.GC_FGD)).any():
        raise ValueRangeError(
            f"the outline of {name!r} must hold some picture that is not marked as background; got none. "
            "Draw it larger, or take background marks away."
        )
    cv2.setRNGSeed(0)  # the colour models start from clusters drawn at random
    object_model, background_model = np.zeros((1, 65)), np.zeros((1, 65))
    bgr, no_box = np.ascontiguousarray(small[..., ::-1]), (0, 0, 0, 0)
    cv2.grabCut(bgr, labels, no_box, background_model, object_model, iterations, cv2.GC_INIT_WITH_MASK)
    found = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)).astype(np.uint8)
    count, pieces, facts, _ = cv2.connectedComponentsWithStats(found, connectivity=8)
    if count > 1:
        areas = np.asarray(facts)[:, cv2.CC_STAT_AREA]
        stays = areas >= SPECK_SHARE * areas[1:].max()
        stays[np.unique(np.asarray(pieces)[labels == cv2.GC_FGD])] = True
        stays[0] = False  # what was not found
        found = stays[pieces].astype(np.uint8)
    if factor < 1:
        found = cv2.resize(found.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    sure = np.zeros(rough.shape, dtype=np.uint8)
    for y, x in foreground:
        cv2.circle(sure, (int(x), int(y)), max(1, round(radius / factor)), 1, -1)
    return np.asarray((found >= 0.5) & (rough | (sure > 0)))


def _inside_box(box_yxyx: tuple[float, float, float, float], hw: tuple[int, int]) -> tuple[float, float, float, float]:
    """The box, refused where it reaches out of the picture by more than a pixel: it was meant for another picture."""
    top, left, bottom, right = box_yxyx
    if min(top, left) < -1 or bottom > hw[0] + 1 or right > hw[1] + 1:
        raise ValueRangeError(
            f"the box must lie in the picture of {hw} (height, width); got {box_yxyx} (top, left, bottom, right). "
            "Draw it inside the picture."
        )
    return box_yxyx


def _points(points: Points, hw: tuple[int, int]) -> npt.NDArray[np.float64]:
    """The points as an array (n, 2)."""
    if len(points) > MOST_POINTS:
        raise ValueRangeError(f"at most {MOST_POINTS} points may be marked; got {len(points)}. Take some away.")
    if not len(points):
        return np.zeros((0, 2))
    try:
        array = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError):  # rows of different lengths, or no numbers
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2:
        raise ShapeError(f"marking points must be pairs (row, column); got {str(points)[:80]}. Give two numbers each.")
    if not (np.isfinite(array).all() and (array >= 0).all() and (array <= hw).all()):
        raise ValueRangeError(
            f"marking points must lie in the picture of {hw} (height, width) as (row, column); got "
            f"{[tuple(point) for point in array.tolist()][:5]}. Put rows first."
        )
    return array
