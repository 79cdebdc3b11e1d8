import pytest
import torch
from timm.layers.gather_excite import GatherExcite
from timm.layers.mlp import ConvMlp
from torch import nn

from attnviz.records import ChannelWeights, FeatureMask
from attnviz.tracer import trace
from tests.mechanisms.contract import MechanismContract


def with_mlp(extent: int, **options: object) -> nn.Module:
    """timm 1.0 cannot build its own MLP here, as it passes the names of two options in the place of values."""
    layer = GatherExcite(8, extent=extent, use_mlp=False, **options)
    layer.mlp = ConvMlp(8, 4)
    return layer


class TestGlobalExtent(MechanismContract):
    expected = ((ChannelWeights, "gather_excite"),)

    def layer(self) -> nn.Module:
        return with_mlp(0, add_maxpool=True)


class TestGlobalExtentWithoutMlp(TestGlobalExtent):
    def layer(self) -> nn.Module:
        return GatherExcite(8, use_mlp=False)


class TestSmallExtent(MechanismContract):
    expected = ((FeatureMask, "gather_excite"),)

    def layer(self) -> nn.Module:
        return with_mlp(2)


def test_a_coarse_gate_worked_by_hand() -> None:
    # Extent 2: means over windows of 3 x 3 at every second place, padding not counted; then each is repeated.
    x = torch.arange(8.0).view(1, 1, 2, 4) * 0.1
    layer = GatherExcite(1, extent=2, use_mlp=False).eval()
    (record,) = trace(nn.Sequential(layer).eval(), x).of(FeatureMask)
    # Columns 0 and 1: mean of 0, .1, .4, .5 = .25. Around column 2: mean of .1, .2, .3, .5, .6, .7 = .4.
    expected = torch.tensor([[0.25, 0.25, 0.4, 0.4]] * 2)[None].sigmoid()
    torch.testing.assert_close(record.mask, expected)


def test_a_coarse_gate_of_a_single_place_is_one_factor_per_channel() -> None:
    # Extent 4 on a map of 3 x 4: one window sees it all.
    x = torch.arange(12.0).view(1, 1, 3, 4) * 0.1
    layer = GatherExcite(1, extent=4, use_mlp=False).eval()
    (record,) = trace(nn.Sequential(layer).eval(), x).of(ChannelWeights)
    torch.testing.assert_close(record.weights, torch.tensor([0.55]).sigmoid())  # mean of 0 to 1.1


@pytest.mark.parametrize("hw", [(1, 1), (1, 5)])
def test_the_smallest_maps(hw: tuple[int, int]) -> None:
    result = trace(nn.Sequential(with_mlp(2)).eval(), torch.randn(1, 8, *hw), verify=True)
    assert result.unproven == ()
