from functools import partial

import pytest
import timm
import torch
from timm.layers import RelPosBias, RelPosBiasTf, RelPosMlp
from timm.models.maxxvit import (
    Attention2d,
    AttentionCl,
    MaxxVitTransformerCfg,
    ParallelPartitionAttention,
    PartitionAttention2d,
    PartitionAttentionCl,
)
from torch import Tensor, nn
from torchvision.models import MaxVit
from torchvision.models.maxvit import PartitionAttentionLayer

from attnviz.errors import UnreadableError
from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract, hooks_of, vary
from tests.mechanisms.window_contract import VariantContract, WindowContract


class MaxVit2x2:
    """Windows of 2 x 2. Both libraries refuse maps that the windows do not divide."""

    expected = ((SelfAttention, "maxvit"),)
    sizes_hw = ((4, 4), (4, 6))
    strided = False

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (2, 2), strided=self.strided),)


def torchvision_layer(sort: str, grid_hw: tuple[int, int]) -> nn.Module:
    # Two heads of four channels: the scale is that of eight.
    return PartitionAttentionLayer(8, 4, 2, sort, grid_hw, 2, nn.GELU, nn.LayerNorm, 0.0, 0.0, 0.0)


class TestTorchvisionWindows(MaxVit2x2, WindowContract):
    channels_last = False
    sizes_hw = ((4, 6),)

    def layer(self) -> nn.Module:
        return torchvision_layer("window", (4, 6))


class TestTorchvisionGrid(MaxVit2x2, VariantContract):
    """torchvision's grid attention takes squares only."""

    channels_last = False
    sizes_hw = ((6, 6),)
    strided = True

    def layer(self) -> nn.Module:
        return torchvision_layer("grid", (6, 6))


def config(**options: object) -> MaxxVitTransformerCfg:
    return MaxxVitTransformerCfg(dim_head=4, window_size=(2, 2), grid_size=(2, 2), expand_ratio=2.0, **options)


class TestTimmBlocks(MaxVit2x2, VariantContract):
    def layer(self) -> nn.Module:
        return PartitionAttentionCl(8, "block", config(init_values=0.5))


class TestTimmGrid(MaxVit2x2, WindowContract):
    strided = True

    def layer(self) -> nn.Module:
        return PartitionAttentionCl(8, "grid", config(rel_pos_type="bias_tf", head_first=False))


class TestTimmGridNotFused(MaxVit2x2, VariantContract):
    strided = True

    def layer(self) -> nn.Module:
        layer = PartitionAttentionCl(8, "grid", config(rel_pos_type="mlp", attn_bias=False))
        layer.attn.fused_attn = False
        return layer


class TestTimmBlocksWithChannelsFirst(MaxVit2x2, WindowContract):
    channels_last = False

    def layer(self) -> nn.Module:
        return PartitionAttention2d(8, "block", config(init_values=0.5))


class TestTimmGridWithChannelsFirst(MaxVit2x2, VariantContract):
    channels_last = False
    strided = True

    def layer(self) -> nn.Module:
        layer = PartitionAttention2d(8, "grid", config(head_first=False, rel_pos_type=""))
        layer.attn.fused_attn = False
        return layer


class TestTimmBothAtOnce(MaxVit2x2, WindowContract):
    expected = ((SelfAttention, "maxvit.block"), (SelfAttention, "maxvit.grid"))

    def layer(self) -> nn.Module:
        return ParallelPartitionAttention(8, config())

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return TokenGrid(grid_hw, (2, 2)), TokenGrid(grid_hw, (2, 2), strided=True)


class TestWholeMap(MechanismContract):
    """CoAtNet: the same attention over the whole map."""

    expected = ((SelfAttention, "mhsa"),)
    out_channels = 12

    def layer(self) -> nn.Module:
        return Attention2d(8, 12, dim_head=4)


class OneLayer(nn.Module):
    """A network of one layer, and a mean."""

    def __init__(self, layer: nn.Module, **options: object) -> None:
        super().__init__()
        self.attn = layer
        self.options = options

    def forward(self, x: Tensor) -> Tensor:
        return self.attn(x, **self.options).flatten(2).mean(dim=2)


@pytest.mark.parametrize("positions", [RelPosBias, RelPosBiasTf, RelPosMlp])
def test_positions_of_a_whole_map_that_is_not_square(positions: type[nn.Module]) -> None:
    layer = vary(Attention2d(8, dim_head=4, rel_pos_cls=partial(positions, window_size=(2, 3))))
    result = trace(OneLayer(layer).eval(), torch.randn(1, 8, 2, 3), verify=True)
    assert result.of(SelfAttention)[0].bias is not None
    assert result.unproven == ()


@pytest.mark.parametrize("fused", [True, False])
def test_positions_that_all_layers_share(fused: bool) -> None:
    layer = vary(Attention2d(8, dim_head=4, head_first=False))
    layer.fused_attn = fused
    shared = torch.randn(1, 2, 6, 6)
    result = trace(OneLayer(layer, shared_rel_pos=shared).eval(), torch.randn(1, 8, 2, 3), verify=True)
    (record,) = result.of(SelfAttention)
    assert torch.equal(record.bias, shared)
    assert result.unproven == ()


def test_the_whole_of_torchvision() -> None:
    model = MaxVit((64, 64), 8, 2, [8, 16], [1, 1], head_dim=4, stochastic_depth_prob=0.0, num_classes=5).eval()
    result = trace(model, torch.randn(1, 3, 64, 64), verify=True)
    assert result.unproven == ()
    # Stem and two stages halve 64 to 16 and 8. A layer has one squeeze-excitation, and one attention of each sort.
    assert [record.tokens for record in result.of(SelfAttention)] == [
        TokenGrid((16, 16), (2, 2)),
        TokenGrid((16, 16), (2, 2), strided=True),
        TokenGrid((8, 8), (2, 2)),
        TokenGrid((8, 8), (2, 2), strided=True),
    ]
    assert len(result.records) == 6
    assert hooks_of(model) == 0


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        # A window is the map's share of 32 x 32 pixels per cell of the last stage: 64 x 128 px make 2 x 4.
        ("maxvit_tiny_tf_224", {"depths": (1, 1), "embed_dim": (32, 64)}),
        ("maxvit_tiny_pm_256", {"depths": (1, 1), "embed_dim": (32, 64), "block_type": ("PM", "PM")}),
    ],
)
def test_whole_networks_of_timm(name: str, sizes: dict[str, object]) -> None:
    model = timm.create_model(name, img_size=(64, 128), num_classes=5, **sizes).eval()
    result = trace(model, torch.randn(1, 3, 64, 128), verify=True)
    assert result.unproven == ()
    assert result.unread == {}
    assert [record.tokens for record in result.of(SelfAttention)] == [
        TokenGrid((16, 32), (2, 4)),
        TokenGrid((16, 32), (2, 4), strided=True),
        TokenGrid((8, 16), (2, 4)),
        TokenGrid((8, 16), (2, 4), strided=True),
    ]


def test_coatnet_attends_over_the_whole_map() -> None:
    model = timm.create_model("test_coatnet", img_size=(64, 96), num_classes=5).eval()
    result = trace(model, torch.randn(1, 3, 64, 96), verify=True)
    assert result.unproven == ()
    assert [record.tokens for record in result.of(SelfAttention)][-1] == TokenGrid.whole((2, 3))


def test_windows_without_their_layer_are_refused_with_a_reason() -> None:
    with pytest.raises(UnreadableError, match="attn: it sees windows and not where they lie"):
        trace(OneLayer(AttentionCl(8, dim_head=4)).eval(), torch.randn(1, 2, 2, 8))
