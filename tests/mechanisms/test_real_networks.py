"""Networks as users bring them, with random weights and small inputs: how many records, and are they proven?"""

from collections.abc import Callable

import pytest
import timm
import torch
import torchvision
from torch import nn

from attnviz.models import build
from attnviz.records import ChannelWeights, SelfAttention, SpatialMask
from attnviz.tracer import trace
from tests.mechanisms.contract import hooks_of

HW = (64, 96)


def timm_resnet(attention: str) -> nn.Module:
    # timm starts the last BatchNorm of a block at 0, which would leave nothing to compare.
    return timm.create_model("resnet18", zero_init_last=False, block_args={"attn_layer": attention})


GATED: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    # name: network, channel gates, spatial masks
    "ours, se": (lambda: build("se_resnet", num_classes=5), 7, 0),
    "ours, cbam": (lambda: build("cbam_resnet", num_classes=5), 7, 7),
    # Howard et al. 2019, table 2: nine blocks with a check mark under SE.
    "torchvision mobilenet_v3_small": (torchvision.models.mobilenet_v3_small, 9, 0),
    # Tan and Le 2019, table 1: 1 + 2 + 2 + 3 + 3 + 4 + 1 = 16 blocks, each with SE.
    "torchvision efficientnet_b0": (torchvision.models.efficientnet_b0, 16, 0),
    "timm efficientnet_b0": (lambda: timm.create_model("efficientnet_b0"), 16, 0),
    # Two blocks in each of four stages.
    "timm resnet18 with se": (lambda: timm_resnet("se"), 8, 0),
    "timm resnet18 with cbam": (lambda: timm_resnet("cbam"), 8, 8),
}


@pytest.mark.parametrize("name", GATED)
def test_gated_networks(name: str) -> None:
    make, channel_gates, masks = GATED[name]
    model, x = make().eval(), torch.randn(1, 3, *HW)
    with torch.no_grad():
        plain = model(x)[0]
    result = trace(model, x, verify=True)
    assert torch.equal(result.logits, plain)
    assert len(result.of(ChannelWeights)) == channel_gates
    assert sum(isinstance(record, SpatialMask) for record in result.records) == masks
    assert result.unproven == ()
    late = trace(model, x)
    assert torch.equal(late.logits, plain)
    for one, other in zip(result.of(ChannelWeights), late.of(ChannelWeights), strict=True):
        assert torch.equal(one.weights, other.weights)
        assert torch.equal(one.features, other.features)
    assert hooks_of(model) == 0


def torchvision_vit() -> nn.Module:
    return torchvision.models.VisionTransformer(
        image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=5
    )


CLASS = ("class",)
TRANSFORMERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int], int, tuple[int, int], tuple[str, ...]]] = {
    # name: network, input, layers, grid, prefix tokens
    "ours": (lambda: build("vit", num_classes=5), (64, 96), 0, (8, 12), CLASS),
    "torchvision": (torchvision_vit, (32, 32), 2, (4, 4), CLASS),
    "timm, not square": (
        lambda: timm.create_model("vit_tiny_patch16_224", img_size=(96, 64), depth=2), (96, 64), 2, (6, 4), CLASS
    ),
    "timm, any size": (
        lambda: timm.create_model("vit_tiny_patch16_224", dynamic_img_size=True, depth=2), (64, 96), 2, (4, 6), CLASS
    ),
    "timm, padded": (
        lambda: timm.create_model("vit_tiny_patch16_224", dynamic_img_size=True, dynamic_img_pad=True, depth=2),
        (60, 90), 2, (4, 6), CLASS,
    ),
    "timm, distilled": (
        lambda: timm.create_model("deit_tiny_distilled_patch16_224", img_size=64, depth=2),
        (64, 64), 2, (4, 4), ("class", "distillation"),
    ),
    "timm, registers": (
        lambda: timm.create_model("vit_small_patch14_reg4_dinov2", img_size=(56, 84), depth=2),
        (56, 84), 2, (4, 6), ("class", "register 1", "register 2", "register 3", "register 4"),
    ),
    "timm, no class token": (
        lambda: timm.create_model("vit_base_patch16_siglip_224", img_size=64, depth=2, embed_dim=64, num_heads=2),
        (64, 64), 3, (4, 4), (),  # two blocks and the pool
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers(name: str) -> None:
    make, input_hw, layers, grid_hw, prefix = TRANSFORMERS[name]
    model, x = make().eval(), torch.randn(1, 3, *input_hw)
    with torch.no_grad():
        plain = model(x)[0]
    result = trace(model, x, verify=True)
    assert torch.equal(result.logits, plain)
    assert torch.equal(trace(model, x).logits, plain)
    records = result.of(SelfAttention)
    assert len(records) == (layers or len(model.blocks))
    for record in records:
        assert record.tokens.grid_hw == grid_hw
        assert record.tokens.prefix_names == prefix
        assert record.keys.shape[2] == record.tokens.tokens
    assert result.unproven == ()
    assert hooks_of(model) == 0


def test_our_attention_augmented_network() -> None:
    model, x = build("aa_resnet", num_classes=5).eval(), torch.randn(1, 3, *HW)
    result = trace(model, x, verify=True)
    assert result.unproven == ()
    assert {record.site.mechanism for record in result.records} == {"aa_conv"}
    # Total stride 8: the last attention lies on a grid of 64 / 8 by 96 / 8.
    assert result.of(SelfAttention)[-1].tokens.grid_hw == (8, 12)


@pytest.mark.parametrize("fast", [True, False])
def test_the_fused_path_of_torch_stays_as_it_is(fast: bool) -> None:
    """Whether `aten._native_multi_head_attention` runs must not depend on the trace."""
    ran: list[str] = []

    class Seen(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(
            self, func: object, types: object, args: tuple = (), kwargs: dict | None = None
        ) -> object:
            ran.append(str(func))
            return func(*args, **(kwargs or {}))  # type: ignore[operator]

    model, x = torchvision_vit().eval(), torch.randn(1, 3, 32, 32)
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(fast)
    try:
        with Seen():
            trace(model, x)
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
    assert ("aten._native_multi_head_attention.default" in ran) is fast
