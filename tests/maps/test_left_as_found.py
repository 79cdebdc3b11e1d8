"""What every method that runs the model leaves behind on it, also when it fails: nothing."""

import threading

import numpy as np
import pytest
import torch
from torch import nn

from attnviz.errors import ValueRangeError
from attnviz.maps import METHODS, Rollout, explain
from attnviz.models import build
from attnviz.models.vit import VisionTransformer
from attnviz.tracer import trace, trace_each

RUN_THE_MODEL = sorted(name for name, method in METHODS.items() if hasattr(method, "explain"))
OF_A_CLASS = [name for name in RUN_THE_MODEL if METHODS[name].card.class_dependent]


@pytest.fixture
def model():
    torch.manual_seed(0)
    return VisionTransformer(5, width=16, depth=3, heads=2).eval()


PICTURE = torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(1))


def state_of(model):
    """All that a method could leave behind."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return (
        [[len(getattr(module, hook)) for hook in hooks] + [module.training] for module in model.modules()],
        [(p.requires_grad, p.grad is None, p._version) for p in model.parameters()],
        [sorted(module.__dict__) for module in model.modules()],
        len(nn.modules.module._global_forward_hooks),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
    )


def test_the_list_is_not_empty():
    assert {"grad_cam", "layer_cam", "relevance", "le_grad", "occlusion", "integrated_gradients"} <= set(OF_A_CLASS)


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", RUN_THE_MODEL)
def test_the_model_and_the_mode_are_as_before(model, name, mode):
    model.blocks[0].requires_grad_(False)
    logits = model(PICTURE).detach()
    with mode():
        before = state_of(model)
        picture = PICTURE.clone()
        made = explain(model, picture, METHODS[name]())
        assert state_of(model) == before
        assert torch.equal(picture, PICTURE)
    assert not picture.requires_grad
    assert torch.equal(model(PICTURE), logits)
    assert made.proof in ("not verified", "proven")


@pytest.mark.parametrize("name", RUN_THE_MODEL)
def test_the_model_is_as_before_after_a_failing_pass(model, name):
    def boom(*_):
        raise RuntimeError("boom")

    before = state_of(model)
    failing = model.head.register_forward_pre_hook(boom)
    with pytest.raises(RuntimeError, match="boom"):
        explain(model, PICTURE, METHODS[name]())
    failing.remove()
    assert state_of(model) == before


@pytest.mark.parametrize("name", OF_A_CLASS)
def test_the_model_is_as_before_after_a_class_that_is_not_there(model, name):
    before = state_of(model)
    with pytest.raises(ValueRangeError, match=r"target must be a class index in 0\.\.4; got 5"):
        explain(model, PICTURE, METHODS[name](target=5))
    assert state_of(model) == before


@pytest.mark.parametrize("name", RUN_THE_MODEL)
def test_a_part_in_training_mode_is_refused(model, name):
    model.blocks[1].train()
    with pytest.raises(ValueRangeError, match=r"training mode in blocks\.1"):
        explain(model, PICTURE, METHODS[name]())


@pytest.mark.parametrize("name", OF_A_CLASS)
def test_the_map_names_its_class_and_depends_on_it(model, name):
    first, second = (explain(model, PICTURE, METHODS[name](target=target)) for target in (0, 3))
    assert (first.target, second.target) == (0, 3)
    assert "target=3" in second.method
    assert not np.allclose(first.values_hw, second.values_hw)


@pytest.mark.parametrize("name", OF_A_CLASS)
def test_two_threads_on_one_model_do_not_mix(model, name):
    pictures = [PICTURE, PICTURE.flip(-1)]
    alone = [explain(model, picture, METHODS[name](target=1)).values_hw for picture in pictures]
    start, right = threading.Barrier(2), []

    def work(picture, expected):
        start.wait()
        for _ in range(3):
            made = explain(model, picture, METHODS[name](target=1)).values_hw
            right.append(np.allclose(made, expected, atol=1e-7))

    threads = [threading.Thread(target=work, args=pair) for pair in zip(pictures, alone, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not np.allclose(*alone)
    assert right == [True] * 6  # a thread that fails leaves fewer


@pytest.mark.parametrize("name", ["relevance", "le_grad"])
def test_another_precision_gives_the_same_map(model, name):
    exact = explain(model, PICTURE, METHODS[name](target=1)).values_hw
    made = explain(model.double(), PICTURE.double(), METHODS[name](target=1)).values_hw
    assert np.allclose(made, exact, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", RUN_THE_MODEL)
@pytest.mark.parametrize("architecture", ["cbam_resnet", "aa_resnet"])
def test_methods_that_fit_a_network_work_on_it(name, architecture):
    model, picture = build(architecture, num_classes=3).eval(), torch.randn(1, 3, 32, 40)
    if not METHODS[name].fits(trace(model, picture).records):
        assert name in ("relevance", "le_grad")
        return
    before = state_of(model)
    made = explain(model, picture, METHODS[name]())
    assert made.unit == METHODS[name].card.unit
    assert (made.target is not None) == METHODS[name].card.class_dependent
    assert state_of(model) == before


def test_rollouts_of_a_batch_are_those_of_its_pictures(model):
    batch = torch.cat([PICTURE, PICTURE.flip(-1), 2 * PICTURE])
    made = [Rollout()(each).values_hw for each in trace_each(model, batch)]
    for values, picture in zip(made, batch.split(1), strict=True):
        assert np.array_equal(values, Rollout()(trace(model, picture)).values_hw)
    assert not np.allclose(made[0], made[1])
