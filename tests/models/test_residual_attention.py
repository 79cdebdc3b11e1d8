import pytest
import torch

import attnviz
from attnviz.maps import FeatureMaskMap, GradCam, native
from attnviz.models import ResidualAttentionNet
from attnviz.records import FeatureMask


@pytest.fixture(scope="module")
def network() -> ResidualAttentionNet:
    torch.manual_seed(0)
    return ResidualAttentionNet(5).eval()


@pytest.mark.parametrize("hw", [(64, 64), (64, 96), (40, 33)])
def test_any_input_size_at_stride_eight(network: ResidualAttentionNet, hw: tuple[int, int]) -> None:
    with torch.no_grad():
        assert network.features(torch.randn(1, 3, *hw)).shape == (1, 160, -(-hw[0] // 8), -(-hw[1] // 8))
        assert network(torch.randn(2, 3, *hw)).shape == (2, 5)


def test_three_masks_on_three_grids_all_proven(network: ResidualAttentionNet) -> None:
    trace = attnviz.trace(network, torch.randn(1, 3, 64, 96), verify=True)
    assert [tuple(record.mask.shape) for record in trace.of(FeatureMask)] == [
        (32, 32, 48), (64, 16, 24), (128, 8, 12)
    ]  # fmt: skip
    assert [record.site.layer for record in trace.records] == ["layer1.1", "layer2.1", "layer3.1"]
    assert trace.unproven == ()
    assert trace.unread == {}


def test_its_maps_are_laid_on_the_last_grid(network: ResidualAttentionNet) -> None:
    picture = torch.randn(1, 3, 64, 96)
    trace = attnviz.trace(network, picture)
    assert native(trace) == FeatureMaskMap()
    assert native(trace)(trace).grid_hw == (8, 12)
    assert attnviz.explain(network, picture, GradCam(target=1)).grid_hw == (8, 12)


def test_it_is_no_larger_than_the_networks_beside_it(network: ResidualAttentionNet) -> None:
    largest = max(sum(p.numel() for p in attnviz.models.build(name).parameters()) for name in ("se_resnet", "vit"))
    assert 100_000 < sum(p.numel() for p in network.parameters()) < largest


def test_every_parameter_learns() -> None:
    network = ResidualAttentionNet(5, widths=(4, 4, 8, 8))
    network(torch.randn(4, 3, 64, 64)).square().sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []
