"""Walks made by hand, of every kind of layer."""

import numpy as np
import torch

from attnviz.geometry import Geometry
from attnviz.pictures import Picture
from attnviz.records import ChannelWeights, FeatureMask, SelfAttention, Site, SpatialMask, TokenGrid, Trace
from attnviz.walking import LayerWalk, layer_walk

HW = (40, 60)
PHOTO = Picture(np.dstack([np.mgrid[0:40, 0:60].sum(0) * 2] * 3).astype(np.uint8), "ab" * 32, "ramp.png")

FEATURES = torch.arange(1.0, 4 * 2 * 3 + 1).reshape(4, 2, 3)


def walk_of(*records, **changes) -> LayerWalk:
    return layer_walk(Trace("toy", torch.zeros(2), Geometry.identity(HW), records, **changes))


def channel(weights=(0.9, 0.6, 0.3, 0.0), layer="layer1.attention", **site) -> ChannelWeights:
    return ChannelWeights(Site(layer, 0, "cbam.channel", **site), weights=torch.tensor(weights), features=FEATURES)


def spatial(mask=((0.0, 0.5, 1.0), (0.2, 0.4, 0.6)), layer="layer1.attention") -> SpatialMask:
    return SpatialMask(Site(layer, 0, "cbam.spatial"), mask=torch.tensor(mask), features=FEATURES)


def feature_mask(layer="layer2") -> FeatureMask:
    mask = torch.linspace(0, 1, 24).reshape(4, 2, 3)
    return FeatureMask(Site(layer, 0, "residual_attention"), mask=mask, base=1.0, features=FEATURES)


def attention(layer="blocks.0.attn", heads=2) -> SelfAttention:
    keys = torch.zeros(1, heads, 6, 1)
    keys[:, 0, 0] = 3.0  # the first head prefers the first cell; the second looks everywhere alike
    return SelfAttention(
        Site(layer, 0, "mhsa"), queries=torch.ones(1, heads, 6, 1), keys=keys, scale=1.0, tokens=TokenGrid.whole((2, 3))
    )
