import threading

import pytest
import torch
from torch import nn

import attnviz
from attnviz.errors import NothingTracedError, ShapeError
from attnviz.maps import Activation
from attnviz.models import build


def test_hand_worked_energy() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten()).eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, -3.0]).view(2, 1, 1, 1))
    picture = torch.tensor([[[[1.0, 2.0], [0.0, -1.0]]]])
    shown = attnviz.explain(model, picture, Activation(layer="0"))
    # (1 + 9) / 2 = 5 times the squared pixel
    assert shown.values_hw.tolist() == [[5.0, 20.0], [0.0, 5.0]]
    assert shown.unit == "mean squared activation"
    assert "not attention" in shown.meaning


@pytest.mark.parametrize(("name", "layer"), [("resnet_plain", "layer4"), ("vit", "blocks.4")])
def test_a_network_shows_its_own_layer_and_keeps_no_hook(name: str, layer: str) -> None:
    model = build(name).eval()
    shown = attnviz.explain(model, torch.rand(1, 3, 32, 48), Activation())
    assert shown.grid_hw == (4, 6)
    assert shown.method == f"Activation(layer={layer!r})"
    assert not any(module._forward_hooks for module in model.modules())


def test_a_layer_that_does_not_run_is_refused_and_keeps_no_hook() -> None:
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x).mean((2, 3))

    model = Idle().eval()
    with pytest.raises(NothingTracedError, match="did not"):
        attnviz.explain(model, torch.rand(1, 3, 4, 4), Activation(layer="idle"))
    assert not model.idle._forward_hooks


@pytest.fixture
def tripled() -> nn.Sequential:
    """A layer that multiplies its input by -3, then a ReLU that writes over what the layer gave."""
    model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.ReLU(inplace=True)).eval()
    with torch.no_grad():
        model[0].weight.fill_(-3.0)
    return model


def test_activations_are_those_before_a_later_in_place_relu(tripled: nn.Sequential) -> None:
    # (-3 x 1) squared; after the ReLU it would be 0
    assert attnviz.explain(tripled, torch.ones(1, 1, 2, 2), Activation(layer="0")).values_hw.tolist() == [[9.0] * 2] * 2


def test_a_pass_of_another_thread_is_not_taken_for_ours(tripled: nn.Sequential) -> None:
    def intrude(*_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=lambda: tripled(torch.full((1, 1, 2, 2), 100.0)))
            other.start()
            other.join()

    hook = tripled[1].register_forward_pre_hook(intrude)
    shown = attnviz.explain(tripled, torch.ones(1, 1, 2, 2), Activation(layer="0"))
    hook.remove()
    assert shown.values_hw.tolist() == [[9.0] * 2] * 2  # the other thread's would be (-300) squared
    assert shown.sites[0].call == 0


def test_a_layer_that_returns_several_tensors_is_refused() -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, x

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pair = Pair()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.pair(x)[0].mean((2, 3))

    with pytest.raises(ShapeError, match="pair must return one tensor; got tuple"):
        attnviz.explain(Network().eval(), torch.ones(1, 1, 2, 2), Activation(layer="pair"))
