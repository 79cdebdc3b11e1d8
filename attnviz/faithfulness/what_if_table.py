"""What a network answers once something of it, or of the picture, is changed: rows that charts and files read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from attnviz.errors import NotFoundError
from attnviz.focus import FocusScore

Kind = Literal["as it is", "gate", "head", "hidden", "picture"]
"""What a row changes: nothing, a gate, a head, what the tokens may look at, or the picture."""

TIE = 1e-6
"""Probabilities that differ by less count as equal: a network's answer varies by rounding with the size of a batch."""

SMALL = 0.05
"""Up to this p, a change counts as more than random regions do."""

CENTRAL = 0.95
"""Share of the controls that a band holds."""


@dataclass(frozen=True, eq=False)
class Control:
    """The same done to random regions of the same size and shape.

    Attributes:
        points: change of the probability for each of them, in percentage points, read-only.
        as_large: in how many of them the change was at least as large as in the region itself, up or down.
        rule: how they were drawn, in words.
    """

    points: npt.NDArray[np.float64]
    as_large: int
    rule: str

    @classmethod
    def of(cls, points: npt.NDArray[np.float64], real_points: float, rule: str) -> "Control":
        """The control of a change by `real_points`."""
        points = np.array(points, dtype=np.float64)
        points.setflags(write=False)
        return cls(points, int((np.abs(points) >= abs(real_points) - 100 * TIE).sum()), rule)

    @property
    def mean(self) -> float:
        """Mean change, in points."""
        return float(self.points.mean())

    @property
    def band(self) -> tuple[float, float]:
        """The middle 95 % of the changes, in points."""
        low, high = np.quantile(self.points, [(1 - CENTRAL) / 2, (1 + CENTRAL) / 2])
        return float(low), float(high)

    @property
    def p_value(self) -> float:
        """(1 + k) / (1 + n): how often a place drawn at random does as much, the region itself counted in.

        Never 0: with 20 controls the smallest value is 1 / 21.
        """
        return (1 + self.as_large) / (1 + len(self.points))


@dataclass(frozen=True, eq=False)
class WhatIfRow:
    """One change, and what the network answered then.

    Attributes:
        change: in a few words, such as "all gates off", "grass blurred".
        detail: the numbers that belong to it, such as the width of the blur; empty if none.
        kind: see `Kind`.
        region: name of the region that it concerns; empty if none.
        probability: of the class in question, afterwards.
        points: change of that probability, in percentage points.
        answer: the network's first answer afterwards.
        answer_probability: of that answer.
        focus: of the map in the first region; None without a map method, or if the map has no score.
        focus_problem: why it has none.
        control: random regions of the same size and shape; None for rows that concern no region.
    """

    change: str
    kind: Kind
    region: str
    probability: float
    points: float
    answer: str
    answer_probability: float
    focus: FocusScore | None = None
    focus_problem: str = ""
    control: Control | None = None
    detail: str = ""


@dataclass(frozen=True, eq=False)
class WhatIf:
    """One network's table for one picture.

    Attributes:
        title: of the network.
        target: index of the class in question.
        target_name: of that class.
        rows: "as it is" first.
        left_out: what does not apply to this network or picture, and why.
        method: recipe of the map whose focus is given; empty without one.
        focus_region: name of the region that the focus is on; empty likewise.
        seed: of the random regions.
        untrained: what of the network has no trained weights; empty for a trained one.
    """

    title: str
    target: int
    target_name: str
    rows: tuple[WhatIfRow, ...]
    left_out: Mapping[str, str]
    method: str
    focus_region: str
    seed: int
    untrained: str = ""

    def __getitem__(self, change: str) -> WhatIfRow:
        """The row of this change.

        Raises:
            NotFoundError: there is none.
        """
        for row in self.rows:
            if row.change == change:
                return row
        raise NotFoundError.among("change", change, [row.change for row in self.rows], "in this table")

    @property
    def before(self) -> WhatIfRow:
        """The row in which nothing is changed."""
        return self.rows[0]

    @property
    def brief(self) -> tuple[WhatIfRow, ...]:
        """The rows, of the heads only the one that changes the probability most."""
        heads = [row for row in self.rows if row.kind == "head"]
        most = max(heads, key=lambda row: abs(row.points), default=None)
        return tuple(row for row in self.rows if row.kind != "head" or row is most)

    @property
    def finding(self) -> str:
        """What the rows about regions come to, in one sentence; empty without controls."""
        rows = [row for row in self.rows if row.control is not None]
        if not rows:
            return ""
        clearest = min(rows, key=lambda row: (_p_value(row), -abs(row.points)))
        if _p_value(clearest) > SMALL:
            return (
                f"{self.title}: nothing done to a region moves {self.target_name} more than the same does to random "
                f"regions (smallest p = {_p_value(clearest):.2g})"
            )
        # the smallest of many p is small by chance more often than one p alone
        tried = f", the smallest of {len(rows)}" if len(rows) > 1 else ""
        way = "falls" if clearest.points < 0 else "rises"
        return (
            f"{self.title}: {self.target_name} {way} from {self.before.probability:.0%} to {clearest.probability:.0%} "
            f"with {clearest.change}, more than random regions do (p = {_p_value(clearest):.2g}{tried})"
        )

    def sentence(self, row: WhatIfRow) -> str:
        """One row in words, with its numbers."""
        change = f"{row.change[0].upper()}{row.change[1:]}" + (f" ({row.detail})" if row.detail else "")
        if row.kind == "as it is":
            return f"{change}: {self.target_name} {row.probability:.0%}; first answer {row.answer}."
        said = (
            f"{change}: {self.target_name} from {self.before.probability:.0%} to {row.probability:.0%} "
            f"({row.points:+.0f} points); first answer {row.answer}, {row.answer_probability:.0%}."
        )
        heads = sum(other.kind == "head" for other in self.rows)
        if row.kind == "head" and heads > 1:
            said += f" One of {heads} heads tried."
        if row.control is not None:
            low, high = row.control.band
            said += (
                f" {len(row.control.points)} random regions of the same size and shape: mean {row.control.mean:+.0f} "
                f"points, 95 % of them between {low:+.0f} and {high:+.0f}; {row.control.as_large} of them change it at "
                f"least as much (p = {row.control.p_value:.2g})."
            )
        return said

    def to_dicts(self) -> list[dict[str, str | float]]:
        """One flat row for each change, for a table or a CSV file. What there is not is an empty text."""
        return [self._flat(row) for row in self.rows]

    def _flat(self, row: WhatIfRow) -> dict[str, str | float]:
        control, focus = row.control, row.focus
        low, high = control.band if control else ("", "")
        return {
            "network": self.title,
            "class": self.target_name,
            "change": row.change,
            "detail": row.detail,
            "region": row.region,
            "probability before": self.before.probability,
            "probability after": row.probability,
            "points": row.points,
            "first answer": row.answer,
            "first answer's probability": row.answer_probability,
            "controls": len(control.points) if control else "",
            "control mean, points": control.mean if control else "",
            "control low, points": low,
            "control high, points": high,
            "controls as large": control.as_large if control else "",
            "p": control.p_value if control else "",
            "focus region": self.focus_region,
            "focus share": focus.value if focus else "",
            "focus lift": focus.lift if focus else "",
            "map": self.method,
            "untrained": self.untrained,
        }


def _p_value(row: WhatIfRow) -> float:
    return row.control.p_value if row.control is not None else 1.0
