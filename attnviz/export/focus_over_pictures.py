"""Focus scores as means over several pictures, as a figure that can be written to files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from attnviz.errors import ValueRangeError
from attnviz.export.drawn import Drawn, Shown, origin
from attnviz.export.figure_source import Json, Row
from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM, FocusScore
from attnviz.focus.intervals import Interval, bootstrap_mean
from attnviz.render import NOT_EXPLANATION
from attnviz.render.focus_figure import interval_figure, interval_said
from attnviz.render.panel import the
from attnviz.render.score_words import MOST_NAMED


@dataclass(frozen=True, eq=False, kw_only=True)
class FocusOverPictures(Drawn):
    """Mean focus scores over several pictures, each with its 95 % bootstrap interval.

    Attributes:
        pictures: in the order of the scores.
        by_region: for each region, for each network by its title, one score for each picture that has the region, the
            same pictures for all networks.
        lift: show lifts in place of shares: the sizes of the regions then matter less.
        weights: which weights each network has, by its title.
        map_title: which map was scored, such as "Grad-CAM".

    Raises:
        ValueRangeError: a network has no score in a region, more scores than there are pictures, or not as many as the
            others.
    """

    pictures: tuple[Shown, ...]
    by_region: Mapping[str, Mapping[str, Sequence[FocusScore]]]
    lift: bool = False
    weights: Mapping[str, str] = field(default_factory=dict)
    map_title: str = ""

    def __post_init__(self) -> None:
        for name, scores in self.by_region.items():
            most = max(map(len, scores.values()), default=0)
            for title, found in scores.items():
                if len(found) != most or not 0 < most <= len(self.pictures):
                    raise ValueRangeError(
                        f"{title} must have one score for each picture with {the(name)}, at most {len(self.pictures)}; "
                        f"got {len(found)}. Leave out what was not scored in all of them."
                    )

    @property
    def title(self) -> str:
        """The heading, or what the bars show."""
        few = len(self.by_region) <= MOST_NAMED
        named = " and ".join(the(name) for name in self.by_region) if few else f"{len(self.by_region)} regions"
        what = "Lift" if self.lift else "Share"
        counts = sorted({len(found) for scores in self.by_region.values() for found in scores.values()})
        over = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0] if counts else 0}"
        pictures = "picture" if over == "1" else "pictures"
        return self.heading or f"{what} of each map on {named}: means over {over} {pictures}"

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        said = [
            f"{title} on {the(name)} {interval_said(one, self._unit)}"
            for name, scores in self.intervals.items()
            for title, one in scores.items()
        ]
        blobs = [f"on {the(name)} {interval_said(one, self._unit)}" for name, one in self._of(CENTRED_GAUSSIAN).items()]
        return f"{self.title}, with 95 % intervals. {'; '.join(said)}. A centred Gaussian: {'; '.join(blobs)}."

    @property
    def intervals(self) -> dict[str, dict[str, Interval]]:
        """Mean and interval by the network's title, by the region's name."""
        return {
            name: {
                title: bootstrap_mean([score.lift if self.lift else score.value for score in found])
                for title, found in scores.items()
            }
            for name, scores in self.by_region.items()
        }

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        return interval_figure(
            self.intervals,
            self._of(CENTRED_GAUSSIAN),
            self._of(UNIFORM),
            heading=self.title if self.heading is None else self.heading,
            unit=self._unit,
            footer=[
                *([f"Map: {self.map_title}."] if self.map_title else []),
                "Intervals: 95 % of 2000 bootstrap draws of the pictures. They hold what other pictures would change, "
                "not what another training would.",
                NOT_EXPLANATION,
            ],
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def rows(self) -> list[Row]:
        """A row for each network and region: the mean and the ends of its interval."""
        return [
            {
                "network": title,
                "region": name,
                "unit": self._unit,
                "mean": one.value,
                "low": one.low,
                "high": one.high,
                "pictures": one.count,
            }
            for name, scores in self.intervals.items()
            for title, one in scores.items()
        ]

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        titles = dict.fromkeys(title for scores in self.by_region.values() for title in scores)
        methods = {
            title: sorted({score.method for scores in self.by_region.values() for score in scores.get(title, ())})
            for title in titles
        }
        return {
            **origin(self.pictures, {title: self.weights.get(title, "") for title in titles}),
            "figure": "focus over pictures",
            "map": self.map_title,
            "methods": {title: list(found) for title, found in methods.items()},
            "unit": self._unit,
            "regions": list(self.by_region),
            "bootstrap": {"confidence": 0.95, "resamples": 2000, "seed": 0},
            "scores": [{**row} for row in self.rows()],
        }

    @property
    def _unit(self) -> str:
        return "lift" if self.lift else "share"

    def _of(self, baseline: str) -> dict[str, Interval]:
        """Mean of a baseline by region; it differs between networks only as far as their views of a picture do."""
        made = {}
        for name, scores in self.by_region.items():
            rows = list(scores.values())
            means = [
                np.mean([one[place].baselines[baseline] / (one[place].chance if self.lift else 1.0) for one in rows])
                for place in range(min(map(len, rows)))
            ]
            made[name] = bootstrap_mean(means)
        return made
