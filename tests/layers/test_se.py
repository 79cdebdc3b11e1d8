import math

import pytest
import torch

from attnviz.layers import SqueezeExcitation


def test_hand_worked_gate() -> None:
    layer = SqueezeExcitation(channels=2, reduction=2)
    with torch.no_grad():
        layer.fc1.weight.copy_(torch.tensor([[1.0, 0.0]]))
        layer.fc1.bias.fill_(-1.0)
        layer.fc2.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        layer.fc2.bias.copy_(torch.tensor([0.0, math.log(3)]))
    x = torch.tensor([[[[1.0, 3.0]], [[7.0, 9.0]]]])  # channel means 2 and 8
    # hidden = relu(2 - 1) = 1; logits = (1, ln 3 - 1); gates = e / (1 + e) and 3 / (3 + e)
    expected = torch.tensor([[math.e / (1 + math.e), 3 / (3 + math.e)]])
    torch.testing.assert_close(layer.weights(x), expected)
    torch.testing.assert_close(layer(x), x * expected[:, :, None, None])


@pytest.mark.parametrize("channels", [64, 128, 256, 512])
def test_parameters_are_two_biased_linear_layers(channels: int) -> None:
    hidden = channels // 16
    layer = SqueezeExcitation(channels)
    assert sum(p.numel() for p in layer.parameters()) == 2 * channels * hidden + hidden + channels


def test_the_eight_blocks_of_resnet18_cost_what_the_papers_table_says() -> None:
    added = sum(2 * sum(p.numel() for p in SqueezeExcitation(c).parameters()) for c in (64, 128, 256, 512))
    assert added == 11_778_592 - 11_689_512  # ResNet-18 with SE minus ResNet-18
