import numpy as np
import torch

from attnviz.maps import channel_profile
from attnviz.records import ChannelWeights, Site


def profile(*factors):
    return channel_profile(ChannelWeights(Site("gate", 0, "se"), weights=torch.tensor(factors)))


def test_channels_sorted_from_open_to_closed():
    made = profile(0.5, 1.0, 0.0, 0.5)
    assert np.array_equal(made.factors, np.float32([1.0, 0.5, 0.5, 0.0]))
    assert np.array_equal(made.order, [1, 0, 3, 2])  # equal factors keep the order of their channels
    # mean 2 / 4; deviations 0, 0.5, -0.5, 0: variance 0.5 / 4, deviation sqrt(0.125)
    assert made.mean == 0.5
    assert np.isclose(made.deviation, 0.125**0.5)
    assert (made.closed, made.open) == (0.25, 0.25)
    assert not made.is_flat


def test_a_gate_that_treats_all_channels_alike_is_flat():
    assert profile(0.5, 0.51).is_flat  # 0.01 / 0.51 is 2 %
    assert not profile(0.5, 0.6).is_flat
