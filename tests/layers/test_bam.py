import pytest
import torch

from attnviz.layers import Bam


def test_three_of_them_cost_what_they_add_to_a_resnet50() -> None:
    # Park et al. put one behind each of the first three stages. With h hidden channels of 16 h:
    # channel branch 16 h^2 + h, 2 h, 16 h^2 + 16 h; spatial branch 16 h^2 + h, 2 h, twice 9 h^2 + h + 2 h, h + 1.
    # Together 66 h^2 + 29 h + 1; for h = 16, 32, 64 that is 66 * 5376 + 29 * 112 + 3 = 358067.
    assert sum(p.numel() for channels in (256, 512, 1024) for p in Bam(channels).parameters()) == 358067


@pytest.mark.parametrize("hw", [(1, 1), (6, 6), (3, 8)])
def test_a_layer_of_zeros_multiplies_by_one_and_a_half(hw: tuple[int, int]) -> None:
    layer = Bam(8, reduction=2).eval()
    for parameter in layer.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 8, *hw)
    torch.testing.assert_close(layer(x), 1.5 * x)  # sigmoid(0) = 1/2


def test_the_mask_reaches_as_far_as_two_dilated_convolutions() -> None:
    layer = Bam(4, reduction=1, dilation=4).eval()
    x = torch.rand(1, 4, 1, 41)
    changed = x.clone()
    changed[..., 20] += 1
    # The channel branch sees the whole map, so the spatial branch is asked alone: 4 + 4 cells to each side.
    with torch.no_grad():
        moved = (layer.spatial(changed) - layer.spatial(x))[0, 0, 0].abs() > 1e-7
    assert {int(place) - 20 for place in moved.nonzero()} <= {-8, -4, 0, 4, 8}
    assert moved[20]
