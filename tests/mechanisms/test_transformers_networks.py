"""Networks of `transformers` with random weights, under both attention implementations, square and not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from attnviz.errors import UnreadableError
from attnviz.records import SelfAttention
from attnviz.tracer import trace
from tests.mechanisms.contract import hooks_of, vary

SMALL: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8,
    "num_labels": 5,
}  # fmt: skip
SWIN: dict[str, Any] = {
    "patch_size": 4, "embed_dim": 8, "depths": [2, 2], "num_heads": [2, 4], "window_size": 3, "mlp_ratio": 2.0,
    "num_labels": 5,
}  # fmt: skip
CLASS = ("class",)


class AnySize(nn.Module):
    """Calls a network of `transformers` so that it takes pictures of another size than it was built for."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> object:
        return self.network(x, interpolate_pos_encoding=True)


def vit(**options: Any) -> nn.Module:
    return transformers.ViTForImageClassification(transformers.ViTConfig(image_size=32, **SMALL, **options))


def headless_vit(**options: Any) -> nn.Module:
    return transformers.ViTModel(transformers.ViTConfig(image_size=(32, 48), **SMALL, **options))


def deit(**options: Any) -> nn.Module:
    return transformers.DeiTForImageClassificationWithTeacher(
        transformers.DeiTConfig(image_size=32, **SMALL, **options)
    )


def dinov2(**options: Any) -> nn.Module:
    return transformers.Dinov2ForImageClassification(
        transformers.Dinov2Config(image_size=32, mlp_ratio=2, **SMALL, **options)
    )


def dinov2_registers(**options: Any) -> nn.Module:
    return transformers.Dinov2WithRegistersForImageClassification(
        transformers.Dinov2WithRegistersConfig(image_size=32, mlp_ratio=2, num_register_tokens=3, **SMALL, **options)
    )


def dinov3(**options: Any) -> nn.Module:
    return transformers.DINOv3ViTModel(
        transformers.DINOv3ViTConfig(image_size=32, num_register_tokens=2, **SMALL, **options)
    )


def beit(**options: Any) -> nn.Module:
    return transformers.BeitForImageClassification(
        transformers.BeitConfig(image_size=32, use_relative_position_bias=True, **SMALL, **options)
    )


def ijepa(**options: Any) -> nn.Module:
    return transformers.IJepaForImageClassification(transformers.IJepaConfig(image_size=32, **SMALL, **options))


def clip(**options: Any) -> nn.Module:
    return transformers.CLIPVisionModelWithProjection(
        transformers.CLIPVisionConfig(image_size=32, projection_dim=7, **SMALL, **options)
    )


def siglip(**options: Any) -> nn.Module:
    return transformers.SiglipVisionModel(
        transformers.SiglipVisionConfig(image_size=32, vision_use_head=False, **SMALL, **options)
    )


def swin(**options: Any) -> nn.Module:
    return transformers.SwinForImageClassification(transformers.SwinConfig(image_size=32, **SWIN, **options))


def swinv2() -> nn.Module:
    return transformers.Swinv2ForImageClassification(transformers.Swinv2Config(image_size=32, **SWIN))


def wrapped_timm(**options: Any) -> nn.Module:
    return transformers.TimmWrapperForImageClassification(
        transformers.TimmWrapperConfig(
            architecture="vit_tiny_patch16_224",
            model_args={"img_size": (32, 48), "depth": 2, "embed_dim": 32, "num_heads": 2, "patch_size": 8},
            num_labels=5,
            **options,
        )
    )


PLAIN: dict[str, tuple[Callable[..., nn.Module], tuple[int, int], tuple[str, ...]]] = {
    # name: network, rows and columns of a picture not square, tokens before the patches; all have patches of 8 px
    "ViT": (lambda **options: AnySize(vit(**options)), (32, 48), CLASS),
    "ViT without a head": (headless_vit, (32, 48), CLASS),
    "DeiT": (lambda **options: AnySize(deit(**options)), (32, 48), ("class", "distillation")),
    "DINOv2": (dinov2, (32, 48), CLASS),
    "DINOv2 with registers": (dinov2_registers, (32, 48), ("class", "register 1", "register 2", "register 3")),
    "DINOv3": (dinov3, (32, 48), ("class", "register 1", "register 2")),
    "BEiT": (beit, (32, 48), CLASS),
    "I-JEPA": (lambda **options: AnySize(ijepa(**options)), (32, 48), ()),
    "CLIP": (lambda **options: AnySize(clip(**options)), (32, 48), CLASS),
    "SigLIP": (lambda **options: AnySize(siglip(**options)), (32, 48), ()),
    "timm's ViT, wrapped": (wrapped_timm, (32, 48), CLASS),
}


@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("name", PLAIN)
def test_plain_transformers(name: str, implementation: str) -> None:
    make, input_hw, prefix = PLAIN[name]
    # Trap: for a wrapped timm network "eager" is not handed on, and its attention stays fused.
    model = vary(make(attn_implementation=implementation), std=0.1).eval()
    x = torch.randn(1, 3, *input_hw)
    with torch.no_grad():
        output = model(x)
    plain = next(iter(output.values()))[0]
    result = trace(model, x, verify=True)
    assert torch.equal(result.logits, plain)
    assert torch.equal(trace(model, x).logits, plain)
    records = result.of(SelfAttention)
    assert len(records) == len(result.records) == 2
    for record in records:
        assert record.tokens.grid_hw == (input_hw[0] // 8, input_hw[1] // 8)
        assert record.tokens.prefix_names == prefix
        assert record.queries.shape[1:3] == (2, record.tokens.tokens)
    assert result.unproven == ()
    assert result.unread == {}
    assert hooks_of(model) == 0


@pytest.mark.parametrize("make", [vit, deit, beit, ijepa, clip, siglip])
def test_the_size_that_the_network_was_built_for(make: Callable[..., nn.Module]) -> None:
    result = trace(vary(make(), std=0.1).eval(), torch.randn(1, 3, 32, 32), verify=True)
    assert {record.tokens.grid_hw for record in result.of(SelfAttention)} == {(4, 4)}
    assert result.unproven == ()


@pytest.mark.parametrize("make", [vit, dinov2, dinov3, beit])
def test_the_records_are_the_matrices_that_eager_attention_returns(make: Callable[..., nn.Module]) -> None:
    model = vary(make(attn_implementation="eager"), std=0.1).eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        returned = model(x, output_attentions=True).attentions
    for record, matrix in zip(trace(model, x).of(SelfAttention), returned, strict=True):
        torch.testing.assert_close(record.weights(), matrix)


def test_relative_positions_of_beit_are_on_the_record() -> None:
    model = vary(beit(), std=0.1).eval()
    first, second = trace(model, torch.randn(1, 3, 32, 32)).of(SelfAttention)
    # One class token and 4 x 4 patches; each block has positions of its own.
    assert first.bias.shape == (1, 2, 17, 17)
    assert not torch.equal(first.bias, second.bias)
    # Two pairs of patches with the same offset, one to the right: 0 -> 1 and 5 -> 6, behind the class token.
    assert torch.equal(first.bias[0, :, 1, 2], first.bias[0, :, 6, 7])
    assert first.mask is None


def test_siglip_with_its_pooling_head() -> None:
    model = transformers.SiglipVisionModel(transformers.SiglipVisionConfig(image_size=32, **SMALL))
    result = trace(vary(model, std=0.1).eval(), torch.randn(1, 3, 32, 32), verify=True)
    assert result.unproven == ()
    # Two blocks of 4 x 4 patches that look at each other, then one query that looks at them.
    assert [record.weights().shape[2:] for record in result.of(SelfAttention)] == [(16, 16), (16, 16), (1, 16)]
    assert [record.tokens.grid_hw for record in result.of(SelfAttention)] == [(4, 4)] * 3


SWINS: dict[str, Callable[[], nn.Module]] = {
    "Swin, sdpa": lambda: swin(attn_implementation="sdpa"),
    "Swin, eager": lambda: swin(attn_implementation="eager"),
    "Swin V2": swinv2,
}


@pytest.mark.parametrize("input_hw", [(32, 32), (32, 48)])
@pytest.mark.parametrize("name", SWINS)
def test_swin(name: str, input_hw: tuple[int, int]) -> None:
    model = vary(SWINS[name](), std=0.1).eval()
    x = torch.randn(1, 3, *input_hw)
    with torch.no_grad():
        plain = model(x).logits[0]
    result = trace(model, x, verify=True)
    assert torch.equal(result.logits, plain)
    assert result.unproven == ()
    assert result.unread == {}
    rows, columns = input_hw[0] // 4, input_hw[1] // 4
    assert [(record.tokens.grid_hw, record.tokens.shift_hw) for record in result.of(SelfAttention)] == [
        ((rows, columns), (0, 0)),
        ((rows, columns), (1, 1)),
        ((rows // 2, columns // 2), (0, 0)),
        ((rows // 2, columns // 2), (1, 1)),
    ]
    assert hooks_of(model) == 0


def test_a_network_that_shuffles_its_patches_is_refused() -> None:
    model = transformers.ViTMAEModel(
        transformers.ViTMAEConfig(
            image_size=32, decoder_num_hidden_layers=1, decoder_hidden_size=16, decoder_num_attention_heads=2, **SMALL
        )
    )
    with pytest.raises(UnreadableError, match="shuffles"):
        trace(model.eval(), torch.randn(1, 3, 32, 32))


def test_a_network_with_tokens_behind_the_patches_is_refused() -> None:
    model = transformers.YolosModel(transformers.YolosConfig(num_detection_tokens=4, image_size=(32, 32), **SMALL))
    with pytest.raises(UnreadableError, match="detection tokens"):
        trace(model.eval(), torch.randn(1, 3, 32, 32))
