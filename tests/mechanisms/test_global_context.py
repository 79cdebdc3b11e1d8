import math

import pytest
import torch
from timm.layers.global_context import GlobalContext
from torch import Tensor, nn

from attnviz.maps import Received, native
from attnviz.mechanisms import mechanism_for
from attnviz.records import ChannelWeights, SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract, Net

POOLING, CHANNEL = (SelfAttention, "gc.pooling"), (ChannelWeights, "gc.channel")


class PoolingContract(MechanismContract):
    """One query looks at every place, so the matrix has a single row."""

    def test_records_have_their_shape_and_range(self, net: Net, picture: Tensor) -> None:
        hw = tuple(picture.shape[-2:])
        for record in trace(net, picture).records:
            if isinstance(record, SelfAttention):
                weights = record.weights()
                assert weights.shape == (1, 1, 1, math.prod(hw))
                assert weights.min() >= 0
                torch.testing.assert_close(weights.sum(), torch.tensor(1.0))
                assert record.tokens == TokenGrid.whole(hw)
                assert record.query_tokens == TokenGrid.whole((1, 1))
            else:
                assert record.weights.shape == (self.channels,)
                assert record.features.shape == (self.channels, *hw)


class TestGate(PoolingContract):
    expected = (POOLING, CHANNEL)

    def layer(self) -> nn.Module:
        return GlobalContext(8, rd_channels=4)


class TestGateAndSum(PoolingContract):
    expected = (POOLING, CHANNEL)

    def layer(self) -> nn.Module:
        return GlobalContext(8, rd_channels=4, fuse_add=True)


class TestSumOnly(PoolingContract):
    expected = (POOLING,)

    def layer(self) -> nn.Module:
        return GlobalContext(8, rd_channels=4, fuse_add=True, fuse_scale=False)


class TestMeanPooling(MechanismContract):
    expected = (CHANNEL,)

    def layer(self) -> nn.Module:
        return GlobalContext(8, rd_channels=4, use_attn=False)


def _worked_layer() -> nn.Module:
    """Pooling logits ln 3 times channel 0; the gate is the sigmoid of the MLP, which gives (5, 0) or so whatever."""
    layer = GlobalContext(2, rd_channels=2).eval()
    with torch.no_grad():
        layer.conv_attn.weight.copy_(torch.tensor([math.log(3), 0.0]).view(1, 2, 1, 1))
        layer.conv_attn.bias.zero_()
        for linear in (layer.mlp_scale.fc1, layer.mlp_scale.fc2):
            linear.weight.copy_(torch.eye(2).view(2, 2, 1, 1))
            linear.bias.zero_()
        layer.mlp_scale.norm.eps = 0.0
    return layer


def test_worked_by_hand() -> None:
    x = torch.tensor([[[[0.0, 1.0]], [[8.0, 4.0]]]])
    trace_ = trace(nn.Sequential(_worked_layer()).eval(), x)
    pooling, channel = trace_.records
    # Logits 0 and ln 3: shares 1/4 and 3/4.
    torch.testing.assert_close(pooling.weights().flatten(), torch.tensor([0.25, 0.75]))
    # Context: (3/4, 8/4 + 4 * 3/4) = (0.75, 5); its LayerNorm over two channels is (-1, 1); ReLU gives (0, 1).
    torch.testing.assert_close(channel.weights, torch.tensor([0.5, 1 / (1 + math.exp(-1))]))
    assert torch.equal(channel.features, x[0])
    # The pooling is a distribution over places: that is the network's own map.
    made = native(trace_)(trace_)
    assert isinstance(native(trace_), Received)
    assert made.values_hw == pytest.approx(torch.tensor([[0.25, 0.75]]).numpy())


def test_a_changed_pooling_or_gate_changes_the_replay_as_it_would_the_layer() -> None:
    layer = _worked_layer()
    x = torch.tensor([[[[0.0, 1.0]], [[8.0, -20.0]]]])
    pooling, channel = trace(nn.Sequential(layer).eval(), x).records
    replay = mechanism_for(layer).replay  # type: ignore[union-attr]
    # Context (0.75, 2 - 15 = -13): normed (1, -1), gate (sigmoid 1, 1/2).
    s = 1 / (1 + math.exp(-1))
    with torch.no_grad():
        torch.testing.assert_close(replay(layer, x, pooling, channel), x * torch.tensor([s, 0.5]).view(1, 2, 1, 1))
        # Looking at the left place only: context (0, 8), normed (-1, 1), gate (1/2, sigmoid 1).
        left = SelfAttention(
            pooling.site, pooling.queries, torch.tensor([0.0, -1e4]).view(1, 1, 2, 1), 1.0, pooling.tokens
        )
        torch.testing.assert_close(replay(layer, x, left, channel), x * torch.tensor([0.5, s]).view(1, 2, 1, 1))
        # An open gate multiplies by one, whatever was pooled.
        open_gate = ChannelWeights(channel.site, torch.ones(2))
        torch.testing.assert_close(replay(layer, x, pooling, open_gate), x)
