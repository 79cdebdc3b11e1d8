"""Integrated Gradients of scores that can be integrated by hand, and what stands in the place of the picture."""

import numpy as np
import pytest
import torch
from torch import nn

from attnviz.errors import ValueRangeError
from attnviz.maps import IntegratedGradients, explain
from attnviz.maps.replacing import without_content

PICTURE = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])  # mean 3


class Scores(nn.Module):
    """Class 0: the sum of the pixels to some power; class 1: its negative."""

    def __init__(self, power):
        super().__init__()
        self.power = power

    def forward(self, x):
        score = (x**self.power).flatten(1).sum(dim=1)
        return torch.stack([score, -score], dim=1)


def test_a_sum_gives_each_pixel_its_own_difference():
    made = explain(Scores(1).eval(), PICTURE, IntegratedGradients(0, baseline="mean"))
    assert np.allclose(made.values_hw, [[-2.0, -1.0], [0.0, 3.0]], atol=1e-5)
    assert made.signed
    # 1 + 2 + 3 + 6 = 12, as with four times the mean.
    assert "+0 from the score of the picture's mean colour" in made.note


def test_squares_by_hand_add_up_to_the_change_of_the_score():
    # The integral from 3 to x of 2 t dt is x ** 2 - 9.
    made = explain(Scores(2).eval(), PICTURE, IntegratedGradients(0, baseline="mean", steps=4))
    assert np.allclose(made.values_hw, [[-8.0, -5.0], [0.0, 27.0]], atol=1e-4)
    # 1 + 4 + 9 + 36 - 4 * 9 = 14.
    assert "+14 from the score" in made.note
    assert "add up to +14" in made.note


def test_the_other_class_has_the_other_signs():
    made = explain(Scores(1).eval(), PICTURE, IntegratedGradients(1, baseline="mean"))
    assert np.allclose(made.values_hw, [[2.0, 1.0], [0.0, -3.0]], atol=1e-5)


def test_too_few_steps_leave_a_gap_that_is_told():
    # One step takes the gradient half way: 8 t ** 7 at t = (3 + x) / 2, times x - 3. For x = (1, 2, 6):
    # 8 * 2 ** 7 * -2 + 8 * 2.5 ** 7 * -1 + 8 * 4.5 ** 7 * 3 = -2048 - 4882.8 + 896806.8 = 889876.
    # The score changes by 1 + 256 + 6561 + 1679616 - 4 * 6561 = 1660190; the gap is 770314.
    made = explain(Scores(8).eval(), PICTURE, IntegratedGradients(0, baseline="mean", steps=1))
    assert "a gap of 7.7e+05" in made.note


def test_channels_are_summed():
    made = explain(Scores(1).eval(), torch.cat([PICTURE, 2 * PICTURE], dim=1), IntegratedGradients(0, baseline="mean"))
    assert np.allclose(made.values_hw, [[-6.0, -3.0], [0.0, 9.0]], atol=1e-5)


def test_progress_counts_the_steps():
    told = []
    explain(Scores(1).eval(), PICTURE, IntegratedGradients(0, steps=20, progress=lambda *at: told.append(at)))
    assert told == [(8, 20), (16, 20), (20, 20)]


@pytest.mark.parametrize("settings", [{"steps": 0}, {"baseline": "black"}])
def test_settings_out_of_range(settings):
    with pytest.raises(ValueRangeError, match="must be"):
        IntegratedGradients(**settings)


def test_a_picture_of_one_colour_is_its_own_replacement():
    grey = torch.tensor([0.3, -2.0, 1.0]).reshape(1, 3, 1, 1).expand(1, 3, 8, 12)
    for kind in ("blur", "mean"):
        assert torch.allclose(without_content(grey, kind), grey, atol=1e-6)


def test_a_blur_spreads_a_point_evenly_and_keeps_channels_apart():
    x = torch.zeros(1, 2, 9, 17)
    x[0, 1, 4, 8] = 1.0
    blurred = without_content(x, "blur")
    assert blurred[0, 0].abs().max() == 0
    assert blurred[0, 1].sum() == pytest.approx(1.0, abs=1e-5)  # reflected at the edges, nothing is lost
    # A Gaussian of standard deviation 9 / 8 falls by exp(-1 / (2 * (9 / 8) ** 2)) from one pixel to the next.
    assert blurred[0, 1, 4, 9] / blurred[0, 1, 4, 8] == pytest.approx(np.exp(-32 / 81), rel=1e-4)
    assert torch.allclose(blurred, blurred.flip(-1), atol=1e-7)
