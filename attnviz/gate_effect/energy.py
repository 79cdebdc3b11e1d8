"""How much of a layer's energy lies in each region before its gate and after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.gate_effect.parts import REST, Box, Cells, Parts
from attnviz.geometry import Geometry
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask, Trace
from attnviz.regions import Region

__all__ = ["REST", "GateEffect", "gate_effect", "gate_effects"]

Gate = ChannelWeights | SpatialMask | FeatureMask
"""A record of factors that a layer multiplied its features with."""

GateKind = Literal["channel gate", "spatial gate", "feature mask"]
"""One factor per channel, one per position, or one for each feature."""

_KINDS: tuple[tuple[type[Gate], GateKind], ...] = (
    (ChannelWeights, "channel gate"),
    (SpatialMask, "spatial gate"),
    (FeatureMask, "feature mask"),
)


@dataclass(frozen=True, eq=False)
class GateEffect:
    """Where the energy of a layer's features lay before one gate and after it.

    Attributes:
        site: of the gate.
        gate: its kind, in words.
        before: share of the energy in each region, then in "the rest"; together they are 1.
        after: the same once the gate multiplied the features.
        areas: share of what the model saw that each of them covers.
        kept: total energy after the gate over total energy before it.
        flat: whether all factors are the same, so that the gate cannot move anything.
    """

    site: Site
    gate: GateKind
    before: Mapping[str, float]
    after: Mapping[str, float]
    areas: Mapping[str, float]
    kept: float
    flat: bool

    @property
    def moved(self) -> dict[str, float]:
        """Share after minus share before, by part. They add up to zero; times 100 they are points."""
        return {name: self.after[name] - share for name, share in self.before.items()}

    @property
    def total_moved(self) -> float:
        """Sum of what the gaining parts gained: the share of the energy that changed places, 0 to 1."""
        return sum(change for change in self.moved.values() if change > 0)

    def to_rows(self) -> list[dict[str, str | float]]:
        """One flat row for each part, for a table or a CSV file."""
        return [
            {
                "layer": self.site.layer,
                "call": self.site.call,
                "gate": self.gate,
                "region": name,
                "area": self.areas[name],
                "before": self.before[name],
                "after": self.after[name],
                "moved": self.moved[name],
                "energy kept": self.kept,
            }
            for name in self.before
        ]


def gate_effects(trace: Trace, regions: Sequence[Region], *, within_yxyx: Box | None = None) -> tuple[GateEffect, ...]:
    """What each gate of a network moved between regions of the picture.

    A CBAM has two gates and gives two effects: what its second gate finds is what its first one left, so the points of
    both add up to those of the layer.

    Args:
        trace: of a network with gates, made from a `ModelInput`.
        regions: drawn on the source picture, each with a name of its own, without overlap.
        within_yxyx: count only this box of the source picture, (top, left, bottom, right) in source pixels.

    Returns:
        The effects, in the order in which the gates ran.

    Raises:
        NothingTracedError: the network has no gate.
        ValueRangeError: as for `gate_effect`; or the trace knows no geometry.
        ShapeError: a region was drawn on another picture.
    """
    gates = [record for record in trace.records if isinstance(record, Gate)]
    if not gates:
        raise NothingTracedError(
            f"{trace.model} must have a layer with a gate; got none. Choose a network with SE, CBAM or residual "
            "attention; self-attention adds up values and multiplies no features."
        )
    if trace.geometry is None:
        raise ValueRangeError(
            f"the trace of {trace.model} must know where the model input lies in the picture; got no geometry. "
            "Trace a ModelInput from preprocess() instead of a bare tensor."
        )
    parts: dict[tuple[int, int], Parts] = {}  # layers share grids, and laying a photograph's masks on one takes time
    effects = []
    for record in gates:
        grid_hw = record.features.shape[-2], record.features.shape[-1]
        if grid_hw not in parts:
            parts[grid_hw] = Parts.of(regions, trace.geometry, grid_hw, within_yxyx)
        effects.append(_effect(record, parts[grid_hw]))
    return tuple(effects)


def gate_effect(
    record: Gate, regions: Sequence[Region], geometry: Geometry, *, within_yxyx: Box | None = None
) -> GateEffect:
    """What one gate moved between regions of the picture.

    The energy of a place is the mean over channels of the squared features, before the gate and after it. A region's
    share is its part of the total over all that the model saw; a cell that its outline cuts counts by area. What is
    moved is the share after minus the share before. A channel gate moves energy too: it turns up channels that are
    active in one place more than those that are active in another.

    Args:
        record: of the gate, with the features that it multiplied.
        regions: drawn on the source picture, each with a name of its own, without overlap.
        geometry: where the model input lies in the picture, as in `trace.geometry`.
        within_yxyx: count only this box of the source picture, (top, left, bottom, right) in source pixels.

    Returns:
        The effect. A gate whose factors are all the same moves nothing, exactly. A spatial gate that is open in one
        region alone leaves a share of 1 there.

    Raises:
        ValueRangeError: regions overlap, have one name, or lie outside the crop; or the layer has no energy before or
            after the gate.
        ShapeError: a region was drawn on another picture.
        NothingTracedError: the record kept no features.

    Misleads when:
        the energy is read as evidence: a place with large activations need not speak for the answer. The sign of a
        feature is lost, and a bias that every place has counts as energy. What later layers do is not seen.

    Reference:
        Sum of squared activations as a map of where a layer attends: Zagoruyko & Komodakis 2017, arXiv:1612.03928,
        section 3.1. Differs from it in: shares of regions, before and after a gate.
    """
    grid_hw = record.features.shape[-2], record.features.shape[-1]
    return _effect(record, Parts.of(regions, geometry, grid_hw, within_yxyx))


def _effect(record: Gate, parts: Parts) -> GateEffect:
    features = record.features.double().numpy()
    factor = record.factor.double().numpy()
    largest = float(np.abs(factor).max())
    where = f"{record.site.layer} before its {_kind(record)}", f"{record.site.layer} after its {_kind(record)}"
    before = _energy(features)
    # Shares do not change with the unit. Over the largest factor a flat gate is exactly 1, and moves exactly nothing.
    after = _energy(features * (factor / largest)) if largest > 0 else np.zeros_like(before)
    shares = parts.shares(before, where[0]), parts.shares(after, where[1])
    totals = [float((energy * parts.seen).sum()) for energy in (before, after)]
    return GateEffect(
        site=record.site,
        gate=_kind(record),
        before=shares[0],
        after=shares[1],
        areas=parts.areas,
        kept=largest**2 * totals[1] / totals[0],
        flat=bool((factor == factor.flat[0]).all()),
    )


def _kind(record: Gate) -> GateKind:
    return next(words for kind, words in _KINDS if isinstance(record, kind))


def _energy(features_chw: Cells) -> Cells:
    return np.square(features_chw).mean(axis=0)
