"""What every gate of a network does over a set of pictures: its factors, and how they vary.

The study of excitations by class is that of Hu, Shen, Sun 2018, arXiv:1709.01507, section "Role of Excitation".
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from torch import Tensor, nn

from attnviz.errors import NothingTracedError, ShapeError, ValueRangeError
from attnviz.health.streaming import Histogram, Moments
from attnviz.maps import FLAT_BELOW
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask, Trace
from attnviz.records.seen_picture import SeenPicture
from attnviz.tracer import trace

Gate = ChannelWeights | SpatialMask | FeatureMask
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

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STRIP_BINS = 64

_OUTSIDE = 1e-5
"""Rounding that a factor may lie beyond a bound."""


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


def gate_health(
    model: nn.Module,
    inputs: Iterable[SeenPicture | Tensor],
    labels: Iterable[int | str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[GateHealth, ...]:
    """What each gate does over some pictures. Each picture is traced alone and let go, so a long list costs no memory.

    Args:
        model: any network in evaluation mode.
        inputs: from `preprocess`, or tensors (1, channels, h, w); all of one size, so that places can be compared.
        labels: class of each picture, for the variation over classes. It costs 16 bytes for each class and place.
        progress: called with the number of pictures seen, after each. An exception that it raises stops the work.

    Returns:
        One for each run of each gate, in the order in which they ran.

    Raises:
        NothingTracedError: the network has no gate.
        ShapeError: there is no picture, labels are not one for each picture, or pictures differ in size.
        ValueRangeError: a factor is not finite.
    """
    return of_traces((trace(model, picture, allow_empty=True) for picture in inputs), labels, progress)


def of_traces(
    traces: Iterable[Trace],
    labels: Iterable[int | str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[GateHealth, ...]:
    """The same for traces of one network, which may be made while they are counted.

    Args:
        traces: one for each picture, none of them kept.
        labels: as in `gate_health`, and so is the next.
        progress: see there.

    Raises:
        NothingTracedError: a trace holds no gate.
        ShapeError: as in `gate_health`.
        ValueRangeError: see there.
    """
    gathered: _Gathered | None = None
    remaining = None if labels is None else iter(labels)
    for number, seen in enumerate(traces, start=1):
        label = None if remaining is None else next(remaining, None)
        if remaining is not None and label is None:
            raise ShapeError(f"labels must hold one label for each picture; got {number - 1} for more pictures.")
        gathered = gathered or _Gathered(seen)
        gathered.add(seen, label)
        if progress is not None:
            progress(number)
    if gathered is None:
        raise ShapeError("inputs must hold at least one picture; got none. Give the result of preprocess().")
    if remaining is not None and next(remaining, None) is not None:
        raise ShapeError(f"labels must hold one label for each picture; got more than {gathered.pictures}.")
    return gathered.told()


def of_trace(seen: Trace) -> tuple[GateHealth, ...]:
    """What each gate did on one picture. Nothing varies over pictures or classes then.

    Raises:
        NothingTracedError: the trace holds no gate.
        ValueRangeError: a factor is not finite.
    """
    return of_traces([seen])


def stage_ends(healths: Sequence[GateHealth]) -> tuple[GateHealth, ...]:
    """The last channel gate of each stage, as the SE paper shows them.

    A stage ends where the grid of the feature maps changes, or the first part of the layers' names, such as "layer2".
    """
    gates = [one for one in healths if one.kind == "channel"]
    ends = [one for one, after in pairwise(gates) if _stage(one) != _stage(after)]
    return (*ends, *gates[-1:])


def _stage(one: GateHealth) -> tuple[tuple[int, int], str]:
    return one.grid_hw, one.site.layer.split(".")[0]


def _gates(seen: Trace) -> list[Gate]:
    gates = [record for record in seen.records if isinstance(record, Gate)]
    if not gates:
        raise NothingTracedError(
            f"{seen.model} must have a gate to tell its health; got none among {len(seen.records)} records. "
            "Ask a network with SE, CBAM or another gate."
        )
    return gates


class _Gathered:
    """One `_OneGate` for each gate, filled picture by picture."""

    def __init__(self, first: Trace) -> None:
        self.pictures = 0
        self._gates = [_OneGate(record) for record in _gates(first)]

    def add(self, seen: Trace, label: int | str | None) -> None:
        records = _gates(seen)
        if [record.site for record in records] != [one.site for one in self._gates]:
            raise ShapeError(
                f"every picture must run the same gates; got {len(records)} on picture {self.pictures + 1} and "
                f"{len(self._gates)} on the first. Give pictures that take one way through the network."
            )
        for one, record in zip(self._gates, records, strict=True):
            one.add(record, label)
        self.pictures += 1

    def told(self) -> tuple[GateHealth, ...]:
        return tuple(one.told() for one in self._gates)


class _OneGate:
    def __init__(self, record: Gate) -> None:
        self.site = record.site
        self.kind: Kind = _kind(record)
        self.bounds = (record.base, record.base + 1) if isinstance(record, FeatureMask) else (0.0, 1.0)
        values = _factors(record)
        self.shape = values.shape
        self.grid_hw = values.shape[1:] if self.kind == "feature" else values.shape
        if self.kind == "channel":
            self.grid_hw = _grid_of(record)
        self.all = Moments(self.shape)
        self.by_class: dict[int | str, Moments] = {}
        self.histogram = Histogram(*self.bounds)
        self.contrasts: list[float] = []
        self.variances: list[float] = []
        self.closed = self.opened = 0

    def add(self, record: Gate, label: int | str | None) -> None:
        values = _factors(record)
        if values.shape != self.shape:
            raise ShapeError(
                f"{self.site.layer}: factors must have one shape for all pictures; got {values.shape} after "
                f"{self.shape}. Give pictures of one size, such as squares."
            )
        if not np.isfinite(values).all():
            raise ValueRangeError(
                f"{self.site.layer}: factors must be finite; got NaN or infinity. Check the network's weights."
            )
        self.all.add(values)
        if label is not None:
            name = label if isinstance(label, str) else int(label)  # no numpy scalars among the names
            self.by_class.setdefault(name, Moments(self.shape)).add(values)
        self.histogram.add(values)
        drawn = values.mean(axis=0) if self.kind == "feature" else values
        largest = float(np.abs(drawn).max())
        self.contrasts.append(float(drawn.max() - drawn.min()) / largest if largest else 0.0)
        self.variances.append(float(values.var()))
        low, high = self.bounds
        near = SATURATED_WITHIN * (high - low)
        self.closed += int((values <= low + near).sum())
        self.opened += int((values >= high - near).sum())

    def told(self) -> GateHealth:
        low, high = self.bounds
        known = self.histogram.minimum >= low - _OUTSIDE and self.histogram.maximum <= high + _OUTSIDE
        factors = self.all.count * int(np.prod(self.shape))
        between = self._between()
        total = float(self.all.squares.sum())
        counts, edges = self.histogram.coarse(STRIP_BINS)
        stacked = list(self.by_class.values())
        empty = np.zeros((0, *self.shape))
        return GateHealth(
            site=self.site,
            kind=self.kind,
            shape=self.shape,
            grid_hw=(int(self.grid_hw[0]), int(self.grid_hw[1])),
            pictures=self.all.count,
            bounds=(low, high) if known else None,
            minimum=self.histogram.minimum,
            maximum=self.histogram.maximum,
            quantiles=tuple(self.histogram.quantile(share) for share in QUANTILES),
            counts=counts,
            edges=edges,
            closed=self.closed / factors if known else None,
            opened=self.opened / factors if known else None,
            contrasts=np.array(self.contrasts),
            inside=float(np.sqrt(np.mean(self.variances))),
            over_pictures=float(np.sqrt(self.all.variance.mean())),
            over_classes=None if between is None else float(np.sqrt(between / factors)),
            class_share=None if between is None or total == 0 else min(1.0, between / total),
            class_share_by_chance=self._by_chance(),
            mean=self.all.mean,
            deviation=np.sqrt(self.all.variance),
            classes=tuple(self.by_class),
            class_means=np.stack([one.mean for one in stacked]) if stacked else empty,
            class_deviations=np.stack([np.sqrt(one.variance) for one in stacked]) if stacked else empty,
        )

    def _between(self) -> float | None:
        """Sum over classes and places of n_class (mean_class - mean)^2."""
        if not self.by_class:
            return None
        return sum(one.count * float(np.square(one.mean - self.all.mean).sum()) for one in self.by_class.values())

    def _by_chance(self) -> float | None:
        if not self.by_class or self.all.count < 2:
            return None
        return (len(self.by_class) - 1) / (self.all.count - 1)


def _kind(record: Gate) -> Kind:
    match record:
        case ChannelWeights():
            return "channel"
        case SpatialMask():
            return "spatial"
        case FeatureMask():
            return "feature"


def _factors(record: Gate) -> np.ndarray:
    """Factors in double precision, without the axes along which they are repeated."""
    match record:
        case ChannelWeights():
            factors = record.weights
        case SpatialMask():
            factors = record.mask
        case FeatureMask():
            factors = record.factor
    return factors.detach().double().numpy()


def _grid_of(record: Gate) -> tuple[int, int]:
    try:
        height, width = record.features.shape[-2:]
    except NothingTracedError:  # a record made by hand need not hold the features
        return 0, 0
    return int(height), int(width)
