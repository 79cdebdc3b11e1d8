import math

import torch

from attnviz.layers import Cbam, ChannelGate, SpatialGate, SqueezeExcitation


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def test_channel_gate_adds_the_shared_mlp_of_mean_and_max() -> None:
    gate = ChannelGate(channels=1)
    with torch.no_grad():
        gate.fc1.weight.fill_(1.0)
        gate.fc1.bias.fill_(-2.0)
        gate.fc2.weight.fill_(0.5)
        gate.fc2.bias.fill_(0.25)
    x = torch.tensor([[[[1.0, 4.0, 4.0]]]])  # mean 3, max 4
    # mean: relu(3 - 2) * 0.5 + 0.25 = 0.75; max: relu(4 - 2) * 0.5 + 0.25 = 1.25; the bias counts twice
    torch.testing.assert_close(gate.weights(x), torch.tensor([[sigmoid(2.0)]]))


def test_spatial_gate_stacks_mean_then_max() -> None:
    gate = SpatialGate(kernel_size=1).eval()
    with torch.no_grad():
        gate.conv.weight.copy_(torch.tensor([1.0, 10.0]).view(1, 2, 1, 1))
    gate.bn.eps = 0.0
    x = torch.tensor([[[[0.1, 0.0]], [[0.3, -0.2]]]])  # means 0.2 and -0.1; maxima 0.3 and 0.0
    expected = torch.tensor([[[[sigmoid(0.2 + 3.0), sigmoid(-0.1)]]]])
    torch.testing.assert_close(gate.mask(x), expected)


def test_cbam_is_the_channel_gate_then_the_spatial_gate() -> None:
    torch.manual_seed(0)
    layer = Cbam(channels=32).eval()
    x = torch.randn(2, 32, 5, 7)
    gated = x * layer.channel.weights(x)[:, :, None, None]
    torch.testing.assert_close(layer(x), gated * layer.spatial.mask(gated))
    assert not torch.allclose(layer(x), layer.channel(layer.spatial(x)))


def test_an_untrained_mask_varies() -> None:
    torch.manual_seed(0)
    mask = SpatialGate().eval().mask(torch.randn(1, 8, 9, 9))
    assert mask.shape == (1, 1, 9, 9)
    assert mask.std() > 0.01


def test_costs_one_hundred_parameters_more_than_se() -> None:
    # 7 * 7 * 2 weights of the convolution and 2 of the BatchNorm
    cbam, se = (sum(p.numel() for p in layer.parameters()) for layer in (Cbam(64), SqueezeExcitation(64)))
    assert cbam - se == 100
