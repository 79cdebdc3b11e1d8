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
from attnviz.maps.layer_cam import LayerCam  # isort: skip
from attnviz.maps.relevance import Relevance  # isort: skip
from attnviz.maps.le_grad import LeGrad  # isort: skip
from attnviz.maps.gated_activation import GatedActivation  # isort: skip
from attnviz.maps.gate_difference import GateDifference  # isort: skip
from attnviz.maps.spatial_gate import SpatialGateMap  # isort: skip
from attnviz.maps.feature_mask import FeatureMaskMap  # isort: skip
from attnviz.maps.attention_from import AttentionFrom  # isort: skip
from attnviz.maps.received import Received  # isort: skip
from attnviz.maps.rollout import Rollout  # isort: skip
from attnviz.maps.activation import Activation  # isort: skip
from attnviz.maps.occlusion import Occlusion  # isort: skip
from attnviz.maps.integrated_gradients import IntegratedGradients  # isort: skip
from attnviz.maps.grids import each_head, each_layer  # isort: skip
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
    "IntegratedGradients",
    "LayerCam",
    "LeGrad",
    "MapMethod",
    "MethodCard",
    "ModelMethod",
    "Occlusion",
    "Proof",
    "Received",
    "Relevance",
    "Rollout",
    "SpatialGateMap",
    "attention_entropy",
    "available",
    "channel_profile",
    "each_head",
    "each_layer",
    "explain",
    "is_flat",
    "mean_attention_distance",
    "method_class",
    "native",
    "register_method",
]
