"""One region against another: is a map denser on the dog than on the grass?"""

from collections.abc import Mapping
from dataclasses import dataclass

from attnviz.errors import ValueRangeError
from attnviz.focus.baselines import Box
from attnviz.focus.score import FocusScore, share
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region


@dataclass(frozen=True)
class Contrast:
    """How much denser a map is in one region than in another.

    Attributes:
        inside: the map's share in the first region, as `focus.share` gives it.
        against: its share in the second.
    """

    inside: FocusScore
    against: FocusScore

    @property
    def name(self) -> str:
        """What is scored, such as "dog against grass"."""
        return f"{self.inside.region} against {self.against.region}"

    @property
    def unit(self) -> str:
        """Of `value`."""
        return "difference of lifts"

    @property
    def value(self) -> float:
        """Lift in the first region minus lift in the second: by how many times chance the first is denser."""
        return self.inside.lift - self.against.lift

    @property
    def ratio(self) -> float:
        """Density in the first region over density in the second; infinite where the second has none."""
        return self.inside.lift / self.against.lift if self.against.lift else float("inf")

    @property
    def baselines(self) -> Mapping[str, float]:
        """`value` of the maps that know nothing."""
        return {
            name: value / self.inside.area - self.against.baselines[name] / self.against.area
            for name, value in self.inside.baselines.items()
        }

    def to_dict(self) -> dict[str, str | float]:
        """One flat row for a table or a CSV file."""
        texts = {"score": self.name, "method": self.inside.method, "unit": self.unit}
        lifts = {f"lift in {score.region}": score.lift for score in (self.inside, self.against)}
        baselines = {f"baseline: {name}": value for name, value in self.baselines.items()}
        return {**texts, "value": self.value, "ratio": self.ratio, **lifts, **baselines}


def contrast(
    attention_map: AttentionMap,
    region: Region,
    against: Region,
    *,
    within_yxyx: Box | None = None,
    picture: Picture | None = None,
) -> Contrast:
    """How much denser a map is in one region than in another, such as on the dog than on the grass.

    A density is the share of the map's mass over the share of the area: the lift. What the regions have in common
    counts for both; what lies in neither counts only as the total that the shares are of.

    Args:
        attention_map: a non-negative map in raw units.
        region: the one that a positive value speaks for.
        against: the other one.
        within_yxyx: score only this box of the source picture, (top, left, bottom, right) in source pixels.
        picture: adds the baseline "edge map".

    Returns:
        The contrast. A flat map has a `value` of exactly 0 and a `ratio` of 1; a map with one lit cell in `region` has
        1 / area of the region where that covers the cell, and an infinite ratio. Swapping the regions changes the sign.

    Raises:
        ValueRangeError: as for `share`; or the map has nothing in either region.
        ShapeError: as for `share`.

    Misleads when:
        one region is tiny: a single cell makes its lift large. One region stands in the middle and the other at the
        border: compare with the value of the centred Gaussian.
    """
    first, second = (share(attention_map, one, within_yxyx=within_yxyx, picture=picture) for one in (region, against))
    if not (first.value or second.value):
        raise ValueRangeError(
            f"the map must be above zero in {region.name!r} or {against.name!r}; got zero in both, from "
            f"{attention_map.method}. Choose other regions, or another map."
        )
    return Contrast(first, second)
