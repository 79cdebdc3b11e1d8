import math

import torch
from torch import nn

from attnviz.layers import ParallelCbam, SpatialFirstCbam
from attnviz.records import ChannelWeights, FeatureMask, SpatialMask
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


class TestSpatialFirst(MechanismContract):
    expected = (
        (SpatialMask, "cbam.spatial"),
        (ChannelWeights, "cbam.channel"),
    )

    def layer(self) -> nn.Module:
        return SpatialFirstCbam(8, reduction=2, kernel_size=3)


class TestParallel(MechanismContract):
    expected = ((FeatureMask, "cbam_parallel"),)

    def layer(self) -> nn.Module:
        return ParallelCbam(8, reduction=2, kernel_size=3)


def _by_hand(layer: SpatialFirstCbam | ParallelCbam) -> nn.Sequential:
    """Channel logits: (v0 - 3, ln 3 / 2) for a pooled vector v, once per pooling. Spatial logit: max - mean."""
    layer.eval()
    with torch.no_grad():
        layer.channel.fc1.weight.copy_(torch.tensor([[1.0, 0.0]]))
        layer.channel.fc1.bias.zero_()
        layer.channel.fc2.weight.copy_(torch.tensor([[1.0], [0.0]]))
        layer.channel.fc2.bias.copy_(torch.tensor([-3.0, math.log(3) / 2]))
        layer.spatial.conv.weight.copy_(torch.tensor([-1.0, 1.0]).view(1, 2, 1, 1))
    layer.spatial.bn.eps = 0.0
    return nn.Sequential(layer).eval()


X = torch.tensor([[[[0.0, 4.0]], [[8.0, 4.0]]]])


def test_spatial_first_worked_by_hand() -> None:
    spatial, channel = trace(_by_hand(SpatialFirstCbam(2, reduction=2, kernel_size=1)), X).records
    # Left: mean 4, max 8, sigmoid(4). Right: mean 4, max 4, sigmoid(0) = 1/2.
    left = 1 / (1 + math.exp(-4))
    torch.testing.assert_close(spatial.mask, torch.tensor([[left, 0.5]]))
    torch.testing.assert_close(spatial.features, X[0])
    # The channel gate sees (0, 2) and (8 left, 2). Channel 0: mean 1, max 2; logit (1 - 3) + (2 - 3) = -3.
    torch.testing.assert_close(channel.features, torch.tensor([[[0.0, 2.0]], [[8 * left, 2.0]]]))
    # Channel 1: ln 3 / 2 from either pooling, together ln 3, sigmoid 3/4.
    torch.testing.assert_close(channel.weights, torch.tensor([1 / (1 + math.exp(3)), 0.75]))


def test_parallel_worked_by_hand() -> None:
    (record,) = trace(_by_hand(ParallelCbam(2, reduction=2, kernel_size=1)), X).records

    # Channel logits from X itself: channel 0 mean 2, max 4: -1 + 1 = 0; channel 1: ln 3. Spatial logits: 4, 0.
    def gate(logit: float) -> float:
        return 1 / (1 + math.exp(-logit))

    expected = torch.tensor([[[gate(4), 0.5]], [[gate(4 + math.log(3)), 0.75]]])
    torch.testing.assert_close(record.factor, expected)
    torch.testing.assert_close(record.features, X[0])
