import math

import torch
from timm.layers.cbam import CbamModule
from torch import nn

from attnviz.layers import Cbam, ChannelGate, SpatialGate
from attnviz.records import ChannelWeights, SpatialMask
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


class TestOurs(MechanismContract):
    expected = (
        (ChannelWeights, "cbam.channel"),
        (SpatialMask, "cbam.spatial"),
    )

    def layer(self) -> nn.Module:
        return Cbam(8, reduction=2, kernel_size=3)


class TestTimm(MechanismContract):
    expected = (
        (ChannelWeights, "cbam.channel"),
        (SpatialMask, "cbam.spatial"),
    )

    def layer(self) -> nn.Module:
        return CbamModule(8, rd_channels=4, spatial_kernel_size=3, mlp_bias=True)


class TestChannelGateAlone(MechanismContract):
    expected = ((ChannelWeights, "cbam.channel"),)

    def layer(self) -> nn.Module:
        return ChannelGate(8, reduction=2)


class TestSpatialGateAlone(MechanismContract):
    expected = ((SpatialMask, "cbam.spatial"),)

    def layer(self) -> nn.Module:
        return SpatialGate(3)


def _worked_layer() -> Cbam:
    """MLP: one hidden unit, relu(v0); logits (h - 3, ln 3 / 2). Spatial: 1x1 kernel, mean - max + 2 ln 2."""
    layer = Cbam(2, reduction=2, kernel_size=1).eval()
    with torch.no_grad():
        layer.channel.fc1.weight.copy_(torch.tensor([[1.0, 0.0]]))
        layer.channel.fc1.bias.zero_()
        layer.channel.fc2.weight.copy_(torch.tensor([[1.0], [0.0]]))
        layer.channel.fc2.bias.copy_(torch.tensor([-3.0, math.log(3) / 2]))
        layer.spatial.conv.weight.copy_(torch.tensor([1.0, -1.0]).view(1, 2, 1, 1))
        layer.spatial.bn.bias.fill_(2 * math.log(2))
    layer.spatial.bn.eps = 0.0
    return layer


def test_worked_by_hand() -> None:
    x = torch.tensor([[[[0.0, 4.0]], [[8.0, 0.0]]]])
    channel, spatial = trace(nn.Sequential(_worked_layer()).eval(), x).records
    # Channel 0: mean 2, max 4; hidden units 2 and 4; logit (2 - 3) + (4 - 3) = 0, sigmoid 1/2.
    # Channel 1: ln 3 / 2 from either pooling, together ln 3, sigmoid 3/4.
    torch.testing.assert_close(channel.weights, torch.tensor([0.5, 0.75]))
    torch.testing.assert_close(channel.features, x[0])
    # After the channel gate: (0, 2) and (6, 0).
    torch.testing.assert_close(spatial.features, torch.tensor([[[0.0, 2.0]], [[6.0, 0.0]]]))
    # Left: mean 3, max 6, logit -3 + ln 4; sigmoid 4 / (4 + e^3) = 0.16608.
    # Right: mean 1, max 2, logit -1 + ln 4; sigmoid 4 / (4 + e) = 0.59539.
    torch.testing.assert_close(spatial.mask, torch.tensor([[0.16608, 0.59539]]), atol=1e-5, rtol=0)
