import pytest
import torch
from torch import nn

from attnviz.layers import Cbam, ChannelGate, ParallelCbam, SpatialFirstCbam, SqueezeExcitation


def _twins(kind: type[nn.Module]) -> tuple[Cbam, nn.Module]:
    """A CBAM and another order of it with the same weights."""
    torch.manual_seed(0)
    one, other = Cbam(8, reduction=2).eval(), kind(8, reduction=2).eval()
    other.load_state_dict(one.state_dict())
    return one, other


def test_spatial_first_is_the_spatial_gate_then_the_channel_gate() -> None:
    one, other = _twins(SpatialFirstCbam)
    x = torch.randn(2, 8, 5, 7)
    torch.testing.assert_close(other(x), one.channel(one.spatial(x)))
    assert not torch.allclose(other(x), one(x), atol=1e-4)


def test_parallel_adds_the_logits_of_both_gates() -> None:
    one, other = _twins(ParallelCbam)
    x = torch.randn(2, 8, 5, 7)
    # logit(p) = ln(p / (1 - p)) undoes a sigmoid.
    channel, spatial = (torch.logit(gate) for gate in (one.channel.weights(x)[:, :, None, None], one.spatial.mask(x)))
    torch.testing.assert_close(other(x), x * torch.sigmoid(channel + spatial))


@pytest.mark.parametrize("kind", [SpatialFirstCbam, ParallelCbam])
def test_every_order_costs_the_same(kind: type[nn.Module]) -> None:
    counts = [sum(parameter.numel() for parameter in layer(64).parameters()) for layer in (Cbam, kind)]
    assert counts[0] == counts[1]


def test_average_pooling_alone_is_squeeze_and_excitation() -> None:
    torch.manual_seed(0)
    gate, se = ChannelGate(8, reduction=2, pooling="avg"), SqueezeExcitation(8, reduction=2)
    gate.load_state_dict(se.state_dict())
    x = torch.randn(2, 8, 5, 7)
    torch.testing.assert_close(gate(x), se(x))


def test_max_pooling_alone_sees_the_largest_value_only() -> None:
    gate = ChannelGate(1, pooling="max")
    with torch.no_grad():
        gate.fc1.weight.fill_(1.0)
        gate.fc1.bias.zero_()
        gate.fc2.weight.fill_(0.5)
        gate.fc2.bias.fill_(-2.0)
    # max 4: 0.5 * relu(4) - 2 = 0
    torch.testing.assert_close(gate.weights(torch.tensor([[[[1.0, 4.0]]]])), torch.tensor([[0.5]]))


def test_the_poolings_go_through_one_mlp_and_their_logits_add() -> None:
    torch.manual_seed(0)
    gates = {pooling: ChannelGate(8, reduction=2, pooling=pooling) for pooling in ("avg", "max", "both")}
    for gate in gates.values():
        gate.load_state_dict(gates["both"].state_dict())
    x = torch.randn(2, 8, 5, 7)
    torch.testing.assert_close(gates["both"].logits(x), gates["avg"].logits(x) + gates["max"].logits(x))


def test_an_unknown_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="avg, max, both; got 'mean'"):
        ChannelGate(8, pooling="mean")  # type: ignore[arg-type]
