"""One gate's factors over a set of pictures, and what is wrong with it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from attnviz.maps import FLAT_BELOW
from attnviz.records import Site

Kind = Literal["channel", "spatial", "feature"]

SATURATED_WITHIN = 0.05
"""A factor is saturated within this share of the way from one bound to the other: a sigmoid under 0.05 or over 0.95,
where its slope is under a fifth of the largest (0.05 * 0.95 = 0.0475 of 0.25)."""

SATURATED_ABOVE = 0.9
"""A gate is called saturated when at least this share of its factors is: nine in ten."""

MOSTLY_FLAT = 0.5
"""A gate is called flat when it is flat, by `maps.FLAT_BELOW`, in at least this share of the pictures."""

SAME_BELOW = FLAT_BELOW / 12**0.5
"""A gate is called the same for every picture when the deviation of its factors over pictures stays under this share
of their size. A number that takes all values of a range of `FLAT_BELOW` equally often deviates by that much."""


@dataclass(frozen=True, eq=False)
class GateHealth:
    """One gate's factors over a set of pictures. Deviations are population standard deviations, in units of the factor.

    A "place" of the gate is a channel, a cell, or for a feature mask a channel at a cell.

    Attributes:
        site: the gate; where several pictures were seen, as it ran on the first.
        kind: "channel", "spatial" or "feature".
        shape: of the factors: (channels,), (h, w) or (channels, h, w).
        grid_hw: of the feature map that the gate multiplied, or (0, 0) where the record does not hold it.
        pictures: how many were seen.
        bounds: of the factor: 0 and 1 for channel and spatial gates, the base and one more for feature masks; None
            where a factor lies outside, so that nobody knows.
        minimum: smallest factor.
        maximum: largest factor.
        quantiles: the factors below which 5, 25, 50, 75 and 95 % lie, to 1/4096 of the range.
        counts: of the factors in equal bins, shape (64,).
        edges: between these bins, shape (65,).
        closed: share of factors within `SATURATED_WITHIN` of the lower bound; None without bounds.
        opened: likewise of the upper bound.
        contrasts: in each picture, (max - min) / max(|min|, |max|) of what would be drawn: the factors, or for a
            feature mask their mean over channels; shape (pictures,).
        inside: deviation over the places of one picture, root mean square over pictures.
        over_pictures: deviation of one place over pictures, root mean square over places. Zero for a constant gate.
        over_classes: deviation of the classes' means, likewise; None without labels.
        class_share: between-class share of the variance over pictures (eta squared): sum over classes and places of
            n_class (mean_class - mean)^2, over the sum of all squared differences from the mean. 1 for a gate that
            follows from the class, None where nothing varies or without labels.
        class_share_by_chance: what eta squared is on average for labels that mean nothing: (classes - 1) /
            (pictures - 1).
        mean: of each place over pictures, of `shape`.
        deviation: of each place over pictures, of `shape`.
        classes: labels in the order they were first seen; empty without labels.
        class_means: mean of each place in each class, (classes, *shape); empty without labels.
        class_deviations: deviation over the pictures of each class, likewise.
    """

    site: Site
    kind: Kind
    shape: tuple[int, ...]
    grid_hw: tuple[int, int]
    pictures: int
    bounds: tuple[float, float] | None
    minimum: float
    maximum: float
    quantiles: tuple[float, ...]
    counts: np.ndarray
    edges: np.ndarray
    closed: float | None
    opened: float | None
    contrasts: np.ndarray
    inside: float
    over_pictures: float
    over_classes: float | None
    class_share: float | None
    class_share_by_chance: float | None
    mean: np.ndarray
    deviation: np.ndarray
    classes: tuple[int | str, ...]
    class_means: np.ndarray
    class_deviations: np.ndarray

    @property
    def flat_share(self) -> float:
        """Share of the pictures in which the gate is flat: its contrast is at most `maps.FLAT_BELOW`."""
        return float((self.contrasts <= FLAT_BELOW).mean())

    @property
    def is_flat(self) -> bool:
        """Whether the gate is flat in at least half of the pictures: there is nothing to draw."""
        return self.flat_share >= MOSTLY_FLAT

    @property
    def is_saturated(self) -> bool:
        """Whether at least nine in ten factors lie at the bounds. False where the bounds are not known."""
        return self.closed is not None and self.opened is not None and self.closed + self.opened >= SATURATED_ABOVE

    @property
    def is_same(self) -> bool:
        """Whether the gate does the same for every picture. False after a single picture."""
        size = float(np.sqrt(np.mean(np.square(self.mean))))
        return self.pictures > 1 and self.over_pictures <= SAME_BELOW * size

    @property
    def flags(self) -> tuple[str, ...]:
        """What is wrong with the gate, in a few words each; empty for one that works."""
        said = []
        if self.is_flat:
            said.append("flat over places" if self.kind == "feature" else "flat")
        if self.is_saturated:
            ends = {"closed": self.closed or 0.0, "open": self.opened or 0.0}
            at = [end for end, share in ends.items() if share >= SATURATED_ABOVE]
            said.append(f"saturated {at[0]}" if at else "saturated at both ends")
        if self.is_same:
            said.append("same for every picture")
        return tuple(said)
