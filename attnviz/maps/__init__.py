"""From records to attention maps, one idea per file."""

from attnviz.maps.base import (
    FLAT_BELOW,
    METHODS,
    AttentionMap,
    MapMethod,
    MethodCard,
    ModelMethod,
    Proof,
    available,
    explain,
    is_flat,
    method_class,
    register_method,
)

# Menus list the methods in the order of these imports.
from attnviz.maps.grad_cam import GradCam  # isort: skip
from attnviz.maps.gated_activation import GatedActivation  # isort: skip
from attnviz.maps.gate_difference import GateDifference  # isort: skip
from attnviz.maps.spatial_gate import SpatialGateMap  # isort: skip
from attnviz.maps.feature_mask import FeatureMaskMap  # isort: skip
from attnviz.maps.attention_from import AttentionFrom  # isort: skip
from attnviz.maps.received import Received  # isort: skip
from attnviz.maps.rollout import Rollout  # isort: skip
from attnviz.maps.activation import Activation  # isort: skip
from attnviz.maps.native import native  # isort: skip
from attnviz.maps.channel_profile import ChannelProfile, channel_profile  # isort: skip
from attnviz.maps.statistics import attention_entropy, mean_attention_distance  # isort: skip

__all__ = [
    "FLAT_BELOW",
    "METHODS",
    "Activation",
    "AttentionFrom",
    "AttentionMap",
    "ChannelProfile",
    "FeatureMaskMap",
    "GateDifference",
    "GatedActivation",
    "GradCam",
    "MapMethod",
    "MethodCard",
    "ModelMethod",
    "Proof",
    "Received",
    "Rollout",
    "SpatialGateMap",
    "attention_entropy",
    "available",
    "channel_profile",
    "explain",
    "is_flat",
    "mean_attention_distance",
    "method_class",
    "native",
    "register_method",
]
