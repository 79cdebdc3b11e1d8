"""CBAM's gates by hand, and against the layer."""

import math

import numpy as np
import pytest
import torch

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.layers import Cbam, ChannelGate, SpatialGate
from attnviz.lessons import channel_gate, channel_gate_layer, convolution_at, spatial_gate


def test_the_channel_gate_by_hand() -> None:
    """One channel 1, 3: mean 2, maximum 3. The MLP doubles what is above 1, so 2 (2 - 1) + 2 (3 - 1) = 6."""
    gate = channel_gate_layer([[1.0]], [[2.0]], [-1.0], [0.0])
    steps = channel_gate(gate, np.array([[[1.0, 3.0]]]))
    assert (steps.mean.tolist(), steps.maximum.tolist()) == ([2], [3])
    assert (steps.hidden_mean.tolist(), steps.hidden_maximum.tolist()) == ([1], [2])
    assert (steps.logits_mean.tolist(), steps.logits_maximum.tolist(), steps.logits.tolist()) == ([2], [4], [6])
    np.testing.assert_allclose(steps.weights, 1 / (1 + math.exp(-6)))


def test_the_second_bias_counts_twice() -> None:
    """The MLP runs twice and its outputs are added: its last bias, ln 3 / 2, comes in twice and gives 3/4."""
    gate = channel_gate_layer([[0.0]], [[0.0]], [0.0], [math.log(3) / 2])
    np.testing.assert_allclose(channel_gate(gate, np.ones((1, 2, 2))).weights, [0.75])


def centre_gate(mean: float, maximum: float) -> SpatialGate:
    """A spatial gate that reads the middle of its window only, and whose BatchNorm does nothing."""
    gate = SpatialGate(7).double().eval()
    gate.bn.eps = 0.0
    with torch.no_grad():
        gate.conv.weight.zero_()
        gate.conv.weight[0, :, 3, 3] = torch.tensor([mean, maximum])
    return gate


def test_the_spatial_gate_by_hand() -> None:
    """Channels 0 and 2 at one place: mean 1, maximum 2, so (ln 3) 1 - 0 gives 3/4; elsewhere 0 gives 1/2."""
    features = np.zeros((2, 1, 3))
    features[1, 0, 1] = 2
    steps = spatial_gate(centre_gate(math.log(3), 0.0), features)
    assert (steps.mean.tolist(), steps.maximum.tolist()) == ([[0, 1, 0]], [[0, 2, 0]])
    np.testing.assert_allclose(steps.mask, [[0.5, 0.75, 0.5]])


def test_the_gates_of_the_layer_give_the_same() -> None:
    torch.manual_seed(0)
    layer, x = Cbam(16, reduction=4).eval(), torch.randn(16, 9, 6)
    layer.spatial.bn.running_mean = torch.tensor([0.3])
    layer.spatial.bn.running_var = torch.tensor([2.0])
    channel = channel_gate(layer.channel, x)
    np.testing.assert_allclose(channel.weights, layer.channel.weights(x[None])[0].detach(), atol=1e-6)
    gated = x * torch.from_numpy(channel.weights).float()[:, None, None]
    spatial = spatial_gate(layer.spatial, gated)
    np.testing.assert_allclose(spatial.mask, layer.spatial.mask(gated[None])[0, 0].detach(), atol=1e-6)
    np.testing.assert_allclose(
        channel.features * channel.weights[:, None, None] * spatial.mask, layer(x[None])[0].detach(), atol=1e-5
    )


@pytest.mark.parametrize("place", [(0, 0), (4, 2), (8, 5)])
def test_the_products_of_each_place_add_up_to_the_convolution(place: tuple[int, int]) -> None:
    torch.manual_seed(0)
    steps = spatial_gate(SpatialGate(7).eval(), torch.randn(3, 9, 6))
    found = convolution_at(steps, *place)
    assert found.products.shape == (2, 7, 7)
    assert found.total == pytest.approx(steps.convolved[place], abs=1e-5)


def test_the_window_ends_at_the_border() -> None:
    """At the top left corner the window's first three rows and columns lie outside: 0."""
    steps = spatial_gate(centre_gate(1.0, 1.0), np.ones((1, 9, 9)))
    window = convolution_at(steps, 0, 0).window
    assert window[:, :3].any() == window[:, :, :3].any() == False  # noqa: E712
    assert (window[:, 3:, 3:] == 1).all()


def test_what_cannot_be_followed_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueRangeError, match="must pool in both ways; got pooling='max'"):
        channel_gate(ChannelGate(4, pooling="max"), np.zeros((4, 1, 1)))
    with pytest.raises(ValueRangeError, match="must be in evaluation mode"):
        spatial_gate(SpatialGate(7), np.zeros((4, 1, 1)))
    with pytest.raises(ShapeError, match=r"features must have shape \(channels, h, w\)"):
        spatial_gate(SpatialGate(7).eval(), torch.zeros(4, 4))
    steps = spatial_gate(SpatialGate(7).eval(), np.zeros((1, 2, 2)))
    with pytest.raises(ValueRangeError, match=r"map of 2 rows and 2 columns; got \(2, 0\)"):
        convolution_at(steps, 2, 0)
