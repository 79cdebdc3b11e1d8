import math
from functools import partial

import pytest
import torch
from timm.layers.attention import Attention
from torch import Tensor, nn

from attnviz.records import SelfAttention
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract, Net


class TimmContract(MechanismContract):
    expected = ((SelfAttention, "mhsa"),)
    takes_tokens = True


class TestFused(TimmContract):
    def layer(self) -> nn.Module:
        layer = Attention(8, num_heads=2, qkv_bias=True)
        assert layer.fused_attn, "timm's default, under which its attn_drop never runs"
        return layer


class TestNotFused(TimmContract):
    def layer(self) -> nn.Module:
        layer = Attention(8, num_heads=2, qkv_bias=True)
        layer.fused_attn = False
        return layer


class TestWithAllOptions(TimmContract):
    def layer(self) -> nn.Module:
        return Attention(
            8, num_heads=2, attn_head_dim=3, qk_norm=True, scale_norm=True, gated=True, norm_layer=nn.LayerNorm
        )


class TestCausal(TimmContract):
    def layer(self) -> nn.Module:
        return Attention(8, num_heads=2)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, is_causal=True)


class TestBooleanMask(TimmContract):
    """True lets a query look: here at the class token and at itself."""

    def layer(self) -> nn.Module:
        return Attention(8, num_heads=2)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        may_look = torch.eye(x.shape[1], dtype=torch.bool)
        may_look[:, 0] = True
        return layer(x, attn_mask=may_look)

    def test_hidden_keys_get_nothing(self, net: Net, picture: Tensor) -> None:
        weights = trace(net, picture).of(SelfAttention)[0].weights()
        hidden = ~torch.eye(weights.shape[-1], dtype=torch.bool)
        hidden[:, 0] = False
        assert weights[..., hidden].abs().max() == 0


@pytest.mark.parametrize("fused", [True, False])
def test_three_tokens_worked_by_hand(fused: bool) -> None:
    layer = Attention(1, num_heads=1)
    layer.fused_attn = fused
    nn.init.ones_(layer.qkv.weight)  # q = k = v = the token itself
    net = Net(layer, 1, 1, partial(Attention.__call__), tokens=True).eval()
    with torch.no_grad():
        net.stem.weight.copy_(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1))
        net.stem.bias.zero_()
    picture = torch.zeros(1, 3, 1, 2)
    picture[0, 0, 0] = torch.tensor([-1.0, 1.0])
    (record,) = trace(net, picture).records
    # Patch tokens -1 and 1; the class token is their mean, 0. Scale 1.
    # Logits of the class token: 0, 0, 0. Of token -1: 0, 1, -1. Of token 1: 0, -1, 1.
    total = 1 + math.e + 1 / math.e
    expected = torch.tensor(
        [
            [1 / 3, 1 / 3, 1 / 3],
            [1 / total, math.e / total, 1 / math.e / total],
            [1 / total, 1 / math.e / total, math.e / total],
        ]
    )
    torch.testing.assert_close(record.weights(), expected[None, None])
