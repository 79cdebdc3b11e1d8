import pytest
import torch

from attnviz.errors import NotFoundError
from attnviz.layers import AAConv2d, Cbam, SqueezeExcitation
from attnviz.models import ARCHITECTURES, ResNet, VisionTransformer, build


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("hw", [(64, 64), (64, 96), (104, 72), (40, 33)])
def test_any_input_size(name: str, hw: tuple[int, int]) -> None:
    with torch.no_grad():
        logits = build(name, 7).eval()(torch.randn(2, 3, *hw))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()


def test_the_last_map_of_a_residual_network_has_a_cell_for_eight_pixels() -> None:
    with torch.no_grad():
        features = ResNet(5).eval().features(torch.randn(1, 3, 64, 96))
    assert features.shape == (1, 160, 8, 12)


@pytest.mark.parametrize(("name", "kind", "count"), [
    ("se_resnet", SqueezeExcitation, 7), ("cbam_resnet", Cbam, 7), ("aa_resnet", AAConv2d, 4),
])  # fmt: skip
def test_every_block_carries_its_attention(name: str, kind: type, count: int) -> None:
    assert sum(isinstance(module, kind) for module in build(name).modules()) == count


@pytest.mark.parametrize("name", ["se_resnet", "cbam_resnet"])
def test_gated_networks_differ_from_the_plain_one_only_in_their_gates(name: str) -> None:
    plain, gated = build("resnet_plain").state_dict(), build(name).state_dict()
    assert {key: value.shape for key, value in gated.items() if ".attention." not in key} == {
        key: value.shape for key, value in plain.items()
    }


def test_the_augmented_network_differs_only_in_the_first_convolutions_of_the_last_two_stages() -> None:
    plain, augmented = build("resnet_plain").state_dict(), build("aa_resnet").state_dict()
    assert {key for key in plain if key not in augmented} == {
        f"layer{stage}.{block}.conv1.weight" for stage in (3, 4) for block in (0, 1)
    }


def test_augmented_channels_follow_the_papers_rule() -> None:
    # 160 channels: values 0.25 * 160 / 4 = 10 a head; keys 10 a head, raised to 20
    layer = build("aa_resnet").get_submodule("layer4.1.conv1")
    assert isinstance(layer, AAConv2d)
    assert (layer.heads, layer.key_channels, layer.value_channels) == (4, 80, 40)


def test_a_gate_sits_on_the_residual_branch_before_the_addition() -> None:
    class Closed(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros_like(x)

    network = ResNet(3, gate=lambda channels: Closed()).eval()
    x = torch.rand(1, 32, 8, 8)
    assert torch.equal(network.layer1[0](x), x)  # a closed gate leaves the shortcut of a positive map


def test_vit_tokens() -> None:
    vit = VisionTransformer(5).eval()
    assert vit.grid_of((64, 96)) == (8, 12)
    assert vit.grid_of((65, 8)) == (9, 1)
    with torch.no_grad():
        assert vit.tokens(torch.randn(1, 3, 64, 96)).shape == (1, 1 + 8 * 12, 160)


def test_vit_positions_are_resampled() -> None:
    vit = VisionTransformer(5, grid_hw=(2, 2)).eval()
    with torch.no_grad():
        vit.positions.fill_(0.25)
        blank = torch.zeros(1, 3, 16, 40)
        patches = vit.patch_embed(blank).flatten(2).transpose(1, 2)
        # A constant stays constant at every size.
        torch.testing.assert_close(vit.tokens(blank)[:, 1:], patches + 0.25)


def test_unknown_architecture_names_all() -> None:
    with pytest.raises(NotFoundError) as error:
        build("resnet_plane")
    assert all(name in str(error.value) for name in ARCHITECTURES)
