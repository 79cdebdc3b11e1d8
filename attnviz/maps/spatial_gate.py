"""The mask a spatial gate multiplies its feature map with.

Woo et al. 2018, CBAM, arXiv:1807.06521, eq. 3 (M_s). The mask is a factor per position, not a share of anything,
and it is not a class activation map.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import choose, records_of
from attnviz.records import Record, SpatialMask, Trace

_CARD = MethodCard(
    name="spatial_gate",
    title="Spatial gate",
    answers="Which places does the gate let through, and which does it turn down?",
    needs="SpatialMask",
    class_dependent=False,
    unit="gate value",
)


@register_method(_CARD)
@dataclass(frozen=True)
class SpatialGateMap:
    """The factor of a spatial gate at every position.

    Args:
        layer: dotted name, pattern, or place of the gate; None takes the last.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | int | None = None

    def __call__(self, trace: Trace) -> AttentionMap:
        """The mask as it was multiplied, 0 (closed) to 1 (open)."""
        record = choose(records_of(trace, SpatialMask, self), self.layer)
        return AttentionMap(
            values_hw=record.mask.numpy(),
            method=repr(replace(self, layer=record.site.layer)),
            sites=(record.site,),
            meaning="factor by which the spatial gate multiplies each position: 0 closed, 1 open",
            unit=_CARD.unit,
            bounds=(0.0, 1.0),
            signed=False,
            geometry=trace.geometry,
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return any(isinstance(record, SpatialMask) for record in records)
