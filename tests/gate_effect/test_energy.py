"""What a gate moved: two-by-two features worked by hand, and what a gate that knows nothing must move."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from attnviz import trace
from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.gate_effect import REST, gate_effect, gate_effects
from attnviz.geometry import Geometry
from attnviz.layers import Cbam, ResidualAttention
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask
from attnviz.regions import Region

FOUR = Geometry.identity((4, 4))  # a 2 x 2 grid on it has cells of 2 x 2 pixels
DOG = Region.from_box("dog", (0, 0, 2, 2), (4, 4))  # the first cell
GRASS = Region.from_box("grass", (2, 0, 4, 4), (4, 4))  # the two below
LEFT = Region.from_box("left", (0, 0, 8, 4), (8, 8))
FEATURES = torch.rand(1, 16, 8, 8, generator=torch.Generator().manual_seed(0))
SITE = Site("layer1.0.attention", 0, "cbam.spatial")


class TestByHand:
    def test_spatial_gate(self):
        # Energies 4, 4, 1, 1: the dog has 4 of 10, the grass 2, the rest 4. The gate halves the features of the second
        # cell, so a quarter of its energy stays: 4, 1, 1, 1 of 7.
        features = torch.tensor([[[2.0, -2.0], [1.0, 1.0]]])
        found = gate_effect(SpatialMask(SITE, torch.tensor([[1.0, 0.5], [1.0, 1.0]]), features), [DOG, GRASS], FOUR)
        assert found.gate == "spatial gate"
        assert found.before == pytest.approx({"dog": 0.4, "grass": 0.2, REST: 0.4})
        assert found.after == pytest.approx({"dog": 4 / 7, "grass": 2 / 7, REST: 1 / 7})
        assert found.moved == pytest.approx({"dog": 4 / 7 - 0.4, "grass": 2 / 7 - 0.2, REST: 1 / 7 - 0.4})
        assert found.total_moved == pytest.approx(0.4 - 1 / 7)  # what the rest lost
        assert found.kept == pytest.approx(0.7)
        assert found.areas == {"dog": 0.25, "grass": 0.5, REST: 0.25}
        assert not found.flat

    def test_channel_gate(self):
        # Channel 0 lives on the dog, channel 1 on the grass, with energy 2 each over the two; both alike before. The
        # gate halves channel 1: 2 and 2 / 4.
        features = torch.tensor([[[math.sqrt(2), 0.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]])
        found = gate_effect(ChannelWeights(SITE, torch.tensor([1.0, 0.5]), features), [DOG, GRASS], FOUR)
        assert found.gate == "channel gate"
        assert found.before == pytest.approx({"dog": 0.5, "grass": 0.5, REST: 0.0})
        assert found.after == pytest.approx({"dog": 0.8, "grass": 0.2, REST: 0.0})
        assert found.total_moved == pytest.approx(0.3)
        assert found.kept == pytest.approx(2.5 / 4)

    def test_residual_mask(self):
        # (1 + M) with M of 1 on the dog and 0 elsewhere: four times the energy there, 4 of 7 instead of 1 of 4.
        mask = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
        found = gate_effect(FeatureMask(SITE, mask, 1.0, torch.ones(1, 2, 2)), [DOG, GRASS], FOUR)
        assert found.gate == "feature mask"
        assert found.moved == pytest.approx({"dog": 4 / 7 - 1 / 4, "grass": 2 / 7 - 1 / 2, REST: 1 / 7 - 1 / 4})
        assert found.kept == pytest.approx(7 / 4)

    def test_a_gate_open_in_one_region_leaves_all_there(self):
        mask = torch.tensor([[0.25, 0.0], [0.0, 0.0]])
        found = gate_effect(SpatialMask(SITE, mask, torch.ones(3, 2, 2)), [DOG, GRASS], FOUR)
        assert found.after == {"dog": 1.0, "grass": 0.0, REST: 0.0}
        assert found.kept == pytest.approx(0.25**2 / 4)


class TestKnowsNothing:
    @pytest.mark.parametrize("factor", [1.0, 0.5, 0.1, 0.3000001, 1e-12, 7.3])
    def test_a_flat_gate_moves_exactly_nothing(self, factor):
        features = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32))
        gates = (
            SpatialMask(SITE, torch.full((3, 4), factor), features),
            ChannelWeights(SITE, torch.full((5,), factor), features),
            FeatureMask(SITE, torch.full((5, 3, 4), factor), 0.0, features),
        )
        for gate in gates:
            found = gate_effect(gate, [DOG, GRASS], FOUR)
            assert found.flat
            assert set(found.moved.values()) == {0.0}
            assert found.total_moved == 0.0
            assert found.kept == pytest.approx(factor**2, rel=1e-5)

    def test_shares_add_up_and_moves_cancel(self):
        random = np.random.default_rng(1)
        features = torch.from_numpy(random.normal(size=(5, 3, 7)).astype(np.float32))
        mask = torch.from_numpy(random.random((3, 7)).astype(np.float32))
        found = gate_effect(SpatialMask(SITE, mask, features), [DOG, GRASS], FOUR)
        assert sum(found.before.values()) == pytest.approx(1)
        assert sum(found.after.values()) == pytest.approx(1)
        assert sum(found.moved.values()) == pytest.approx(0, abs=1e-12)

    def test_a_gate_on_alike_channels_moves_nothing(self):
        # Every channel has the same picture, so weighting them changes no share.
        features = torch.rand(1, 3, 4, generator=torch.manual_seed(0)).expand(6, 3, 4)
        found = gate_effect(ChannelWeights(SITE, torch.rand(6), features), [DOG, GRASS], FOUR)
        assert found.total_moved == pytest.approx(0, abs=1e-9)


def test_a_closed_gate_has_no_shares():
    record = SpatialMask(SITE, torch.zeros(2, 2), torch.ones(1, 2, 2))
    with pytest.raises(ValueRangeError, match=r"layer1\.0\.attention after its spatial gate must be above zero"):
        gate_effect(record, [DOG], FOUR)


def test_one_flat_row_for_each_part():
    features = torch.tensor([[[2.0, -2.0], [1.0, 1.0]]])
    rows = gate_effect(SpatialMask(SITE, torch.ones(2, 2), features), [DOG, GRASS], FOUR).to_rows()
    assert [row["region"] for row in rows] == ["dog", "grass", REST]
    assert rows[0] == {
        "layer": "layer1.0.attention",
        "call": 0,
        "gate": "spatial gate",
        "region": "dog",
        "area": 0.25,
        "before": 0.4,
        "after": 0.4,
        "moved": 0.0,
        "energy kept": 1.0,
    }


def traced(layer):
    """The trace of one layer on features of 16 channels, as if they were a picture of 8 x 8 pixels."""
    return replace(trace(layer.eval(), FEATURES, allow_empty=True), geometry=Geometry.identity((8, 8)))


class TestNetworks:
    def test_the_gates_of_a_cbam_add_up_to_the_layers(self):
        torch.manual_seed(0)
        layer = Cbam(16)
        effects = gate_effects(traced(layer), [LEFT])
        assert [effect.gate for effect in effects] == ["channel gate", "spatial gate"]
        squares = [features[0].square().sum(dim=0) for features in (FEATURES, layer(FEATURES).detach())]
        before, after = (float(energy[:, :4].sum() / energy.sum()) for energy in squares)
        assert effects[0].before["left"] == pytest.approx(before, rel=1e-5)
        assert effects[1].after["left"] == pytest.approx(after, rel=1e-5)
        assert effects[0].after == pytest.approx(effects[1].before, rel=1e-6)

    def test_residual_attention(self):
        torch.manual_seed(0)
        (effect,) = gate_effects(traced(ResidualAttention(16)), [LEFT])
        assert effect.gate == "feature mask"

    def test_what_has_no_gate(self):
        with pytest.raises(NothingTracedError, match="must have a layer with a gate; got none"):
            gate_effects(traced(torch.nn.Conv2d(16, 4, 1)), [LEFT])

    def test_a_trace_that_knows_no_place(self):
        with pytest.raises(ValueRangeError, match="got no geometry"):
            gate_effects(replace(traced(Cbam(16)), geometry=None), [LEFT])
