import pytest
import torch
from timm.layers.attention2d import MultiQueryAttention2d
from timm.layers.attention_pool import AttentionPoolLatent
from timm.layers.attention_pool2d import AttentionPool2d, RotAttentionPool2d
from timm.models import cait, crossvit, mvitv2, pvt_v2, twins, volo
from torch import Tensor, nn

from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.attention_contract import HW_OF, AttentionContract
from tests.mechanisms.contract import Net


def with_grid(layer: nn.Module, x: Tensor) -> Tensor:
    """Call a layer that takes patch tokens and their grid."""
    return layer(x[:, 1:], HW_OF[x.shape[1] - 1])


class ClassQueryContract(AttentionContract):
    takes_tokens = True

    def queries(self, _hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.nowhere(("class",))


class TestCait(ClassQueryContract):
    def layer(self) -> nn.Module:
        return cait.ClassAttn(8, num_heads=2, qkv_bias=True)


class TestVoloClass(ClassQueryContract):
    def layer(self) -> nn.Module:
        return volo.ClassAttention(8, num_heads=2, head_dim=3)


class TestCrossVit(ClassQueryContract):
    def layer(self) -> nn.Module:
        return crossvit.CrossAttention(8, num_heads=2)


class TestLatentPool(AttentionContract):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return AttentionPoolLatent(8, num_heads=2, qk_norm=True, norm_layer=nn.LayerNorm, latent_len=2, pool_type="")

    def queries(self, _hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.nowhere(("latent 1", "latent 2"))


class TestLatentPoolToOneVector(TestLatentPool):
    def layer(self) -> nn.Module:
        return AttentionPoolLatent(8, num_heads=2, latent_len=2, pool_type="avg")

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x)[:, None]


class PyramidContract(AttentionContract):
    """Keys on every second row and column, in whole steps: 3 x 3 of 6 x 6, and 2 x 3 of 4 x 7."""

    takes_tokens = True
    call = staticmethod(with_grid)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole((hw[0] // 2, hw[1] // 2))

    def queries(self, hw: tuple[int, int]) -> TokenGrid | None:
        return TokenGrid.whole(hw)


class TestPvt(PyramidContract):
    def layer(self) -> nn.Module:
        return pvt_v2.Attention(8, num_heads=2, sr_ratio=2)


class TestPvtLinear(PyramidContract):
    """Keys on a pooled map of 7 x 7, whatever the input."""

    def layer(self) -> nn.Module:
        return pvt_v2.Attention(8, num_heads=2, sr_ratio=2, linear_attn=True)

    def keys(self, _hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole((7, 7))


class TestTwinsGlobal(PyramidContract):
    def layer(self) -> nn.Module:
        return twins.GlobalSubSampleAttn(8, num_heads=2, sr_ratio=2)


class TestTwinsGlobalUnpooled(PyramidContract):
    def layer(self) -> nn.Module:
        return twins.GlobalSubSampleAttn(8, num_heads=2, sr_ratio=1)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole(hw)

    def queries(self, _hw: tuple[int, int]) -> None:
        return None


class TestMvit(AttentionContract):
    """A kernel of 3 with stride 2 keeps the half of a size, rounded up."""

    takes_tokens = True

    def layer(self) -> nn.Module:
        return mvitv2.MultiScaleAttention(
            8, 8, feat_size=(7, 7), num_heads=2, kernel_q=(3, 3), kernel_kv=(3, 3), stride_q=(1, 1), stride_kv=(2, 2)
        )

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, HW_OF[x.shape[1] - 1])[0]

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole((-(-hw[0] // 2), -(-hw[1] // 2)), 1)

    def queries(self, hw: tuple[int, int]) -> TokenGrid | None:
        return TokenGrid.whole(hw, 1)


class TestMvitPooledQueries(TestMvit):
    def layer(self) -> nn.Module:
        return mvitv2.MultiScaleAttention(
            8, 6, feat_size=(7, 7), num_heads=2, mode="max", kernel_q=(3, 3), kernel_kv=(3, 3), stride_q=(2, 2),
            stride_kv=(2, 2), rel_pos_type="none",
        )  # fmt: skip

    out_channels = 6

    def queries(self, _hw: tuple[int, int]) -> None:
        return None


class TestMultiQuery(AttentionContract):
    """Keys of half the size, queries of half the size in whole steps."""

    def layer(self) -> nn.Module:
        return MultiQueryAttention2d(8, num_heads=2, key_dim=3, value_dim=5, query_strides=1, kv_stride=2)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole((-(-hw[0] // 2), -(-hw[1] // 2)))

    def queries(self, hw: tuple[int, int]) -> TokenGrid | None:
        return TokenGrid.whole(hw)


class PoolContract(AttentionContract):
    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x)[:, :, None, None]

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole(hw, 1, ("mean",))

    def queries(self, _hw: tuple[int, int]) -> TokenGrid | None:
        return TokenGrid.nowhere(("mean",))


class TestClipPool(PoolContract):
    """Its positions are for 6 x 6 places and are stretched to others."""

    def layer(self) -> nn.Module:
        return AttentionPool2d(8, feat_size=6, num_heads=2)


class TestClipPoolToMap(AttentionContract):
    def layer(self) -> nn.Module:
        return AttentionPool2d(8, feat_size=6, num_heads=2, qkv_separate=True, class_token=True, pool_type="")

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole(hw, 1)


class TestRotaryClipPool(PoolContract):
    def layer(self) -> nn.Module:
        return RotAttentionPool2d(8, num_heads=2, ref_feat_size=6)


def test_a_class_query_worked_by_hand() -> None:
    layer = cait.ClassAttn(2, num_heads=1)
    net = Net(layer, 2, 2, lambda layer, x: layer(x), tokens=True).eval()
    with torch.no_grad():
        layer.q.weight.copy_(torch.eye(2) * 2**0.5)  # takes the scale of 1 / sqrt(2) away
        layer.k.weight.copy_(torch.eye(2))
        net.stem.weight.zero_()
        net.stem.weight[0, 0] = net.stem.weight[1, 1] = 1.0
        net.stem.bias.zero_()
    picture = torch.zeros(1, 3, 1, 2)
    picture[0, :2, 0] = torch.tensor([[2.0, 0.0], [0.0, 2.0]])
    weights = trace(net, picture).of(SelfAttention)[0].weights()
    # Patches (2, 0) and (0, 2), class token their mean (1, 1): all three products are 2.
    torch.testing.assert_close(weights, torch.full((1, 1, 1, 3), 1 / 3))


@pytest.mark.parametrize("gap", [(6, 6), (4, 7)])
def test_keys_of_one_value_get_equal_weight(gap: tuple[int, int]) -> None:
    layer = pvt_v2.Attention(8, num_heads=2, sr_ratio=2)
    nn.init.zeros_(layer.kv.weight)
    net = Net(layer, 8, 8, with_grid, tokens=True).eval()
    weights = trace(net, torch.randn(1, 3, *gap)).of(SelfAttention)[0].weights()
    keys = (gap[0] // 2) * (gap[1] // 2)
    torch.testing.assert_close(weights, torch.full((1, 2, gap[0] * gap[1], keys), 1 / keys))
