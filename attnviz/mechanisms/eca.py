"""Efficient Channel Attention: one factor per channel, from a one-dimensional convolution over the channel means.

Paper: Wang, Wu, Zhu, Li, Zuo, Hu 2020, "ECA-Net", arXiv:1910.03151, eq. 5. timm adds a form whose convolution goes
around from the last channel to the first, and one with two convolutions.
"""

from attnviz.mechanisms.base import register
from attnviz.mechanisms.gates import ChannelGateMechanism

register(
    "timm.layers.eca.EcaModule",
    "timm.layers.eca.CecaModule",
)(ChannelGateMechanism("eca", paper="arXiv:1910.03151"))
