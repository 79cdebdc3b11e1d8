import pytest
import torch
from timm.layers.bottleneck_attn import BottleneckAttn
from timm.layers.halo_attn import HaloAttn
from timm.layers.non_local_attn import NonLocalAttn
from torch import nn

from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.attention_contract import AttentionContract
from tests.mechanisms.contract import Net


class Bottleneck(AttentionContract):
    key = "botnet"
    scaled = False

    def layer(self) -> nn.Module:
        return BottleneckAttn(8, feat_size=self.sizes_hw[0], num_heads=2, dim_head=3, scale_pos_embed=self.scaled)


class TestBottleneck(Bottleneck):
    sizes_hw = ((6, 6),)


class TestBottleneckOblong(Bottleneck):
    sizes_hw = ((4, 7),)


class TestBottleneckWithScaledPositions(Bottleneck):
    sizes_hw = ((4, 7),)
    scaled = True


class TestPooledBottleneck(AttentionContract):
    key = "botnet"
    sizes_hw = ((4, 6),)

    def layer(self) -> nn.Module:
        return BottleneckAttn(8, feat_size=(4, 6), stride=2, num_heads=2)


class TestHalo(AttentionContract):
    key = "halo"
    sizes_hw = ((4, 4), (4, 8))

    def layer(self) -> nn.Module:
        return HaloAttn(8, num_heads=2, dim_head=3, block_size=2, halo_size=1)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole(hw, 1, ("padding",))

    def queries(self, hw: tuple[int, int]) -> TokenGrid | None:
        return TokenGrid.whole(hw)


class TestWideHalo(TestHalo):
    """The halo is wider than a block: it reaches over blocks, and over the border by more than one place."""

    def layer(self) -> nn.Module:
        return HaloAttn(8, num_heads=2, block_size=2, halo_size=3, scale_pos_embed=True)


class TestHaloWithStride(TestHalo):
    def layer(self) -> nn.Module:
        return HaloAttn(8, num_heads=2, block_size=4, halo_size=2, stride=2)

    def queries(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole((hw[0] // 2, hw[1] // 2))


class TestHaloWithPool(TestHalo):
    def layer(self) -> nn.Module:
        return HaloAttn(8, num_heads=2, block_size=2, halo_size=1, stride=2, avg_down=True)


class TestBlocksWithoutHalo(TestHalo):
    def layer(self) -> nn.Module:
        return HaloAttn(8, num_heads=2, block_size=2, halo_size=0)


class TestNonLocal(AttentionContract):
    key = "non_local"

    def layer(self) -> nn.Module:
        return NonLocalAttn(8, rd_channels=3)


def halo_weights(height: int, width: int) -> torch.Tensor:
    """Weights of a layer with blocks of 2 and a halo of 1 whose keys are all equal."""
    layer = HaloAttn(4, num_heads=1, block_size=2, halo_size=1)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    net = Net(layer, 4, 4, lambda layer, x: layer(x), tokens=False).eval()
    return trace(net, torch.randn(1, 3, height, width)).of(SelfAttention)[0].weights()[0, 0]


def test_attention_on_padding_is_its_share_of_the_window() -> None:
    weights = halo_weights(2, 4)
    # Two blocks of 2 x 2. The window of the left one is 4 x 4: rows -1 to 2, columns -1 to 2. On the map lie rows 0
    # and 1, columns 0 to 2: 6 of the 16 keys. The other 10 are padding. All keys are equal.
    left = torch.tensor([[1, 1, 1, 0], [1, 1, 1, 0]]) / 16
    right = left.flip(1)
    torch.testing.assert_close(weights[:, 0], torch.full((8,), 10 / 16))
    for query, expected in enumerate([left, left, right, right] * 2):
        torch.testing.assert_close(weights[query, 1:].view(2, 4), expected)


def test_a_block_in_the_middle_sees_no_padding() -> None:
    weights = halo_weights(6, 6)
    inner = weights[:, 0].view(6, 6)[2:4, 2:4]
    assert inner.abs().max() == 0
    # A corner's window has 4 x 4 keys, 3 x 3 of them on the map.
    assert weights[0, 0] == pytest.approx(7 / 16)


def test_a_relative_position_worked_by_hand() -> None:
    layer = BottleneckAttn(1, feat_size=(1, 2), num_heads=1, dim_head=1)
    net = Net(layer, 1, 1, lambda layer, x: layer(x), tokens=False).eval()
    with torch.no_grad():
        layer.qkv.weight.copy_(torch.tensor([1.0, 0.0, 1.0]).view(3, 1, 1, 1))  # q = x, k = 0, v = x
        layer.pos_embed.height_rel.zero_()
        layer.pos_embed.width_rel.copy_(torch.tensor([[2.0], [1.0], [3.0]]).log())  # columns apart: -1, 0, 1
        net.stem.weight.zero_()
        net.stem.bias.fill_(1.0)
    weights = trace(net, torch.zeros(1, 3, 1, 2)).of(SelfAttention)[0].weights()[0, 0]
    # Key minus query: the left place sees the right one at 1, the right one sees the left one at -1.
    torch.testing.assert_close(weights, torch.tensor([[1 / 4, 3 / 4], [2 / 3, 1 / 3]]))
