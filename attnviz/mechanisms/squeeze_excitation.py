"""Squeeze-and-Excitation: one factor per channel, from the channel means.

Paper: Hu, Shen, Sun 2018, "Squeeze-and-Excitation Networks", arXiv:1709.01507, eqs. 2 to 4. The same in every library
but for names; MobileNetV3 gates with a hard sigmoid, whose factors reach 0 and 1.
"""

from attnviz.layers import SqueezeExcitation
from attnviz.mechanisms.base import register
from attnviz.mechanisms.gates import ChannelGateMechanism

register(
    SqueezeExcitation,
    "timm.layers.squeeze_excite.SEModule",
    "timm.models._efficientnet_blocks.SqueezeExcite",
)(ChannelGateMechanism("se", gate="gate"))

register("torchvision.ops.misc.SqueezeExcitation")(ChannelGateMechanism("se", gate="scale_activation"))
