"""Occlusion of a network that looks at the first pixel alone.

The picture is 16 at the first pixel and 0 elsewhere, its mean 1. The logit is ln 3 * (pixel - 1) / 15 against 0, so the
class probability is 3/4 as it is and 1/2 with the first pixel at the mean: a drop of 1/4.
"""

import math

import numpy as np
import pytest
import torch
from torch import nn

from attnviz.errors import ValueRangeError
from attnviz.maps import Occlusion, explain


class FirstPixel(nn.Module):
    def forward(self, x):
        logit = math.log(3) * (x[:, 0, 0, 0] - 1) / 15
        return torch.stack([logit, torch.zeros_like(logit)], dim=1)


@pytest.fixture
def picture():
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 0, 0] = 16
    return x


def test_one_cell_by_hand(picture):
    made = explain(FirstPixel().eval(), picture, Occlusion(0, cell_px=1, patch=1, baseline="mean"))
    expected = np.zeros((4, 4))
    expected[0, 0] = 0.25
    assert np.allclose(made.values_hw, expected, atol=1e-6)
    assert "75.0%" in made.note
    assert "16 patches" in made.note


def test_a_place_that_speaks_against_the_class_is_below_zero(picture):
    made = explain(FirstPixel().eval(), picture, Occlusion(1, cell_px=1, patch=1, baseline="mean"))
    assert made.signed
    assert made.values_hw[0, 0] == pytest.approx(-0.25, abs=1e-6)


def test_overlapping_patches_are_averaged_over_those_that_cover_a_cell(picture):
    # Of nine patches of 2 x 2 only the first covers the pixel. Its cells are covered by 1, 2, 2 and 4 patches.
    made = explain(FirstPixel().eval(), picture, Occlusion(0, cell_px=1, patch=2, baseline="mean"))
    expected = np.zeros((4, 4))
    expected[:2, :2] = [[1 / 4, 1 / 8], [1 / 8, 1 / 16]]
    assert np.allclose(made.values_hw, expected, atol=1e-6)


def test_cells_of_several_pixels_on_a_picture_that_is_not_square():
    x = torch.zeros(1, 1, 4, 8)
    x[0, 0, 0, 0] = 32
    made = explain(FirstPixel().eval(), x, Occlusion(0, cell_px=2, patch=1, baseline="mean"))
    assert made.grid_hw == (2, 4)
    # The logit is ln 3 * 31 / 15 as it is, 0 at the mean of 1.
    assert made.values_hw[0, 0] == pytest.approx(3 ** (31 / 15) / (1 + 3 ** (31 / 15)) - 0.5, abs=1e-6)
    assert np.count_nonzero(made.values_hw) == 1


@pytest.mark.parametrize(
    ("hw", "cell"),
    [((64, 96), 8), ((224, 224), 32), ((64, 64), 8), ((8, 12), 1), ((16, 24), 2), ((5, 7), 1), ((240, 320), 20)],
)
def test_the_cell_that_it_chooses(hw, cell):
    # The largest common divisor that leaves seven cells along the short side: of 240 and 320 the divisors of 80.
    assert Occlusion()._cell_px(*hw) == cell


def test_progress_and_cancel(picture):
    told = []
    explain(FirstPixel().eval(), picture, Occlusion(0, cell_px=1, patch=1, progress=lambda *at: told.append(at)))
    assert told[-1] == (17, 17)  # sixteen patches and the picture itself
    assert [done for done, _ in told] == sorted({done for done, _ in told})

    def cancel(done, _total):
        if done > 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(FirstPixel().eval(), picture, Occlusion(0, cell_px=1, patch=1, progress=cancel))
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell_px": 3}, "divide both sides of the 4 x 4 px model input; got 3. Choose one of 1, 2, 4"),
        ({"cell_px": 4, "patch": 2}, "must fit into the model input of 4 x 4 px; got 2 cells of 4 px"),
        ({"target": 2}, r"0\.\.1; got 2"),
    ],
)
def test_what_does_not_fit_the_picture(picture, settings, message):
    with pytest.raises(ValueRangeError, match=message):
        explain(FirstPixel().eval(), picture, Occlusion(**settings))


def test_sides_without_a_common_divisor():
    with pytest.raises(ValueRangeError, match=r"at most 32 cells .* got 101 x 64 px"):
        Occlusion()._cell_px(101, 64)


@pytest.mark.parametrize("settings", [{"stride": 3}, {"stride": 0}, {"baseline": "black"}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValueRangeError, match="must be"):
        Occlusion(**settings)
