import math

import pytest
import torch
from torch import nn

from attnviz.records import FeatureMask
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract

coord_attn = pytest.importorskip("timm.layers.coord_attn")


class CoordinateContract(MechanismContract):
    expected = ((FeatureMask, "coordinate"),)


class TestCoordAttn(CoordinateContract):
    def layer(self) -> nn.Module:
        return coord_attn.CoordAttn(8, rd_channels=8, bias=True)


class TestCoordAttnWithSkip(CoordinateContract):
    def layer(self) -> nn.Module:
        return coord_attn.CoordAttn(8, rd_channels=8, has_skip=True, gate_layer="hard_sigmoid")


class TestSimpleCoordAttn(CoordinateContract):
    def layer(self) -> nn.Module:
        return coord_attn.SimpleCoordAttn(8, rd_channels=8)


class TestEfficientLocalAttn(CoordinateContract):
    def layer(self) -> nn.Module:
        return coord_attn.EfficientLocalAttn(8, kernel_size=3)


class TestStripAttn(CoordinateContract):
    def layer(self) -> nn.Module:
        return coord_attn.StripAttn(8, has_skip=True)


X = torch.tensor([[[[0.0, 2.0], [4.0, 6.0], [2.0, 4.0]]]])
# One channel, three rows and two columns. Row means 1, 5, 3; column means 2, 4.
ROWS, COLUMNS = [1.0, 5.0, 3.0], [2.0, 4.0]


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


@pytest.mark.parametrize("has_skip", [False, True])
def test_rows_and_columns_have_gates_of_their_own(has_skip: bool) -> None:
    layer = coord_attn.CoordAttn(1, rd_channels=1, norm_layer=None, act_layer=nn.Identity, has_skip=has_skip).eval()
    with torch.no_grad():
        layer.conv1.weight.fill_(1.0)
        layer.conv_h.weight.fill_(1.0)
        layer.conv_w.weight.fill_(-0.5)
    (record,) = trace(nn.Sequential(layer).eval(), X).of(FeatureMask)
    expected = torch.tensor([[[sigmoid(row) * sigmoid(-column / 2) for column in COLUMNS] for row in ROWS]])
    torch.testing.assert_close(record.mask, expected)
    torch.testing.assert_close(record.factor, expected + has_skip)
    assert torch.equal(record.features, X[0])


def test_the_strip_form_adds_before_its_gate() -> None:
    layer = coord_attn.StripAttn(1, use_conv=False).eval()
    (record,) = trace(nn.Sequential(layer).eval(), X).of(FeatureMask)
    expected = torch.tensor([[[sigmoid(row + column) for column in COLUMNS] for row in ROWS]])
    torch.testing.assert_close(record.mask, expected)
    assert record.base == 0.0
