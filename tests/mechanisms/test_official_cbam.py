"""A CBAM in the structure of the authors' code, written from the published formulas: functional sigmoids, no gate."""

import math

import pytest
import torch
from torch import Tensor, nn

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.mechanisms import base, register_cbam
from attnviz.records import ChannelWeights, SpatialMask
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


class OfficialChannelGate(nn.Module):
    def __init__(self, channels: int, hidden: int, poolings: tuple[str, ...]) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels))
        self.poolings = poolings

    def forward(self, x: Tensor) -> Tensor:
        pools = {
            "avg": lambda: x.mean((2, 3), keepdim=True),
            "max": lambda: x.amax((2, 3), keepdim=True),
            "lp": lambda: x.square().sum((2, 3), keepdim=True).sqrt(),
        }
        total = sum(self.mlp(pools[pooling]()) for pooling in self.poolings)
        return x * torch.sigmoid(total)[:, :, None, None]


class OfficialSpatialGate(nn.Module):
    def __init__(self, side: int) -> None:
        super().__init__()
        self.spatial = nn.Sequential(nn.Conv2d(2, 1, side, padding=side // 2, bias=False), nn.BatchNorm2d(1))

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], dim=1)  # maximum first
        return x * torch.sigmoid(self.spatial(pooled))


class OfficialCbam(nn.Module):
    def __init__(
        self,
        channels: int,
        hidden: int,
        side: int = 3,
        poolings: tuple[str, ...] = ("avg", "max"),
        no_spatial: bool = False,
    ) -> None:
        super().__init__()
        self.ChannelGate = OfficialChannelGate(channels, hidden, poolings)
        self.no_spatial = no_spatial
        if not no_spatial:
            self.SpatialGate = OfficialSpatialGate(side)

    def forward(self, x: Tensor) -> Tensor:
        x = self.ChannelGate(x)
        return x if self.no_spatial else self.SpatialGate(x)


class RenamedCbam(nn.Module):
    """The same under other names."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.s = OfficialChannelGate(8, 4, ("avg", "max")), OfficialSpatialGate(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.s(self.c(x))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_MECHANISMS", dict(base._MECHANISMS))
    register_cbam(OfficialCbam)


class TestOfficial(MechanismContract):
    expected = (
        (ChannelWeights, "cbam.channel"),
        (SpatialMask, "cbam.spatial"),
    )

    def layer(self) -> nn.Module:
        return OfficialCbam(8, 4)


class TestOfficialWithThreePoolings(TestOfficial):
    def layer(self) -> nn.Module:
        return OfficialCbam(8, 4, poolings=("avg", "max", "lp"))


class TestOfficialChannelGateOnly(MechanismContract):
    expected = ((ChannelWeights, "cbam.channel"),)

    def layer(self) -> nn.Module:
        return OfficialCbam(8, 4, no_spatial=True)


def test_worked_by_hand() -> None:
    layer = OfficialCbam(2, 1, side=1).eval()
    mlp, (conv, norm) = layer.ChannelGate.mlp, layer.SpatialGate.spatial
    with torch.no_grad():
        mlp[1].weight.copy_(torch.tensor([[1.0, 0.0]]))
        mlp[1].bias.zero_()
        mlp[3].weight.copy_(torch.tensor([[1.0], [0.0]]))
        mlp[3].bias.copy_(torch.tensor([-3.0, math.log(3) / 2]))
        conv.weight.copy_(torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1))  # mean - max, with the maximum first
        norm.bias.fill_(2 * math.log(2))
    norm.eps = 0.0
    x = torch.tensor([[[[0.0, 4.0]], [[8.0, 0.0]]]])
    channel, spatial = trace(nn.Sequential(layer).eval(), x).records
    # Channel 0: mean 2, max 4; logit (2 - 3) + (4 - 3) = 0. Channel 1: ln 3 / 2 twice is ln 3.
    torch.testing.assert_close(channel.weights, torch.tensor([0.5, 0.75]))
    # After the channel gate: (0, 2) and (6, 0). Left: mean 3 - max 6 + ln 4, sigmoid 4 / (4 + e^3) = 0.16608.
    # Right: mean 1 - max 2 + ln 4, sigmoid 4 / (4 + e) = 0.59539.
    torch.testing.assert_close(spatial.features, torch.tensor([[[0.0, 2.0]], [[6.0, 0.0]]]))
    torch.testing.assert_close(spatial.mask, torch.tensor([[0.16608, 0.59539]]), atol=1e-5, rtol=0)


def test_other_names_are_told_in_the_same_line() -> None:
    register_cbam(RenamedCbam, channel="c.mlp", spatial="s.spatial")
    result = trace(nn.Sequential(RenamedCbam()).eval(), torch.randn(1, 8, 4, 7), verify=True)
    assert [type(record) for record in result.records] == [ChannelWeights, SpatialMask]
    assert result.unproven == ()


@pytest.mark.parametrize(("names", "missing"), [({}, "ChannelGate.mlp"), ({"channel": "c.mlp"}, "SpatialGate.spatial")])
def test_another_structure_says_what_is_missing_and_what_is_there(names: dict[str, str], missing: str) -> None:
    register_cbam(RenamedCbam, **names)
    said = rf"0: RenamedCbam must have a module '{missing}'.*got c, c\.mlp.*s\.spatial"
    with pytest.raises(NotFoundError, match=said):
        trace(nn.Sequential(RenamedCbam()).eval(), torch.randn(1, 8, 4, 7))


def test_a_class_is_registered_once() -> None:
    with pytest.raises(ValueRangeError, match="OfficialCbam already has mechanism 'cbam'"):
        register_cbam(OfficialCbam)
