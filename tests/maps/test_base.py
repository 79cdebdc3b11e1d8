"""The map type, and the menu of methods."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from attnviz import maps
from attnviz.errors import NotFoundError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap, GradCam, Rollout, is_flat
from attnviz.maps.base import MethodCard, register_method
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask, Trace

GEOMETRY = Geometry.identity((4, 6))


def a_map(values, **changes):
    settings = {
        "method": "Toy()",
        "sites": (Site("layer", 0, "toy"),),
        "meaning": "a toy",
        "unit": "share",
        "bounds": (0.0, 1.0),
        "signed": False,
        "geometry": GEOMETRY,
    }
    return AttentionMap(np.asarray(values), **(settings | changes))


def test_values_are_an_own_read_only_copy():
    given = np.array([[0.25, 0.5]])
    made = a_map(given)
    given[0, 0] = 9
    assert made.values_hw[0, 0] == 0.25
    assert made.values_hw.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        made.values_hw[0, 0] = 1


@pytest.mark.parametrize(
    ("values", "changes", "kind", "message"),
    [
        (np.zeros((1, 2, 2)), {}, ShapeError, r"\(h, w\).*got \(1, 2, 2\)"),
        (np.zeros((0, 2)), {}, ShapeError, "at least one cell"),
        ([[np.nan, np.nan]], {}, ValueRangeError, "NaN everywhere"),
        ([[np.inf, 0.0]], {}, ValueRangeError, "1 infinite"),
        ([[-0.5, 0.0]], {}, ValueRangeError, "non-negative; got a minimum of -0.5"),
        ([[0.5, 0.0]], {"bounds": (1.0, 1.0)}, ValueRangeError, "low < high"),
    ],
)
def test_refuses_values_that_are_no_map(values, changes, kind, message):
    with pytest.raises(kind, match=message):
        a_map(values, **changes)


def test_negative_values_are_welcome_in_a_signed_map():
    assert a_map([[-0.5, 0.25]], signed=True, bounds=(-1.0, 1.0)).value_range == (-0.5, 0.25)


def test_on_source_repeats_each_cell_over_its_pixels():
    # Two cells over a 4 x 6 picture: three columns of pixels each.
    assert np.array_equal(a_map([[1.0, 0.5]]).on_source(), np.repeat([[1.0] * 3 + [0.5] * 3], 4, axis=0))


def test_on_source_without_geometry_says_what_to_do():
    with pytest.raises(ValueRangeError, match=r"got no geometry.*ModelInput"):
        a_map([[1.0]], geometry=None).on_source()


@pytest.mark.parametrize(
    ("values", "flat"),
    [
        ([[0.5, 0.5]], True),  # constant
        ([[0.0, 0.0]], True),  # nothing at all
        ([[0.5, 0.5001]], True),  # a gate that hardly moves: range 0.0001 of 0.5 is 0.02 %
        ([[0.5, 0.52]], True),  # 0.02 / 0.52 = 3.8 % < 5 %
        ([[0.5, 0.53]], False),  # 0.03 / 0.53 = 5.7 % > 5 %
        ([[0.0, 1e-6]], False),  # one lit cell, however faint
        ([[np.nan, 0.5]], True),  # undefined cells do not count
    ],
)
def test_flat_means_a_range_under_a_twentieth_of_the_largest_value(values, flat):
    assert is_flat(a_map(values)) is flat


def test_explain_refuses_a_method_that_reads_a_trace():
    with pytest.raises(ValueRangeError, match=r"Rollout\(residual=0.5\).*attnviz.trace"):
        maps.explain(nn.Identity(), torch.zeros(1, 3, 8, 8), Rollout())


def test_explain_refuses_a_model_in_training_mode():
    with pytest.raises(ValueRangeError, match="training mode"):
        maps.explain(nn.Sequential(nn.Conv2d(3, 2, 1)), torch.zeros(1, 3, 8, 8), GradCam())


def test_explain_refuses_one_part_in_training_mode_and_does_not_run_it():
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).eval()
    model[1].train()
    with pytest.raises(ValueRangeError, match="training mode in 1"):
        maps.explain(model, torch.ones(1, 3, 8, 8), GradCam(layer="0"))
    assert model[1].num_batches_tracked == 0


def test_explain_brings_the_picture_to_the_model_s_device():
    class Where:
        card = None

        def explain(self, model, tensor, geometry):
            return tensor.device.type

        def fits(self, records):
            return True

    # The device "meta" is there on every machine.
    model = nn.Conv2d(3, 2, 1, device="meta").eval()
    assert maps.explain(model, torch.zeros(1, 3, 8, 8), Where()) == "meta"


def test_explain_refuses_a_batch():
    with pytest.raises(ShapeError, match=r"one picture.*\(2, 3, 8, 8\)"):
        maps.explain(nn.Identity().eval(), torch.zeros(2, 3, 8, 8), GradCam())


def test_available_lists_what_fits_and_what_fits_always(trace_of):
    gate = ChannelWeights(Site("a", 0, "se"), weights=torch.ones(2), features=torch.ones(2, 4, 6))
    mask = SpatialMask(Site("b", 0, "cbam.spatial"), mask=torch.ones(4, 6), features=torch.ones(2, 4, 6))
    features = FeatureMask(Site("c", 0, "bam"), mask=torch.ones(2, 4, 6), features=torch.ones(2, 4, 6))
    of_gate, of_mask, of_features = (
        {card.name for card in maps.available(trace_of(record))} for record in (gate, mask, features)
    )
    of_all = {"grad_cam", "layer_cam", "activation", "occlusion", "integrated_gradients"}
    assert of_gate == {*of_all, "gated_activation", "gate_difference"}
    assert of_mask == {*of_gate, "spatial_gate"}
    assert of_features == {*of_gate, "feature_mask"}


def test_every_method_has_a_card_for_menus():
    for name, method_class in maps.METHODS.items():
        card = method_class.card
        assert card.name == name
        assert card.title
        assert card.answers.endswith("?")
        assert card.unit
        assert maps.method_class(name) is method_class


def test_an_unknown_name_lists_all_of_them():
    with pytest.raises(NotFoundError) as caught:
        maps.method_class("rolout")
    assert all(name in str(caught.value) for name in maps.METHODS)


def test_a_name_cannot_be_taken_twice():
    card = MethodCard("rollout", "Another", "What?", "SelfAttention", False, "share")

    @dataclass(frozen=True)
    class Another:
        pass

    with pytest.raises(ValueRangeError, match=r"'rollout' for Another, taken by Rollout"):
        register_method(card)(Another)
    assert maps.METHODS["rollout"] is Rollout


@pytest.mark.parametrize(
    ("proven", "proof"),
    [
        ((True, True), "proven"),
        ((True, False), "unproven"),
        ((None, False), "unproven"),
        ((True, None), "not verified"),
        ((None,), "not verified"),
    ],
)
def test_a_map_is_as_proven_as_the_least_of_its_records(proven, proof):
    sites = tuple(Site("layer", number, "toy", proven=each) for number, each in enumerate(proven))
    assert a_map([[0.0, 1.0]], sites=sites).proof == proof


def test_a_map_carries_the_proof_and_the_edits_of_its_records():
    fine = SpatialMask(Site("a", 0, "cbam.spatial", edit="gate off"), torch.eye(2), replay_error=0.0, output_scale=1.0)
    off = SpatialMask(Site("b", 0, "cbam.spatial"), torch.eye(2), replay_error=0.1, output_scale=1.0)
    trace = Trace("Net", torch.zeros(2), GEOMETRY, (fine, off))
    first, second = (maps.SpatialGateMap(layer=layer)(trace) for layer in ("a", "b"))
    assert (first.proof, first.edits) == ("proven", ("gate off",))
    assert (second.proof, second.edits) == ("unproven", ())
