"""The picture divided into regions and the rest, on the grid of a feature map."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ValueRangeError
from attnviz.geometry import Geometry, cell_weights, seen_weights
from attnviz.regions import Region, uniquely_named

REST = "the rest"
"""Name of what lies in no region."""

Cells = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]

# Less than this part of what the model saw is rounding, not a part of the picture.
_SLIVER = 1e-9


@dataclass(frozen=True, eq=False)
class Parts:
    """What the model saw of a picture, divided into regions and the rest.

    Attributes:
        names: of the regions in their order, then "the rest" where something is left.
        covered: part of each cell that each of them covers, shape (parts, h, w).
        seen: part of each cell that lies in the picture, (h, w).
    """

    names: tuple[str, ...]
    covered: Cells
    seen: Cells

    @classmethod
    def of(
        cls, regions: Sequence[Region], geometry: Geometry, grid_hw: tuple[int, int], within_yxyx: Box | None
    ) -> "Parts":
        """Lay the regions on a grid by exact area.

        Raises:
            ValueRangeError: no region, two of one name or that overlap; one that the model did not see, that is
                called "the rest", or that leaves nothing else.
            ShapeError: a region was drawn on another picture.
        """
        regions = uniquely_named(regions)
        if any(region.name.casefold() == REST for region in regions):
            raise ValueRangeError(f"a region must not be called {REST!r}: what lies in no region is. Rename it.")
        _refuse_overlap(regions)
        seen = seen_weights(geometry, grid_hw, within_yxyx=within_yxyx)
        covered = [cell_weights(region.mask_hw, geometry, grid_hw, within_yxyx=within_yxyx) for region in regions]
        for region, cells in zip(regions, covered, strict=True):
            if not cells.any():
                raise ValueRangeError(
                    f"region {region.name!r} must lie where the model looked; got one outside its crop. "
                    "Draw it inside, or use a network that sees the whole picture."
                )
        names = [region.name for region in regions]
        rest = np.clip(seen - sum(covered), 0.0, None)
        if rest.sum() > _SLIVER * seen.sum():
            names, covered = [*names, REST], [*covered, rest]
        if len(names) < 2:
            raise ValueRangeError(
                f"region {names[0]!r} must leave some of what the model saw out; got all of it. Draw it smaller."
            )
        return cls(tuple(names), np.stack(covered), seen)

    def shares(self, energy_hw: Cells, where: str) -> dict[str, float]:
        """Each part's share of the energy; together they are 1."""
        total = float((energy_hw * self.seen).sum())
        if not total > 0:
            raise ValueRangeError(
                f"the energy of {where} must be above zero somewhere; got {total:.4g} in all. "
                "A fully closed gate moves nothing from one place to another: leave this layer out."
            )
        sums = (energy_hw * self.covered).sum(axis=(1, 2)) / total
        return dict(zip(self.names, sums.tolist(), strict=True))

    @property
    def areas(self) -> dict[str, float]:
        """Each part's share of what the model saw."""
        return self.shares(np.ones_like(self.seen), "a flat map")


def without_overlap(regions: Sequence[Region]) -> tuple[Region, ...]:
    """The regions, each without what an earlier one covers already.

    Args:
        regions: drawn on one picture, the most telling first: the object before its surroundings.

    Returns:
        As many regions, with their names.

    Raises:
        ValueRangeError: earlier regions cover one of them wholly; or no region is given, or two have one name.
        ShapeError: they were drawn on pictures of different sizes.
    """
    regions = uniquely_named(regions)
    taken = np.zeros(regions[0].source_hw, dtype=bool)
    left = []
    for region in regions:
        mask = region.mask_hw & ~taken
        if not mask.any():
            raise ValueRangeError(
                f"region {region.name!r} must cover something that no region before it covers; got none. "
                "Put it first, or draw it larger."
            )
        left.append(Region(region.name, mask))
        taken |= region.mask_hw
    return tuple(left)


def _refuse_overlap(regions: Sequence[Region]) -> None:
    for number, one in enumerate(regions):
        for other in regions[number + 1 :]:
            common = int((one.mask_hw & other.mask_hw).sum())
            if common:
                raise ValueRangeError(
                    f"regions must not overlap, so that shares add up; got {common} pixels in both {one.name!r} and "
                    f"{other.name!r}. Use without_overlap(regions), which leaves them to the first."
                )
