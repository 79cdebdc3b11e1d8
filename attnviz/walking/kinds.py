"""What a walk finds at each layer: gates, self-attention, or neither. Arrays and no tensors, ready to be drawn."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from attnviz.health import GateHealth
from attnviz.health.one_gate import Kind
from attnviz.maps import FLAT_BELOW, AttentionMap
from attnviz.records import Site
from attnviz.walking.change import Change

Numbers: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of a gated layer.

    Attributes:
        number: counted from 0.
        factor: what the gate multiplied it with; for a mask over all features, the mean over places.
        features: its feature map before the gate, in the unit "activation".
    """

    number: int
    factor: float
    features: AttentionMap


@dataclass(frozen=True, eq=False)
class Gate:
    """What one gate did on one picture.

    Attributes:
        site: which gate of which run.
        kind: "channel", "spatial" or "feature".
        health: its factors on this picture, with what is wrong with them.
        change: how much it changed the features that it multiplied; None where those are zero everywhere.
        channel_factors: factor of each channel, shape (channels,); for a mask over all features the mean over places;
            empty for a spatial gate, which treats all channels alike.
        strongest: channels with the largest factors, the largest first; empty for a spatial gate.
        weakest: channels with the smallest factors, the smallest first; no channel is among both.
        where: factor of each place; for a mask over all features the mean over channels; None for a channel gate,
            which treats all places alike.
    """

    site: Site
    kind: Kind
    health: GateHealth
    change: Change | None
    channel_factors: Numbers
    strongest: tuple[Channel, ...]
    weakest: tuple[Channel, ...]
    where: AttentionMap | None

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """Channel numbers from the largest factor to the smallest; equal factors keep the order of their channels."""
        return np.argsort(-self.channel_factors, kind="stable").astype(np.int64)

    @property
    def channels_flat(self) -> bool:
        """Whether the channels' factors differ by at most `maps.FLAT_BELOW` of the largest; False without channels."""
        factors = self.channel_factors
        if not factors.size:
            return False
        return bool(factors.max() - factors.min() <= FLAT_BELOW * np.abs(factors).max())


@dataclass(frozen=True, eq=False)
class GatedLayer:
    """One run of a layer with one or more gates, such as the channel gate and the spatial gate of a CBAM.

    Attributes:
        site: of its first gate.
        name: of the mechanism, as its paper names it, such as "SE" or "CBAM".
        gates: in the order in which they multiplied.
        change: what all of them together changed in the features that the first one multiplied; None where those are
            zero everywhere.
        activation: mean over channels of the squared features after the gates.
    """

    site: Site
    name: str
    gates: tuple[Gate, ...]
    change: Change | None
    activation: AttentionMap

    @property
    def where(self) -> AttentionMap | None:
        """The factors of places, if one of the gates has some; the last such gate's."""
        return next((gate.where for gate in reversed(self.gates) if gate.where is not None), None)


@dataclass(frozen=True, eq=False)
class AttentionLayer:
    """One run of a self-attention layer.

    Attributes:
        site: which run of which layer.
        name: of the mechanism.
        grid_hw: rows and columns of its tokens; (0, 0) where nobody could tell.
        windows: how many windows the tokens are divided into; 1 for global attention.
        entropy: of each head, as a share of the largest possible, shape (heads,); empty where it is not defined.
        distance_px: mean attention distance of each head in pixels of the source picture, shape (heads,); likewise.
        even_px: the distance that attention spread evenly over the same keys has; None likewise.
        where: attention of the class token, or what each place receives where there is none; None if nobody can tell.
        notes: why something is missing, one sentence each.
        heads: how many there are.
    """

    site: Site
    name: str
    grid_hw: tuple[int, int]
    windows: int
    entropy: Numbers
    distance_px: Numbers
    even_px: float | None
    where: AttentionMap | None
    notes: tuple[str, ...]
    heads: int


@dataclass(frozen=True, eq=False)
class PlainLayer:
    """One part of a network without attention that is read.

    Attributes:
        site: of the part; its mechanism is "activation".
        name: "activation".
        activation: mean over channels of the squared output.
    """

    site: Site
    name: str
    activation: AttentionMap

    @property
    def where(self) -> AttentionMap:
        """The activation: there is nothing else to show."""
        return self.activation

    @property
    def size(self) -> float:
        """Root mean square of the output."""
        return float(np.sqrt(np.mean(self.activation.values_hw, dtype=np.float64)))


Layer = GatedLayer | AttentionLayer | PlainLayer
