import pytest
import torch

import attnviz
from attnviz.geometry import Geometry
from attnviz.maps import METHODS, GatedActivation, GradCam, explain
from attnviz.models import build
from attnviz.training.batch_pass import BatchPass, batch_pass
from attnviz.training.measure import NATIVE

TOKENS = ("vit", "swin")
SIDE = {"swin": 64}
"""Pixels; 40 where nothing is said."""


def network(name: str) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    model = build(name, 4)
    side = SIDE.get(name, 40)
    model(torch.randn(4, 3, side, side))  # running statistics that are not zero and one
    return model.eval(), torch.randn(3, 3, side, side), torch.tensor([3, 0, 2])


def run(name: str, *, mean_gates: bool = False) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor, BatchPass]:
    model, x, targets = network(name)
    geometry = Geometry.identity((x.shape[2], x.shape[3]))
    return model, x, targets, batch_pass(model, x, geometry, targets, str(model.cam_layer), mean_gates=mean_gates)


@pytest.mark.parametrize("name", ["cbam_resnet", "cbam_spatial_first", "residual_attention", "aa_resnet", *TOKENS])
def test_every_picture_of_a_batch_gets_the_maps_it_gets_alone(name: str) -> None:
    model, x, targets, found = run(name)
    compared = 0
    for number in range(len(x)):
        alone = attnviz.trace(model, x[number : number + 1])
        torch.testing.assert_close(found.logits[number], alone.logits, rtol=1e-3, atol=1e-4)
        assert found.traces[number].layers == alone.layers
        for key, method in NATIVE.items():
            if type(method).fits(alone.records):
                one, other = method(found.traces[number]), method(alone)
                assert one.method == other.method
                torch.testing.assert_close(
                    torch.tensor(one.values_hw), torch.tensor(other.values_hw), rtol=1e-3, atol=1e-5, msg=key
                )
                compared += 1
        cam = explain(model, x[number : number + 1], GradCam(target=int(targets[number])))
        torch.testing.assert_close(found.grad_cam[number], torch.tensor(cam.values_hw), rtol=1e-3, atol=1e-5)
    assert compared >= len(x)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("name", ["se_resnet", "cbam_resnet", "residual_attention"])
def test_gates_at_their_mean_are_those_of_intervene(name: str) -> None:
    model, x, targets, found = run(name, mean_gates=True)
    plain = run(name)[-1]
    assert not torch.allclose(found.logits, plain.logits, rtol=1e-2)
    with attnviz.intervene(model, gates="mean"):
        for number in range(len(x)):
            alone = attnviz.trace(model, x[number : number + 1])
            torch.testing.assert_close(found.logits[number], alone.logits, rtol=1e-3, atol=1e-4)
            one, other = (torch.tensor(GatedActivation()(each).values_hw) for each in (found.traces[number], alone))
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
            cam = explain(model, x[number : number + 1], GradCam(target=int(targets[number])))
            torch.testing.assert_close(found.grad_cam[number], torch.tensor(cam.values_hw), rtol=1e-3, atol=1e-5)


def test_a_network_without_attention_has_traces_without_records() -> None:
    found = run("resnet_plain")[-1]
    assert [trace.records for trace in found.traces] == [(), (), ()]
    assert found.grad_cam.shape == (3, 5, 5)


def test_every_native_map_is_a_registered_method() -> None:
    assert all(METHODS[method.card.name] is type(method) for method in NATIVE.values())
