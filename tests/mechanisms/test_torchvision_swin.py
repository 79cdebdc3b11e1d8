import pytest
import torch
from torch import Tensor, nn
from torchvision.models.swin_transformer import ShiftedWindowAttention, ShiftedWindowAttentionV2, SwinTransformer

from attnviz.maps import AttentionFrom, Received
from attnviz.mechanisms.windows import SEPARATE, shift_mask
from attnviz.records import SelfAttention, TokenGrid
from attnviz.tracer import trace
from tests.mechanisms.contract import hooks_of
from tests.mechanisms.window_contract import VariantContract, WindowContract, one_channel


class TestVersion1(VariantContract):
    def layer(self) -> nn.Module:
        return ShiftedWindowAttention(8, [2, 3], [0, 0], num_heads=2)

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (2, 3)),)


class TestVersion1Shifted(WindowContract):
    def layer(self) -> nn.Module:
        return ShiftedWindowAttention(8, [2, 3], [1, 2], num_heads=2)

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (2, 3), (1, 2)),)


class TestVersion2Shifted(WindowContract):
    """The keys' bias is random here and must not count."""

    def layer(self) -> nn.Module:
        return ShiftedWindowAttentionV2(8, [2, 3], [1, 2], num_heads=2)

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (2, 3), (1, 2)),)


class TestVersion2WithoutBiases(VariantContract):
    def layer(self) -> nn.Module:
        return ShiftedWindowAttentionV2(8, [2, 3], [1, 2], num_heads=2, qkv_bias=False, proj_bias=False)

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (2, 3), (1, 2)),)


class TestAWindowHigherThanTheMap(VariantContract):
    """One row of windows: no shift up or down, whatever the layer was made with."""

    def layer(self) -> nn.Module:
        return ShiftedWindowAttention(8, [6, 3], [3, 1], num_heads=2)

    def tokens(self, grid_hw: tuple[int, int]) -> tuple[TokenGrid, ...]:
        return (TokenGrid(grid_hw, (6, 3), (0, 1)),)


@pytest.mark.parametrize("lit", [(0, 0), (2, 4), (2, 0), (0, 3), (1, 2)])
def test_every_query_of_the_window_points_at_the_lit_cell(lit: tuple[int, int]) -> None:
    layer = ShiftedWindowAttention(1, [2, 2], [0, 0], num_heads=1).eval()
    one_channel(layer.qkv)
    nn.init.zeros_(layer.relative_position_bias_table)
    grid = torch.zeros(1, 3, 5, 1)
    grid[0, *lit] = 1
    made = trace(layer_on(layer), grid)
    # Windows of 2 x 2 from the corner: cells share one if halves of their numbers agree. The lit key has logit 100.
    mates = [(y, x) for y in range(3) for x in range(5) if (y // 2, x // 2) == (lit[0] // 2, lit[1] // 2)]
    for mate in mates:
        seen = AttentionFrom(query=mate)(made).values_hw
        assert seen[lit] == 1
        assert sum(seen[other] for other in mates if other != lit) < 1e-40  # three times e to the -100
        assert all(seen[y, x] != seen[y, x] for y in range(3) for x in range(5) if (y, x) not in mates)
    assert Received()(made).values_hw[lit] == 1


@pytest.mark.parametrize("lit", [(0, 0), (2, 4), (2, 0), (0, 3), (1, 2)])
def test_in_a_shifted_layer_only_true_neighbours_look(lit: tuple[int, int]) -> None:
    layer = ShiftedWindowAttention(1, [2, 2], [1, 1], num_heads=1).eval()
    one_channel(layer.qkv)
    nn.init.zeros_(layer.relative_position_bias_table)
    with torch.no_grad():
        layer.qkv.weight[1] = 50  # below the 100 that keep strangers apart
    grid = torch.zeros(1, 3, 5, 1)
    grid[0, *lit] = 1
    made = trace(layer_on(layer), grid)
    # Windows shifted by one hold rows (1, 2) and columns (1, 2), (3, 4); row 0 and column 0 came round and stay alone.
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


def test_the_mask_worked_by_hand() -> None:
    # One row of four cells in windows of two, shifted by one: 1 2 | 3 0. Only 3 and 0 are strangers.
    mask = shift_mask(TokenGrid((1, 4), (1, 2), (0, 1)))
    assert mask is not None
    assert mask.tolist() == [[[0, 0], [0, 0]], [[0, SEPARATE], [SEPARATE, 0]]]
    assert shift_mask(TokenGrid((1, 4), (1, 2))) is None


class Forgetful(ShiftedWindowAttention):
    """As torchvision was before 0.15: a map that one window covers sets the layer's own shift to zero, for good."""

    def forward(self, x: Tensor) -> Tensor:
        for axis in (0, 1):
            if self.window_size[axis] >= x.shape[1 + axis]:
                self.shift_size[axis] = 0
        return super().forward(x)


def test_a_small_map_changes_nothing_for_later_ones() -> None:
    layer = ShiftedWindowAttention(8, [3, 3], [1, 1], num_heads=2)
    model = layer_on(layer)
    (small,) = trace(model, torch.randn(1, 3, 2, 8), verify=True).of(SelfAttention)
    assert small.tokens == TokenGrid((3, 2), (3, 3), (0, 0))
    assert layer.shift_size == [1, 1]
    result = trace(model, torch.randn(1, 5, 7, 8), verify=True)
    assert result.of(SelfAttention)[0].tokens == TokenGrid((5, 7), (3, 3), (1, 1))
    assert result.unproven == ()


def test_a_layer_that_lost_its_shift_is_read_as_it_is() -> None:
    layer = Forgetful(8, [3, 3], [1, 1], num_heads=2)
    model = layer_on(layer)
    with torch.no_grad():
        model(torch.randn(1, 3, 2, 8))
    result = trace(model, torch.randn(1, 5, 7, 8), verify=True)
    assert result.of(SelfAttention)[0].tokens == TokenGrid((5, 7), (3, 3), (0, 0))
    assert result.unproven == ()


def test_a_whole_network() -> None:
    model = SwinTransformer([4, 4], 16, [2, 2], [2, 4], [3, 4], num_classes=5).eval()
    x = torch.randn(1, 3, 40, 52)
    with torch.no_grad():
        plain = model(x)[0]
    result = trace(model, x, verify=True)
    assert torch.equal(result.logits, plain)
    assert result.unproven == ()
    assert [record.tokens for record in result.of(SelfAttention)] == [
        TokenGrid((10, 13), (3, 4)),
        TokenGrid((10, 13), (3, 4), (1, 2)),
        TokenGrid((5, 7), (3, 4)),
        TokenGrid((5, 7), (3, 4), (1, 2)),
    ]
    assert hooks_of(model) == 0
