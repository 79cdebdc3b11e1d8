import pytest
import timm
import torch
from timm.models.swin_transformer import SwinTransformerBlock, WindowAttention
from timm.models.swin_transformer_v2 import SwinTransformerV2Block
from timm.models.swin_transformer_v2_cr import SwinTransformerV2CrBlock
from torch import Tensor, nn

from attnviz.errors import UnreadableError
from attnviz.maps import AttentionFrom
from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.contract import hooks_of
from tests.mechanisms.window_contract import VariantContract, WindowContract, one_channel

SHIFTED = {"window_size": (2, 3), "shift_size": (1, 2), "dynamic_mask": True}


class Shifted:
    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (2, 3), (1, 2), rolled_first=True),)


class TestVersion1(VariantContract):
    def layer(self) -> nn.Module:
        return SwinTransformerBlock(8, (6, 6), num_heads=2, window_size=(2, 3))

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (2, 3), rolled_first=True),)


class TestVersion1Shifted(Shifted, WindowContract):
    def layer(self) -> nn.Module:
        return SwinTransformerBlock(8, (6, 6), num_heads=2, head_dim=3, **SHIFTED)


class TestVersion1Fused(Shifted, VariantContract):
    """timm's path with fused attention, off unless asked for; nothing inside it can be hooked."""

    def layer(self) -> nn.Module:
        layer = SwinTransformerBlock(8, (6, 6), num_heads=2, qkv_bias=False, **SHIFTED)
        layer.attn.fused_attn = True
        return layer


class TestVersion1WithAFixedMask(Shifted, VariantContract):
    """As timm builds its networks: the mask is made once, for one size of map."""

    sizes_hw = ((4, 7),)

    def layer(self) -> nn.Module:
        return SwinTransformerBlock(8, (4, 7), num_heads=2, window_size=(2, 3), shift_size=(1, 2))


class TestVersion2Shifted(Shifted, WindowContract):
    def layer(self) -> nn.Module:
        return SwinTransformerV2Block(8, (6, 6), num_heads=2, **SHIFTED)


class TestVersion2PretrainedOnOtherWindows(Shifted, VariantContract):
    def layer(self) -> nn.Module:
        return SwinTransformerV2Block(8, (6, 6), num_heads=2, qkv_bias=False, pretrained_window_size=5, **SHIFTED)


class TestVersion2CrShifted(WindowContract):
    """The shift is half of the window, whatever the layer is made with."""

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (2, 3), (1, 1), rolled_first=True),)

    def layer(self) -> nn.Module:
        return SwinTransformerV2CrBlock(8, 2, (6, 6), extra_norm=True, **SHIFTED)


@pytest.mark.parametrize("lit", [(0, 0), (2, 4), (2, 0), (0, 3), (1, 2)])
def test_only_true_neighbours_look_at_the_lit_cell(lit: tuple[int, int]) -> None:
    layer = SwinTransformerBlock(1, (3, 5), num_heads=1, window_size=2, shift_size=1)
    one_channel(layer.attn.qkv)
    nn.init.zeros_(layer.attn.relative_position_bias_table)
    layer.norm1 = nn.Identity()
    with torch.no_grad():
        layer.attn.qkv.weight[1] = 50  # below the 100 that keep strangers apart
    grid = torch.zeros(1, 3, 5, 1)
    grid[0, *lit] = 1
    made = trace(layer_on(layer), grid)
    # The map of 3 x 5 is rolled to rows 1 2 0 and columns 1 2 3 4 0, and then padded: windows hold rows (1, 2), (0)
    # and columns (1, 2), (3, 4), (0).
    for row in range(3):
        for column in range(5):
            together = ((row + 1) // 2, (column + 1) // 2) == ((lit[0] + 1) // 2, (lit[1] + 1) // 2)
            seen = AttentionFrom(query=(row, column))(made).values_hw[lit]
            assert (seen > 0.99) == together, (row, column)


def layer_on(layer: nn.Module) -> nn.Module:
    """A network that is the layer, and a mean."""

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(x).mean(dim=(1, 2))

    return Small().eval()


@pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256", "swinv2_cr_tiny_224"])
def test_whole_networks(name: str) -> None:
    model = timm.create_model(
        name, img_size=(40, 52), window_size=3, embed_dim=16, depths=(2, 2), num_heads=(2, 4), num_classes=5
    ).eval()
    for part in model.modules():
        # Version 2 starts its norms behind the attention at 0: every block would give back its input.
        if isinstance(part, nn.LayerNorm):
            nn.init.uniform_(part.weight, 0.5, 2.0)
    x = torch.randn(1, 3, 40, 52)
    with torch.no_grad():
        plain = model(x)[0]
    result = trace(model, x, verify=True)
    assert torch.equal(result.logits, plain)
    assert result.unproven == ()
    assert result.unread == {}
    # Patches of 4 px: 10 x 13; merged by two, with padding: 5 x 7. Half of 3, rounded down, is the shift.
    assert [record.tokens for record in result.of(SelfAttention)] == [
        TokenGrid((10, 13), (3, 3), rolled_first=True),
        TokenGrid((10, 13), (3, 3), (1, 1), rolled_first=True),
        TokenGrid((5, 7), (3, 3), rolled_first=True),
        TokenGrid((5, 7), (3, 3), (1, 1), rolled_first=True),
    ]
    assert hooks_of(model) == 0


def test_windows_without_their_block_are_refused_with_a_reason() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attn = WindowAttention(8, num_heads=2, window_size=2)

        def forward(self, x: Tensor) -> Tensor:
            return self.attn(x).mean(dim=1)

    with pytest.raises(UnreadableError, match="attn: it sees windows and not where they lie"):
        trace(Bare().eval(), torch.randn(1, 2, 4, 8))
