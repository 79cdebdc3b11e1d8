"""Grad-CAM on toy networks worked by hand, and what it leaves behind: nothing.

The toy's layer makes two channels out of the picture x = [[1, 2], [3, 4]]: A = x and B = 4 - x = [[3, 2], [1, 0]].
The scores are linear in the channels' means, so the gradient of class c at every place of channel k is W[c, k] / 4,
and that is alpha_k. W = [[4, -4], [0, 4]] gives alpha = (1, -1) for class 0 and (0, 1) for class 1.
Scores: class 0: 4 * 2.5 - 4 * 1.5 = 4; class 1: 4 * 1.5 = 6.
"""

import re
import threading

import numpy as np
import pytest
import timm
import torch
import torchvision
import transformers
from torch import nn

from attnviz.errors import NotFoundError, NothingTracedError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps import GradCam, explain
from attnviz.maps.layer_choice import find_layer
from attnviz.models import build

PICTURE = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
CLASS_0 = [[0.0, 0.0], [2.0, 4.0]]  # relu(A - B) = relu(2 x - 4)
CLASS_1 = [[3.0, 2.0], [1.0, 0.0]]  # relu(B)


class Toy(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Identity()
        self.layer = nn.Conv2d(1, 2, 1)
        self.head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.layer.weight.copy_(torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1))
            self.layer.bias.copy_(torch.tensor([0.0, 4.0]))
            self.head.weight.copy_(torch.tensor([[4.0, -4.0], [0.0, 4.0]]))

    def forward(self, x):
        return self.head(self.layer(self.stem(x)).mean(dim=(2, 3)))


class ToyTransformer(nn.Module):
    """The same channels as tokens behind a class token; the class token reads the mean of the places."""

    def __init__(self):
        super().__init__()
        self.toy = Toy()
        self.norm1 = nn.Identity()
        self.last = nn.Identity()

    def grid_of(self, input_hw):
        return input_hw

    def forward(self, x):
        places = self.toy.layer(x).flatten(2).transpose(1, 2)
        tokens = self.norm1(torch.cat([torch.full((1, 1, 2), 100.0), places], dim=1))
        class_token = tokens[:, :1] + tokens[:, 1:].mean(dim=1, keepdim=True)
        return self.toy.head(self.last(torch.cat([class_token, tokens[:, 1:]], dim=1))[:, 0])


@pytest.fixture
def toy():
    return Toy().eval()


def state_of(model):
    """All that a method could leave behind on a model."""
    return [
        (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks), m.training) for m in model.modules()
    ] + [(p.requires_grad, p.grad is None, p._version) for p in model.parameters()]


@pytest.mark.parametrize(("target", "expected"), [(0, CLASS_0), (1, CLASS_1)])
def test_two_channels_by_hand(toy, target, expected):
    made = explain(toy, PICTURE, GradCam(target, layer="layer"))
    assert np.allclose(made.values_hw, expected, atol=1e-6)
    assert made.target == target
    assert made.geometry == Geometry.identity((2, 2))


def test_without_a_target_the_top_class_is_shown(toy):
    made = explain(toy, PICTURE, GradCam(layer="layer"))
    assert np.allclose(made.values_hw, CLASS_1, atol=1e-6)
    assert made.target == 1
    assert made.method == "GradCam(target=1, layer='layer')"


def test_activations_are_those_before_a_later_in_place_relu():
    class InPlace(Toy):
        def forward(self, x):
            return self.head(torch.relu_(self.layer(x)).mean(dim=(2, 3)))

    toy = InPlace().eval()
    with torch.no_grad():
        toy.layer.bias.copy_(torch.tensor([-2.0, 0.0]))
        toy.head.weight.copy_(torch.tensor([[-4.0, 0.0], [0.0, 0.0]]))
    # A = x - 2 = [[-1, 0], [1, 2]]. The ReLU lets a gradient of -4 / 4 through where A > 0: alpha = -2 / 4 = -0.5,
    # and relu(-0.5 A) = [[0.5, 0], [0, 0]]. Rectified features would give zero everywhere.
    assert np.allclose(explain(toy, PICTURE, GradCam(0, layer="layer")).values_hw, [[0.5, 0.0], [0.0, 0.0]])


def test_tokens_are_laid_on_the_grid_without_the_class_token():
    made = explain(ToyTransformer().eval(), PICTURE, GradCam(0, layer="norm1"))
    assert np.allclose(made.values_hw, CLASS_0, atol=1e-5)


def test_no_gradient_at_the_patches_is_an_error_and_not_a_blank_map():
    with pytest.raises(NothingTracedError, match=r"zero at every place.*output of the block before"):
        explain(ToyTransformer().eval(), PICTURE, GradCam(0, layer="last"))


def test_no_place_in_favour_of_the_class_is_a_map_of_zeros(toy):
    with torch.no_grad():
        toy.head.weight.copy_(torch.tensor([[0.0, -4.0], [0.0, 0.0]]))
    # alpha = (0, -1): relu(-B) is zero everywhere, though the gradient is not.
    assert np.array_equal(explain(toy, PICTURE, GradCam(0, layer="layer")).values_hw, np.zeros((2, 2)))


def test_the_model_is_left_as_it_was(toy):
    toy.stem.requires_grad_(False)
    before = state_of(toy)
    torch.set_grad_enabled(False)
    try:
        explain(toy, PICTURE, GradCam(layer="layer"))
        assert not torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)
    explain(toy, PICTURE, GradCam(layer="layer"))
    assert torch.is_grad_enabled()
    assert state_of(toy) == before
    assert not PICTURE.requires_grad


def test_the_model_is_left_as_it_was_after_a_failing_pass(toy):
    before = state_of(toy)

    def boom(*_):
        raise RuntimeError("boom")

    failing = toy.head.register_forward_pre_hook(boom)
    with pytest.raises(RuntimeError, match="boom"):
        explain(toy, PICTURE, GradCam(layer="layer"))
    failing.remove()
    with pytest.raises(ValueRangeError):
        explain(toy, PICTURE, GradCam(7, layer="layer"))
    assert state_of(toy) == before
    assert torch.is_grad_enabled()


def test_logits_are_those_of_a_plain_pass(toy):
    seen = []
    hook = toy.register_forward_hook(lambda _m, _a, output: seen.append(output.detach().clone()))
    toy(PICTURE)
    explain(toy, PICTURE, GradCam(layer="layer"))
    hook.remove()
    assert torch.equal(seen[0], seen[1])


def test_nothing_is_recorded_before_the_layer_and_no_weight_gradient_is_computed(toy):
    recording, weight_gradients = [], []
    stem = toy.stem.register_forward_hook(lambda *_: recording.append(torch.is_grad_enabled()))
    for parameter in toy.parameters():
        parameter.register_hook(weight_gradients.append)
    explain(toy, PICTURE, GradCam(layer="layer"))
    stem.remove()
    assert recording == [False]
    assert weight_gradients == []


def test_inside_inference_mode(toy):
    with torch.inference_mode():
        made = explain(toy, PICTURE * 1, GradCam(0, layer="layer"))
    assert np.allclose(made.values_hw, CLASS_0, atol=1e-6)


def test_threads_that_share_a_model_do_not_mix(toy):
    pictures = [PICTURE, PICTURE.flip(-1), PICTURE.flip(-2), 2 * PICTURE]
    alone = [explain(toy, picture, GradCam(0, layer="layer")).values_hw for picture in pictures]
    start = threading.Barrier(len(pictures))
    wrong = []

    def work(picture, expected):
        start.wait()
        for _ in range(25):
            if not np.array_equal(explain(toy, picture, GradCam(0, layer="layer")).values_hw, expected):
                wrong.append(picture)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(pictures, alone, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_pass_of_another_thread_is_not_taken_for_ours(toy):
    # While the main thread is inside its pass, another thread runs the model to the end on another picture.
    def intrude(*_):
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=lambda: toy(100 * PICTURE))
            other.start()
            other.join()

    hook = toy.head.register_forward_pre_hook(intrude)
    made = explain(toy, PICTURE, GradCam(0, layer="layer"))
    hook.remove()
    assert np.allclose(made.values_hw, CLASS_0, atol=1e-6)


@pytest.mark.parametrize("target", [2, -1])
def test_a_class_that_is_not_there(toy, target):
    with pytest.raises(ValueRangeError, match=rf"0\.\.1; got {target}"):
        explain(toy, PICTURE, GradCam(target, layer="layer"))


def test_a_layer_that_is_not_there_names_the_nearest(toy):
    with pytest.raises(NotFoundError, match=r"'layr'.*nearest: 'layer'"):
        explain(toy, PICTURE, GradCam(layer="layr"))


def test_a_layer_that_does_not_run(toy):
    toy.spare = nn.Conv2d(1, 1, 1).eval()
    with pytest.raises(NothingTracedError, match="'spare' must run"):
        explain(toy, PICTURE, GradCam(layer="spare"))


def test_a_layer_behind_pooling_has_no_places(toy):
    with pytest.raises(ShapeError, match=r"head must return.*got \(1, 2\)"):
        explain(toy, PICTURE, GradCam(layer="head"))


@pytest.mark.parametrize(
    ("architecture", "layer"),
    [
        ("resnet_plain", "layer4"),
        ("se_resnet", "layer4"),
        ("cbam_resnet", "layer4"),
        ("aa_resnet", "layer4"),
        ("vit", "blocks.4"),
    ],
)
def test_every_bundled_architecture_has_a_default_layer(architecture, layer):
    model = build(architecture, num_classes=3).eval()
    before = state_of(model)
    made = explain(model, torch.randn(1, 3, 64, 96), GradCam(target=1))
    assert made.grid_hw == (8, 12)  # total stride 8
    assert made.sites[0].layer == layer  # for the six blocks of the ViT, what enters the last one
    assert state_of(model) == before


def test_a_network_that_does_not_say_gets_its_last_convolution():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.Flatten(), nn.Linear(32, 3))
    assert explain(plain.eval(), torch.randn(1, 3, 4, 4), GradCam(0)).sites[0].layer == "2"


def test_a_transformer_of_another_library_is_read_where_its_last_block_begins():
    sizes = {"patch_size": 8, "num_heads": 2, "num_classes": 3}
    timm_s = timm.models.vision_transformer.VisionTransformer(img_size=32, embed_dim=8, depth=3, **sizes)
    torchvision_s = torchvision.models.VisionTransformer(image_size=32, num_layers=3, hidden_dim=8, mlp_dim=8, **sizes)
    assert find_layer(timm_s, None) == ("blocks.1", timm_s.blocks[1])
    assert find_layer(torchvision_s, None)[0] == "encoder.layers.encoder_layer_1"


def test_a_transformer_of_hugging_face_is_read_where_its_last_block_begins():
    config = transformers.ViTConfig(
        hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=8, image_size=16, patch_size=8
    )
    model = transformers.ViTForImageClassification(config).eval()
    name, block = find_layer(model, None)
    assert re.fullmatch(r"vit\..*layers?\.1", name)
    assert hasattr(block, "layernorm_before")
