import pytest
import torch

import attnviz
from attnviz.maps import FeatureMaskMap, GradCam, native
from attnviz.models import ResidualAttentionNet, ResNet
from attnviz.records import FeatureMask


@pytest.fixture(scope="module")
def network() -> ResidualAttentionNet:
    torch.manual_seed(0)
    return ResidualAttentionNet(5).eval()


def test_three_masks_on_three_grids_all_proven(network: ResidualAttentionNet) -> None:
    trace = attnviz.trace(network, torch.randn(1, 3, 64, 96), verify=True)
    assert [tuple(record.mask.shape) for record in trace.of(FeatureMask)] == [
        (32, 32, 48), (64, 16, 24), (128, 8, 12)
    ]  # fmt: skip
    assert [record.site.layer for record in trace.records] == ["layer1.0", "layer2.1", "layer3.1"]
    assert trace.unproven == ()
    assert trace.unread == {}


def test_its_maps_are_laid_on_the_last_grid(network: ResidualAttentionNet) -> None:
    picture = torch.randn(1, 3, 64, 96)
    trace = attnviz.trace(network, picture)
    assert native(trace) == FeatureMaskMap()
    assert native(trace)(trace).grid_hw == (8, 12)
    assert attnviz.explain(network, picture, GradCam(target=1)).grid_hw == (8, 12)


def test_it_is_the_plain_network_and_masks(network: ResidualAttentionNet) -> None:
    plain = {key: value.shape for key, value in ResNet(5).state_dict().items()}
    own = {key.replace(".trunk.", "."): value.shape for key, value in network.state_dict().items()}
    assert {key: shape for key, shape in own.items() if ".mask." not in key} == plain


def test_closed_masks_leave_the_plain_network(network: ResidualAttentionNet) -> None:
    # sigmoid(-1000) = 0, and (1 + 0) * T = T
    closed = ResidualAttentionNet(5)
    closed.load_state_dict(network.state_dict())
    for number in (1, 2, 3):
        last = closed.get_submodule(f"layer{number}")[-1].mask.logits[-1]
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.constant_(last.bias, -1000.0)
    plain = ResNet(5)
    plain.load_state_dict({
        key.replace(".trunk.", "."): value for key, value in network.state_dict().items() if ".mask." not in key
    })  # fmt: skip
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(closed.eval()(x), plain.eval()(x))


def test_a_cell_of_a_mask_is_centred_on_what_it_pooled() -> None:
    # Mirroring the features mirrors a mask whose pools and interpolation are centred; 3x3 pools at stride 2 are not.
    torch.manual_seed(0)
    x = torch.randn(1, 8, 16, 16)

    def moved_by_mirroring(pool: int) -> float:
        mask = attnviz.layers.residual_attention.SoftMask(8, 2, pool=pool).eval()
        for module in mask.modules():
            if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (3, 3):
                module.weight.data = (module.weight + module.weight.flip(3)) / 2
        with torch.no_grad():
            return float((mask(x.flip(3)).flip(3) - mask(x)).abs().max())

    assert moved_by_mirroring(2) < 1e-5
    assert moved_by_mirroring(3) > 1e-3


def test_every_parameter_learns() -> None:
    network = ResidualAttentionNet(5, widths=(4, 4, 8, 8))
    network(torch.randn(4, 3, 64, 64)).square().sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []
