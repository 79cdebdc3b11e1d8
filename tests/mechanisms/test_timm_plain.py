import math

import pytest
import torch
from timm.layers.attention2d import Attention2d
from timm.models import convit, cpubone, fastvit, lowformer, metaformer, shvit, tnt, visformer, volo
from timm.models.vision_transformer import ParallelScalingBlock
from torch import Tensor, nn

from attnviz.errors import ValueRangeError
from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.attention_contract import AttentionContract, channels_last
from tests.mechanisms.contract import Net


class TestMetaFormer(AttentionContract):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return metaformer.Attention(8, head_dim=4)


class TestConvitContentHeads(AttentionContract):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return convit.MHSA(8, num_heads=2)


class TestVolo(AttentionContract):
    call = staticmethod(channels_last)

    def layer(self) -> nn.Module:
        return volo.Attention(8, num_heads=2)


class TestFastVit(AttentionContract):
    def layer(self) -> nn.Module:
        return fastvit.Attention(8, head_dim=4)


class TestVisformer(AttentionContract):
    def layer(self) -> nn.Module:
        return visformer.Attention(8, num_heads=2, head_dim_ratio=0.5)


class TestAttention2d(AttentionContract):
    def layer(self) -> nn.Module:
        return Attention2d(8, num_heads=2)


class TestAttention2dHeadsFirst(AttentionContract):
    def layer(self) -> nn.Module:
        return Attention2d(8, num_heads=2, head_first=True)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        places = x.shape[2] * x.shape[3]
        return layer(x, attn_mask=torch.full((places, places), -torch.inf).triu(3))


class TestTntPatches(AttentionContract):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return tnt.Attention(8, 4, num_heads=2)


class TestShvit(AttentionContract):
    def layer(self) -> nn.Module:
        return shvit.SHSA(8, qk_dim=3, pdim=5)


class TestLowFormer(AttentionContract):
    """Stride 2 with padding: 6 x 6 becomes 3 x 3, and 4 x 7 becomes 2 x 4."""

    def layer(self) -> nn.Module:
        return lowformer.ConvAttention(8, head_dim_mul=1.0, att_stride=2, att_kernel=3)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole({(6, 6): (3, 3), (4, 7): (2, 4)}[hw])


class TestCpuBone(TestLowFormer):
    """With its small kernels it fills the map up to a multiple of the stride: 4 x 8 is halved."""

    def layer(self) -> nn.Module:
        return cpubone.ConvAttention(8, att_stride=2, small_kernels=True, fuse_out_proj=True)


class ParallelContract(AttentionContract):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return ParallelScalingBlock(8, num_heads=2, init_values=0.5)


class TestParallelScalingBlock(ParallelContract): ...


class TestCausalParallelScalingBlock(ParallelContract):
    def layer(self) -> nn.Module:
        return ParallelScalingBlock(8, num_heads=2, fuse_out_proj=True)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, is_causal=True)


def test_two_places_of_a_map_worked_by_hand() -> None:
    layer = fastvit.Attention(1, head_dim=1)
    nn.init.ones_(layer.qkv.weight)  # q = k = v = the place itself
    net = Net(layer, 1, 1, lambda layer, x: layer(x), tokens=False).eval()
    with torch.no_grad():
        net.stem.weight.copy_(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1))
        net.stem.bias.zero_()
    picture = torch.zeros(1, 3, 2, 1)
    picture[0, 0, :, 0] = torch.tensor([0.0, 1.0])
    (record,) = trace(net, picture).of(SelfAttention)
    # The upper place asks with 0 and sees both alike; the lower one has logits 0 and 1.
    expected = torch.tensor([[0.5, 0.5], [1 / (1 + math.e), math.e / (1 + math.e)]])
    torch.testing.assert_close(record.weights()[0, 0], expected)


def test_windows_of_a_network_that_does_not_say_where_they_lie_have_no_grid() -> None:
    class Halves(nn.Module):
        """Two halves of the picture's places, each with its own attention."""

        def __init__(self) -> None:
            super().__init__()
            self.attn = tnt.Attention(3, 4, num_heads=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.attn(x.flatten(2).transpose(1, 2).reshape(2, -1, 3)).mean(dim=(0, 1))[None]

    (record,) = trace(Halves().eval(), torch.randn(1, 3, 4, 8), verify=True).of(SelfAttention)
    assert record.weights().shape == (2, 1, 16, 16)
    with pytest.raises(ValueRangeError, match="grid of the tokens must be known"):
        _ = record.tokens
