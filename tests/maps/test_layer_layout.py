"""Outputs are laid on the picture, or refused."""

import pytest
import torch
from torch import nn

from attnviz.errors import ShapeError
from attnviz.maps.layer_layout import layout_of


class Gridded(nn.Module):
    def grid_of(self, input_hw):
        return input_hw[0] // 8, input_hw[1] // 8


class Patched(nn.Module):
    patch_size = 8


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


@pytest.mark.parametrize(("model", "prefix"), [(Gridded(), 1), (Gridded(), 0), (Patched(), 5)])
def test_tokens_with_any_number_of_prefix_tokens(model, prefix):
    output = torch.randn(1, prefix + 96, 7)
    layout = layout_of(model, output, (64, 96), "layer")
    grid = layout.to_grid(output)
    assert grid.shape == (1, 7, 8, 12)
    assert torch.equal(grid[0, :, 1, 2], output[0, prefix + 14])  # row 1 of 12 columns, column 2
    assert torch.equal(layout.from_grid(grid, output), output)


@pytest.mark.parametrize("shape", [(1, 5, 1, 1), (1, 64, 3, 64), (1, 10), (1, 50, 7), (1, 200, 7)])
def test_what_fits_no_grid_is_refused(shape):
    with pytest.raises(ShapeError, match="layer9 must return"):
        layout_of(Gridded(), torch.randn(shape), (64, 96), "layer9")


def test_tokens_of_a_model_that_does_not_say_how_they_lie():
    with pytest.raises(ShapeError, match="grid_of"):
        layout_of(nn.Identity(), torch.randn(1, 97, 7), (64, 96), "layer")
