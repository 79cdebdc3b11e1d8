"""Walks through layers whose gates and attention were made by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import attnviz
from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.pictures import Picture, Preprocessing
from attnviz.records import ChannelWeights, FeatureMask, SelfAttention, Site, SpatialMask, TokenGrid, Trace
from attnviz.walking import AttentionLayer, GatedLayer, PlainLayer, layer_walk
from attnviz.zoo import Card, Loaded


def traced(*records, hw=(4, 4)) -> Trace:
    return Trace("toy", torch.tensor([0.0, 1.0]), Geometry.identity(hw), records)


def se(weights, features, layer="layer1.attention", call=0) -> ChannelWeights:
    return ChannelWeights(
        Site(layer, call, "se"), weights=torch.tensor(weights), features=torch.tensor(features, dtype=torch.float32)
    )


FEATURES = [[[3.0, 4.0]], [[0.0, 5.0]]]


def test_a_channel_gate_by_hand():
    (layer,) = layer_walk(traced(se([1.0, 0.0], FEATURES))).layers
    assert isinstance(layer, GatedLayer)
    (gate,) = layer.gates
    assert (layer.name, gate.kind) == ("SE", "channel")
    assert gate.change.total == layer.change.total == pytest.approx(0.5**0.5)  # 25 of 50 is closed
    assert gate.channel_factors.tolist() == [1.0, 0.0]
    assert [(one.number, one.factor) for one in gate.strongest] == [(0, 1.0)]
    assert [(one.number, one.factor) for one in gate.weakest] == [(1, 0.0)]
    # the feature maps before the gate: the closed channel's is not zero
    assert gate.weakest[0].features.values_hw.tolist() == FEATURES[1]
    assert gate.where is layer.where is None  # a channel gate has no place
    assert layer.activation.values_hw.tolist() == [[4.5, 8.0]]  # (9 + 0) / 2, (16 + 0) / 2


def test_the_strongest_and_the_weakest_in_order_and_never_the_same():
    weights = [0.5, 0.9, 0.1, 0.7, 0.3]
    (layer,) = layer_walk(traced(se(weights, np.ones((5, 2, 2)).tolist())), channels=6).layers
    (gate,) = layer.gates
    assert [one.number for one in gate.strongest] == [1, 3]
    assert [one.number for one in gate.weakest] == [2, 4]
    assert gate.order.tolist() == [1, 3, 0, 4, 2]


def test_one_channel_is_shown_once():
    (layer,) = layer_walk(traced(se([0.5], [[[1.0, 2.0]]]))).layers
    assert [one.number for one in layer.gates[0].strongest] == [0]
    assert layer.gates[0].weakest == ()


def test_feature_maps_with_negative_values_are_signed():
    (layer,) = layer_walk(traced(se([0.5, 0.6], [[[-1.0, 2.0]], [[1.0, 2.0]]]))).layers
    assert all(one.features.signed for one in (*layer.gates[0].strongest, *layer.gates[0].weakest))
    (other,) = layer_walk(traced(se([0.5, 0.6], FEATURES))).layers
    assert not other.gates[0].strongest[0].features.signed


def test_the_gates_of_one_run_are_one_layer_and_their_factors_multiply():
    x = torch.tensor(FEATURES)
    first = ChannelWeights(Site("b", 0, "cbam.channel"), weights=torch.tensor([0.5, 0.5]), features=x)
    second = SpatialMask(Site("b", 0, "cbam.spatial"), mask=torch.tensor([[0.0, 1.0]]), features=x / 2)
    again = ChannelWeights(Site("b", 1, "cbam.channel"), weights=torch.tensor([1.0, 1.0]), features=x)
    one, other = layer_walk(traced(first, second, again)).layers
    assert [gate.kind for gate in one.gates] == ["channel", "spatial"]
    assert [gate.kind for gate in other.gates] == ["channel"]
    # the first gate halves all: 0.5. The second closes 9 of 50, of what it sees itself.
    assert one.gates[0].change.total == pytest.approx(0.5)
    assert one.gates[1].change.total == pytest.approx((9 / 50) ** 0.5)
    # both: nothing is left of 9, half of the other 41 is gone: sqrt((9 + 41 / 4) / 50)
    assert one.change.total == pytest.approx((19.25 / 50) ** 0.5)
    assert one.where.values_hw.tolist() == [[0.0, 1.0]]
    assert one.gates[1].channel_factors.size == 0
    assert one.gates[1].strongest == ()


def test_a_feature_mask_has_both_places_and_channels():
    mask = torch.tensor([[[0.0, 1.0]], [[0.5, 0.5]]])
    record = FeatureMask(Site("b", 0, "residual_attention"), mask=mask, base=1.0, features=torch.tensor(FEATURES))
    (layer,) = layer_walk(traced(record)).layers
    (gate,) = layer.gates
    assert gate.kind == "feature"
    assert gate.channel_factors.tolist() == [1.5, 1.5]  # 1 + mean over places
    assert gate.channels_flat
    assert layer.where.values_hw.tolist() == [[1.25, 1.75]]  # 1 + mean over channels
    # M x: 0, 4, 0, 2.5: squares 16 + 6.25 of 50
    assert gate.change.total == pytest.approx((22.25 / 50) ** 0.5)


def test_where_the_change_is_largest():
    flat = se([0.1, 0.1], FEATURES, "layer1.attention")
    sharp = se([1.0, 0.6], FEATURES, "layer2.attention")
    walk = layer_walk(traced(flat, sharp))
    assert walk.most_changed == 0  # 0.9 of everything, against 0.4 of 25 of 50
    assert walk.most_selective == 1  # a flat gate tells nothing apart
    assert [layer.site.layer for layer in walk.layers] == ["layer1.attention", "layer2.attention"]


def test_gates_that_change_nothing_are_not_marked():
    walk = layer_walk(traced(se([1.0, 1.0], FEATURES)))
    assert walk.most_changed is None
    assert walk.most_selective is None


def test_a_silent_layer_has_no_change_and_no_error():
    walk = layer_walk(traced(se([1.0, 0.5], np.zeros((2, 2, 2)).tolist())))
    assert walk.layers[0].change is None
    assert walk.most_changed is None


def test_a_map_of_places_belongs_to_its_own_run():
    masks = [torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.25]])]
    x = torch.ones(2, 1, 2)
    records = [SpatialMask(Site("b", call, "cbam.spatial"), mask=mask, features=x) for call, mask in enumerate(masks)]
    walk = layer_walk(traced(*records))
    assert [layer.where.values_hw.tolist() for layer in walk.layers] == [mask.tolist() for mask in masks]
    assert [layer.where.sites[0].call for layer in walk.layers] == [0, 1]


def attention(keys=(0.0, 0.0, 0.0, 0.0), tokens=None, **others) -> SelfAttention:
    """One head; every query is 1, so the logits are the keys."""
    count = len(keys)
    return SelfAttention(
        Site("blocks.0.attn", 0, "mhsa"),
        queries=torch.ones(1, 1, count, 1),
        keys=torch.tensor(keys)[None, None, :, None],
        scale=1.0,
        tokens=tokens or TokenGrid.whole((1, count)),
        **others,
    )


def test_even_attention_by_hand():
    # four cells in a row, each 1 px wide: mean distance of all pairs is (0 + 1 + 2 + 3 + 1 + 0 + 1 + 2) * 2 / 16 = 1.25
    (layer,) = layer_walk(traced(attention(), hw=(1, 4))).layers
    assert isinstance(layer, AttentionLayer)
    assert layer.entropy.tolist() == pytest.approx([1.0])
    assert layer.distance_px.tolist() == pytest.approx([1.25])
    assert layer.even_px == pytest.approx(1.25)
    assert layer.where.values_hw[0].tolist() == pytest.approx([0.25] * 4)  # received
    assert (layer.grid_hw, layer.windows, layer.heads) == ((1, 4), 1, 1)


def test_attention_on_one_cell_has_no_entropy_and_distances_count_in_pixels_of_the_picture():
    # a picture of 20 x 80 px seen at a quarter of its size: a cell is 20 px wide. All look at the first of four cells:
    # (0 + 20 + 40 + 60) / 4 = 30
    geometry = Geometry(source_hw=(20, 80), input_hw=(5, 20), scale_yx=(0.25, 0.25), offset_yx=(0, 0))
    record = attention((50.0, 0.0, 0.0, 0.0))
    (layer,) = layer_walk(Trace("toy", torch.zeros(2), geometry, (record,))).layers
    assert layer.entropy.tolist() == pytest.approx([0.0], abs=1e-6)
    assert layer.distance_px.tolist() == pytest.approx([30.0])
    assert layer.even_px == pytest.approx(25.0)  # 1.25 cells


def test_a_class_token_is_asked_where_there_is_one():
    # keys: class token 0, cells ln 2 and 0: shares 1/4, 1/2, 1/4 for every query
    record = attention((0.0, float(np.log(2)), 0.0), TokenGrid.whole((1, 2), prefix=1))
    (layer,) = layer_walk(traced(record, hw=(1, 2))).layers
    assert "from the class token" in layer.where.meaning
    assert layer.where.values_hw[0].tolist() == pytest.approx([0.5, 0.25])


def test_tokens_that_nobody_can_lay_out_are_said_and_not_raised():
    record = attention(tokens="the tokens of toy must lie on a grid; got none.")
    (layer,) = layer_walk(traced(record)).layers
    assert layer.where is None
    assert layer.entropy.size == 0
    assert layer.notes == ("the tokens of toy must lie on a grid; got none.",)


def test_a_class_token_that_looks_alone_has_a_map_and_no_entropy():
    record = SelfAttention(
        Site("head.attn", 0, "class_attention"),
        queries=torch.ones(1, 1, 1, 1),
        keys=torch.zeros(1, 1, 2, 1),
        scale=1.0,
        tokens=TokenGrid.whole((1, 2)),
        query_tokens=TokenGrid.nowhere(),
    )
    (layer,) = layer_walk(traced(record, hw=(1, 2))).layers
    assert layer.where.values_hw[0].tolist() == pytest.approx([0.5, 0.5])
    assert layer.entropy.size == 0
    assert "must be a mean over rows between patches" in layer.notes[0]


class Plain(nn.Module):
    """Two parts with places and one without."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0
        self.stages = nn.Sequential(nn.Identity(), nn.AvgPool2d(2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        return self.flatten(self.pool(self.stages(x)))


def loaded(model: nn.Module) -> Loaded:
    facts = Preprocessing(short_side=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), multiple_of=2)
    card = Card("plain", "Plain", "none", "plain", ("red", "green", "blue"), facts, "", 0)
    return Loaded(model.eval(), card)


def test_a_network_without_attention_shows_its_activity_and_runs_once():
    white = Picture(np.full((4, 4, 3), 255, np.uint8), "0" * 64, "white.png")
    network = loaded(Plain())
    walk = layer_walk(network, white)
    assert not walk.has_attention
    assert [layer.site.layer for layer in walk.layers] == ["stages.0", "stages.1"]
    assert all(isinstance(layer, PlainLayer) for layer in walk.layers)
    assert [layer.size for layer in walk.layers] == [1.0, 1.0]  # every pixel is 1
    assert [layer.where.grid_hw for layer in walk.layers] == [(4, 4), (2, 2)]
    assert walk.most_changed is None
    assert [name for name, _ in walk.predictions] == ["red", "green", "blue"]
    assert dict(walk.predictions)["red"] == pytest.approx(1 / 3)
    assert not any(part._forward_hooks for part in network.model.modules())
    trace = attnviz.trace(network.model, network.preprocess(white), allow_empty=True)
    network.model.passes = 0
    layer_walk(network, white, trace=trace)
    assert network.model.passes == 1  # only the activations


def test_hooks_are_gone_after_a_failure():
    network = loaded(Plain())
    network.model.pool = nn.Linear(7, 7)  # does not fit
    white = Picture(np.full((4, 4, 3), 255, np.uint8), "0" * 64, "white.png")
    with pytest.raises(RuntimeError):
        layer_walk(network, white, trace=traced())
    assert not any(part._forward_hooks for part in network.model.modules())


def test_what_cannot_be_walked_through_is_said():
    with pytest.raises(NothingTracedError, match="must hold a record of attention; got none"):
        layer_walk(traced())
    with pytest.raises(ValueRangeError, match="channels must be at least 1; got 0"):
        layer_walk(traced(se([1.0, 0.0], FEATURES)), channels=0)
    with pytest.raises(ValueRangeError, match="a picture must be given to walk through Plain"):
        layer_walk(loaded(Plain()))
