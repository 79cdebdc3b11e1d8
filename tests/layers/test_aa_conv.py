import pytest
import torch
from einops import rearrange
from torch import nn

from attnviz.errors import ValueRangeError
from attnviz.layers import AAConv2d


def make(stride: int = 1, grid_hw: tuple[int, int] = (3, 4)) -> AAConv2d:
    torch.manual_seed(0)
    return AAConv2d(6, 10, stride=stride, key_channels=8, value_channels=4, heads=2, grid_hw=grid_hw).eval()


def test_relative_logits_equal_an_explicit_gather_on_a_grid_that_is_not_square() -> None:
    layer = make()
    height, width = 3, 4
    q = torch.randn(2, 2, 12, 4)
    logits = layer.relative_logits(q, (height, width))
    for i in range(12):
        for j in range(12):
            (yi, xi), (yj, xj) = divmod(i, width), divmod(j, width)
            embedding = layer.rel_h[yj - yi + height - 1] + layer.rel_w[xj - xi + width - 1]
            expected = (q[:, :, i] * embedding).sum(-1) / 4**0.5  # sqrt of 4 channels per head
            torch.testing.assert_close(logits[:, :, i, j], expected)


def test_with_identity_attention_the_layer_returns_the_values() -> None:
    layer = make()
    with torch.no_grad():
        layer.out.weight.copy_(torch.eye(4)[:, :, None, None])
    x = torch.randn(2, 6, 3, 4)
    _, _, v = layer.project(x)
    identity = torch.eye(12).expand(2, 2, 12, 12)
    output = layer.merge(x, identity @ v)
    torch.testing.assert_close(output[:, -4:], layer.qkv(x)[:, -4:])
    torch.testing.assert_close(output[:, :-4], layer.conv(x))


def test_forward_is_softmax_attention_beside_a_convolution() -> None:
    layer = make()
    x = torch.randn(1, 6, 3, 4)
    q, k, v = layer.project(x)
    logits = torch.einsum("bhid,bhjd->bhij", q, k) / 2 + layer.relative_logits(q, (3, 4))
    attended = torch.einsum("bhij,bhjd->bhid", logits.softmax(-1), v)
    mixed = layer.out(rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=3))
    torch.testing.assert_close(layer(x), torch.cat([layer.conv(x), mixed], dim=1))


def test_the_output_does_not_change_from_call_to_call() -> None:
    layer, x = make(), torch.randn(1, 6, 3, 4)
    assert torch.equal(layer(x), layer(x))
    assert {"rel_h", "rel_w"} <= set(dict(layer.named_parameters()))


@pytest.mark.parametrize("hw", [(3, 4), (4, 3), (7, 5), (1, 9), (16, 11)])
@pytest.mark.parametrize("stride", [1, 2])
def test_any_input_size(hw: tuple[int, int], stride: int) -> None:
    layer = make(stride)
    height, width = (-(-size // stride) for size in hw)
    assert layer(torch.randn(1, 6, *hw)).shape == (1, 10, height, width)


@pytest.mark.parametrize("hw", [(4, 6), (7, 5), (2, 3)])
def test_a_centred_kernel_rounds_the_grid_down(hw: tuple[int, int]) -> None:
    layer = AAConv2d(6, 10, 4, stride=2, key_channels=8, value_channels=4, heads=2, grid_hw=(3, 4)).eval()
    assert layer(torch.randn(1, 6, *hw)).shape == (1, 10, hw[0] // 2, hw[1] // 2)


def test_resampled_embeddings_are_linear_between_the_stored_ones() -> None:
    layer = make(grid_hw=(2, 2))  # offsets -1, 0, 1 become -2, -1, 0, 1, 2 on a grid of 3
    with torch.no_grad():
        layer.rel_w.zero_()
        layer.rel_h.copy_(torch.tensor([[0.0], [4.0], [0.0]]).expand(3, 4))
    logits = layer.relative_logits(torch.ones(1, 2, 3, 4), (3, 1))[0, 0]
    # Offset 0 keeps 4, offset 1 lies halfway between 4 and 0, offset 2 is the last stored one; 4 channels over sqrt 4.
    expected = torch.tensor([[8.0, 4.0, 0.0], [4.0, 8.0, 4.0], [0.0, 4.0, 8.0]])
    torch.testing.assert_close(logits, expected)


def test_swapping_heads_swaps_their_maps_and_nothing_else() -> None:
    layer, swapped, x = make(), make(), torch.randn(1, 6, 3, 4)
    with torch.no_grad():
        order = [*range(4, 8), *range(4), *range(12, 16), *range(8, 12), 18, 19, 16, 17]
        swapped.qkv.weight.copy_(layer.qkv.weight[order])
        swapped.out.weight.copy_(layer.out.weight[:, [2, 3, 0, 1]])

    def maps_of(one: AAConv2d) -> torch.Tensor:
        q, k, _ = one.project(x)
        return ((q * one.scale) @ k.transpose(-2, -1) + one.relative_logits(q, (3, 4))).softmax(-1)

    torch.testing.assert_close(maps_of(swapped), maps_of(layer).flip(1))
    torch.testing.assert_close(swapped(x), layer(x))


def test_queries_and_keys_come_from_a_pointwise_convolution_without_bias() -> None:
    layer = make()
    assert isinstance(layer.qkv, nn.Conv2d)
    assert layer.qkv.kernel_size == (1, 1)
    assert layer.qkv.bias is None


@pytest.mark.parametrize(("keys", "values"), [(7, 4), (8, 3), (8, 12), (8, 0)])
def test_impossible_channels_are_refused(keys: int, values: int) -> None:
    with pytest.raises(ValueRangeError, match="must"):
        AAConv2d(6, 10, key_channels=keys, value_channels=values, heads=2, grid_hw=(3, 4))


def test_a_finer_grid_for_the_attention_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="downsample must be at least 1; got 0"):
        AAConv2d(6, 10, key_channels=8, value_channels=4, heads=2, grid_hw=(3, 4), downsample=0)


def test_as_many_values_as_outputs_leave_no_convolution() -> None:
    torch.manual_seed(0)
    layer = AAConv2d(6, 10, key_channels=8, value_channels=10, heads=2, grid_hw=(3, 4)).eval()
    assert layer.conv is None
    x = torch.randn(1, 6, 3, 4)
    q, k, v = layer.project(x)
    logits = torch.einsum("bhid,bhjd->bhij", q, k) / 2 + layer.relative_logits(q, (3, 4))
    attended = torch.einsum("bhij,bhjd->bhid", logits.softmax(-1), v)
    torch.testing.assert_close(layer(x), layer.out(rearrange(attended, "b heads (h w) d -> b (heads d) h w", h=3)))


def downsampled(stride: int = 1) -> AAConv2d:
    torch.manual_seed(0)
    options = {"key_channels": 8, "value_channels": 4, "heads": 2, "grid_hw": (2, 3), "downsample": 2}
    return AAConv2d(6, 10, stride=stride, **options).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("hw", [(4, 6), (5, 6), (7, 5), (1, 9)])
@pytest.mark.parametrize("stride", [1, 2])
def test_downsampled_attention_fits_any_input_size(hw: tuple[int, int], stride: int) -> None:
    layer, x = downsampled(stride), torch.randn(1, 6, *hw)
    output_hw = tuple(-(-size // stride) for size in hw)
    coarse_hw = tuple(-(-size // 2) for size in output_hw)
    assert layer.grids_of(hw) == (output_hw, coarse_hw)
    assert layer.pool(x).shape == (1, 6, *coarse_hw)
    assert layer(x).shape == (1, 10, *output_hw)


def test_downsampling_averages_three_by_three_cells() -> None:
    x = torch.arange(20.0).view(1, 1, 4, 5).expand(1, 6, 4, 5)
    pooled = downsampled().pool(x)[0, 0]
    # Rows hold 0 to 4, 5 to 9, 10 to 14, 15 to 19. Around (0, 0): cells 0, 1, 5, 6, mean 3.
    # Around (0, 2): 1, 2, 3, 6, 7, 8, mean 4.5. Around (2, 2): rows 1 to 3, columns 1 to 3, mean is the middle, 12.
    assert pooled[0, 0] == 3.0
    assert pooled[0, 1] == 4.5
    assert pooled[1, 1] == 12.0


def test_downsampled_attention_is_interpolated_and_the_convolution_is_not() -> None:
    layer = downsampled()
    with torch.no_grad():
        layer.out.weight.copy_(torch.eye(4)[:, :, None, None])
    x = torch.randn(1, 6, 4, 6)
    coarse = torch.tensor([[0.0, 4.0, 8.0], [8.0, 12.0, 16.0]])  # 2 x 3 positions
    attended = coarse.flatten().view(1, 1, 6, 1).expand(1, 2, 6, 2)
    output = layer.merge(x, attended)
    torch.testing.assert_close(output[:, :-4], layer.conv(x))
    # Each coarse cell covers two columns; its centre lies between them. Columns 0 and 5 keep the outer values, 1 lies
    # a quarter of the way from 0 to 4, 2 three quarters, and so on. Rows likewise: none, 1/4, 3/4, all of 8.
    columns = torch.tensor([0.0, 1.0, 3.0, 5.0, 7.0, 8.0])
    rows = torch.tensor([0.0, 2.0, 6.0, 8.0])
    torch.testing.assert_close(output[0, -1], rows[:, None] + columns[None, :])
