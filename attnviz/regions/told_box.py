"""Numbers as people type them, in pixels or as shares with a percent sign, and the box that four of them make."""

from collections.abc import Sequence

from attnviz.errors import ValueRangeError
from attnviz.regions.region import Region


def told_numbers(parts: Sequence[str], whole: Sequence[int], where: str) -> list[float]:
    """Numbers in pixels.

    Args:
        parts: one text for each number, in pixels, or with % as a share of its whole.
        whole: for each number, the pixels that 100 % stand for.
        where: what is read, as the start of a message.

    Raises:
        ValueRangeError: there are more or fewer, one is no number, or one is not finite.

    Example:
        >>> told_numbers(["10", "25%"], [400, 200], "the point")
        [10.0, 50.0]
    """
    try:
        found = [
            float(part.strip()[:-1]) / 100 * size if part.strip().endswith("%") else float(part)
            for part, size in zip(parts, whole, strict=True)
        ]
    except ValueError:
        raise ValueRangeError(
            f"{where} must have {len(whole)} numbers, in pixels or %; got {','.join(parts)!r}. Separate them by commas."
        ) from None
    if not all(abs(one) < float("inf") for one in found):
        raise ValueRangeError(f"{where} must have finite numbers; got {','.join(parts)!r}. Count in pixels.")
    return found


def told_box(name: str, xywh: Sequence[str], source_hw: tuple[int, int], where: str) -> Region:
    """The region of a box that somebody typed.

    Args:
        name: what it shows.
        xywh: left, top, width and height, each in pixels, or with % as a share of the picture's width or height.
        source_hw: height and width of the picture.
        where: what is read, as the start of a message.

    Raises:
        ValueRangeError: the numbers are none, the box is narrower or lower than one pixel, as shares without a percent
            sign are, or it holds no pixel of the picture, or all of them.
    """
    height, width = source_hw
    x, y, w, h = told_numbers(xywh, (width, height, width, height), where)
    if w <= 0 or h <= 0:
        raise ValueRangeError(
            f"{where} must have a width and a height above 0; got {','.join(xywh)!r}. Give x,y,w,h from the top left."
        )
    if w < 1 or h < 1:
        raise ValueRangeError(
            f"{where} must be at least one pixel wide and high; got {w:g} x {h:g} pixels. Count in pixels, or write "
            "shares with a percent sign, as in 12%,5%,80%,90%."
        )
    return Region.from_box(name, (y, x, y + h, x + w), source_hw)
