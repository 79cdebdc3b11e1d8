"""Random regions of the same size and shape as a given one: the control of everything that is done to a region.

A place is a mirroring and a shift. Shifts go around the edges, so that each place covers exactly as many cells as the
region itself; where the region is small enough, only shifts are taken that do not cut it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from attnviz.errors import ValueRangeError

Mask = npt.NDArray[np.bool_]

FITS = "the region moved and mirrored to random places in the picture"
WRAPS = (
    "the region moved and mirrored at random; it is too large to fit elsewhere, so what leaves the picture on one side "
    "comes in on the other"
)

_FITS_UNTIL = 0.5
"""A region fits elsewhere if its box takes at most this share of the height or of the width: there, two have room."""

_ALL_UP_TO = 4096
"""Up to so many places are all looked at, so that none is drawn twice."""


@dataclass(frozen=True)
class Place:
    """A mirroring of the whole picture, then a shift around its edges, in cells of the grid it was drawn for."""

    flip_y: bool
    flip_x: bool
    shift_y: int
    shift_x: int

    def of(self, mask: Mask, cells_per_step: tuple[int, int] = (1, 1)) -> Mask:
        """The mask, or the same region's mask on a finer grid, at this place."""
        flipped = mask[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]
        return np.roll(flipped, (self.shift_y * cells_per_step[0], self.shift_x * cells_per_step[1]), (0, 1))


@dataclass(frozen=True)
class Places:
    """Random places of one region.

    Attributes:
        places: none of them where the region itself lies; no two cover the same cells, where there are few in all.
        rule: how they were drawn, in words.
    """

    places: tuple[Place, ...]
    rule: str


def random_places(mask: Mask, count: int, generator: np.random.Generator) -> Places:
    """Places for a region's controls.

    Args:
        mask: true inside, over what the network saw.
        count: how many are wanted; there are fewer if the grid has not so many.
        generator: of random numbers.

    Raises:
        ValueRangeError: the mask is empty or full, so that it has no other place.
    """
    if not mask.any() or mask.all():
        raise ValueRangeError(
            f"a region must cover a part of what the network saw; got {'all' if mask.all() else 'nothing'} of it. Draw "
            "it differently."
        )
    height, width = mask.shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box_h, box_w = int(rows[-1] - rows[0] + 1), int(columns[-1] - columns[0] + 1)
    fits = box_h <= _FITS_UNTIL * height or box_w <= _FITS_UNTIL * width
    if not fits:
        ranges = _Ranges(range(height), range(width), range(height), range(width))
    else:
        top, left = int(rows[0]), int(columns[0])
        bottom, right = height - top - box_h, width - left - box_w
        ranges = _Ranges(
            range(-top, height - box_h - top + 1),
            range(-left, width - box_w - left + 1),
            range(-bottom, height - box_h - bottom + 1),
            range(-right, width - box_w - right + 1),
        )
    chosen = _drawn(mask, ranges, count, generator)
    return Places(tuple(chosen), FITS if fits else WRAPS)


@dataclass(frozen=True)
class _Ranges:
    """Shifts allowed down and across, for the region as it is and for its mirror image."""

    down: range
    across: range
    down_mirrored: range
    across_mirrored: range

    @property
    def count(self) -> int:
        return (len(self.down) + len(self.down_mirrored)) * (len(self.across) + len(self.across_mirrored))

    def all(self) -> Iterator[Place]:
        downs = [*product((False,), self.down), *product((True,), self.down_mirrored)]
        acrosses = [*product((False,), self.across), *product((True,), self.across_mirrored)]
        for (flip_y, shift_y), (flip_x, shift_x) in product(downs, acrosses):
            yield Place(flip_y, flip_x, shift_y, shift_x)

    def one(self, generator: np.random.Generator) -> Place:
        flip_y, flip_x = (bool(flip) for flip in generator.integers(2, size=2))
        down = self.down_mirrored if flip_y else self.down
        across = self.across_mirrored if flip_x else self.across
        shift_y, shift_x = (shifts[int(generator.integers(len(shifts)))] for shifts in (down, across))
        return Place(flip_y, flip_x, shift_y, shift_x)


def _drawn(mask: Mask, ranges: _Ranges, count: int, generator: np.random.Generator) -> list[Place]:
    if ranges.count <= _ALL_UP_TO:
        distinct: dict[bytes, Place] = {}
        for place in ranges.all():
            distinct.setdefault(place.of(mask).tobytes(), place)
        distinct.pop(mask.tobytes(), None)
        places = list(distinct.values())
        return [places[number] for number in generator.permutation(len(places))[:count]]
    drawn: dict[Place, None] = {}
    while len(drawn) < count:
        place = ranges.one(generator)
        if not np.array_equal(place.of(mask), mask):
            drawn[place] = None
    return list(drawn)
