"""How to read each kind of attention layer, one file each. Importing a file registers its layers."""

from attnviz.mechanisms import (
    aa_conv,
    cbam,
    maxvit,
    multihead_attention,
    squeeze_excitation,
    timm_attention,
    timm_swin,
    torchvision_swin,
)
from attnviz.mechanisms.base import (
    Emit,
    Mechanism,
    Run,
    known_keys,
    known_layers,
    mechanism_for,
    refuse,
    refused_layers,
    register,
)
from attnviz.mechanisms.gates import ChannelGateMechanism, SpatialGateMechanism

__all__ = [
    "ChannelGateMechanism",
    "Emit",
    "Mechanism",
    "Run",
    "SpatialGateMechanism",
    "aa_conv",
    "cbam",
    "known_keys",
    "known_layers",
    "maxvit",
    "mechanism_for",
    "multihead_attention",
    "refuse",
    "refused_layers",
    "register",
    "squeeze_excitation",
    "timm_attention",
    "timm_swin",
    "torchvision_swin",
]
