import numpy as np
import torch

from attnviz.maps import SpatialGateMap
from attnviz.records import Site, SpatialMask


def test_the_mask_is_shown_as_it_was_multiplied(trace_of):
    first = SpatialMask(Site("layer1.0.attention", 0, "cbam.spatial"), mask=torch.tensor([[0.1, 0.2], [0.3, 0.4]]))
    last = SpatialMask(Site("layer4.1.attention", 0, "cbam.spatial"), mask=torch.tensor([[0.9, 0.5], [0.0, 1.0]]))
    made = SpatialGateMap()(trace_of(first, last))
    assert np.array_equal(made.values_hw, np.float32([[0.9, 0.5], [0.0, 1.0]]))
    assert made.method == "SpatialGateMap(layer='layer4.1.attention')"
    assert made.sites == (last.site,)
    assert (made.bounds, made.signed) == ((0.0, 1.0), False)
    assert SpatialGateMap("layer1.*")(trace_of(first, last)).sites == (first.site,)
