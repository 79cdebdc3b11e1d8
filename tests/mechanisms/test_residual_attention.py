import math

import torch
from torch import nn

from attnviz.layers import ResidualAttention
from attnviz.records import FeatureMask
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


class TestResidualAttention(MechanismContract):
    expected = ((FeatureMask, "residual_attention"),)

    def layer(self) -> nn.Module:
        return ResidualAttention(8, halvings=2)


class TestWithoutUnitsAround(MechanismContract):
    expected = ((FeatureMask, "residual_attention"),)

    def layer(self) -> nn.Module:
        return ResidualAttention(8, halvings=1, around=0, trunk=1, mask_units=2)


def test_worked_by_hand() -> None:
    layer = ResidualAttention(2, halvings=1, around=0, trunk=1).eval()
    for unit in (layer.trunk[0], layer.mask.down[0][0], layer.mask.up[0][0]):
        nn.init.zeros_(unit.branch[-1].weight)  # each unit is its shortcut: what comes in goes out
    with torch.no_grad():
        first_norm, _, first, norm, _, last = layer.mask.logits
        first.weight.copy_(torch.eye(2).view(2, 2, 1, 1))
        # Logits of the mask: ln 3 times channel 0, and minus channel 1.
        last.weight.copy_(torch.tensor([[math.log(3), 0.0], [0.0, -1.0]]).view(2, 2, 1, 1))
        last.bias.zero_()
    first_norm.eps = norm.eps = 0.0
    x = torch.tensor([[[[0.0, 1.0], [0.5, 0.2]], [[2.0, 0.0], [-3.0, 1.0]]]])
    (record,) = trace(nn.Sequential(layer).eval(), x).of(FeatureMask)
    # The window of 3 x 3 around the first place sees all four: maxima 1 and 2, repeated over the grid.
    # sigmoid(ln 3) = 3/4; sigmoid(-2) = 0.11920.
    expected = torch.tensor([0.75, 0.11920]).view(2, 1, 1).expand(2, 2, 2)
    torch.testing.assert_close(record.mask, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(record.factor, 1 + expected, atol=1e-5, rtol=0)
    assert torch.equal(record.features, x[0])  # the trunk's, here equal to what came in
