"""Two channels on a 1 x 2 grid, small enough to square and average by hand."""

import numpy as np
import pytest
import torch

from attnviz.errors import ValueRangeError
from attnviz.maps import GatedActivation, GateDifference
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask

# Channel 0 is 3 on the left and 0 on the right; channel 1 is 1 and 2.
FEATURES = torch.tensor([[[3.0, 0.0]], [[1.0, 2.0]]])


def channel_gate(weights, mechanism="se", layer="layer4.1.attention", call=0):
    return ChannelWeights(Site(layer, call, mechanism), weights=torch.tensor(weights), features=FEATURES)


def spatial_gate(mask, layer="layer4.1.attention", call=0):
    return SpatialMask(Site(layer, call, "cbam.spatial"), mask=torch.tensor([mask]))


def test_energy_before_the_gate(trace_of):
    # left (3^2 + 1^2) / 2 = 5, right (0 + 2^2) / 2 = 2
    made = GatedActivation(gated=False)(trace_of(channel_gate([0.0, 1.0])))
    assert np.array_equal(made.values_hw, [[5.0, 2.0]])
    assert "before the SE gate" in made.meaning


def test_energy_after_the_gate(trace_of):
    # Gates 0 and 0.5: left ((0 * 3)^2 + (0.5 * 1)^2) / 2 = 0.125, right (0 + (0.5 * 2)^2) / 2 = 0.5
    made = GatedActivation()(trace_of(channel_gate([0.0, 0.5])))
    assert np.array_equal(made.values_hw, [[0.125, 0.5]])
    assert made.meaning.startswith("SE-weighted activation")
    assert made.unit == "mean squared activation"
    assert made.method == "GatedActivation(layer='layer4.1.attention', gated=True)"


def test_cbam_applies_the_channel_gate_and_then_the_spatial_gate(trace_of):
    # After channel gates 0 and 0.5 the energy is (0.125, 0.5); the mask (1, 0.5) multiplies the features, so the
    # energy by its square: (0.125, 0.5 * 0.25 = 0.125).
    channel, spatial = channel_gate([0.0, 0.5], "cbam.channel"), spatial_gate([1.0, 0.5])
    made = GatedActivation()(trace_of(channel, spatial))
    assert np.array_equal(made.values_hw, [[0.125, 0.125]])
    assert made.sites == (channel.site, spatial.site)
    assert "CBAM-weighted" in made.meaning


@pytest.mark.parametrize(
    "other", [spatial_gate([0.0, 0.0], layer="layer4.0.attention"), spatial_gate([0.0, 0.0], call=1)]
)
def test_a_spatial_gate_of_another_layer_or_run_does_not_count(trace_of, other):
    made = GatedActivation()(trace_of(other, channel_gate([0.0, 0.5], "cbam.channel")))
    assert np.array_equal(made.values_hw, [[0.125, 0.5]])


def test_a_gate_that_turns_everything_down_alike_changes_no_share(trace_of):
    made = GateDifference()(trace_of(channel_gate([0.5, 0.5])))
    assert np.allclose(made.values_hw, 0, atol=1e-7)


def test_difference_of_shares(trace_of):
    # Before 5 : 2, shares 5/7 and 2/7. After 0.125 : 0.5, shares 1/5 and 4/5. Change 1/5 - 5/7 and 4/5 - 2/7.
    made = GateDifference()(trace_of(channel_gate([0.0, 0.5])))
    assert np.allclose(made.values_hw, [[1 / 5 - 5 / 7, 4 / 5 - 2 / 7]], atol=1e-6)
    assert made.signed
    assert made.bounds == (-1.0, 1.0)


def test_a_closed_gate_has_no_shares(trace_of):
    with pytest.raises(ValueRangeError, match=r"layer4\.1\.attention after the gate"):
        GateDifference()(trace_of(channel_gate([0.0, 0.0])))


def test_a_spatial_gate_alone(trace_of):
    # Before, 5 and 2; the mask (0.5, 1) multiplies the energy by (0.25, 1): 1.25 and 2.
    gate = SpatialMask(Site("gate", 0, "cbam.spatial"), mask=torch.tensor([[0.5, 1.0]]), features=FEATURES)
    assert np.array_equal(GatedActivation()(trace_of(gate)).values_hw, [[1.25, 2.0]])
    # Shares 5/7 and 2/7 before, 1.25/3.25 and 2/3.25 after.
    change = GateDifference()(trace_of(gate)).values_hw
    assert np.allclose(change, [[1.25 / 3.25 - 5 / 7, 2 / 3.25 - 2 / 7]], atol=1e-6)


@pytest.mark.parametrize(("mechanism", "name"), [("bam", "BAM"), ("residual_attention", "residual attention")])
def test_a_mask_over_all_features_multiplies_each_of_them(trace_of, mechanism, name):
    mask = torch.tensor([[[0.0, 1.0]], [[1.0, 0.5]]])
    gate = FeatureMask(Site("gate", 0, mechanism), mask=mask, base=1.0, features=FEATURES)
    # Factors 1 + mask: left (3 * 1, 1 * 2), right (0 * 2, 2 * 1.5). Energies (9 + 4) / 2 and (0 + 9) / 2.
    made = GatedActivation()(trace_of(gate))
    assert np.array_equal(made.values_hw, [[6.5, 4.5]])
    assert made.meaning.startswith(f"{name}-weighted")
    change = GateDifference()(trace_of(gate)).values_hw
    assert np.allclose(change, [[6.5 / 11 - 5 / 7, 4.5 / 11 - 2 / 7]], atol=1e-6)


def test_with_the_spatial_gate_first_its_features_are_where_it_begins(trace_of):
    # The channel gate saw what the spatial gate had let through; before both stand the first gate's features.
    spatial = SpatialMask(Site("gate", 0, "cbam.spatial"), mask=torch.tensor([[0.5, 1.0]]), features=FEATURES)
    channel = ChannelWeights(
        Site("gate", 0, "cbam.channel"), weights=torch.tensor([0.0, 1.0]), features=FEATURES * spatial.mask
    )
    trace = trace_of(spatial, channel)
    assert np.array_equal(GatedActivation(gated=False)(trace).values_hw, [[5.0, 2.0]])
    # Left (0, 1 * 0.5): 0.25 / 2; right (0, 2): 4 / 2.
    assert np.array_equal(GatedActivation()(trace).values_hw, [[0.125, 2.0]])
    assert GatedActivation(layer=0)(trace).sites == (spatial.site, channel.site)
