"""What every gate of a network does over a set of pictures: its factors, and how they vary.

The study of excitations by class is that of Hu, Shen, Sun 2018, arXiv:1709.01507, section "Role of Excitation".
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from torch import Tensor, nn

from attnviz.errors import NothingTracedError, ShapeError, ValueRangeError
from attnviz.health.one_gate import SATURATED_WITHIN, GateHealth, Kind
from attnviz.health.streaming import Histogram, Moments
from attnviz.records import ChannelWeights, FeatureMask, SpatialMask, Trace
from attnviz.records.seen_picture import SeenPicture
from attnviz.tracer import trace

Gate = ChannelWeights | SpatialMask | FeatureMask

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STRIP_BINS = 64

_OUTSIDE = 1e-5
"""Rounding that a factor may lie beyond a bound."""


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
