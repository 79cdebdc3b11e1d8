"""Layer-CAM where each place has a gradient of its own.

The layer makes A = x = [[1, 2], [3, 4]] and B = 4 - x = [[3, 2], [1, 0]]. The head has a weight for each place of each
channel, which is the gradient there: [[1, -1], [1, 1]] for A and [[2, 1], [-1, 1]] for B.
"""

import numpy as np
import pytest
import torch
from torch import nn

from attnviz.errors import ValueRangeError
from attnviz.maps import GradCam, LayerCam, explain

PICTURE = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
OF_A, OF_B = [[1.0, -1.0], [1.0, 1.0]], [[2.0, 1.0], [-1.0, 1.0]]


@pytest.fixture
def toy():
    layer, head = nn.Conv2d(1, 2, 1), nn.Linear(8, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
        layer.bias.copy_(torch.tensor([0.0, 4.0]))
        head.weight.copy_(torch.stack([torch.tensor([OF_A, OF_B]).flatten(), -torch.tensor([OF_A, OF_B]).flatten()]))
    return nn.Sequential(layer, nn.Flatten(), head).eval()


def test_two_channels_by_hand(toy):
    # relu(gradient) * activation: A [[1, 0], [3, 4]], B [[6, 2], [0, 0]].
    made = explain(toy, PICTURE, LayerCam(0, layer="0"))
    assert np.allclose(made.values_hw, [[7.0, 2.0], [3.0, 4.0]])
    assert (made.target, made.method) == (0, "LayerCam(target=0, layer='0')")


def test_the_other_class_has_the_other_signs(toy):
    # A [[0, 2], [0, 0]], B [[0, 0], [1, 0]].
    assert np.allclose(explain(toy, PICTURE, LayerCam(1, layer="0")).values_hw, [[0.0, 2.0], [1.0, 0.0]])


def test_it_is_not_grad_cam(toy):
    # Mean gradients: A (1 - 1 + 1 + 1) / 4 = .5, B (2 + 1 - 1 + 1) / 4 = .75; .5 A + .75 B = .5 x + 3 - .75 x.
    made = explain(toy, PICTURE, GradCam(0, layer="0"))
    assert np.allclose(made.values_hw, [[2.75, 2.5], [2.25, 2.0]])


def test_negative_activations_are_cut_after_the_sum(toy):
    with torch.no_grad():
        toy[0].bias.copy_(torch.tensor([-3.0, 4.0]))
    # A = x - 3 = [[-2, -1], [0, 1]]: relu(gradient) * A = [[-2, 0], [0, 1]]; with B [[6, 2], [0, 0]]: [[4, 2], [0, 1]].
    assert np.allclose(explain(toy, PICTURE, LayerCam(0, layer="0")).values_hw, [[4.0, 2.0], [0.0, 1.0]])
    with torch.no_grad():
        toy[0].bias.copy_(torch.tensor([-3.0, -9.0]))
    # B = -9 - x is negative everywhere: all but the last place fall below zero.
    assert np.allclose(explain(toy, PICTURE, LayerCam(0, layer="0")).values_hw, [[0.0, 0.0], [0.0, 0.0]])


def test_activations_are_those_before_a_later_in_place_relu(toy):
    model = nn.Sequential(toy[0], nn.ReLU(inplace=True), *toy[1:]).eval()
    with torch.no_grad():
        model[0].bias.copy_(torch.tensor([-3.0, 4.0]))
    # The ReLU stops the gradient where A = [[-2, -1], [0, 1]] is not above zero: A gives [[0, 0], [0, 1]] in all.
    # B = 4 - x: [[6, 2], [0, 0]].
    assert np.allclose(explain(model, PICTURE, LayerCam(0, layer="0")).values_hw, [[6.0, 2.0], [0.0, 1.0]])


def test_a_class_that_is_not_there(toy):
    with pytest.raises(ValueRangeError, match=r"0\.\.1; got 2"):
        explain(toy, PICTURE, LayerCam(2, layer="0"))
