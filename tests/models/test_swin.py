import numpy as np
import pytest
import torch

import attnviz
from attnviz.maps import AttentionFrom, GradCam, MapMethod, Received
from attnviz.models import ResNet, SwinTransformer
from attnviz.records import SelfAttention


@pytest.fixture(scope="module")
def network() -> SwinTransformer:
    torch.manual_seed(0)
    return SwinTransformer(5).eval()


def test_windows_of_every_block_are_read_and_proven(network: SwinTransformer) -> None:
    trace = attnviz.trace(network, torch.randn(1, 3, 64, 96), verify=True)
    tokens = [record.tokens for record in trace.of(SelfAttention)]
    # stride 4 in two blocks, stride 8 in four; every other block moves its windows by half of their 4 cells
    assert [grid.grid_hw for grid in tokens] == [(16, 24)] * 2 + [(8, 12)] * 4
    assert [grid.window_hw for grid in tokens] == [(4, 4)] * 6
    assert [grid.shift_hw for grid in tokens] == [(0, 0), (2, 2)] * 3
    assert trace.unproven == ()
    assert trace.unread == {}


def test_sides_of_whole_windows_need_no_filling(network: SwinTransformer) -> None:
    for hw in ((64, 96), (32, 128)):
        for record in attnviz.trace(network, torch.randn(1, 3, *hw)).of(SelfAttention):
            grid, window = record.tokens.grid_hw, record.tokens.window_hw
            assert (grid[0] % window[0], grid[1] % window[1]) == (0, 0)
    # stride of the last stage times the window's side is 8 * 4
    assert SwinTransformer.multiple_of == 4 * 4  # stride of the first stage with windows, times the window's side


def test_grad_cam_lies_on_the_last_grid(network: SwinTransformer) -> None:
    assert attnviz.explain(network, torch.randn(1, 3, 64, 96), GradCam(target=1)).grid_hw == (8, 12)


def test_its_first_stages_are_the_residual_networks(network: SwinTransformer) -> None:
    first = ("stem.", "layer1.", "layer2.")
    own = {key: value.shape for key, value in network.state_dict().items() if key.startswith(first)}
    assert own == {key: value.shape for key, value in ResNet(5).state_dict().items() if key.startswith(first)}


def test_every_parameter_learns() -> None:
    network = SwinTransformer(5)
    network(torch.randn(4, 3, 64, 64)).square().sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []


@pytest.mark.parametrize("hw", [(80, 80), (80, 112), (64, 64)])
@pytest.mark.parametrize("method", [Received(-1), AttentionFrom(-1, query="mean")])
def test_attention_that_prefers_nothing_is_flat_also_where_windows_stick_out(
    hw: tuple[int, int], method: MapMethod
) -> None:
    # Ten rows need three windows of four: two rows are filled up. Queries and keys of zero attend evenly.
    network = SwinTransformer(5).eval()
    for name, parameter in network.named_parameters():
        if "qkv" in name or "relative" in name:
            torch.nn.init.zeros_(parameter)
    made = method(attnviz.trace(network, torch.randn(1, 3, *hw)))
    np.testing.assert_allclose(made.values_hw, 1 / 16, rtol=1e-5)  # sixteen keys in a window
