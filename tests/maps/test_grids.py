"""One map per head, and one per layer."""

import numpy as np
import pytest
import torch

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.maps import (
    AttentionFrom,
    GatedActivation,
    GradCam,
    Received,
    Rollout,
    SpatialGateMap,
    each_head,
    each_layer,
)
from attnviz.records import ChannelWeights, Site, SpatialMask, TokenGrid

TOKENS = TokenGrid.whole((1, 2), prefix=1)
HEADS = torch.tensor(
    [
        [[0.5, 0.25, 0.25], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]],
        [[0.0, 0.75, 0.25], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
    ]
)


def values(made):
    return [each.values_hw.tolist() for each in made]


def test_each_head_from_the_class_token(attention_of, trace_of):
    trace = trace_of(attention_of(HEADS, TOKENS))
    made = each_head(trace)
    assert np.allclose(values(made), [[[0.25, 0.25]], [[0.75, 0.25]]])
    assert [each.meaning.split(", ")[-1] for each in made] == ["head 1", "head 2"]  # as people count
    assert np.allclose(np.mean(values(made), axis=0), AttentionFrom()(trace).values_hw)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ((0, 1), [[[0.5, 0.5]], [[0.0, 1.0]]]),
        ("mean", [[[0.75, 0.25]], [[0.0, 0.5]]]),
        ("received", [[[1.75 / 3, 0.75 / 3]], [[0.75 / 3, 1.25 / 3]]]),
    ],
)
def test_each_head_from_elsewhere(attention_of, trace_of, query, expected):
    assert np.allclose(values(each_head(trace_of(attention_of(HEADS, TOKENS)), query=query)), expected)


def test_without_a_class_token_the_mean_looks(attention_of, trace_of):
    made = each_head(trace_of(attention_of(torch.tensor([[[0.5, 0.5], [0.0, 1.0]]]), TokenGrid.whole((1, 2)))))
    assert np.allclose(values(made), [[[0.25, 0.75]]])


def test_each_layer_in_the_order_they_ran(attention_of, trace_of):
    trace = trace_of(
        attention_of(HEADS[:1], TOKENS, layer="b"),
        SpatialMask(Site("gate", 0, "cbam.spatial"), torch.eye(2)),
        attention_of(HEADS[1:], TOKENS, layer="a"),
    )
    made = each_layer(trace, AttentionFrom(layer="a"))
    assert [each.sites[0].layer for each in made] == ["b", "a"]
    assert np.allclose(values(made), [[[0.25, 0.25]], [[0.75, 0.25]]])
    assert len(each_layer(trace, Received())) == 2
    assert values(each_layer(trace, SpatialGateMap())) == [[[1.0, 0.0], [0.0, 1.0]]]


def test_both_gates_of_a_layer_are_one_map(trace_of):
    features = torch.ones(2, 2, 2)
    records = [
        record
        for layer in ("one", "two")
        for record in (
            ChannelWeights(Site(layer, 0, "cbam.channel"), torch.tensor([1.0, 0.0]), features),
            SpatialMask(Site(layer, 0, "cbam.spatial"), torch.eye(2), features),
        )
    ]
    made = each_layer(trace_of(*records), GatedActivation())
    assert [each.sites[0].layer for each in made] == ["one", "two"]
    assert len(made[0].sites) == 2


def test_what_has_no_single_layer(attention_of, trace_of):
    with pytest.raises(ValueRangeError, match="one of a single layer; got Rollout"):
        each_layer(trace_of(attention_of(HEADS, TOKENS)), Rollout())


def test_what_runs_the_model_reads_no_trace(attention_of, trace_of):
    with pytest.raises(ValueRangeError, match="reads a trace; got GradCam"):
        each_layer(trace_of(attention_of(HEADS, TOKENS)), GradCam())


def test_nothing_to_show(trace_of):
    gate = SpatialMask(Site("gate", 0, "cbam.spatial"), torch.eye(2))
    with pytest.raises(NothingTracedError, match="SelfAttention"):
        each_layer(trace_of(gate), Received())
    with pytest.raises(NothingTracedError, match="SelfAttention"):
        each_head(trace_of(gate))
