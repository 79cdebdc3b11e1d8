"""Means over pictures with their intervals, and differences between networks on the same pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from attnviz.export import Row
from attnviz.focus import BASELINES, FocusScore
from attnviz.focus.intervals import Interval, bootstrap_mean, paired_difference
from attnviz.study.kept import Measured

MEASURES = ("share", "lift", "hit")
"""What is averaged: the share of the map in the region, that share over a flat map's, and whether the highest cell lies
inside."""

ByRegion = Mapping[str, Mapping[str, Sequence[FocusScore]]]
"""For each region and network, baselines last, one score a picture; all of a region are of the same pictures."""


@dataclass(frozen=True)
class Mean:
    """How one network's maps fall on one region, over pictures.

    Attributes:
        region: name of the region.
        network: title of the network, or name of the baseline.
        share: of the map in the region.
        lift: share over that of a flat map.
        hit: how often the highest cell lies in the region.
        area: mean share of what the networks saw that the region covers.
        is_baseline: a map that knows nothing.
        mark: what must be said of the network, such as untrained.
    """

    region: str
    network: str
    share: Interval
    lift: Interval
    hit: Interval
    area: float
    is_baseline: bool = False
    mark: str = ""

    def to_row(self) -> Row:
        """A row of `summary.csv`."""
        row: Row = {"region": self.region, "network": self.network, "baseline": self.is_baseline, "mark": self.mark}
        return row | {"pictures": self.share.count, "area": self.area} | _ends(self)


@dataclass(frozen=True)
class MeanDifference:
    """How much more of one network's maps falls on a region than of another's, on the same pictures.

    Attributes:
        region: name of the region.
        network: title of the one.
        minus: title of the other, whose numbers are subtracted.
        share: difference of the shares.
        lift: of the lifts.
        hit: of the hits.
    """

    region: str
    network: str
    minus: str
    share: Interval
    lift: Interval
    hit: Interval

    def to_row(self) -> Row:
        """A row of `differences.csv`."""
        row: Row = {"region": self.region, "network": self.network, "minus": self.minus, "pictures": self.share.count}
        return row | _ends(self)


def same_pictures(found: Sequence[Measured]) -> dict[str, dict[str, list[FocusScore]]]:
    """Scores by region and network, of the pictures on which every network that has any score in the region has one."""
    made: dict[str, dict[str, list[FocusScore]]] = {}
    for region in dict.fromkeys(name for one in found for name in one.scores):
        tables = [one.scores[region] for one in found if one.scores.get(region)]
        titles = dict.fromkeys(title for table in tables for title in table if title not in BASELINES)
        whole = [table for table in tables if all(title in table for title in titles)]
        if whole:
            names = [*titles, *(name for name in BASELINES if all(name in table for table in whole))]
            made[region] = {name: [table[name] for table in whole] for name in names}
    return made


def means(by_region: ByRegion, marks: Mapping[str, str]) -> tuple[Mean, ...]:
    """A mean for each region and network, then for the baselines."""
    made = []
    for region, table in by_region.items():
        for name, scores in table.items():
            share, lift, hit = (bootstrap_mean(_values(scores, measure)) for measure in MEASURES)
            area = sum(score.area for score in scores) / len(scores)
            made.append(Mean(region, name, share, lift, hit, area, name in BASELINES, marks.get(name, "")))
    return tuple(made)


def differences(by_region: ByRegion) -> tuple[MeanDifference, ...]:
    """A difference for each region and pair of networks."""
    return tuple(
        MeanDifference(
            region,
            one,
            other,
            *(paired_difference(_values(table[one], measure), _values(table[other], measure)) for measure in MEASURES),
        )
        for region, table in by_region.items()
        for one, other in combinations([name for name in table if name not in BASELINES], 2)
    )


def markdown(found: Sequence[Mean], apart: Sequence[MeanDifference]) -> str:
    """Both as tables in Markdown: mean [lower end, upper end]."""
    lines = [
        "| Region | Map | Pictures | Share | Lift | Highest cell inside |",
        "|---|---|---:|---:|---:|---:|",
        *(
            f"| {_cell(one.region)} | {_cell(_named(one))} | {one.share.count} | {_share(one.share)} | "
            f"{_lift(one.lift)} | {_share(one.hit)} |"
            for one in found
        ),
    ]
    if apart:
        lines += [
            "",
            "| Region | Difference | Pictures | Share, points | Lift | Highest cell inside, points |",
            "|---|---|---:|---:|---:|---:|",
            *(
                f"| {_cell(one.region)} | {_cell(one.network)} − {_cell(one.minus)} | {one.share.count} | "
                f"{_points(one.share)} | {_more(one.lift)} | {_points(one.hit)} |"
                for one in apart
            ),
        ]
    return "\n".join(lines)


def _values(scores: Sequence[FocusScore], measure: str) -> list[float]:
    return [float(score.value if measure == "share" else getattr(score, measure)) for score in scores]


def _ends(one: Mean | MeanDifference) -> Row:
    row: Row = {}
    for name in MEASURES:
        interval: Interval = getattr(one, name)
        row[name] = interval.value
        if interval.count > 1:  # one picture tells nothing of others
            row |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    return row


def _named(one: Mean) -> str:
    return f"{one.network} ({one.mark or 'knows nothing'})" if one.mark or one.is_baseline else one.network


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _share(one: Interval) -> str:
    return _ranged(one, ".1f", 100, " %")


def _lift(one: Interval) -> str:
    return _ranged(one, ".2f")


def _points(one: Interval) -> str:
    return _ranged(one, "+.1f", 100)


def _more(one: Interval) -> str:
    return _ranged(one, "+.2f")


def _ranged(one: Interval, form: str, factor: int = 1, unit: str = "") -> str:
    """Value [low, high]; of a single picture only the value, as it tells nothing of others."""
    value, low, high = (f"{factor * end:{form}}" for end in (one.value, one.low, one.high))
    return f"{value}{unit} [{low}, {high}]" if one.count > 1 else f"{value}{unit}"
