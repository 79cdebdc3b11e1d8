import pytest
import torch
from timm.layers.eca import CecaModule, EcaModule
from torch import nn

from attnviz.records import ChannelWeights
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


class EcaContract(MechanismContract):
    expected = ((ChannelWeights, "eca"),)


class TestEca(EcaContract):
    def layer(self) -> nn.Module:
        return EcaModule(8)


class TestEcaWithTwoConvolutions(EcaContract):
    def layer(self) -> nn.Module:
        return EcaModule(8, use_mlp=True, rd_channels=4)


class TestCircular(EcaContract):
    def layer(self) -> nn.Module:
        return CecaModule(8)


@pytest.mark.parametrize(
    ("make", "logits"),
    [
        # Zeros stand beyond the ends: 0 + 2 * 0 + 3 * 1, 0 + 2 * 1 + 3 * -1, 1 + 2 * -1 + 0.
        (EcaModule, [3.0, -1.0, -1.0]),
        # The last channel stands before the first, and the first behind the last: only the ends differ.
        (CecaModule, [2.0, -1.0, -1.0]),
    ],
)
def test_worked_by_hand(make: type[nn.Module], logits: list[float]) -> None:
    layer = make(kernel_size=3)
    with torch.no_grad():
        layer.conv.weight.copy_(torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3))
    x = torch.tensor([0.0, 1.0, -1.0]).view(1, 3, 1, 1).repeat(1, 1, 2, 3)
    (record,) = trace(nn.Sequential(layer).eval(), x).records
    torch.testing.assert_close(record.weights, torch.tensor(logits).sigmoid())
    torch.testing.assert_close(record.features, x[0])
