"""What a gate changes in where its layer is active."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from attnviz.errors import ValueRangeError
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.gated_activation import gate_energy, has_gate
from attnviz.records import Record, Trace

_CARD = MethodCard(
    name="gate_difference",
    title="What the gate changes",
    answers="Which places gain activity because of the gate, and which lose it?",
    needs="ChannelWeights, SpatialMask or FeatureMask",
    class_dependent=False,
    unit="change of share",
)


@register_method(_CARD)
@dataclass(frozen=True)
class GateDifference:
    """Share of the activation at each place after the gate, minus the share before it.

    Both activations are divided by their own total first, so a gate that only turns everything down changes
    nothing. The cells sum to zero.

    Args:
        layer: dotted name, pattern, or place of the gate; None takes the last.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | int | None = None

    def __call__(self, trace: Trace) -> AttentionMap:
        """The signed change on the layer's own grid."""
        energy = gate_energy(trace, self.layer, self)
        layer = energy.sites[0].layer
        change = _shares(energy.after, f"{layer} after the gate") - _shares(energy.before, f"{layer} before the gate")
        return AttentionMap(
            values_hw=change.numpy(),
            method=repr(replace(self, layer=layer)),
            sites=energy.sites,
            meaning=f"share of the squared activation after the {energy.name} gate minus the share before it",
            unit=_CARD.unit,
            bounds=(-1.0, 1.0),
            signed=True,
            geometry=trace.geometry,
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return has_gate(records)


def _shares(energy_hw: Tensor, where: str) -> Tensor:
    total = energy_hw.sum()
    if not total > 0:
        raise ValueRangeError(
            f"the activation of {where} must be above zero somewhere; got {float(total):.4g} in all. "
            "A fully closed gate has no shares; look at GatedActivation instead."
        )
    return energy_hw / total
