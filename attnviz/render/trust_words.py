"""Tests of a map in words, and the numbers and colours that their charts and figures share."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from attnviz.faithfulness.trust_results import Randomisation, RemovalCurve, Trust
from attnviz.render.focus_words import BAR_COLOUR, GAUSSIAN_COLOUR

RANDOM_COLOUR = "rgba(128,128,128,1)"
SSIM_COLOUR = "#D1495B"
REMOVAL_QUESTION = "does the answer hang on the cells that the map marks?"
RANDOM_QUESTION = "does the map notice when the network forgets what it learned?"
VERDICTS_QUESTION = "can this map be trusted?"
STAGES_AXIS = "weights replaced by random ones, from the output down to this layer"
SIMILARITY_AXIS = "similarity to the original map"
_LONGEST_LINE = 14


def removal_chart_alt(trust: Trust) -> str:
    """The curves in words."""
    return f"Deletion and insertion curves of {trust.title}. {trust.deletion.verdict} {trust.insertion.verdict}"


def randomisation_chart_alt(trust: Trust) -> str:
    """The randomisation chart in words."""
    found: Randomisation = trust.randomisation
    low, mean, high = over_draws(found.rank)
    said = [
        f"{stage} {middle:.2f} ({least:.2f} to {most:.2f})" if np.isfinite(middle) else f"{stage} no map"
        for stage, least, middle, most in zip(found.stages, low, mean, high, strict=True)
    ]
    return f"Rank correlation with the original map, weights random down to: {'; '.join(said)}. {found.verdict}"


def over_draws(
    values: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Smallest, mean and largest over the draws that have a number; NaN where none has."""
    some = np.isfinite(values).any(axis=0)
    made = np.full((3, values.shape[1]), np.nan)
    known = values[:, some]
    made[:, some] = np.nanmin(known, axis=0), np.nanmean(known, axis=0), np.nanmax(known, axis=0)
    return made[0], made[1], made[2]


def curve_heading(curve: RemovalCurve) -> tuple[str, str]:
    """What stands above a curve: its direction and which way is better; then the areas and p."""
    better = "lower is better" if curve.direction == "deletion" else "higher is better"
    middle = f"middle {curve.area_centre:.2f}, random {curve.areas_random.mean():.2f}"
    return (
        f"{curve.direction.capitalize()} ({better})",
        f"area: map {curve.area:.2f}, {middle}; p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{curve.p_value:.2f}",
    )


def cells_axis(curve: RemovalCurve) -> str:
    """What the axis of a curve shows."""
    return "cells covered" if curve.direction == "deletion" else "cells uncovered"


@dataclass(frozen=True, eq=False)
class CurveLine:
    """One line of a removal curve: its probabilities, name, the words of a mark, and how it is drawn."""

    values: npt.NDArray[np.float64]
    name: str
    hover: str
    colour: str
    dash: Literal["solid", "dash", "dot"]
    width: float


def curve_lines(curve: RemovalCurve) -> tuple[CurveLine, ...]:
    """The order of the map, the order from the middle outwards, and the mean of the random orders."""
    return (
        CurveLine(
            curve.by_map, "the map's highest cells first", f"this map, area {curve.area:.2f}", BAR_COLOUR, "solid", 3.5
        ),
        CurveLine(
            curve.centre_first,
            "from the middle outwards",
            f"middle first, area {curve.area_centre:.2f}",
            GAUSSIAN_COLOUR,
            "dash",
            2.5,
        ),
        CurveLine(
            curve.random.mean(axis=0),
            f"{len(curve.random)} random orders: mean, and 95 % of them",
            f"random, area {curve.areas_random.mean():.2f}",
            RANDOM_COLOUR,
            "dot",
            2,
        ),
    )


def draws_words(found: Randomisation) -> str:
    """What the lines of the randomisation chart are."""
    return f"Mean and range of {len(found.rank)} draws. 1: the original map. 0: nothing in common with it."


def short_stage(stage: str) -> str:
    """A layer's name for an axis, broken after its dots."""
    lines = [""]
    for part in re.findall(r"[^.]+\.?", stage):
        if lines[-1] and len(lines[-1]) + len(part) > _LONGEST_LINE:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def titled(trust: Trust, question: str) -> str:
    """The network, the class, and what is asked."""
    mark = f"{trust.untrained.upper()}: " if trust.untrained else ""
    return f"{mark}{trust.title}, {trust.target_name}: {question}"
