import math

import pytest
import torch
from timm.layers.attention import AttentionRope
from timm.models.eva import EvaAttention
from timm.models.gemma4_vit import Gemma4Attention
from torch import Tensor, nn

from attnviz.mechanisms.timm_rope import turned
from attnviz.records import SelfAttention
from attnviz.tracer import trace
from tests.mechanisms.attention_contract import AttentionContract
from tests.mechanisms.contract import Net


def angles(count: int, features: int) -> Tensor:
    """Sines, then cosines, of one angle for each pair of features of each token."""
    angle = torch.linspace(-2, 2, count * features // 2).view(count, -1).repeat_interleave(2, dim=-1)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


class RopeContract(AttentionContract):
    takes_tokens = True

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, rope=angles(x.shape[1] - 1, layer.head_dim))


class TestEva(RopeContract):
    def layer(self) -> nn.Module:
        return EvaAttention(8, num_heads=2, norm_layer=nn.LayerNorm)


class TestEvaWithAllOptions(RopeContract):
    def layer(self) -> nn.Module:
        return EvaAttention(
            8, num_heads=2, qkv_fused=False, qk_norm=True, rotate_half=True, gated=True, norm_layer=nn.LayerNorm
        )


class TestEvaWithoutRope(RopeContract):
    def layer(self) -> nn.Module:
        return EvaAttention(8, num_heads=2, scale_norm=False, qkv_bias_separate=True)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, is_causal=True)


class TestAttentionRope(RopeContract):
    def layer(self) -> nn.Module:
        return AttentionRope(8, num_heads=2)


class TestHeadsThatShareKeys(RopeContract):
    def layer(self) -> nn.Module:
        return AttentionRope(16, num_heads=4, num_kv_heads=2, qkv_fused=False, dim_out=8)

    channels = 16
    out_channels = 8


class TestGemma4(RopeContract):
    def layer(self) -> nn.Module:
        return Gemma4Attention(8, num_heads=4, head_dim=4, num_kv_heads=2)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        sine, cosine = angles(x.shape[1], layer.head_dim).chunk(2, dim=-1)
        return layer(x, cosine[None], sine[None])


@pytest.mark.parametrize(("halves", "expected"), [(False, [-2.0, 1.0, 3.0, 4.0]), (True, [-3.0, 2.0, 1.0, 4.0])])
def test_a_quarter_turn_worked_by_hand(halves: bool, expected: list[float]) -> None:
    # (a, b) becomes (a cos - b sin, b cos + a sin): a quarter turn of (1, 2) is (-2, 1), and (3, 4) stays.
    # With halves the pairs are (1, 3), turned to (-3, 1), and (2, 4).
    tokens = torch.tensor([9.0, 9.0, 9.0, 9.0, 1.0, 2.0, 3.0, 4.0]).view(1, 1, 2, 4)
    turns = [math.pi / 2, 0, math.pi / 2, 0] if halves else [math.pi / 2, math.pi / 2, 0, 0]
    angle = torch.tensor([turns])
    y = turned(tokens, torch.cat([angle.sin(), angle.cos()], dim=-1), prefix=1, halves=halves)
    torch.testing.assert_close(y[0, 0], torch.tensor([[9.0, 9.0, 9.0, 9.0], expected]))


def test_only_the_angle_between_two_tokens_counts() -> None:
    layer = EvaAttention(2, num_heads=1, qkv_bias=False, scale_norm=False)
    nn.init.ones_(layer.qkv.weight)
    net = Net(layer, 2, 2, lambda layer, x: layer(x, rope=torch.tensor(rope)), tokens=True).eval()
    with torch.no_grad():
        net.stem.weight.zero_()
        net.stem.bias.fill_(0.5)
    # All tokens are (0.5, 0.5), so q = k = (1, 1). The patches are turned by 0 and by a quarter:
    # (1, 1) and (-1, 1), with product 0. The class token is not turned: (1, 1). The scale is 1 / sqrt(2).
    rope = [[0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]]
    weights = trace(net, torch.zeros(1, 3, 1, 2)).of(SelfAttention)[0].weights()[0, 0]
    near, far = math.exp(2 / math.sqrt(2)), 1.0
    torch.testing.assert_close(weights[0], torch.tensor([near, near, far]) / (2 * near + far))
    torch.testing.assert_close(weights[2], torch.tensor([far, far, near]) / (near + 2 * far))
