"""Ranges and ranks by hand."""

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.records import Site
from attnviz.render import SCALES, scale_maps, scale_sentences


def ranges(scaled):
    return [(one.vmin, one.vmax) for one in scaled]


def test_shared_runs_from_zero_to_the_largest_value_of_the_same_unit(map_of):
    maps = [
        map_of([[0.25, 0.5]]),
        map_of([[0.125, 0.75]]),
        map_of([[3.0, 5.0]], unit="mean gate", bounds=(0, 8)),
    ]
    assert ranges(scale_maps(maps, "shared")) == [(0.0, 0.75), (0.0, 0.75), (0.0, 5.0)]


def site(mechanism):
    return (Site("layer4", 0, mechanism),)


def test_mechanisms_share_no_scale_even_where_their_unit_is_one(map_of):
    # The same unit and bounds, and other questions: rollout through a transformer, attention of a convolution.
    maps = [
        map_of([[0.25, 0.5]], sites=site("mhsa"), method="Rollout(residual=0.5)"),
        map_of([[0.125, 0.75]], sites=site("aa_conv"), method="Received()"),
        map_of([[0.25, 0.625]], sites=site("mhsa"), method="Rollout(residual=0.5)"),
        map_of([[0.25, 0.875]], sites=site("mhsa"), method="Received()"),
    ]
    scaled = scale_maps(maps, "shared")
    assert ranges(scaled) == [(0.0, 0.625), (0.0, 0.75), (0.0, 0.625), (0.0, 0.875)]
    assert [one.group for one in scaled] == [0, 1, 0, 2]
    # raw runs over the bounds for all of them, and still only the two rollouts can be compared
    raw = scale_maps(maps, "raw")
    assert ranges(raw) == [(0.0, 1.0)] * 4
    assert [one.group for one in raw] == [0, 1, 0, 2]


def test_groups_of_the_other_scales(map_of):
    maps = [map_of([[0.25, 0.5]]), map_of([[0.125, 0.75]])]
    assert [one.group for one in scale_maps(maps, "per map")] == [0, 1]
    assert [one.group for one in scale_maps(maps, "rank")] == [0, 0]
    open_ended = [map_of([[0.25, 0.5]], bounds=(0.0, np.inf)) for _ in range(2)]
    assert [one.group for one in scale_maps(open_ended, "raw")] == [0, 1]
    assert [one.group for one in scale_maps(open_ended, "shared")] == [0, 1]


def test_the_sentences_name_who_shares_a_scale_and_which_units_there_are(map_of):
    maps = [
        map_of([[0.25, 0.5]]),
        map_of([[0.125, 0.75]]),
        map_of([[3.0, 5.0]], unit="mean squared activation", bounds=(0.0, np.inf)),
    ]
    titles = ["ViT", "Swin", "SE"]

    def said(scale):
        return scale_sentences(scale_maps(maps, scale), titles, scale)

    differ = (
        "The units differ (share of attention, mean squared activation): compare where maps lie, not how large they "
        "are."
    )
    for scale in ("shared", "raw"):
        assert said(scale) == (f"Colour scale {SCALES[scale]}.", "One scale for ViT and Swin.", differ)
    assert said("per map") == (f"Colour scale {SCALES['per map']}.", differ)
    assert said("rank") == (f"Colour scale {SCALES['rank']}.",)


def test_no_sentence_about_sharing_where_all_or_none_do(map_of):
    one = [map_of([[0.25, 0.5]])] * 2
    assert scale_sentences(scale_maps(one, "shared"), ["a", "b"], "shared") == (f"Colour scale {SCALES['shared']}.",)
    none = [map_of([[0.25, 0.5]], sites=site(mechanism)) for mechanism in ("mhsa", "aa_conv")]
    assert scale_sentences(scale_maps(none, "raw"), ["a", "b"], "raw")[1] == "Here no two panels share a scale."


@pytest.mark.parametrize("scale", SCALES)
def test_a_flat_map_stays_flat_whatever_the_scale_makes_of_it(map_of, scale):
    # (0.51 - 0.5) / 0.51 = 0.02 is under 0.05; ranks of the same cells run from 0 to 1
    dull, other = scale_maps([map_of([[0.5, 0.505, 0.51]]), map_of([[0.25, 0.5]], unit="gate value")], scale)
    assert (dull.flat, other.flat) == (True, False)
    assert scale_sentences((dull, other), ["dull", "other"], scale) == (f"Colour scale {SCALES[scale]}.",)


@pytest.mark.parametrize("scale", SCALES)
def test_each_scale_is_named_as_people_choose_it(scale):
    assert SCALES[scale].startswith(scale)


def test_values_without_a_bound_share_no_scale_and_the_figure_says_so(map_of):
    # Grad-CAM of two networks: 0.214 in one and 0.0013 in the other are both the hottest place of their map.
    open_ended = {"unit": "gradient-weighted activation", "bounds": (0.0, np.inf)}
    maps = [map_of([[0.0625, 0.25]], **open_ended), map_of([[0.001953125, 0.00390625]], **open_ended)]
    assert ranges(scale_maps(maps, "shared")) == [(0.0, 0.25), (0.0, 0.00390625)]
    assert "unbounded values have one for each panel" in SCALES["shared"]


def test_per_map_runs_from_each_smallest_to_each_largest(map_of):
    scaled = scale_maps([map_of([[0.25, 0.5]]), map_of([[0.125, 0.75]])], "per map")
    assert ranges(scaled) == [(0.25, 0.5), (0.125, 0.75)]


def test_raw_runs_over_the_bounds_and_to_the_largest_where_there_is_none(map_of):
    maps = [map_of([[0.2, 0.4]]), map_of([[3.0, 5.0]], bounds=(0.0, np.inf))]
    assert ranges(scale_maps(maps, "raw")) == [(0.0, 1.0), (0.0, 5.0)]


@pytest.mark.parametrize("scale", ["shared", "per map"])
def test_signed_maps_are_symmetric(map_of, scale):
    one = map_of([[-0.25, 0.125]], signed=True, bounds=(-1.0, 1.0))
    assert ranges(scale_maps([one], scale)) == [(-0.25, 0.25)]


def test_signed_and_unsigned_maps_share_no_scale(map_of):
    maps = [map_of([[-0.25, 0.125]], signed=True, bounds=(-1.0, 1.0)), map_of([[0.5, 1.0]])]
    assert ranges(scale_maps(maps, "shared")) == [(-0.25, 0.25), (0.0, 1.0)]


def test_rank_is_the_share_of_other_cells_below_and_ties_share_the_middle(map_of):
    # Among 0.1, 0.1, 0.5, 0.9: the two lowest take places 0 and 1, so 0.5 of 3; then 2 of 3, then 3 of 3.
    (scaled,) = scale_maps([map_of([[0.1, 0.1], [0.5, 0.9]])], "rank")
    assert np.allclose(scaled.attention_map.values_hw, [[1 / 6, 1 / 6], [2 / 3, 1.0]])
    assert scaled.unit == "rank among cells"
    assert (scaled.vmin, scaled.vmax) == (0.0, 1.0)


def test_rank_leaves_undefined_cells_undefined_and_a_constant_map_in_the_middle(map_of):
    (scaled,) = scale_maps([map_of([[0.3, np.nan, 0.3, 0.3]])], "rank")
    assert np.allclose(scaled.attention_map.values_hw, [[0.5, np.nan, 0.5, 0.5]], equal_nan=True)


def test_clipped_ends_are_told(map_of):
    # A quantity that overshoots its declared bounds of 0 and 1.
    (scaled,) = scale_maps([map_of([[0.5, 1.5]])], "raw")
    assert scaled.clipped == (False, True)
    assert scale_maps([map_of([[0.5, 1.0]])], "raw")[0].clipped == (False, False)


def test_a_constant_map_still_has_a_range(map_of):
    for scale in SCALES:
        for value in (0.0, 0.5):
            (scaled,) = scale_maps([map_of([[value, value]])], scale)
            assert scaled.vmin < scaled.vmax


def test_unknown_scales_and_no_maps(map_of):
    with pytest.raises(ValueRangeError) as caught:
        scale_maps([map_of([[0.5, 1.0]])], "minmax")
    assert all(name in str(caught.value) for name in SCALES)
    with pytest.raises(ValueRangeError, match="got none"):
        scale_maps([])
