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


@pytest.mark.parametrize(
    "name",
    ["se_resnet", "cbam_resnet", "cbam_spatial_first", "cbam_channel", "cbam_channel_avg", "cbam_channel_max"],
)
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
    assert vit.grid_of((71, 8)) == (8, 1)  # the last 7 rows do not fill a token
    with torch.no_grad():
        assert vit.tokens(torch.randn(1, 3, 64, 96)).shape == (1, 1 + 8 * 12, 160)


def test_the_last_block_gives_the_class_token_as_if_it_gave_all() -> None:
    vit = VisionTransformer(5, depth=2).eval()
    with torch.no_grad():
        x = vit.tokens(torch.randn(1, 3, 16, 24))
        kept = vit.blocks(x)
        vit.blocks[-1].keeps = None
        torch.testing.assert_close(kept, vit.blocks(x)[:, :1])


def grids_of(name: str, centred: bool, picture: torch.Tensor) -> torch.Tensor:
    """The network's grid of features, (c, h, w), with weights that only add up: every kernel is flat."""
    network = build(name, 3, centred=centred).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    with torch.no_grad():
        return (network.patch_embed if name == "vit" else network.features)(picture.double())[0]


@pytest.mark.parametrize("name", ["resnet_plain", "vit"])
def test_a_cell_is_centred_on_the_pixels_that_it_stands_for(name: str) -> None:
    # Cell (8, 6) of an input of 128 x 112 stands for rows 64 to 71 and columns 48 to 55, whose middle are two pixels
    # each way. A dot there is as far from the cell above as from the one below, and from the left as from the right.
    picture = torch.zeros(1, 3, 128, 112)
    picture[..., 67:69, 51:53] = 1
    torch.set_default_dtype(torch.float64)
    try:
        grid = grids_of(name, True, picture).sum(dim=0)
        off = grids_of(name, False, picture).sum(dim=0)
    finally:
        torch.set_default_dtype(torch.float32)
    assert divmod(int(grid.argmax()), grid.shape[1]) == (8, 6)
    torch.testing.assert_close(grid[7, 6], grid[9, 6])
    torch.testing.assert_close(grid[8, 5], grid[8, 7])
    assert off[7, 6] < off[9, 6] * 0.9  # strides of the first paper: the dot lies nearer to the cell below


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
