import pytest
import torch
from torch import nn

import attnviz
from attnviz.errors import NothingTracedError
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


@pytest.mark.parametrize(("name", "layer"), [("resnet_plain", "layer4"), ("vit", "blocks.5.norm1")])
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
