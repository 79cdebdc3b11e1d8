"""Scores that use only which cells of a map are higher than others."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from attnviz.focus.baselines import TIE, Cells
from attnviz.focus.on_grid import OnGrid


@dataclass(frozen=True, eq=False)
class Ranking:
    """The cells of a map from the highest to the lowest; those that tie stand together.

    Attributes:
        area: of each group, in cells, shape (groups,).
        inside: the part of that area which the region covers.
    """

    area: Cells
    inside: Cells

    @classmethod
    def of(cls, on_grid: OnGrid) -> "Ranking":
        counted = on_grid.seen > 0
        values, inside, seen = on_grid.values[counted], on_grid.inside[counted], on_grid.seen[counted]
        order = np.argsort(-values, kind="stable")
        higher, lower = values[order][:-1], values[order][1:]
        starts = [0, *(np.flatnonzero(lower < higher * (1 - TIE)) + 1).tolist(), len(order)]
        sums = [[math.fsum(cells[order[a:b]].tolist()) for a, b in pairwise(starts)] for cells in (seen, inside)]
        return cls(np.array(sums[0]), np.array(sums[1]))


def top_inside(on_grid: OnGrid) -> float:
    """Of the highest cells that together are as large as the region: the part that lies in it.

    The last group of equal cells is taken in part, evenly over its cells.
    """
    ranking = Ranking.of(on_grid)
    region = math.fsum(ranking.inside.tolist())
    higher = np.cumsum(ranking.area) - ranking.area
    taken = np.clip((region - higher) / ranking.area, 0.0, 1.0)
    return float((ranking.inside / region) @ taken)


def matched_overlap(on_grid: OnGrid) -> float:
    """Intersection over union of the region and of the highest cells that together are as large."""
    part = top_inside(on_grid)
    return part / (2 - part)


def precision_recall_area(on_grid: OnGrid) -> float:
    """Mean over the region's area of the precision at which each place is reached."""
    ranking = Ranking.of(on_grid)
    recall_steps = ranking.inside / math.fsum(ranking.inside.tolist())
    precision = np.cumsum(ranking.inside) / np.cumsum(ranking.area)
    return float(recall_steps @ precision)
