import math

import pytest
import torch
from timm.layers.cbam import (
    CbamModule,
    ChannelAttn,
    LightCbamModule,
    LightChannelAttn,
    LightSpatialAttn,
    SpatialAttn,
)
from torch import nn

from attnviz.layers import Cbam, ChannelGate, SpatialGate
from attnviz.records import ChannelWeights, SpatialMask
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


class CbamContract(MechanismContract):
    expected = (
        (ChannelWeights, "cbam.channel"),
        (SpatialMask, "cbam.spatial"),
    )


class TestOurs(CbamContract):
    def layer(self) -> nn.Module:
        return Cbam(8, reduction=2, kernel_size=3)


class TestTimm(CbamContract):
    def layer(self) -> nn.Module:
        return CbamModule(8, rd_channels=4, spatial_kernel_size=3, mlp_bias=True)


class TestTimmLight(CbamContract):
    def layer(self) -> nn.Module:
        return LightCbamModule(8, rd_channels=4, spatial_kernel_size=3, mlp_bias=True)


class TestChannelGateAlone(MechanismContract):
    expected = ((ChannelWeights, "cbam.channel"),)

    def layer(self) -> nn.Module:
        return ChannelGate(8, reduction=2)


class TestTimmChannelGateAlone(TestChannelGateAlone):
    def layer(self) -> nn.Module:
        return ChannelAttn(8, rd_channels=4)


class TestTimmLightChannelGateAlone(TestChannelGateAlone):
    def layer(self) -> nn.Module:
        return LightChannelAttn(8, rd_channels=4)


class TestSpatialGateAlone(MechanismContract):
    expected = ((SpatialMask, "cbam.spatial"),)

    def layer(self) -> nn.Module:
        return SpatialGate(3)


class TestTimmSpatialGateAlone(TestSpatialGateAlone):
    def layer(self) -> nn.Module:
        return SpatialAttn(3)


class TestTimmLightSpatialGateAlone(TestSpatialGateAlone):
    def layer(self) -> nn.Module:
        return LightSpatialAttn(3)


def _set(layer: nn.Module, kernel: list[float]) -> nn.Module:
    """MLP: one hidden unit, relu(v0); logits (h - 3, ln 3 / 2). Spatial: a 1x1 kernel, then 2 ln 2 is added."""
    norm = layer.spatial.bn if isinstance(layer, Cbam) else layer.spatial.conv.bn
    conv = layer.spatial.conv if isinstance(layer, Cbam) else layer.spatial.conv.conv
    with torch.no_grad():
        layer.channel.fc1.weight.copy_(torch.tensor([1.0, 0.0]).view_as(layer.channel.fc1.weight))
        layer.channel.fc1.bias.zero_()
        layer.channel.fc2.weight.copy_(torch.tensor([1.0, 0.0]).view_as(layer.channel.fc2.weight))
        layer.channel.fc2.bias.copy_(torch.tensor([-3.0, math.log(3) / 2]))
        conv.weight.copy_(torch.tensor(kernel).view_as(conv.weight))
        norm.bias.fill_(2 * math.log(2))
    norm.eps = 0.0
    return layer.eval()


X = torch.tensor([[[[0.0, 4.0]], [[8.0, 0.0]]]])


@pytest.mark.parametrize(
    "layer", [Cbam(2, reduction=2, kernel_size=1), CbamModule(2, rd_channels=1, spatial_kernel_size=1, mlp_bias=True)]
)
def test_worked_by_hand(layer: nn.Module) -> None:
    # The kernel takes mean - max.
    channel, spatial = trace(nn.Sequential(_set(layer, [1.0, -1.0])).eval(), X).records
    # Channel 0: mean 2, max 4; hidden units 2 and 4; logit (2 - 3) + (4 - 3) = 0, sigmoid 1/2.
    # Channel 1: ln 3 / 2 from either pooling, together ln 3, sigmoid 3/4.
    torch.testing.assert_close(channel.weights, torch.tensor([0.5, 0.75]))
    torch.testing.assert_close(channel.features, X[0])
    # After the channel gate: (0, 2) and (6, 0).
    torch.testing.assert_close(spatial.features, torch.tensor([[[0.0, 2.0]], [[6.0, 0.0]]]))
    # Left: mean 3, max 6, logit -3 + ln 4; sigmoid 4 / (4 + e^3) = 0.16608.
    # Right: mean 1, max 2, logit -1 + ln 4; sigmoid 4 / (4 + e) = 0.59539.
    torch.testing.assert_close(spatial.mask, torch.tensor([[0.16608, 0.59539]]), atol=1e-5, rtol=0)


def test_the_light_form_worked_by_hand() -> None:
    layer = _set(LightCbamModule(2, rd_channels=1, spatial_kernel_size=1, mlp_bias=True), [-1.0])
    layer.channel.gate.register_forward_hook(lambda *_: pytest.fail("this module was thought never to run"))
    channel, spatial = trace(nn.Sequential(layer).eval(), X).records
    # Channel 0: half of mean 2 and max 4 is 3; logit 3 - 3 = 0, sigmoid 1/2. Channel 1: ln 3 / 2, sigmoid
    # sqrt(3) / (1 + sqrt(3)) = 0.63397.
    torch.testing.assert_close(channel.weights, torch.tensor([0.5, 0.63397]), atol=1e-5, rtol=0)
    # After it: (0, 2) and (5.07180, 0). Left: mean 2.53590, max 5.07180, half of the sum 3.80385; the kernel takes it
    # away: logit ln 4 - 3.80385, sigmoid 4 / (4 + e^3.80385) = 0.08185.
    # Right: mean 1, max 2, logit ln 4 - 1.5; sigmoid 4 / (4 + e^1.5) = 0.47160.
    torch.testing.assert_close(spatial.mask, torch.tensor([[0.08185, 0.47160]]), atol=1e-4, rtol=0)
