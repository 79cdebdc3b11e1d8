"""Bottleneck Attention Module: one factor per feature, `1 + sigmoid(channel * spatial)`.

Paper: Park, Woo, Lee, Kweon 2018, arXiv:1807.06514, eqs. 1 to 4.
"""

from torch import Tensor

from attnviz.layers import Bam
from attnviz.mechanisms.base import Emit, register
from attnviz.mechanisms.gates import GateMechanism
from attnviz.records import FeatureMask, kept


@register(Bam)
class BamMechanism(GateMechanism):
    """The mask is the sigmoid's output; the layer adds 1 to it."""

    paper = "arXiv:1807.06514"

    def __init__(self) -> None:
        super().__init__("bam")

    def hand_over(self, emit: Emit, gate: Tensor, x: Tensor) -> None:
        emit(FeatureMask, mask=kept(gate), base=1.0, features=kept(x))
