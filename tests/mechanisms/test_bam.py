import math

import torch
from torch import nn

from attnviz.layers import Bam
from attnviz.records import FeatureMask
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


class TestBam(MechanismContract):
    expected = ((FeatureMask, "bam"),)

    def layer(self) -> nn.Module:
        return Bam(8, reduction=2, dilation=2)


def test_worked_by_hand() -> None:
    layer = Bam(2, reduction=2, dilation=1).eval()
    first, norm, _, last = layer.channel
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        # Channel: relu(mean 0 - mean 1), times (1, -1).
        first.weight.copy_(torch.tensor([[1.0, -1.0]]))
        last.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        # Spatial: relu of channel 1 through every convolution, then ln 3 times it.
        layer.spatial[0].weight.copy_(torch.tensor([0.0, 1.0]).view(1, 2, 1, 1))
        for convolution in (layer.spatial[3], layer.spatial[6]):
            convolution.weight[0, 0, 1, 1] = 1.0
        layer.spatial[9].weight.fill_(math.log(3))
        for part in (norm, layer.spatial[1], layer.spatial[4], layer.spatial[7]):
            part.weight.fill_(1.0)
            part.eps = 0.0
    x = torch.tensor([[[[2.0, 2.0]], [[1.0, 0.0]]]])
    # Means 2 and 1/2: the hidden unit is 3/2, the channels' numbers are 3/2 and -3/2; the places' are ln 3 and 0.
    # Products (1.5 ln 3, 0) and (-1.5 ln 3, 0); sigmoid(1.5 ln 3) = 3^1.5 / (1 + 3^1.5) = 0.83861.
    (record,) = trace(nn.Sequential(layer).eval(), x).of(FeatureMask)
    torch.testing.assert_close(record.mask, torch.tensor([[[0.83861, 0.5]], [[0.16139, 0.5]]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(record.factor, torch.tensor([[[1.83861, 1.5]], [[1.16139, 1.5]]]), atol=1e-5, rtol=0)
    assert torch.equal(record.features, x[0])
