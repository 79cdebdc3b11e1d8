"""Outputs are laid on the picture, or refused."""

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from attnviz.errors import ShapeError
from attnviz.maps.layer_layout import Tokens, layout_of
from attnviz.records import SelfAttention
from attnviz.tracer import trace


class Gridded(nn.Module):
    def grid_of(self, input_hw):
        return input_hw[0] // 8, input_hw[1] // 8


class WithRegisters(Gridded):
    prefix = ("class", "register 1", "register 2")


class WithoutClass(Gridded):
    prefix = ()


@pytest.mark.parametrize("shape", [(1, 5, 8, 12), (1, 1, 8, 12)])
def test_channels_first(shape):
    output = torch.randn(shape)
    layout = layout_of(nn.Identity(), output, (64, 96), "layer")
    assert torch.equal(layout.to_grid(output), output)
    assert torch.equal(layout.from_grid(output, output), output)


def test_channels_last_is_recognised_by_the_picture_s_proportions():
    output = torch.randn(1, 8, 12, 96)
    layout = layout_of(nn.Identity(), output, (64, 96), "layer")
    grid = layout.to_grid(output)
    assert grid.shape == (1, 96, 8, 12)
    assert torch.equal(grid[0, :, 3, 5], output[0, 3, 5])
    assert torch.equal(layout.from_grid(grid, output), output)


@pytest.mark.parametrize(("model", "prefix"), [(Gridded(), 1), (WithoutClass(), 0), (WithRegisters(), 3)])
def test_tokens_behind_those_that_the_model_names(model, prefix):
    output = torch.randn(1, prefix + 96, 7)
    layout = layout_of(model, output, (64, 96), "layer")
    grid = layout.to_grid(output)
    assert grid.shape == (1, 7, 8, 12)
    assert torch.equal(grid[0, :, 1, 2], output[0, prefix + 14])  # row 1 of 12 columns, column 2
    assert torch.equal(layout.from_grid(grid, output), output)


@pytest.mark.parametrize("shape", [(1, 5, 1, 1), (1, 64, 3, 64), (1, 10), (1, 50, 7), (1, 98, 7)])
def test_what_fits_no_grid_is_refused(shape):
    with pytest.raises(ShapeError, match="layer9 must return"):
        layout_of(Gridded(), torch.randn(shape), (64, 96), "layer9")


def test_tokens_of_a_model_that_does_not_say_how_they_lie():
    # 64 x 96 px in patches of 8 are 96 tokens; nobody names the other two.
    with pytest.raises(ShapeError, match="grid_of"):
        layout_of(nn.Identity(), torch.randn(1, 98, 7), (64, 96), "layer")


def test_a_picture_that_the_network_pads_has_the_grid_that_a_trace_gives():
    model = VisionTransformer(
        img_size=32, patch_size=8, embed_dim=8, depth=2, num_heads=2, dynamic_img_size=True, dynamic_img_pad=True
    ).eval()
    picture = torch.randn(1, 3, 32, 44)
    # 44 px are padded to 48: six patches of 8, not five with four further prefix tokens.
    assert trace(model, picture).of(SelfAttention)[0].tokens.grid_hw == (4, 6)
    assert layout_of(model, model.forward_features(picture), (32, 44), "norm") == Tokens((4, 6), prefix=1)
