"""Which record a map reads."""

import pytest
import torch

from attnviz.errors import NotFoundError, NothingTracedError
from attnviz.maps import FeatureMaskMap, GatedActivation, Rollout, SpatialGateMap
from attnviz.maps.choosing import choose
from attnviz.records import Site, SpatialMask


def mask(layer, call=0):
    return SpatialMask(Site(layer, call, "cbam.spatial"), mask=torch.ones(2, 2))


RECORDS = (
    mask("layer1.0.attention"),
    mask("layer3.0.attention"),
    mask("layer3.1.attention"),
    mask("layer4.0.attention"),
)


@pytest.mark.parametrize(
    ("layer", "place"),
    [
        (None, 3),
        (-1, 3),
        (0, 0),
        (-3, 1),
        ("layer3.0.attention", 1),
        ("layer3.*", 2),  # the last match
        ("*.0.attention", 3),
    ],
)
def test_by_name_pattern_place_or_the_last(layer, place):
    assert choose(RECORDS, layer) is RECORDS[place]


def test_of_several_runs_of_a_layer_the_last():
    twice = (mask("gate", 0), mask("gate", 1))
    assert choose(twice, "gate") is twice[1]


@pytest.mark.parametrize("layer", ["layer9", "layer9.*"])
def test_an_unknown_layer_lists_every_fitting_layer(layer):
    with pytest.raises(NotFoundError) as caught:
        choose(RECORDS, layer)
    assert all(record.site.layer in str(caught.value) for record in RECORDS)


@pytest.mark.parametrize("layer", [4, -5])
def test_a_place_outside_says_how_many_there_are(layer):
    with pytest.raises(NotFoundError, match=rf"-4\.\.3.*got {layer}"):
        choose(RECORDS, layer)


@pytest.mark.parametrize("method", [FeatureMaskMap(), Rollout()])
def test_a_trace_without_the_kind_says_what_is_there(trace_of, method):
    with pytest.raises(NothingTracedError, match="4 SpatialMask"):
        method(trace_of(*RECORDS))


@pytest.mark.parametrize("method", [GatedActivation(), SpatialGateMap()])
def test_a_trace_without_records(trace_of, method):
    with pytest.raises(NothingTracedError, match="without records"):
        method(trace_of())
