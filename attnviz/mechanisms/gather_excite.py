"""Gather-Excite: factors from a summary of each neighbourhood, or of the whole map.

Paper: Hu, Shen, Albanie, Sun, Vedaldi 2018, "Gather-Excite", arXiv:1810.12348, eqs. 1 and 2. A global extent gives one
factor per channel; a smaller one gives a coarse map of factors for each channel, repeated up to the size of the input.
"""

from torch import Tensor

from attnviz.mechanisms.base import Emit, register
from attnviz.mechanisms.gates import GateMechanism
from attnviz.records import ChannelWeights, FeatureMask, kept


@register("timm.layers.gather_excite.GatherExcite")
class GatherExciteMechanism(GateMechanism):
    """The gate has shape (b, c, 1, 1) where the extent is global, else that of the input."""

    paper = "arXiv:1810.12348"

    def __init__(self) -> None:
        super().__init__("gather_excite")

    def hand_over(self, emit: Emit, gate: Tensor, x: Tensor) -> None:
        if gate.shape == x.shape:
            emit(FeatureMask, mask=kept(gate), features=kept(x))
        else:
            emit(ChannelWeights, weights=gate.flatten(), features=kept(x))
