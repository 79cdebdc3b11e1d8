"""Random weights: which maps notice, and when."""

import numpy as np
import pytest
import torch
from torch import nn

import attnviz
from attnviz.errors import ValueRangeError
from attnviz.faithfulness import Randomisation, StoppedError, randomise
from attnviz.faithfulness.randomisation import _groups, _replace, _units
from tests.faithfulness.toys import Brightness, FirstWeights, Layers
from tests.mechanisms.contract import hooks_of, state_of

PICTURE = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model() -> nn.Module:
    return Layers().eval()


def test_a_map_that_ignores_the_weights_stays_the_same(model: nn.Module) -> None:
    found = randomise(model, PICTURE, Brightness(), stages=3)
    assert (found.rank == 1).all()
    assert found.ssim == pytest.approx(np.ones((3, 3)))
    assert found.untouched == 3
    assert "does not depend on what the network learned" in found.verdict


def test_a_map_of_the_first_layer_changes_only_when_that_is_reached(model: nn.Module) -> None:
    """Behind it lie `second`, the PReLU's one number and `last`: four layers, so the fourth stage reaches it."""
    found = randomise(model, PICTURE, FirstWeights(), stages=4)
    assert found.stages == ("last", "bend", "second", "first")
    assert found.untouched == 3
    assert (found.rank[:, :3] == 1).all()
    assert (np.abs(found.rank[:, 3]) < 0.8).all()  # 24 unrelated numbers: a correlation of 0.2 in the mean
    assert "the first 3 stages of 4, down to second" in found.verdict.lower()


def test_the_share_of_weights_replaced(model: nn.Module) -> None:
    """last 8 * 4 + 4 = 36, bend 1, second 8 * 8 + 8 = 72, first 3 * 8 + 8 = 32: 141 in all."""
    found = randomise(model, PICTURE, Brightness(), stages=4, repeats=1)
    assert found.replaced == pytest.approx(np.array([36, 37, 109, 141]) / 141)


def test_stages_are_the_classifier_and_then_equal_parts(model: nn.Module) -> None:
    units = _units(model, PICTURE)
    assert units == ["first", "second", "bend", "last"]
    assert [group.names for group in _groups(model, units, 3)] == [("last",), ("bend", "second"), ("first",)]
    assert [group.names for group in _groups(model, units, 1)] == [("last", "bend", "second", "first")]
    assert len(_groups(model, units, 99)) == 4


def test_a_part_that_is_used_without_being_called_goes_with_its_holder() -> None:
    attention = nn.Sequential(nn.Linear(4, 4), _SelfAttention(), nn.Linear(4, 4)).eval()
    assert _units(attention, torch.rand(1, 3, 4)) == ["0", "1.attn", "1.attn.out_proj", "2"]


class _SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attn(x, x, x, need_weights=False)[0]


def test_random_weights_have_the_size_of_the_trained_ones() -> None:
    """400 numbers: their mean is off by 3 / 20 = 0.15 at 1 sigma, their deviation by 3 / 28 = 0.11."""
    layer = nn.Linear(20, 20)
    with torch.no_grad():
        layer.weight.copy_(5 + 3 * torch.randn(20, 20))
        mean, deviation = float(layer.weight.mean()), float(layer.weight.std())
        trained = layer.weight.clone()
    _replace(layer, torch.Generator().manual_seed(0))
    assert float(layer.weight.detach().mean()) == pytest.approx(mean, abs=0.6)
    assert float(layer.weight.detach().std()) == pytest.approx(deviation, abs=0.45)
    assert abs(float(torch.corrcoef(torch.stack([trained.flatten(), layer.weight.detach().flatten()]))[0, 1])) < 0.2


def test_the_model_stays_as_it_was_also_when_stopped(model: nn.Module) -> None:
    before = state_of(model)
    randomise(model, PICTURE, FirstWeights())
    with pytest.raises(StoppedError):
        randomise(model, PICTURE, FirstWeights(), progress=lambda done, _total: done < 2)
    assert state_of(model) == before
    assert hooks_of(model) == 0


def test_the_same_seed_gives_the_same_numbers(model: nn.Module) -> None:
    one, two, other = (randomise(model, PICTURE, FirstWeights(), seed=seed, repeats=1).rank for seed in (0, 0, 9))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_random_network_without_a_map_is_told(model: nn.Module) -> None:
    rank = np.array([[0.5, np.nan], [0.7, 0.1]])
    found = Randomisation(("last", "first"), np.array([0.5, 1.0]), rank, rank, 0, 0)
    assert "in 1 of 2 draws the random network gave no map" in found.verdict
    assert "down to last, leaves 0.60" in found.verdict


def test_bad_arguments(model: nn.Module) -> None:
    with pytest.raises(ValueRangeError, match="got 0 and 3"):
        randomise(model, PICTURE, Brightness(), stages=0)
    with pytest.raises(ValueRangeError, match="weights to replace; got none"):
        randomise(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval(), PICTURE, Brightness())


def test_a_changed_network_is_refused_since_its_copy_would_not_be_changed() -> None:
    network = attnviz.models.build("se_resnet", 3).eval()
    x = torch.rand(1, 3, 32, 32)
    with (
        attnviz.intervene(network, gates="off"),
        pytest.raises(ValueRangeError, match=r"as it was loaded.*got attention changed.*Leave `intervene` first"),
    ):
        randomise(network, x, attnviz.maps.Activation(), stages=1, repeats=1)
