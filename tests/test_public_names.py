"""What `import attnviz` gives, and the path of a picture along it, on a network whose answer is arithmetic."""

import inspect
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import attnviz


def test_every_public_name_is_there_and_listed_once() -> None:
    assert len(attnviz.__all__) == len(set(attnviz.__all__))
    assert [name for name in attnviz.__all__ if not hasattr(attnviz, name)] == []


def test_a_script_can_catch_every_error_as_one_kind() -> None:
    kinds = [kind for kind in vars(attnviz.errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert attnviz.errors.ShapeError in kinds
    assert all(issubclass(kind, attnviz.AttnvizError) for kind in kinds)


@pytest.fixture
def gate() -> nn.Sequential:
    """One spatial gate whose mask is sigmoid(ln 3 x mean of the channels): 0.75 on white, 0.25 on black."""
    gate = attnviz.layers.SpatialGate(kernel_size=7)
    gate.bn.eps = 0.0
    with torch.no_grad():
        gate.conv.weight.zero_()
        gate.conv.weight[0, 0, 3, 3] = math.log(3)  # the centre tap on the channel of means
    return nn.Sequential(gate, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


def test_the_path_of_a_picture(gate: nn.Sequential) -> None:
    """A picture whose left half is white: 3/4 of the gate's mass lies there, on half of the area."""
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")

    picture = attnviz.open_picture(file.getvalue())
    half = (0.5, 0.5, 0.5)  # white becomes 1, black -1; sigmoid(ln 3) = 3/4, sigmoid(-ln 3) = 1/4
    model_input = attnviz.pictures.preprocess(picture, attnviz.Preprocessing(short_side=16, mean=half, std=half))
    trace = attnviz.trace(gate, model_input, verify=True)
    attention_map = attnviz.maps.SpatialGateMap()(trace)
    left = attnviz.Region.from_box("left half", (0, 0, 16, 16), picture.hw)
    score = attnviz.focus.share(attention_map, left)

    assert trace.logits.shape == (3,)
    assert trace.records[0].replay_error == pytest.approx(0, abs=1e-6)
    assert [type(record) for record in trace["0"]] == [attnviz.SpatialMask]
    np.testing.assert_allclose(attention_map.on_source(), np.where(pixels[..., 0], 0.75, 0.25), atol=1e-6)
    assert score.value == pytest.approx(0.75)
    assert score.area == pytest.approx(0.5)
    assert score.lift == pytest.approx(1.5)
    assert score.baselines["uniform"] == pytest.approx(0.5)


def test_the_calls_that_scripts_make_work_as_they_are_written() -> None:
    """The call forms of the design page, on an untrained transformer: 32 x 48 pixels are 4 x 6 places."""
    file = io.BytesIO()
    Image.fromarray(np.full((32, 48, 3), 128, np.uint8)).save(file, "PNG")
    picture = attnviz.open_picture(file.getvalue())
    assert (picture.rgb.shape, len(picture.sha256)) == ((32, 48, 3), 64)
    model = attnviz.models.build("vit", num_classes=4).eval()
    half = (0.5, 0.5, 0.5)
    model_input = attnviz.pictures.preprocess(picture, attnviz.Preprocessing(short_side=32, mean=half, std=half))
    assert tuple(model_input.tensor.shape) == (1, 3, 32, 48)

    trace = attnviz.trace(model, model_input)
    assert trace.logits.shape == (4,)
    (record,) = trace["blocks.2.attn"]
    assert trace.of(attnviz.SelfAttention) == trace.records
    assert record.site == attnviz.Site("blocks.2.attn", 0, "mhsa")
    assert record.replay_error is None
    assert record.tokens == attnviz.TokenGrid(grid_hw=(4, 6), window_hw=(4, 6), shift_hw=(0, 0), prefix=1)
    whole = record.weights()
    assert whole.shape[2:] == (25, 25)  # a class token and 24 places
    torch.testing.assert_close(record.weights(queries=[0], heads=[2]), whole[:, 2:3, 0:1])
    assert attnviz.trace(model, model_input.tensor).geometry == attnviz.Geometry.identity((32, 48))

    region = attnviz.Region.from_box("left half", (0, 0, 32, 24), picture.hw)
    for attention_map in (
        attnviz.maps.Rollout(residual=0.5)(trace),
        attnviz.explain(model, model_input, attnviz.maps.GradCam(target=3)),
    ):
        assert (attention_map.values_hw.shape, attention_map.values_hw.dtype) == ((4, 6), np.float32)
        assert attention_map.on_source().shape == (32, 48)
    score = attnviz.focus.share(attnviz.maps.Rollout(residual=0.5)(trace), region)
    assert score.lift == pytest.approx(score.value / score.area)
    assert set(score.baselines) == {"uniform", "centred Gaussian"}
    assert isinstance(attnviz.zoo.names(), tuple | list)


def test_a_bundle_takes_figures_and_a_folder() -> None:
    assert list(inspect.signature(attnviz.export.bundle).parameters)[:2] == ["figures", "folder"]
