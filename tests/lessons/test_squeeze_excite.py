"""Squeeze and excitation by hand, and against the layer."""

import math

import numpy as np
import pytest
import torch

from attnviz import models
from attnviz.errors import ShapeError, ValueRangeError
from attnviz.layers import SqueezeExcitation
from attnviz.lessons import excite_layer, excite_parameters, squeeze_and_excite


def test_by_hand() -> None:
    """Two channels, means 2 and 4; one hidden unit 2 - 0.25 * 4 = 1; logits 0 and ln 3; weights 1/2 and 3/4."""
    layer = excite_layer([[1.0, -0.25]], [[0.0], [math.log(3)]], [0.0], [0.0, 0.0])
    steps = squeeze_and_excite(layer, np.array([[[1.0, 3.0]], [[4.0, 4.0]]]))
    assert steps.squeezed.tolist() == [2, 4]
    assert steps.reduced.tolist() == steps.hidden.tolist() == [1]
    np.testing.assert_allclose(steps.logits, [0, math.log(3)])
    np.testing.assert_allclose(steps.weights, [0.5, 0.75])
    np.testing.assert_allclose(steps.output, [[[0.5, 1.5]], [[3.0, 3.0]]])


def test_what_the_relu_stops_leaves_the_bias_alone() -> None:
    """The hidden unit gets -2 and gives 0, so each weight is the sigmoid of its bias: 1/4 and 3/4."""
    layer = excite_layer([[-1.0, 0.0]], [[5.0], [7.0]], [0.0], [-math.log(3), math.log(3)])
    steps = squeeze_and_excite(layer, np.full((2, 1, 1), 2.0))
    assert (steps.reduced.tolist(), steps.hidden.tolist()) == ([-2], [0])
    np.testing.assert_allclose(steps.weights, [0.25, 0.75])


def test_the_layer_gives_the_same() -> None:
    torch.manual_seed(0)
    layer, x = SqueezeExcitation(32).eval(), torch.randn(32, 5, 3)
    steps = squeeze_and_excite(layer, x)
    np.testing.assert_allclose(steps.weights, layer.weights(x[None])[0].detach(), atol=1e-6)
    np.testing.assert_allclose(steps.output, layer(x[None])[0].detach(), atol=1e-6)
    assert steps.hidden.shape == (2,)


@pytest.mark.parametrize(("channels", "reduction"), [(64, 16), (256, 16), (12, 5), (4, 16)])
def test_parameters_are_the_layers(channels: int, reduction: int) -> None:
    layer = SqueezeExcitation(channels, reduction)
    assert excite_parameters(channels, reduction) == sum(one.numel() for one in layer.parameters())


def test_all_gates_of_a_network_are_counted() -> None:
    """A bundled network's attention has the parameters that the formula gives for its channels."""
    network = models.build("se_resnet", 50)
    gates = [one for one in network.modules() if isinstance(one, SqueezeExcitation)]
    counted = sum(parameter.numel() for gate in gates for parameter in gate.parameters())
    assert len(gates) == 7
    assert counted == sum(
        excite_parameters(gate.fc1.in_features, gate.fc1.in_features // gate.fc1.out_features) for gate in gates
    )


def test_bad_numbers_are_refused_in_a_sentence() -> None:
    layer = excite_layer([[1.0, 1.0]], [[1.0], [1.0]], [0.0], [0.0, 0.0])
    with pytest.raises(ShapeError, match=r"features must have shape \(2, h, w\); got \(3, 1, 1\)\."):
        squeeze_and_excite(layer, np.zeros((3, 1, 1)))
    with pytest.raises(ValueRangeError, match="features must be finite numbers; got nan"):
        squeeze_and_excite(layer, np.full((2, 1, 1), np.nan))
    with pytest.raises(ShapeError, match="W2, b1 and b2 must have shapes"):
        excite_layer([[1.0, 1.0]], [[1.0, 1.0]], [0.0], [0.0, 0.0])
    with pytest.raises(ValueRangeError, match="must be at least 1; got 8 and 0"):
        excite_parameters(8, 0)
