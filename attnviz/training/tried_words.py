"""The tried recipes in words: a table of all runs, and what runs that differ in their seed alone tell of luck."""

from collections.abc import Sequence
from itertools import combinations
from statistics import mean, stdev

from scipy.stats import ttest_ind

from attnviz.training.evaluation_numbers import NOT_KNOWN, NOTHING, points, table
from attnviz.training.tried import Tried


def tried_table(rows: Sequence[Tried]) -> str:
    """One row for each run; empty without one."""
    if not rows:
        return ""
    sides = sorted({side for row in rows for side in row.top1}, key=int)
    head = ("run", "what was changed", *(f"top-1 / top-5 at {side} px" for side in sides), "minutes")
    return table(
        head,
        [
            (
                row.name,
                row.changed + (f" ({row.classes} classes)" if row.classes != 50 else ""),
                *(
                    f"{100 * row.top1[side]:.1f} / {100 * row.top5[side]:.1f} %" if side in row.top1 else NOTHING
                    for side in sides
                ),
                NOT_KNOWN if row.minutes is None else f"{row.minutes:.0f}",
            )
            for row in rows
        ],
    )


def over_seeds(rows: Sequence[Tried]) -> str:
    """Mean and spread over seeds of each architecture, and the differences between them; empty without seeds."""
    rates = {what: by_side for what, runs in _groups(rows).items() if len(runs) > 1 and (by_side := _rates(runs))}
    lines = [
        f"- {what}, {len(next(iter(by_side.values())))} seeds: {'; '.join(_spread(*one) for one in by_side.items())}."
        for what, by_side in rates.items()
    ]
    lines += [
        f"- {one} minus {other} at {side} px: {_difference(rates[one][side], rates[other][side])}."
        for one, other in combinations(rates, 2)
        for side in rates[one]
        if side in rates[other]
    ]
    return "\n".join(["Top-1 over the seeds, by the short schedule:", "", *lines]) if lines else ""


def _groups(rows: Sequence[Tried]) -> dict[str, list[Tried]]:
    """Runs that differ in their seed alone, by the name of their architecture."""
    groups: dict[str, list[Tried]] = {}
    for row in rows:
        what, _, seed = row.name.rpartition("_short_")
        if what and seed.isdigit() and row.top1:
            groups.setdefault(what, []).append(row)
    return groups


def _rates(runs: Sequence[Tried]) -> dict[str, list[float]]:
    """Top-1 of each run, by the short side at which all of them were measured."""
    sides = [side for side in runs[0].top1 if all(side in run.top1 for run in runs)]
    return {side: [run.top1[side] for run in runs] for side in sides}


def _spread(side: str, rates: Sequence[float]) -> str:
    return f"{100 * mean(rates):.1f} % on average, standard deviation {100 * stdev(rates):.1f} points, at {side} px"


def _difference(one: Sequence[float], other: Sequence[float]) -> str:
    """The difference of two means with the 95 % interval of Welch's t-test, and whether luck alone may give it."""
    interval = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    told = "more than the seed changes" if interval.low > 0 or interval.high < 0 else "not to be told from luck"
    return f"{points((mean(one) - mean(other), interval.low, interval.high))} points by Welch's t-test, {told}"
