"""Squeeze-and-Excitation: one factor per channel, from the channel means.

Paper: Hu, Shen, Sun 2018, "Squeeze-and-Excitation Networks", arXiv:1709.01507, eqs. 2 to 4. The same in every library
but for names; MobileNetV3 gates with a hard sigmoid, whose factors reach 0 and 1. The "effective" form has one linear
layer instead of two: Lee, Park 2020, "CenterMask", arXiv:1911.06667, section 3.4.
"""

from einops import rearrange
from torch import Tensor, nn

from attnviz.layers import SqueezeExcitation
from attnviz.mechanisms.base import Emit, refuse, register
from attnviz.mechanisms.gates import ChannelGateMechanism, Gate
from attnviz.records import ChannelWeights, Deferred


class ChannelsLastGateMechanism(ChannelGateMechanism):
    """The same for features of shape (b, h, w, c). The record holds them with the channels first."""

    def hand_over(self, emit: Emit, gate: Tensor, x: Tensor) -> None:
        x = x.detach()
        features = Deferred(lambda: (rearrange(x, "1 h w c -> c h w"),), x)[0]
        emit(ChannelWeights, weights=gate.flatten(), features=features)

    def replay(self, layer: nn.Module, x: Tensor, record: Gate) -> Tensor:
        return x * rearrange(record.factor, "c 1 1 -> 1 1 c").to(x)


def _clamped(logits: Tensor) -> Tensor:
    """The hard sigmoid with slope 0.2, which PP-OCR writes out."""
    return (0.2 * logits + 0.5).clamp(0, 1)


register(
    SqueezeExcitation,
    "timm.layers.squeeze_excite.SEModule",
    "timm.models._efficientnet_blocks.SqueezeExcite",
)(ChannelGateMechanism("se", gate="gate"))

register("timm.layers.squeeze_excite.SqueezeExciteCl")(ChannelsLastGateMechanism("se", gate="gate"))

register("timm.models.senet.SEModule")(ChannelGateMechanism("se", gate="sigmoid"))

register("torchvision.ops.misc.SqueezeExcitation")(ChannelGateMechanism("se", gate="scale_activation"))

register("transformers.models.regnet.modeling_regnet.RegNetSELayer")(ChannelGateMechanism("se", gate="attention.3"))

register(
    "transformers.models.efficientnet.modeling_efficientnet.EfficientNetSqueezeExciteLayer",
    "transformers.models.align.modeling_align.AlignVisionSqueezeExciteLayer",
)(ChannelGateMechanism("se", gate="act_expand"))

register(
    "transformers.models.pp_lcnet.modeling_pp_lcnet.PPLCNetSqueezeExcitationModule",
    "transformers.models.pp_lcnet_v3.modeling_pp_lcnet_v3.PPLCNetV3SqueezeExcitationModule",
    "transformers.models.pp_lcnet_v4.modeling_pp_lcnet_v4.PPLCNetV4SqueezeExcitationModule",
)(ChannelGateMechanism("se", gate="convolutions.3"))

register(
    "transformers.models.pp_ocrv5_mobile_det.modeling_pp_ocrv5_mobile_det.PPOCRV5MobileDetSqueezeExcitationModule",
    "transformers.models.pp_ocrv6_small_det.modeling_pp_ocrv6_small_det.PPOCRV6SmallDetSqueezeExcitationModule",
)(ChannelGateMechanism("se", gate="conv2", then=_clamped))

_EFFECTIVE = "arXiv:1911.06667"
register("timm.layers.squeeze_excite.EffectiveSEModule")(ChannelGateMechanism("ese", gate="gate", paper=_EFFECTIVE))
register("timm.models.hgnet.EseModule")(ChannelGateMechanism("ese", gate="sigmoid", paper=_EFFECTIVE))

refuse(
    "it gates the channels of a sound, which has no places in a picture.",
    "transformers.models.qwen2_5_omni.modeling_qwen2_5_omni.SqueezeExcitationBlock",
)
