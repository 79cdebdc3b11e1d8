"""The numbers of a channel gate. They have no place in the picture, so this is a table and not a map."""

from dataclasses import dataclass

import numpy as np

from attnviz.maps.base import FLAT_BELOW
from attnviz.records import ChannelWeights, Site

CLOSED_BELOW = 0.05
"""A channel counts as closed when its factor is under this."""

OPEN_ABOVE = 0.95
"""A channel counts as fully open when its factor is over this."""


@dataclass(frozen=True, eq=False)
class ChannelProfile:
    """Factors of one channel gate, sorted, with what a reader wants to know first.

    Attributes:
        site: the gate.
        order: channel numbers from the largest factor to the smallest, shape (channels,).
        factors: the factors in that order.
        mean: mean factor.
        deviation: standard deviation over channels (population).
        closed: share of channels with a factor under 0.05.
        open: share of channels with a factor over 0.95.
    """

    site: Site
    order: np.ndarray
    factors: np.ndarray
    mean: float
    deviation: float
    closed: float
    open: float

    @property
    def is_flat(self) -> bool:
        """Whether the gate hardly tells channels apart: its factors differ by under 5 % of the largest."""
        return bool(self.factors[0] - self.factors[-1] <= FLAT_BELOW * abs(self.factors[0]))


def channel_profile(record: ChannelWeights) -> ChannelProfile:
    """Sort the factors of a channel gate and sum them up. Equal factors keep the order of their channels."""
    weights = record.weights.float().numpy()
    order = np.argsort(-weights, kind="stable")
    return ChannelProfile(
        site=record.site,
        order=order,
        factors=weights[order],
        mean=float(weights.mean()),
        deviation=float(weights.std()),
        closed=float((weights < CLOSED_BELOW).mean()),
        open=float((weights > OPEN_ABOVE).mean()),
    )
