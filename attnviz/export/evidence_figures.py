"""What-if tables and tests of a map as figures that can be written to files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from attnviz.export.drawn import Drawn, map_facts, map_notes, mark_of, origin
from attnviz.export.figure_source import Json, Row
from attnviz.faithfulness.trust_results import Trust
from attnviz.faithfulness.what_if_table import WhatIf
from attnviz.pictures import Picture
from attnviz.render import MEANINGLESS, NOT_EXPLANATION
from attnviz.render.trust_figure import randomisation_figure, removal_figure, verdicts_figure
from attnviz.render.trust_words import (
    RANDOM_QUESTION,
    REMOVAL_QUESTION,
    VERDICTS_QUESTION,
    randomisation_chart_alt,
    removal_chart_alt,
    titled,
)
from attnviz.render.whatif_figure import what_if_figure
from attnviz.render.whatif_words import what_if_chart_alt, what_if_title

TrustPart = Literal["removal", "randomisation", "verdicts"]
"""Deletion and insertion curves; the map under random weights; what all tests found, in words."""

_QUESTIONS: dict[TrustPart, str] = {
    "removal": REMOVAL_QUESTION,
    "randomisation": RANDOM_QUESTION,
    "verdicts": VERDICTS_QUESTION,
}


@dataclass(frozen=True, eq=False, kw_only=True)
class WhatIfFigure(Drawn):
    """What a network answers once its gates, its heads or the picture are changed.

    Attributes:
        picture: the source picture.
        table: from `faithfulness.what_if`.
        weights: which weights the network has, such as their sha256.
    """

    picture: Picture
    table: WhatIf
    weights: str = ""

    @property
    def title(self) -> str:
        """The heading, or the finding."""
        return self.heading or what_if_title(self.table)

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        return what_if_chart_alt(self.table)

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time.

        Raises:
            ValueRangeError: nothing was changed.
        """
        rules = dict.fromkeys(row.control.rule for row in self.table.rows if row.control is not None)
        controls = f" Random regions: {'; '.join(rules)}; p is not corrected for the number of rows." if rules else ""
        marked = [f"{self.table.title}: {self.table.untrained}; {MEANINGLESS}."] if self.table.untrained else []
        return what_if_figure(
            self.table,
            heading=self.heading,
            footer=[f"{self.table.title} on {self.picture.name}.{controls}", *marked, NOT_EXPLANATION],
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def rows(self) -> list[Row]:
        """A row for each change, heads among them."""
        return [{**row} for row in self.table.to_dicts()]

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        table = self.table
        return {
            **origin([self.picture], {table.title: self.weights}),
            "figure": "what if",
            "target": table.target,
            "class": table.target_name,
            "method": table.method,
            "unit": "probability of the class; points of it",
            "untrained": table.untrained,
            "seed": table.seed,
            "left_out": {**table.left_out},
            "changes": [{**row} for row in self.rows()],
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class TrustFigure(Drawn):
    """One part of the tests of a map.

    Attributes:
        picture: the source picture.
        found: from `faithfulness.trust`.
        part: see `TrustPart`.
        weights: which weights the network has, such as their sha256.
    """

    picture: Picture
    found: Trust
    part: TrustPart = "removal"
    weights: str = ""

    @property
    def title(self) -> str:
        """The heading, or what is asked of the map."""
        return self.heading or titled(self.found, _QUESTIONS[self.part])

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        if self.part == "removal":
            return removal_chart_alt(self.found)
        if self.part == "randomisation":
            return randomisation_chart_alt(self.found)
        return f"{self.title} {' '.join(f'{name}: {verdict}' for name, verdict, _ in self.found.tests)}"

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        draw = {"removal": removal_figure, "randomisation": randomisation_figure, "verdicts": verdicts_figure}[
            self.part
        ]
        found = self.found
        told = [f"{found.title} on {self.picture.name}. {found.attention_map.method}."]
        if self.part == "removal":
            told.append(
                f"Deletion covers cells with {found.deletion.substitute}, insertion uncovers them in "
                f"{found.insertion.substitute}."
            )
        marked = map_notes({found.title: found.attention_map})[2:]
        if found.untrained and not found.attention_map.untrained:
            marked.append(f"{found.title}: {found.untrained}; {MEANINGLESS}.")
        return draw(
            found,
            heading=self.heading,
            footer=[*told, *marked, NOT_EXPLANATION],
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def rows(self) -> list[Row]:
        """The curves' points, the similarities at each stage, or the verdicts."""
        found = self.found
        if self.part == "verdicts":
            return [{"network": found.title, "test": name, "verdict": said} for name, said, _ in found.tests]
        if self.part == "removal":
            return [
                {
                    "network": found.title,
                    "direction": curve.direction,
                    "share of the cells": float(share),
                    "by the map": float(curve.by_map[step]),
                    "middle first": float(curve.centre_first[step]),
                    "random, mean": float(curve.random[:, step].mean()),
                    "random, low": float(curve.band[0][step]),
                    "random, high": float(curve.band[1][step]),
                }
                for curve in (found.deletion, found.insertion)
                for step, share in enumerate(curve.share)
            ]
        made: list[Row] = []
        for number, stage in enumerate(found.randomisation.stages):
            for draw, (rank, ssim) in enumerate(
                zip(found.randomisation.rank[:, number], found.randomisation.ssim[:, number], strict=True)
            ):
                row: Row = {"network": found.title, "random down to": stage, "draw": draw + 1}
                made.append(
                    row | {key: float(one) for key, one in (("rank", rank), ("ssim", ssim)) if np.isfinite(one)}
                )
        return made

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The curves of both directions, and the similarities of the randomisation."""
        found = self.found
        return {
            "map": found.attention_map.values_hw,
            **{
                f"{curve.direction}_{name}": values
                for curve in (found.deletion, found.insertion)
                for name, values in (
                    ("share", curve.share),
                    ("by_map", curve.by_map),
                    ("centre_first", curve.centre_first),
                    ("random", curve.random),
                )
            },
            "randomisation_rank": found.randomisation.rank,
            "randomisation_ssim": found.randomisation.ssim,
        }

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        found = self.found
        return {
            **origin([self.picture], {found.title: self.weights}),
            "figure": f"trust, {self.part}",
            "class": found.target_name,
            "map": map_facts(found.attention_map),
            "marks": mark_of(found.attention_map) or found.untrained,
            "unit": {
                "removal": "probability of the class",
                "randomisation": "rank correlation and SSIM with the original map",
                "verdicts": "see each test",
            }[self.part],
            "tests": {name: said for name, said, _ in found.tests},
            "seeds": {"orders": found.deletion.seed, "weights": found.randomisation.seed},
        }
