"""The attention layers as their papers define them."""

from attnviz.layers.aa_conv import AAConv2d
from attnviz.layers.bam import Bam
from attnviz.layers.cbam import Cbam, ChannelGate, SpatialGate
from attnviz.layers.cbam_orders import ParallelCbam, SpatialFirstCbam
from attnviz.layers.residual_attention import ResidualAttention, ResidualUnit, SoftMask
from attnviz.layers.se import SqueezeExcitation

__all__ = [
    "AAConv2d",
    "Bam",
    "Cbam",
    "ChannelGate",
    "ParallelCbam",
    "ResidualAttention",
    "ResidualUnit",
    "SoftMask",
    "SpatialFirstCbam",
    "SpatialGate",
    "SqueezeExcitation",
]
