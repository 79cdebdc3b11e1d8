"""Selective channels and their weights, by hand."""

import math

import numpy as np
import pytest
import torch

from attnviz.errors import ValueRangeError
from attnviz.gate_effect import REST, SHUFFLES, channel_selectivity
from attnviz.geometry import Geometry
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask
from attnviz.regions import Region

FOUR = Geometry.identity((4, 4))
DOG = Region.from_box("dog", (0, 0, 2, 2), (4, 4))  # the first cell of four
GRASS = Region.from_box("grass", (2, 0, 4, 4), (4, 4))  # the two below
SITE = Site("layer1.0.attention", 0, "se")

FEATURES = torch.tensor(
    [
        [[2.0, 0.0], [0.0, 0.0]],  # the dog alone
        [[math.sqrt(3), 0.0], [1.0, -1.0]],  # three times the energy per area on the dog
        [[1.0, 5.0], [1.0, 1.0]],  # the same on both
        [[0.0, 1.0], [3.0, 0.0]],  # the grass alone
        [[0.0, 7.0], [0.0, 0.0]],  # neither
    ]
)


def gate(weights, features=FEATURES) -> ChannelWeights:
    return ChannelWeights(SITE, torch.tensor(weights), features)


def test_selectivity_by_hand():
    found = channel_selectivity(gate([0.9, 0.7, 0.5, 0.1, 0.3]), DOG, FOUR, against=GRASS)
    # (3 - 1) / (3 + 1) for the second; a signed feature counts by its square.
    assert found.selectivity == pytest.approx([1.0, 0.5, 0.0, -1.0, math.nan], nan_ok=True)
    assert found.weights == pytest.approx([0.9, 0.7, 0.5, 0.1, 0.3])
    # Squares 4; 3 + 1 + 1; 1 + 25 + 1 + 1; 1 + 9; 49: of 96.
    assert found.energy == pytest.approx(np.array([4, 5, 28, 10, 49]) / 96)
    assert (found.region, found.against) == ("dog", "grass")
    # Of those that prefer the dog 0.9 and 0.7, of those that prefer the grass 0.1.
    assert found.mean_weights == pytest.approx((0.8, 0.1))


def test_against_the_rest_by_hand():
    # The other three cells: energies per area 4 and 0; 3 and 2/3; 1 and 27/3; 0 and 10/3; 0 and 49/3.
    found = channel_selectivity(gate([0.9, 0.7, 0.5, 0.1, 0.3]), DOG, FOUR)
    assert found.selectivity == pytest.approx([1.0, (3 - 2 / 3) / (3 + 2 / 3), -0.8, -1.0, -1.0])
    assert found.against == REST


def test_correlation_by_hand():
    # The silent channel is left out. The other four have one order in both, then the opposite one.
    for weights, expected in (([0.9, 0.7, 0.5, 0.1, 0.8], 1.0), ([0.1, 0.2, 0.3, 0.4, 0.0], -1.0)):
        found = channel_selectivity(gate(weights), DOG, FOUR, against=GRASS)
        assert found.correlation == pytest.approx(expected)
    # Ranks of selectivity 4, 3, 2, 1 against 3, 4, 1, 2: differences of one, 1 - 6 * 4 / (4 * 15).
    found = channel_selectivity(gate([0.3, 0.4, 0.1, 0.2, 0.0]), DOG, FOUR, against=GRASS)
    assert found.correlation == pytest.approx(0.6)


def test_ties_share_the_mean_of_their_ranks():
    # Ranks of the weights 2.5, 2.5, 2.5, 2.5 would have no spread; 1, 3, 3, 3 against 4, 3, 2, 1 by Pearson:
    # deviations (-1.5, .5, .5, .5) and (1.5, .5, -.5, -1.5): -3 / sqrt(3 * 5).
    found = channel_selectivity(gate([0.1, 0.5, 0.5, 0.5, 0.0]), DOG, FOUR, against=GRASS)
    assert found.correlation == pytest.approx(-3 / math.sqrt(15))


def test_chance_by_counting():
    # Four channels have 24 orders. Only the right and the opposite one reach a correlation of 1 or -1: 2 of 24.
    found = channel_selectivity(gate([0.9, 0.7, 0.5, 0.1, 0.3]), DOG, FOUR, against=GRASS)
    spread = math.sqrt((2 / 24) * (22 / 24) / SHUFFLES)
    assert found.p_value == pytest.approx(2 / 24, abs=4 * spread)
    assert found.by_chance == pytest.approx((-1.0, 1.0))  # 1 in 24 is more than 2.5 % on either side


def test_a_link_is_told_from_none():
    random = np.random.default_rng(0)
    inside = random.random(200)
    features = np.zeros((200, 2, 2), np.float32)
    features[:, 0, 0], features[:, 1] = np.sqrt(inside), np.sqrt(1 - inside)[:, None]
    linked = channel_selectivity(gate(inside.tolist(), torch.from_numpy(features)), DOG, FOUR, against=GRASS)
    assert linked.correlation == pytest.approx(1, abs=1e-6)
    assert linked.p_value == 1 / (SHUFFLES + 1)
    # The null of a rank correlation over n channels has a deviation of 1 / sqrt(n - 1).
    assert linked.by_chance == pytest.approx((-1.96 / math.sqrt(199), 1.96 / math.sqrt(199)), abs=0.02)


@pytest.mark.parametrize(
    "record",
    [
        gate([0.5] * 5),  # a flat gate
        gate([0.1, 0.2, 0.3, 0.4], torch.ones(4, 2, 2)),  # no channel prefers anything
        gate([0.1, 0.2], FEATURES[:2]),  # two points are always on a line
    ],
)
def test_no_correlation_where_there_is_none(record):
    found = channel_selectivity(record, DOG, FOUR, against=GRASS)
    assert (found.correlation, found.by_chance, found.p_value) == (None, None, None)


def test_a_mask_over_all_features_weighs_a_channel_by_its_mean():
    mask = torch.tensor([[[0.0, 1.0], [1.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]])
    found = channel_selectivity(FeatureMask(SITE, mask, 1.0, torch.ones(2, 2, 2)), DOG, FOUR)
    assert found.weights == pytest.approx([1.75, 1.5])
    assert found.mean_weights == (None, None)  # no channel prefers anything


def test_refused():
    with pytest.raises(ValueRangeError, match="must have a factor for each channel; got SpatialMask"):
        channel_selectivity(SpatialMask(SITE, torch.ones(2, 2), FEATURES), DOG, FOUR)
    with pytest.raises(ValueRangeError, match="must be above zero somewhere; got 0"):
        channel_selectivity(gate([0.5], torch.zeros(1, 2, 2)), DOG, FOUR)
    with pytest.raises(ValueRangeError, match="must not overlap"):
        channel_selectivity(gate([0.5] * 5), DOG, FOUR, against=Region.from_box("top", (0, 0, 2, 4), (4, 4)))


def test_one_flat_row_for_each_channel():
    rows = channel_selectivity(gate([0.9, 0.7, 0.5, 0.1, 0.3]), DOG, FOUR, against=GRASS).to_rows()
    assert len(rows) == 5
    assert rows[1]["channel"] == 1
    assert rows[1]["selectivity"] == pytest.approx(0.5)
    assert rows[1]["weight"] == pytest.approx(0.7)
