import math

import pytest
import torch
from timm.layers.squeeze_excite import SEModule
from timm.models._efficientnet_blocks import SqueezeExcite
from torch import nn
from torchvision.ops.misc import SqueezeExcitation as TorchvisionSqueezeExcitation

from attnviz.layers import SqueezeExcitation
from attnviz.records import ChannelWeights
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


class SqueezeExcitationContract(MechanismContract):
    expected = ((ChannelWeights, "se"),)


class TestOurs(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SqueezeExcitation(8, reduction=2)


class TestTorchvision(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return TorchvisionSqueezeExcitation(8, 4)


class TestTorchvisionWithHardSigmoid(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return TorchvisionSqueezeExcitation(8, 4, activation=nn.Hardswish, scale_activation=nn.Hardsigmoid)


class TestTimm(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SEModule(8, rd_channels=4)


class TestTimmWithNormAndMaxPool(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SEModule(8, rd_channels=4, add_maxpool=True, norm_layer=nn.BatchNorm2d, gate_layer="hard_sigmoid")


class TestTimmEfficientNet(SqueezeExcitationContract):
    def layer(self) -> nn.Module:
        return SqueezeExcite(8, rd_channels=4, act_layer=nn.SiLU)


LAYERS = {
    "ours": (lambda: SqueezeExcitation(3, reduction=3), "fc1", "fc2"),
    "torchvision": (lambda: TorchvisionSqueezeExcitation(3, 1), "fc1", "fc2"),
    "timm": (lambda: SEModule(3, rd_channels=1), "fc1", "fc2"),
    "timm efficientnet": (lambda: SqueezeExcite(3, rd_channels=1), "conv_reduce", "conv_expand"),
}


def _set(layer: nn.Module, first: str, second: str, logits: list[float]) -> nn.Module:
    """Hidden unit relu(z0 - z1 + 1); channel logits `logits[0] / 2` times it, `logits[1]`, `logits[2] / 2` times it."""
    one, two = layer.get_submodule(first), layer.get_submodule(second)
    with torch.no_grad():
        one.weight.copy_(torch.tensor([1.0, -1.0, 0.0]).view_as(one.weight))
        one.bias.copy_(torch.tensor([1.0]))
        two.weight.copy_(torch.tensor([logits[0] / 2, 0.0, logits[2] / 2]).view_as(two.weight))
        two.bias.copy_(torch.tensor([0.0, logits[1], 0.0]))
    return layer.eval()


def _with_channel_means_2_1_5() -> torch.Tensor:
    x = torch.tensor([2.0, 1.0, 5.0]).view(1, 3, 1, 1).repeat(1, 1, 2, 2)
    x[0, :, 0, 0] += 1  # one up, one down: the means stay
    x[0, :, 1, 1] -= 1
    return x


@pytest.mark.parametrize("name", LAYERS)
def test_worked_by_hand(name: str) -> None:
    make, first, second = LAYERS[name]
    # Hidden: relu(2 - 1 + 1) = 2. Logits: 2/2 * 2 = 2, ln 3, -2/2 * 2 = -2.
    layer = _set(make(), first, second, logits=[2.0, math.log(3), -2.0])
    x = _with_channel_means_2_1_5()
    (record,) = trace(nn.Sequential(layer).eval(), x).records
    # sigmoid(2) = 1 / (1 + e^-2) = 0.88080, sigmoid(ln 3) = 3 / (3 + 1), sigmoid(-2) = 1 - 0.88080.
    torch.testing.assert_close(record.weights, torch.tensor([0.88080, 0.75, 0.11920]), atol=1e-5, rtol=0)
    torch.testing.assert_close(record.features, x[0])


def test_a_hard_gate_reaches_its_ends() -> None:
    # Hardsigmoid is clip((v + 3) / 6, 0, 1): 4 gives 1, 0 gives 1/2, -4 gives 0.
    layer = _set(
        TorchvisionSqueezeExcitation(3, 1, scale_activation=nn.Hardsigmoid), "fc1", "fc2", logits=[4.0, 0.0, -4.0]
    )
    (record,) = trace(nn.Sequential(layer).eval(), _with_channel_means_2_1_5()).records
    torch.testing.assert_close(record.weights, torch.tensor([1.0, 0.5, 0.0]))
