"""Focus scores on one picture as a figure that can be written to files."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from attnviz.errors import ValueRangeError
from attnviz.export.drawn import Drawn, map_facts, map_notes, mark_of, origin
from attnviz.export.figure_source import Json, Row
from attnviz.export.names import unique_slugs
from attnviz.focus import FocusScore
from attnviz.focus.menu import Score, score_named
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.render import NOT_EXPLANATION
from attnviz.render.focus_figure import focus_figure
from attnviz.render.focus_words import (
    LIFT_TITLE,
    ByRegion,
    focus_chart_alt,
    lift_chart_alt,
    networks_of,
    share_title,
)
from attnviz.render.score_figure import score_figure
from attnviz.render.score_words import score_chart_alt, score_rows, score_title

SHARE = "share"


@dataclass(frozen=True, eq=False, kw_only=True)
class FocusBars(Drawn):
    """How each network's map falls on the regions of one picture, by any focus score.

    Shares are drawn as bars, of several regions as marks of their lifts; other scores as bars of each region. Marks
    beside them are what maps that know nothing score.

    Attributes:
        picture: the source picture.
        by_region: scores by the network's title, baselines among them, by the region's name, as from `focus.scorable`.
        maps: the scored map of each network, by its title.
        numbers: the regions' numbers, which decide their colours; 0, 1, 2 and so on unless given.
        weights: which weights each network has, by its title.
        score: which score these are, a name in `focus.SCORES`.

    Raises:
        NotFoundError: no score has this name.
        ValueRangeError: the scores are in another unit than this score's.
    """

    picture: Picture
    by_region: ByRegion
    maps: Mapping[str, AttentionMap]
    numbers: tuple[int, ...] | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    score: str = SHARE

    def __post_init__(self) -> None:
        unit = score_named(self.score).unit
        units = {one.unit for scores in self.by_region.values() for one in scores.values()} - {unit}
        if units:
            raise ValueRangeError(
                f"by_region must hold scores in the unit {unit!r} of {self.score!r}; got {sorted(units)}. "
                "Say which score these are."
            )

    @property
    def title(self) -> str:
        """The heading, or what the bars show."""
        if self.heading:
            return self.heading
        if self.score != SHARE:
            return score_title(score_rows(self.by_region, self._score), self._score)
        return LIFT_TITLE if len(self.by_region) > 1 else share_title(networks_of(self._only))

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        if self.score != SHARE:
            said = score_chart_alt(self.by_region, self._score)
        else:
            said = lift_chart_alt(self.by_region) if len(self.by_region) > 1 else focus_chart_alt(self._only)
        return " ".join([said, *self._marked])

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        marks = {title: mark_of(one) for title, one in self.maps.items()}
        footer = [f"Picture: {self.picture.name}.", *map_notes(self._scored), NOT_EXPLANATION]
        if self.score != SHARE:
            return score_figure(
                self.by_region,
                self._score,
                numbers=self.numbers,
                marks=marks,
                heading=self.heading,
                footer=footer,
                size=self.size,
                theme=self.theme,
                transparent=self.transparent,
            )
        return focus_figure(
            self.by_region,
            numbers=self.numbers,
            marks=marks,
            heading=self.heading,
            footer=footer,
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def rows(self) -> list[Row]:
        """A row for each network and region, then for the maps that know nothing."""
        tables = list(self.by_region.values())
        if self._score.of_region is None:
            tables = tables[:1]  # the same in all of them
        return [{"network": title, **score.to_dict()} for scores in tables for title, score in scores.items()]

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The raw maps, by the network's title."""
        return dict(zip(unique_slugs(list(self.maps)), (one.values_hw for one in self.maps.values()), strict=True))

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        return {
            **origin([self.picture], {title: self.weights.get(title, "") for title in self.maps}),
            "figure": "focus",
            "maps": {title: map_facts(one) for title, one in self.maps.items()},
            "score": self.score,
            "unit": "share of the map; lift: that share over the area's"
            if self.score == SHARE
            else f"{self._score.unit}; lift: the score over a flat map's",
            "regions": list(self.by_region),
            "scores": [{**row} for row in self.rows()],
        }

    @property
    def _score(self) -> Score:
        return score_named(self.score)

    @property
    def _only(self) -> Mapping[str, FocusScore]:
        if not self.by_region:
            raise ValueRangeError("scores must hold at least one region; got none. Draw a region.")
        return next(iter(self.by_region.values()))

    @property
    def _scored(self) -> dict[str, AttentionMap]:
        titles = {title for scores in self.by_region.values() for title in scores}
        return {title: one for title, one in self.maps.items() if title in titles}

    @property
    def _marked(self) -> list[str]:
        return [f"{title}: {mark_of(one)}." for title, one in self._scored.items() if mark_of(one)]
