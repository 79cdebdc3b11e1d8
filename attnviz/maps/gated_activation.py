"""Where a gated layer is active.

A channel gate has one factor per channel and no place of its own. What has a place is the feature map that it
multiplies, so the map shown is the activation after the gate, with the activation before it for comparison. The same
can be asked of every other gate, whose factors differ from place to place as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from attnviz.errors import NothingTracedError
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import choose, what_is_there
from attnviz.records import ChannelWeights, FeatureMask, Record, Site, SpatialMask, Trace

Gate = ChannelWeights | SpatialMask | FeatureMask

_CARD = MethodCard(
    name="gated_activation",
    title="Gate-weighted activation",
    answers="Where is this layer active, once its gate has weighted the features?",
    needs="ChannelWeights, SpatialMask or FeatureMask",
    class_dependent=False,
    unit="mean squared activation",
)


_NAMES = {"se": "SE", "ese": "eSE", "eca": "ECA", "gc": "GC", "cbam": "CBAM", "bam": "BAM"}
"""Mechanism, without its part, to the name that its paper gave it. Others keep theirs, without underscores."""


@dataclass(frozen=True, eq=False)
class GateEnergy:
    """Activation of one gated layer before and after its gate.

    Attributes:
        before: mean over channels of the squared features, shape (h, w).
        after: the same once the gate, or both gates of a CBAM, multiplied the features.
        sites: of the gates, in the order in which they were applied.
        name: "SE", "CBAM", or the mechanism's own name.
    """

    before: Tensor
    after: Tensor
    sites: tuple[Site, ...]
    name: str


def has_gate(records: Iterable[Record]) -> bool:
    """Whether some record holds factors that a layer multiplied its features with."""
    return any(isinstance(record, Gate) for record in records)


def gate_energy(trace: Trace, layer: str | int | None, method: object) -> GateEnergy:
    """Activation before and after the gate of the chosen layer.

    All gates of one run of a layer count together, in the order in which they were applied: CBAM has two. The features
    are what the first of them multiplied.

    Raises:
        NothingTracedError: the trace holds no gate.
        NotFoundError: no gated layer has this name.
    """
    runs: dict[tuple[str, int, str], list[Gate]] = {}
    for record in trace.records:
        if isinstance(record, Gate):
            runs.setdefault((record.site.layer, record.site.call, _family(record)), []).append(record)
    if not runs:
        raise NothingTracedError(
            f"{method!r} needs a {_CARD.needs} record; got {what_is_there(trace.records)}. "
            "attnviz.maps.available(trace) lists the maps that fit this network."
        )
    first = choose([gates[0] for gates in runs.values()], layer)
    family = _family(first)
    gates = runs[first.site.layer, first.site.call, family]
    features = first.features.float()
    gated = features
    for gate in gates:
        gated = gated * gate.factor
    return GateEnergy(
        before=_energy(features),
        after=_energy(gated),
        sites=tuple(gate.site for gate in gates),
        name=mechanism_name(first.site),
    )


def mechanism_name(site: Site) -> str:
    """What a mechanism is called, such as "CBAM" for both of its gates."""
    family = site.mechanism.split(".")[0]
    return _NAMES.get(family, family.replace("_", " "))


def _family(record: Gate) -> str:
    """The mechanism without its part: the gates of one layer share it."""
    return record.site.mechanism.split(".")[0]


def _energy(features_chw: Tensor) -> Tensor:
    return features_chw.square().mean(dim=0)


@register_method(_CARD)
@dataclass(frozen=True)
class GatedActivation:
    """Mean over channels of the squared features, after the gate or before it.

    For SE this is the SE-weighted activation: the gate decides how much each channel counts, the features decide
    where. For CBAM the channel gate and then the spatial gate are applied. For a mask over all features, such as that
    of residual attention, every feature has a factor of its own.

    Misleads when: read as "where the gate looks". Most of the picture comes from the features; compare with
    `gated=False`, or look at `GateDifference`.

    Args:
        layer: dotted name, pattern, or place of the gate; None takes the last.
        gated: False gives the activation before the gate.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | int | None = None
    gated: bool = True

    def __call__(self, trace: Trace) -> AttentionMap:
        """The activation on the layer's own grid."""
        energy = gate_energy(trace, self.layer, self)
        if self.gated:
            meaning = f"{energy.name}-weighted activation: mean over channels of the squared features after the gate"
        else:
            meaning = f"activation before the {energy.name} gate: mean over channels of the squared features"
        return AttentionMap(
            values_hw=(energy.after if self.gated else energy.before).numpy(),
            method=repr(replace(self, layer=energy.sites[0].layer)),
            sites=energy.sites,
            meaning=meaning,
            unit=_CARD.unit,
            bounds=(0.0, torch.inf),
            signed=False,
            geometry=trace.geometry,
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return has_gate(records)
