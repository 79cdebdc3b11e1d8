"""The mathematics of the attention layers, step by step: functions that give every number on the way.

Where `attnviz.layers` has the layer, its own parts do the arithmetic; the tests hold both against each other.
"""

from attnviz.lessons.arrays import softmax
from attnviz.lessons.batch_norm import (
    FoldSteps,
    NormSteps,
    fold_steps,
    norm_as_convolution,
    norm_layer,
    norm_steps,
)
from attnviz.lessons.cbam import (
    ChannelGateSteps,
    ConvolutionAt,
    SpatialGateSteps,
    channel_gate,
    channel_gate_layer,
    convolution_at,
    spatial_gate,
)
from attnviz.lessons.dot_product import DotProductSteps, scaled_dot_product
from attnviz.lessons.relative_positions import RelativeSteps, relative_positions
from attnviz.lessons.shifted_windows import WindowSteps, reached, shifted_windows
from attnviz.lessons.squeeze_excite import ExciteSteps, excite_layer, excite_parameters, squeeze_and_excite
from attnviz.lessons.vit_tokens import TokenCount, count_tokens, cut_patches, position_similarity
from attnviz.lessons.window_attention import WindowAttentionSteps, WindowQuery, window_attention

__all__ = [
    "ChannelGateSteps",
    "ConvolutionAt",
    "DotProductSteps",
    "ExciteSteps",
    "FoldSteps",
    "NormSteps",
    "RelativeSteps",
    "SpatialGateSteps",
    "TokenCount",
    "WindowAttentionSteps",
    "WindowQuery",
    "WindowSteps",
    "channel_gate",
    "channel_gate_layer",
    "convolution_at",
    "count_tokens",
    "cut_patches",
    "excite_layer",
    "excite_parameters",
    "fold_steps",
    "norm_as_convolution",
    "norm_layer",
    "norm_steps",
    "position_similarity",
    "reached",
    "relative_positions",
    "scaled_dot_product",
    "shifted_windows",
    "softmax",
    "spatial_gate",
    "squeeze_and_excite",
    "window_attention",
]
