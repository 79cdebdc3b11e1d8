import numpy as np
import pytest
import torch

from attnviz.maps import FeatureMaskMap
from attnviz.records import FeatureMask, Site

# Two channels on a grid of 1 x 3.
MASK = torch.tensor([[[0.0, 0.5, 1.0]], [[0.5, 0.75, 1.0]]])


def mask(layer="layer3.1", base=0.0, values=MASK):
    return FeatureMask(Site(layer, 0, "residual_attention"), mask=values, base=base)


@pytest.mark.parametrize(("base", "ends"), [(0.0, "0 closed, 1 open"), (1.0, "1 closed, 2 open")])
def test_the_mean_factor_over_channels(trace_of, base, ends):
    made = FeatureMaskMap()(trace_of(mask(base=base)))
    # (0 + 0.5) / 2, (0.5 + 0.75) / 2, 1; the base is added to each.
    assert np.array_equal(made.values_hw, np.float32([[base + 0.25, base + 0.625, base + 1.0]]))
    assert made.bounds == (base, base + 1)
    assert made.unit == "mean factor"
    assert made.meaning.endswith(ends)
    assert not made.signed


def test_the_last_one_or_the_one_asked_for(trace_of):
    first, last = mask("layer1.1", values=MASK / 2), mask("layer3.1")
    trace = trace_of(first, last)
    assert FeatureMaskMap()(trace).sites == (last.site,)
    made = FeatureMaskMap("layer1.*")(trace)
    assert made.sites == (first.site,)
    assert made.method == "FeatureMaskMap(layer='layer1.1')"


def test_opposite_channels_look_half_open(trace_of):
    """What the map hides, as its docstring says."""
    made = FeatureMaskMap()(trace_of(mask(values=torch.tensor([[[0.0, 0.5]], [[1.0, 0.5]]]))))
    assert made.values_hw.tolist() == [[0.5, 0.5]]
