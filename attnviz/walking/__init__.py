"""A network on one picture, layer by layer: what gates and self-attention did, and where gates change features most."""

from attnviz.walking.change import Change, feature_change
from attnviz.walking.kinds import AttentionLayer, Channel, Gate, GatedLayer, Layer, PlainLayer
from attnviz.walking.walk import CHANNELS, LayerWalk, layer_walk

__all__ = [
    "CHANNELS",
    "AttentionLayer",
    "Change",
    "Channel",
    "Gate",
    "GatedLayer",
    "Layer",
    "LayerWalk",
    "PlainLayer",
    "feature_change",
    "layer_walk",
]
