import math

import pytest
import torch
from torch import nn

from attnviz.layers import AAConv2d
from attnviz.records import SelfAttention
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract, vary


class TestAAConv(MechanismContract):
    expected = ((SelfAttention, "aa_conv"),)
    out_channels = 10

    def layer(self) -> nn.Module:
        # Stored for neither of the contract's sizes: the embeddings are resampled.
        return AAConv2d(8, 10, key_channels=6, value_channels=4, heads=2, grid_hw=(5, 5))


@pytest.mark.parametrize("hw", [(8, 8), (7, 10)])
def test_downsampled_and_convolution_free_layers_prove_themselves(hw: tuple[int, int]) -> None:
    both = nn.Sequential(
        AAConv2d(3, 8, stride=2, key_channels=6, value_channels=4, heads=2, grid_hw=(2, 3), downsample=2),
        AAConv2d(8, 4, key_channels=6, value_channels=4, heads=2, grid_hw=(4, 5)),
    )
    result = trace(vary(both).eval(), torch.randn(1, 3, *hw), verify=True)
    assert result.unproven == ()
    coarse, fine = result.of(SelfAttention)
    # The first layer's output has half the cells of the input, its attention half of those, each rounded up.
    output_hw = tuple(-(-size // 2) for size in hw)
    assert fine.tokens.grid_hw == output_hw
    assert coarse.tokens.grid_hw == tuple(-(-size // 2) for size in output_hw)


def test_relative_positions_worked_by_hand() -> None:
    layer = AAConv2d(1, 2, key_channels=1, value_channels=1, heads=1, grid_hw=(1, 3)).eval()
    with torch.no_grad():
        layer.qkv.weight.copy_(torch.tensor([1.0, 0.0, 1.0]).view(3, 1, 1, 1))  # q = x, k = 0, v = x
        layer.rel_h.zero_()
        # Offsets key - query from -2 to 2.
        layer.rel_w.copy_(torch.tensor([[0.0], [0.0], [0.0], [math.log(2)], [math.log(3)]]))
    (record,) = trace(nn.Sequential(layer).eval(), torch.ones(1, 1, 1, 3)).records
    # Query 0 sees offsets 0, 1, 2: exp of the logits is 1, 2, 3. Query 1 sees -1, 0, 1: 1, 1, 2. Query 2: 1, 1, 1.
    expected = torch.tensor([[1 / 6, 2 / 6, 3 / 6], [1 / 4, 1 / 4, 2 / 4], [1 / 3, 1 / 3, 1 / 3]])
    torch.testing.assert_close(record.weights(), expected[None, None])
    assert record.tokens.grid_hw == (1, 3)


def test_a_stride_pools_the_grid() -> None:
    layer = AAConv2d(3, 8, stride=2, key_channels=4, value_channels=4, heads=2, grid_hw=(3, 4))
    result = trace(nn.Sequential(vary(layer)).eval(), torch.randn(1, 3, 5, 8), verify=True)
    # 5 rows pool to 3, the last of them from one row; 8 columns pool to 4.
    assert result.of(SelfAttention)[0].tokens.grid_hw == (3, 4)
    assert result.unproven == ()
