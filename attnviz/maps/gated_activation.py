"""Where a channel-gated layer is active.

A channel gate has one factor per channel and no place of its own. What has a place is the feature map that it
multiplies, so the map shown is the activation after the gate, with the activation before it for comparison.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import choose, records_of
from attnviz.records import ChannelWeights, Record, Site, SpatialMask, Trace

_CARD = MethodCard(
    name="gated_activation",
    title="Gate-weighted activation",
    answers="Where is this layer active, once its gate has weighted the channels?",
    needs="ChannelWeights",
    class_dependent=False,
    unit="mean squared activation",
)


@dataclass(frozen=True, eq=False)
class GateEnergy:
    """Activation of one gated layer before and after its gate.

    Attributes:
        before: mean over channels of the squared features, shape (h, w).
        after: the same once the gate, or both gates of a CBAM, multiplied the features.
        sites: the channel gate, and the spatial gate if the layer has one.
        name: "SE", "CBAM", or the mechanism's own name.
    """

    before: Tensor
    after: Tensor
    sites: tuple[Site, ...]
    name: str


def gate_energy(trace: Trace, layer: str | int | None, method: object) -> GateEnergy:
    """Activation before and after the gate of the chosen layer.

    A spatial gate that ran in the same layer and the same call, right after the channel gate, counts as part of it:
    this is how CBAM applies its two gates.

    Raises:
        NothingTracedError: the trace holds no channel gate.
        NotFoundError: no channel gate has this name.
    """
    channel = choose(records_of(trace, ChannelWeights, method), layer)
    features = channel.features.float()
    gated = features * channel.weights[:, None, None]
    sites: tuple[Site, ...] = (channel.site,)
    spatial = _spatial_partner(trace, channel)
    if spatial is not None:
        gated = gated * spatial.mask
        sites = (channel.site, spatial.site)
    family = channel.site.mechanism.split(".")[0]
    name = {"se": "SE", "cbam": "CBAM"}.get(family, family)
    return GateEnergy(before=_energy(features), after=_energy(gated), sites=sites, name=name)


def _energy(features_chw: Tensor) -> Tensor:
    return features_chw.square().mean(dim=0)


def _spatial_partner(trace: Trace, channel: ChannelWeights) -> SpatialMask | None:
    """The spatial gate of the same run of the same layer; parts of one mechanism share the name before the dot."""
    family = channel.site.mechanism.split(".")[0]
    for record in trace.records:
        site = record.site
        if (
            isinstance(record, SpatialMask)
            and (site.layer, site.call) == (channel.site.layer, channel.site.call)
            and site.mechanism.split(".")[0] == family
        ):
            return record
    return None


@register_method(_CARD)
@dataclass(frozen=True)
class GatedActivation:
    """Mean over channels of the squared features, after the gate or before it.

    For SE this is the SE-weighted activation: the gate decides how much each channel counts, the features decide
    where. For CBAM the channel gate and then the spatial gate are applied.

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
        return any(isinstance(record, ChannelWeights) for record in records)
