"""The attention layers as their papers define them."""

from attnviz.layers.aa_conv import AAConv2d
from attnviz.layers.cbam import Cbam, ChannelGate, SpatialGate
from attnviz.layers.se import SqueezeExcitation

__all__ = ["AAConv2d", "Cbam", "ChannelGate", "SpatialGate", "SqueezeExcitation"]
