import pytest
import torch
from torch import nn

from attnviz.counting import Cost, cost, on_meta
from attnviz.errors import ValueRangeError
from attnviz.layers import AAConv2d, ChannelGate


def test_a_convolution_worked_by_hand() -> None:
    conv = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    # 6 filters of 2 x 3 x 3 weights and 6 biases; on 8 x 10 the output is 4 x 5: 20 * 6 * 18 multiply-adds
    assert cost(conv, (1, 4, 8, 10)) == Cost(6 * 18 + 6, 20 * 6 * 18)
    assert cost(conv, (1, 4, 8, 10), "products") == cost(conv, (1, 4, 8, 10))


def test_a_layer_that_runs_twice_counts_twice() -> None:
    gate = ChannelGate(32, reduction=16)  # 32 x 2 and 2 x 32 weights, for the mean and for the maximum
    assert cost(gate, (1, 32, 4, 4)).multiply_adds == 2 * (64 + 64)


def test_products_of_attention_count_among_the_products_only() -> None:
    layer = AAConv2d(3, 8, key_channels=4, value_channels=4, heads=2, grid_hw=(2, 3))
    # Layers: 4 filters of 27, 12 of 3 (queries, keys, values), 4 of 4; at 6 positions.
    layers = 6 * (4 * 27 + 12 * 3 + 4 * 4)
    # Products: queries by keys and matrix by values, each 6 x 6 positions by 2 channels for 2 heads; offsets: each
    # query by 2 rows and 3 columns of 2 channels for 2 heads.
    products = 2 * 6 * 6 * 2 * 2 + 6 * (2 + 3) * 2 * 2
    assert cost(layer.eval(), (1, 3, 2, 3)).multiply_adds == layers
    assert cost(layer.eval(), (1, 3, 2, 3), "products").multiply_adds == layers + products


def test_the_fused_path_of_a_transformer_counts_too() -> None:
    layer = nn.MultiheadAttention(4, 2, batch_first=True).eval()

    class Itself(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.layer(x, x, x, need_weights=False)[0]

    # 3 tokens of 4 channels: four projections of 4 x 4, and two products of 3 x 3 x 4
    assert cost(Itself().eval(), (1, 3, 4), "products").multiply_adds == 3 * 4 * 16 + 2 * 36


def test_on_meta_holds_no_numbers() -> None:
    model = on_meta(lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)))
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert not model.training
    # 12 weights and 4 biases, 4 factors and 4 shifts; running statistics are no parameters
    assert cost(model, (1, 3, 5, 5)) == Cost(24, 300)


def test_no_hook_is_left() -> None:
    conv = nn.Conv2d(3, 4, 1)
    with pytest.raises(RuntimeError):
        cost(conv, (1, 2, 5, 5))
    assert not conv._forward_hooks


@pytest.mark.parametrize(
    ("shape", "counted", "sentence"),
    [((2, 3, 5, 5), "layers", "batch of 1"), ((1, 3, 5, 5), "flops", "layers, products; got 'flops'")],
)
def test_mistakes_are_refused(shape: tuple[int, ...], counted: str, sentence: str) -> None:
    with pytest.raises(ValueRangeError, match=sentence):
        cost(nn.Conv2d(3, 4, 1), shape, counted)  # type: ignore[arg-type]
