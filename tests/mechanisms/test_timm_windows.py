import pytest
import torch
from timm.models import davit, efficientvit_msra, gcvit, iformer, nest, tiny_vit, twins, vision_transformer_sam
from timm.models.mobilevit import MobileVitBlock
from torch import Tensor, nn

from attnviz.errors import ShapeError
from attnviz.records import SelfAttention, TokenGrid
from attnviz.records.tokens import PADDING
from attnviz.tracer import trace
from tests.mechanisms.attention_contract import HW_OF, AttentionContract, channels_last
from tests.mechanisms.contract import Net


class WindowContract(AttentionContract):
    """Windows of 3 x 3: four in 6 x 6, and six in 4 x 7, which is filled up to 6 x 9."""

    key = "windowed"

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid(hw, (3, 3))


class TestDavit(WindowContract):
    def layer(self) -> nn.Module:
        return davit.SpatialBlock(8, num_heads=2, window_size=(3, 3))


class TestGcvit(WindowContract):
    """This family does not fill windows up, so both sizes are multiples of 3."""

    sizes_hw = ((6, 6), (3, 6))
    call = staticmethod(channels_last)

    def layer(self) -> nn.Module:
        return gcvit.GlobalContextVitBlock(
            8, feat_size=(6, 6), num_heads=2, window_size=3, use_global=False, layer_scale=0.5
        )


class TestGcvitWithGlobalQueries(TestGcvit):
    def layer(self) -> nn.Module:
        return gcvit.GlobalContextVitBlock(8, feat_size=(6, 6), num_heads=2, window_size=3)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        asked = torch.linspace(-2, 2, 72).cos().reshape(1, 3, 3, 8)
        return layer(x.permute(0, 2, 3, 1), asked).permute(0, 3, 1, 2)


class TestTinyVit(WindowContract):
    call = staticmethod(channels_last)

    def layer(self) -> nn.Module:
        return tiny_vit.TinyVitBlock(8, num_heads=2, window_size=3)


class TestSamBlock(WindowContract):
    call = staticmethod(channels_last)

    def layer(self) -> nn.Module:
        return vision_transformer_sam.Block(
            8, num_heads=2, use_rel_pos=True, window_size=3, input_size=(6, 6), init_values=0.5
        )


class TestGlobalSamBlock(TestSamBlock):
    def layer(self) -> nn.Module:
        return vision_transformer_sam.Block(8, num_heads=2, use_rel_pos=True, input_size=(6, 6))

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole(hw)


class TestTwins(WindowContract):
    takes_tokens = True

    def layer(self) -> nn.Module:
        return twins.LocallyGroupedAttn(8, num_heads=2, ws=3)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return layer(x[:, 1:], HW_OF[x.shape[1] - 1])


class TestNest(WindowContract):
    sizes_hw = ((6, 6),)

    def layer(self) -> nn.Module:
        return nest.Attention(8, num_heads=2)

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        return nest.deblockify(layer(nest.blockify(x.permute(0, 2, 3, 1), 3)), 3).permute(0, 3, 1, 2)


class TestCascade(WindowContract):
    def layer(self) -> nn.Module:
        return efficientvit_msra.LocalWindowAttention(
            8, key_dim=2, num_heads=2, attn_ratio=2, resolution=6, window_resolution=3, kernels=(3, 3)
        )


class TestIformerWindows(WindowContract):
    def layer(self) -> nn.Module:
        return iformer.SHMA(8, window_size=3)


class TestIformer(TestIformerWindows):
    def layer(self) -> nn.Module:
        return iformer.SHMA(8)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        return TokenGrid.whole(hw)


class TestMobileVit(AttentionContract):
    """Patches of 2 x 2 give four groups of tokens; a map of 4 x 7 is stretched to 4 x 8 first."""

    key = "mobilevit.0"

    def layer(self) -> nn.Module:
        return MobileVitBlock(8, num_heads=2, transformer_dim=6, transformer_depth=1, patch_size=2)

    def keys(self, hw: tuple[int, int]) -> TokenGrid:
        rows, columns = hw[0] // 2, -(-hw[1] // 2)
        return TokenGrid((2 * rows, 2 * columns), (rows, columns), strided=True)


class TestMobileVitWithoutFusion(TestMobileVit):
    def layer(self) -> nn.Module:
        return MobileVitBlock(8, num_heads=2, transformer_dim=6, transformer_depth=1, patch_size=2, no_fusion=True)


def test_each_transformer_layer_of_mobilevit_has_a_record() -> None:
    block = MobileVitBlock(8, num_heads=2, transformer_dim=6, transformer_depth=3)
    net = Net(block, 8, 8, lambda layer, x: layer(x), tokens=False).eval()
    records = trace(net, torch.randn(1, 3, 4, 6), verify=True).records
    assert [record.site.mechanism for record in records] == ["mobilevit.0", "mobilevit.1", "mobilevit.2"]


def test_equal_keys_share_a_window_with_its_padding() -> None:
    layer = twins.LocallyGroupedAttn(8, num_heads=2, ws=3)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    net = Net(layer, 8, 8, lambda layer, x: layer(x[:, 1:], HW_OF[x.shape[1] - 1]), tokens=True).eval()
    (record,) = trace(net, torch.randn(1, 3, 4, 7)).of(SelfAttention)
    torch.testing.assert_close(record.weights(), torch.full((6, 2, 9, 9), 1 / 9))
    # The last window covers rows 3 to 5 and columns 6 to 8; on the map lies row 3, column 6.
    padding = record.tokens.cells()[-1] == PADDING
    assert padding.tolist() == [False] + [True] * 8


def test_blocks_of_nest_that_are_no_square_are_refused() -> None:
    net = Net(nest.Attention(8, num_heads=2), 8, 8, lambda layer, x: layer(x[:, None, 1:])[:, 0], tokens=True).eval()
    with pytest.raises(ShapeError, match="squares of whole numbers"):
        trace(net, torch.randn(1, 3, 4, 7))
