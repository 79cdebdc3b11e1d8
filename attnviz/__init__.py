"""Reads the attention of trained networks, and puts a number on what it falls on.

picture -> model input -> trace -> attention map -> focus score or drawing:

    picture = attnviz.open_picture("dog.jpg")
    loaded = attnviz.load("cbam_resnet")
    model_input = loaded.preprocess(picture)
    trace = attnviz.trace(loaded.model, model_input)
    attention_map = attnviz.maps.SpatialGateMap()(trace)
    score = attnviz.focus.share(attention_map, region)
"""

# First: it makes torchvision importable for everything after it.
from attnviz import _torchvision_ops as _torchvision_ops

from attnviz import (
    comparing,
    errors,
    export,
    faithfulness,
    focus,
    gate_effect,
    health,
    layers,
    lessons,
    maps,
    mechanisms,
    models,
    pictures,
    querying,
    render,
    study,
    walking,
    zoo,
)
from attnviz._version import __version__
from attnviz.comparing import compare
from attnviz.errors import AttnvizError
from attnviz.focus import FocusScore
from attnviz.folding import fold_batchnorm
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap, explain
from attnviz.pictures import ModelInput, Picture, Preprocessing, open_picture
from attnviz.querying import query
from attnviz.records import ChannelWeights, FeatureMask, SelfAttention, Site, SpatialMask, TokenGrid, Trace
from attnviz.regions import Region
from attnviz.tracer import intervene, trace, trace_each
from attnviz.walking import LayerWalk, layer_walk
from attnviz.zoo import load

__all__ = [
    "AttentionMap",
    "AttnvizError",
    "ChannelWeights",
    "FeatureMask",
    "FocusScore",
    "Geometry",
    "LayerWalk",
    "ModelInput",
    "Picture",
    "Preprocessing",
    "Region",
    "SelfAttention",
    "Site",
    "SpatialMask",
    "TokenGrid",
    "Trace",
    "__version__",
    "compare",
    "comparing",
    "errors",
    "explain",
    "export",
    "faithfulness",
    "focus",
    "fold_batchnorm",
    "gate_effect",
    "health",
    "intervene",
    "layer_walk",
    "layers",
    "lessons",
    "load",
    "maps",
    "mechanisms",
    "models",
    "open_picture",
    "pictures",
    "query",
    "querying",
    "render",
    "study",
    "trace",
    "trace_each",
    "walking",
    "zoo",
]
