from functools import partial

import pytest
import torch
from timm.layers.pos_embed_rel import RelPosBias, RelPosMlp
from timm.models import efficientformer, efficientformer_v2, levit
from timm.models.beit import Attention as BeitAttention
from timm.models.vision_transformer_relpos import RelPosAttention
from timm.models.vision_transformer_sam import Attention as SamAttention
from torch import Tensor, nn

from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.attention_contract import AttentionContract, channels_last
from tests.mechanisms.contract import Net


class Oblong(AttentionContract):
    """For layers that are built for one size."""

    hw = (4, 7)
    sizes_hw = (hw,)


class Square(AttentionContract):
    hw = (6, 6)
    sizes_hw = (hw,)


class BeitTable(AttentionContract):
    takes_tokens = True
    hw: tuple[int, int]

    def layer(self) -> nn.Module:
        return BeitAttention(8, num_heads=2, qkv_bias=True, window_size=self.hw)


class TestBeit(BeitTable, Square): ...


class TestBeitOblong(BeitTable, Oblong): ...


class TestBeitWithSharedBias(BeitTable, Oblong):
    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        shared = torch.linspace(-3, 3, 2 * x.shape[1] ** 2).reshape(1, 2, x.shape[1], x.shape[1]).sin() * 3
        return layer(x, shared_rel_pos_bias=shared)


class TestBeitWithoutBias(AttentionContract):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return BeitAttention(8, num_heads=2, qkv_bias=True)


class OwnPositions(AttentionContract):
    takes_tokens = True
    hw: tuple[int, int]

    def layer(self) -> nn.Module:
        return RelPosAttention(
            8, num_heads=2, qk_norm=True, rel_pos_cls=partial(RelPosMlp, window_size=self.hw, prefix_tokens=1)
        )


class TestRelPosMlp(OwnPositions, Square): ...


class TestRelPosMlpOblong(OwnPositions, Oblong): ...


class TestRelPosBiasBesideSharedOne(Oblong):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return RelPosAttention(8, num_heads=2, rel_pos_cls=partial(RelPosBias, window_size=self.hw, prefix_tokens=1))

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, torch.full((1, 2, x.shape[1], x.shape[1]), -1e9).tril())


class TestSharedRelPos(AttentionContract):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return RelPosAttention(8, num_heads=2)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x, torch.linspace(-9, 9, 2 * x.shape[1] ** 2).reshape(1, 2, x.shape[1], x.shape[1]).cos())


def drop_class(layer: nn.Module, x: Tensor) -> Tensor:
    """Call a layer that takes patch tokens alone."""
    return layer(x[:, 1:])


class Levit(AttentionContract):
    takes_tokens = True
    hw: tuple[int, int]
    call = staticmethod(drop_class)

    def layer(self) -> nn.Module:
        return levit.Attention(8, key_dim=3, num_heads=2, attn_ratio=2.0, resolution=self.hw)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole(hw)


class TestLevit(Levit, Square): ...


class TestLevitOblong(Levit, Oblong): ...


class TestLevitDownsample(Levit, Oblong):
    out_channels = 5

    def layer(self) -> nn.Module:
        return levit.AttentionDownsample(8, 5, 3, num_heads=2, attn_ratio=2.0, stride=2, resolution=self.hw)

    def queries(self, _hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole((2, 4))  # every second of 4 rows and of 7 columns


class TestConvolutionalLevit(Oblong):
    def layer(self) -> nn.Module:
        return levit.Attention(8, key_dim=3, num_heads=2, attn_ratio=2.0, resolution=self.hw, use_conv=True)


class TestConvolutionalLevitDownsample(Oblong):
    out_channels = 5

    def layer(self) -> nn.Module:
        return levit.AttentionDownsample(
            8, 5, 3, num_heads=2, attn_ratio=2.0, stride=2, resolution=self.hw, use_conv=True
        )

    def queries(self, _hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole((2, 4))


class EfficientFormer(Levit):
    def layer(self) -> nn.Module:
        return efficientformer.Attention(8, key_dim=3, num_heads=2, attn_ratio=2, resolution=self.hw)


class TestEfficientFormer(EfficientFormer, Square): ...


class TestEfficientFormerOblong(EfficientFormer, Oblong): ...


class TestEfficientFormerDownsample(Oblong):
    def layer(self) -> nn.Module:
        return efficientformer_v2.Attention2dDownsample(8, key_dim=3, num_heads=2, attn_ratio=2, resolution=self.hw)

    def queries(self, _hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole((2, 4))


class TestSam(AttentionContract):
    """The tables are for a map of 6 x 6 and are stretched to others."""

    call = staticmethod(channels_last)

    def layer(self) -> nn.Module:
        return SamAttention(8, num_heads=2, use_rel_pos=True, input_size=(6, 6))


def test_a_levit_bias_worked_by_hand() -> None:
    layer = levit.Attention(2, key_dim=1, num_heads=1, attn_ratio=1, resolution=(2, 2))
    for parameter in layer.qkv.parameters():
        nn.init.zeros_(parameter)
    net = Net(layer, 2, 2, drop_class, tokens=True).eval()
    with torch.no_grad():
        # ln of 1, 2, 3, 6 for (rows, columns) apart of (0, 0), (0, 1), (1, 0), (1, 1).
        layer.attention_biases.copy_(torch.tensor([[1.0, 2.0, 3.0, 6.0]]).log())
    weights = trace(net, torch.randn(1, 3, 2, 2)).of(SelfAttention)[0].weights()[0, 0]
    # Queries and keys are 0, so only the biases count. The sum of each row is 12.
    expected = torch.tensor([[1, 2, 3, 6], [2, 1, 6, 3], [3, 6, 1, 2], [6, 3, 2, 1]]) / 12
    torch.testing.assert_close(weights, expected)


@pytest.mark.parametrize("fused", [True, False])
def test_a_beit_table_worked_by_hand(fused: bool) -> None:
    layer = BeitAttention(2, num_heads=1, window_size=(1, 2))
    layer.fused_attn = fused
    nn.init.zeros_(layer.qkv.weight)
    with torch.no_grad():
        # Columns apart -1, 0, 1; then class to patch, patch to class, class to class.
        layer.relative_position_bias_table.copy_(torch.tensor([[3.0], [1.0], [2.0], [5.0], [4.0], [10.0]]).log())
    net = Net(layer, 2, 2, lambda layer, x: layer(x), tokens=True).eval()
    weights = trace(net, torch.randn(1, 3, 1, 2)).of(SelfAttention)[0].weights()[0, 0]
    # Query minus key: the left patch sees the right one at -1.
    expected = torch.tensor([[10 / 20, 5 / 20, 5 / 20], [4 / 8, 1 / 8, 3 / 8], [4 / 7, 2 / 7, 1 / 7]])
    torch.testing.assert_close(weights, expected)
