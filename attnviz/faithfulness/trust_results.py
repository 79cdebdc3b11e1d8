"""What the tests of a map found: arrays, and sentences with the numbers. Nothing here runs a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from attnviz.maps.base import AttentionMap, Proof

Numbers = npt.NDArray[np.float64]


def read_only(values: npt.ArrayLike) -> Numbers:
    """A copy that nobody can write to."""
    copy = np.array(values, dtype=np.float64)
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, eq=False)
class Randomisation:
    """How a map changes as the network's weights are replaced by random ones, from the output down.

    Attributes:
        stages: the layer down to which the weights were replaced, one for each stage.
        replaced: share of all weights that were replaced by then, (stages,).
        rank: Spearman correlation with the original map, (repeats, stages); NaN where no map could be made.
        ssim: structural similarity, likewise.
        untouched: number of first stages at which the map stayed the same to the last bit.
        seed: of the random weights.
    """

    stages: tuple[str, ...]
    replaced: Numbers
    rank: Numbers
    ssim: Numbers
    untouched: int
    seed: int

    misleads: ClassVar[str] = (
        "the map depends only on early layers: an attention map of layer 2 cannot change before layer 2 is reached. "
        "Networks with skip connections keep the shape of the input alive through random weights, and a grid of few "
        "cells gives noisy correlations. Sensitivity to the weights does not make a map right."
    )

    @property
    def verdict(self) -> str:
        """The finding in words."""
        repeats, count = self.rank.shape
        last = self.rank[:, -1]
        made = last[np.isfinite(last)]
        if self.untouched == count:
            return (
                f"With all weights random the map stays the same to the last bit ({count} stages, {repeats} draws): "
                "it does not depend on what the network learned."
            )
        parts = []
        if self.untouched:
            reach = "the first stage" if self.untouched == 1 else f"the first {self.untouched} stages"
            parts.append(
                f"{reach} of {count}, down to {self.stages[self.untouched - 1]}, left the map the same to the last "
                "bit: it does not read that far"
            )
        if made.size:
            parts.append(
                f"with all weights random its rank correlation with the original is {made.mean():.2f} "
                f"({_between(made)}), where 1 is unchanged and 0 unrelated"
            )
        if made.size < last.size:
            parts.append(f"in {last.size - made.size} of {last.size} draws the random network gave no map to compare")
        changed = self.rank[:, self.untouched]
        if np.isfinite(changed).any():
            first = self.stages[self.untouched]
            parts.append(f"the first stage that changes it, down to {first}, leaves {np.nanmean(changed):.2f}")
        return f"{_sentence('; '.join(parts))} ({repeats} draws)."


Direction = Literal["deletion", "insertion"]


@dataclass(frozen=True, eq=False)
class RemovalCurve:
    """The class probability while the picture is covered cell by cell, or uncovered.

    Attributes:
        direction: "deletion" covers the highest cells first, and a low curve speaks for the map; "insertion" uncovers
            them first, and a high curve does.
        share: of the cells changed so far, (steps,), from 0 to 1.
        by_map: probability in the order of the map, (steps,).
        centre_first: likewise in the order of the distance from the middle.
        random: likewise in random orders, (orders, steps).
        substitute: what covers the cells, in words.
        cells: of the map's grid.
        seed: of the random orders.
    """

    direction: Direction
    share: Numbers
    by_map: Numbers
    centre_first: Numbers
    random: Numbers
    substitute: str
    cells: int
    seed: int

    misleads: ClassVar[str] = (
        "a half-covered picture is unlike anything in training, so that the answer may change for that reason: compare "
        "with the random orders, which are as unlike. The curve depends on what covers the cells, and it judges the "
        "order of the cells, not their values. A small probability has little room to fall."
    )

    @property
    def area(self) -> float:
        """Area under the curve of the map, in [0, 1], by trapezoids."""
        return area_under(self.share, self.by_map)

    @property
    def area_centre(self) -> float:
        """The same for the order from the middle outwards."""
        return area_under(self.share, self.centre_first)

    @property
    def areas_random(self) -> Numbers:
        """The same for each random order, (orders,)."""
        return np.array([area_under(self.share, curve) for curve in self.random])

    @property
    def as_good(self) -> int:
        """Number of random orders that do at least as well as the map."""
        better = self.areas_random - self.area if self.direction == "insertion" else self.area - self.areas_random
        return int((better >= -1e-9).sum())

    @property
    def p_value(self) -> float:
        """(1 + k) / (1 + n): how often a random order does as well, the map counted in."""
        return (1 + self.as_good) / (1 + len(self.random))

    @property
    def band(self) -> tuple[Numbers, Numbers]:
        """The middle 95 % of the random orders at each step."""
        low, high = np.quantile(self.random, [0.025, 0.975], axis=0)
        return low, high

    @property
    def verdict(self) -> str:
        """The finding in words."""
        areas, lower = self.areas_random, self.direction == "deletion"
        low, high = np.quantile(areas, [0.025, 0.975])
        way = "Covering the map's highest cells first" if lower else "Uncovering the map's highest cells first"
        beats = self.area < self.area_centre if lower else self.area > self.area_centre
        return (
            f"{way} gives an area under the curve of {self.area:.2f} ({'lower' if lower else 'higher'} is better); "
            f"{len(areas)} random orders give {areas.mean():.2f} (95 % between {low:.2f} and {high:.2f}), and "
            f"{self.as_good} of them do at least as well (p = {self.p_value:.2g}). The order from the middle outwards "
            f"gives {self.area_centre:.2f}: the map does {'better' if beats else 'no better'} than that."
        )


def area_under(share: Numbers, curve: Numbers) -> float:
    """Area under a curve by trapezoids."""
    return float(((curve[1:] + curve[:-1]) / 2 * np.diff(share)).sum())


@dataclass(frozen=True, eq=False)
class ClassSwap:
    """How far the map differs for another class.

    Attributes:
        names: of the class in question and of the other one.
        probabilities: of both.
        knows_class: False for a map that speaks about no class; the three numbers are then 1, 1 and 0.
        rank: Spearman correlation of the two maps.
        ssim: structural similarity.
        moved: share of the map's mass that lies elsewhere for the other class.
        problem: why the other class has no map; empty if it has one.
    """

    names: tuple[str, str]
    probabilities: tuple[float, float]
    knows_class: bool
    rank: float
    ssim: float
    moved: float
    problem: str = ""

    misleads: ClassVar[str] = (
        "the two classes are much alike, such as two terriers, or one object makes up most of the picture: then a good "
        "map hardly changes. A map may also differ for another class and be wrong for both."
    )

    @property
    def verdict(self) -> str:
        """The finding in words."""
        if not self.knows_class:
            return (
                "This map knows no class: it is the same whatever class is asked for, so it cannot say why the network "
                f"answered {self.names[0]} rather than {self.names[1]}."
            )
        told = f"{self.names[1]} (the network gives it {self.probabilities[1]:.0%}) instead of {self.names[0]}"
        if self.problem:
            return f"Asked for {told}, there is no map: {self.problem}"
        moved = "" if np.isnan(self.moved) else f", and {self.moved:.0%} of the map's mass lies elsewhere"
        said = "undefined, one map being constant" if np.isnan(self.rank) else f"{self.rank:.2f}"
        return f"Asked for {told}, the rank correlation of the two maps is {said} (1 is the same map){moved}."


@dataclass(frozen=True, eq=False)
class ReplayProof:
    """Whether the numbers behind a map are those that the network used.

    Attributes:
        proof: of the map, see `AttentionMap.proof`.
        used: number of records that the map was made from; 0 for a map that comes from none.
        worst_error: largest replay error among them, as a share of the layer's largest output; NaN without records.
        worst_layer: where.
        limit: share up to which a record is proven.
        unproven: layers of the whole network whose records are unproven.
        read: number of records of the whole network.
    """

    proof: Proof
    used: int
    worst_error: float
    worst_layer: str
    limit: float
    unproven: tuple[str, ...]
    read: int

    misleads: ClassVar[str] = (
        "it is read as evidence for the map's meaning. It proves that the numbers are the layer's own, not that they "
        "matter for the answer."
    )

    @property
    def verdict(self) -> str:
        """The finding in words."""
        rest = (
            f" Of the network's {self.read} records, {len(self.unproven)} are unproven: {', '.join(self.unproven)}."
            if self.unproven
            else f" All {self.read} records of the network are proven."
            if self.read
            else " The network has no attention to prove."
        )
        if not self.used:
            return f"The map comes from gradients or activations, which no replay proves.{rest}"
        return (
            f"The map was made from {self.used} record{'s' * (self.used > 1)}. Computed again from them, the layers' "
            f"outputs differ by at most {self.worst_error:.1e} of the largest output ({self.worst_layer}; proven up to "
            f"{self.limit:.0e}): {self.proof}.{rest}"
        )


@dataclass(frozen=True, eq=False)
class Trust:
    """All tests of one map.

    Attributes:
        title: of the network.
        target_name: of the class in question.
        attention_map: the map under test.
        replay: see `ReplayProof`.
        class_swap: see `ClassSwap`.
        deletion: see `RemovalCurve`.
        insertion: likewise.
        randomisation: see `Randomisation`.
        untrained: what of the network has no trained weights; empty for a trained one.
    """

    title: str
    target_name: str
    attention_map: AttentionMap
    replay: ReplayProof
    class_swap: ClassSwap
    deletion: RemovalCurve
    insertion: RemovalCurve
    randomisation: Randomisation
    untrained: str = ""

    @property
    def tests(self) -> tuple[tuple[str, str, str], ...]:
        """Name, verdict and "misleads when" of each test."""
        named: dict[str, ReplayProof | ClassSwap | RemovalCurve | Randomisation] = {
            "Replay proof": self.replay,
            "Class swap": self.class_swap,
            "Deletion": self.deletion,
            "Insertion": self.insertion,
            "Weight randomisation": self.randomisation,
        }
        return tuple((name, test.verdict, test.misleads) for name, test in named.items())


def _between(values: Sequence[float] | Numbers) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
