"""The factors of a layer that has one for each feature of each position, averaged over the channels.

Wang et al. 2017, Residual Attention Network, arXiv:1704.06904, eq. 3; also BAM, coordinate attention, and every other
gate whose record is a FeatureMask. The mean is a factor per position; it hides how far the channels differ there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.choosing import choose, records_of
from attnviz.records import FeatureMask, Record, Trace

_CARD = MethodCard(
    name="feature_mask",
    title="Feature mask",
    answers="Which places does the mask turn up or down, on average over the channels?",
    needs="FeatureMask",
    class_dependent=False,
    unit="mean factor",
)


@register_method(_CARD)
@dataclass(frozen=True)
class FeatureMaskMap:
    """Mean over channels of the factor at every position.

    Misleads when: the channels disagree. A place where half of them are closed and half open looks like one where all
    are half open; `GateDifference` weighs them by their activation.

    Args:
        layer: dotted name, pattern, or place of the mask; None takes the last.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | int | None = None

    def __call__(self, trace: Trace) -> AttentionMap:
        """The mean factor, from the layer's base (all channels closed) to one above it (all open)."""
        record = choose(records_of(trace, FeatureMask, self), self.layer)
        closed, opened = record.base, record.base + 1
        return AttentionMap(
            values_hw=record.factor.mean(dim=0).numpy(),
            method=repr(replace(self, layer=record.site.layer)),
            sites=(record.site,),
            meaning="factor by which the mask multiplies the features of each position, mean over channels: "
            f"{closed:g} closed, {opened:g} open",
            unit=_CARD.unit,
            bounds=(closed, opened),
            signed=False,
            geometry=trace.geometry,
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return any(isinstance(record, FeatureMask) for record in records)
