"""Gates whose health can be told by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnviz.errors import NothingTracedError, ShapeError, ValueRangeError
from attnviz.health import SAME_BELOW, flat_line, gate_health, health_table, of_trace, of_traces, stage_ends
from attnviz.layers import SqueezeExcitation
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask, Trace


def traced(*records) -> Trace:
    return Trace("toy", torch.zeros(2), None, records)


def channels(*weights, layer="layer1.0.attention", grid_hw=(2, 2)) -> Trace:
    values = torch.tensor(weights, dtype=torch.float32)
    return traced(ChannelWeights(Site(layer, 0, "se"), weights=values, features=torch.ones(len(weights), *grid_hw)))


def mask(values, layer="layer1.0.attention") -> Trace:
    return traced(SpatialMask(Site(layer, 0, "cbam.spatial"), mask=torch.tensor(values, dtype=torch.float32)))


class Gated(nn.Module):
    """One SE layer on two channels whose gate is sigmoid(logits + slope * channel means)."""

    def __init__(self, logits=(0.0, 0.0), slope=0.0) -> None:
        super().__init__()
        self.attention = SqueezeExcitation(channels=2)
        with torch.no_grad():
            self.attention.fc1.weight.fill_(1.0)
            self.attention.fc1.bias.zero_()
            self.attention.fc2.weight.fill_(slope)
            self.attention.fc2.bias.copy_(torch.tensor(logits))

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x).mean(dim=(2, 3))


def of_colour(*means: float) -> Tensor:
    return torch.tensor(means, dtype=torch.float32)[None, :, None, None].expand(1, 2, 3, 3).clone()


def test_a_constant_gate_is_flat_and_varies_in_nothing():
    # sigmoid(0) = 0.5 for every channel of every picture
    (one,) = gate_health(Gated().eval(), [of_colour(0, 1), of_colour(3, 5), of_colour(1, 1)], [0, 1, 0])
    assert (one.kind, one.shape, one.pictures, one.grid_hw) == ("channel", (2,), 3, (3, 3))
    assert (one.minimum, one.maximum) == (0.5, 0.5)
    assert one.quantiles == (0.5,) * 5
    assert one.contrasts.tolist() == [0, 0, 0]
    assert one.inside == one.over_pictures == one.over_classes == 0
    assert one.class_share is None  # nothing varies, so no share of it is anyone's
    assert (one.closed, one.opened) == (0, 0)
    assert one.flags == ("flat", "same for every picture")


def test_a_gate_that_follows_from_the_class_has_all_its_variance_between_classes():
    # the pictures of a class have one colour, and the gate depends on the colour alone
    pictures = [of_colour(0, 0), of_colour(2, 0), of_colour(0, 0), of_colour(2, 0)]
    (one,) = gate_health(Gated(slope=1.0).eval(), pictures, ["night", "day", "night", "day"])
    assert one.class_share == pytest.approx(1)
    assert one.classes == ("night", "day")
    high = 1 / (1 + np.exp(-2))
    assert np.allclose(one.class_means, [[0.5, 0.5], [high, high]])
    assert np.allclose(one.class_deviations, 0, atol=1e-7)
    # two values, each in half of the pictures: half their difference is the deviation
    assert one.over_classes == pytest.approx((high - 0.5) / 2)
    assert one.over_pictures == pytest.approx((high - 0.5) / 2)
    assert one.class_share_by_chance == pytest.approx(1 / 3)  # (2 - 1) / (4 - 1)


def test_between_and_within_classes_by_hand():
    # class a: 0.2, 0.4 (mean 0.3); class b: 0.6, 0.8 (mean 0.7); mean 0.5.
    # between: 4 * 0.2^2 = 0.16; all: 0.3^2 + 0.1^2 + 0.1^2 + 0.3^2 = 0.2; share 0.8
    (one,) = of_traces([channels(w) for w in (0.2, 0.4, 0.6, 0.8)], ["a", "a", "b", "b"])
    assert one.class_share == pytest.approx(0.8)
    assert one.over_classes == pytest.approx(0.2)
    assert one.over_pictures == pytest.approx(0.05**0.5)
    assert np.allclose(one.class_deviations, 0.1)


def test_classes_that_do_not_differ_take_no_share():
    (one,) = of_traces([channels(w) for w in (0.2, 0.4, 0.2, 0.4)], ["a", "a", "b", "b"])
    assert one.class_share == pytest.approx(0)


def test_deviation_inside_a_picture_and_over_pictures_are_told_apart():
    # the same two values every time: all variation is inside
    (inside,) = of_traces([channels(0.25, 0.75)] * 2)
    assert (inside.inside, inside.over_pictures) == (0.25, 0)
    assert inside.flags == ("same for every picture",)
    # the same for all channels, another for each picture: all variation is over pictures
    (over,) = of_traces([channels(0.25, 0.25), channels(0.75, 0.75)])
    assert (over.inside, over.over_pictures) == (0, 0.25)
    assert over.flags == ("flat",)


def test_saturation_is_counted_at_the_bounds():
    # within 0.05 of the bounds: 0.04 and 0.0 are closed, 0.96 is open, 0.06 and 0.94 are neither
    (one,) = of_trace(channels(0.04, 0.0, 0.96, 0.06, 0.94, 0.5, 0.5, 0.5))
    assert (one.closed, one.opened) == (2 / 8, 1 / 8)
    assert not one.is_saturated


@pytest.mark.parametrize(
    ("weights", "flag"),
    [
        ([0.01] * 9 + [0.5], "saturated closed"),
        ([0.99] * 9 + [0.5], "saturated open"),
        ([0.01] * 5 + [0.99] * 4 + [0.5], "saturated at both ends"),
        ([0.99] * 8 + [0.5] * 2, None),  # eight in ten are not enough
    ],
)
def test_nine_in_ten_at_the_bounds_are_called_saturated(weights, flag):
    (one,) = of_trace(channels(*weights))
    assert one.flags == ((flag,) if flag else ())


def test_a_feature_mask_is_held_against_its_own_bounds():
    # base 1: 1.02 is closed, 1.98 is open, 1.5 neither
    values = torch.tensor([0.02, 0.98, 0.5, 0.5]).reshape(1, 2, 2)
    (one,) = of_trace(traced(FeatureMask(Site("mask", 0, "residual"), mask=values, base=1.0)))
    assert one.bounds == (1.0, 2.0)
    assert (one.closed, one.opened) == (0.25, 0.25)
    assert one.minimum == pytest.approx(1.02)
    assert (one.edges[0], one.edges[-1]) == (1, 2)


def test_a_hard_sigmoid_reaches_its_bounds_and_keeps_them():
    (one,) = of_trace(channels(0.0, 1.0))
    assert one.bounds == (0.0, 1.0)
    assert (one.closed, one.opened) == (0.5, 0.5)


def test_a_factor_beyond_the_bounds_leaves_them_unknown():
    (one,) = of_trace(channels(-0.5, 1.5))
    assert one.bounds is one.closed is one.opened is None
    assert not one.is_saturated
    assert (one.minimum, one.maximum) == (-0.5, 1.5)
    assert "bounds not known" in health_table([one])


def test_flat_is_what_a_drawing_calls_flat():
    # (0.500 - 0.476) / 0.5 = 0.048 stays under 0.05, (0.500 - 0.474) / 0.5 = 0.052 does not
    assert of_trace(mask([[0.476, 0.5]]))[0].is_flat
    assert not of_trace(mask([[0.474, 0.5]]))[0].is_flat


def test_flat_in_half_of_the_pictures_is_flat():
    flat, other = mask([[0.5, 0.5]]), mask([[0.1, 0.5]])
    (half,) = of_traces([flat, other])
    assert (half.flat_share, half.is_flat) == (0.5, True)
    assert not of_traces([flat, other, other])[0].is_flat


def test_a_feature_mask_whose_channels_cancel_is_flat_over_places():
    # channel 0 opens the left, channel 1 the right: the mean, which is what would be drawn, is 0.5 everywhere
    values = torch.tensor([[[0.9, 0.1]], [[0.1, 0.9]]])
    (one,) = of_trace(traced(FeatureMask(Site("mask", 0, "residual"), mask=values)))
    assert one.contrasts[0] == pytest.approx(0, abs=1e-6)
    assert one.inside == pytest.approx(0.4)
    assert one.flags == ("flat over places",)


def test_the_same_for_every_picture_has_a_threshold():
    # +-d around 0.5 deviates by d; the threshold is SAME_BELOW of 0.5
    for factor, same in ((0.9, True), (1.1, False)):
        d = factor * SAME_BELOW * 0.5
        (one,) = of_traces([channels(0.5 - d, 0.1 - d / 5), channels(0.5 + d, 0.1 + d / 5)])
        assert one.is_same is same


def test_one_picture_says_nothing_of_others():
    (one,) = of_trace(channels(0.2, 0.8))
    assert not one.is_same
    assert one.over_pictures == 0
    assert one.class_share is one.over_classes is one.class_share_by_chance is None
    assert one.classes == ()
    assert one.class_means.shape == (0, 2)


def test_the_last_gate_of_each_stage():
    layers = ["layer1.0.attention", "layer2.0.attention", "layer2.1.attention", "layer3.0.attention"]
    records = [channels(0.5, layer=layer).records[0] for layer in layers]
    told = of_trace(traced(*records))
    assert [one.site.layer for one in stage_ends(told)] == [layers[0], layers[2], layers[3]]


def test_a_stage_ends_where_the_grid_changes_too():
    # timm: every stage is in "blocks"
    grids = {"blocks.0.0.se": (8, 8), "blocks.1.0.se": (4, 4), "blocks.1.1.se": (4, 4)}
    records = [channels(0.5, layer=layer, grid_hw=grid).records[0] for layer, grid in grids.items()]
    told = of_trace(traced(*records))
    assert [one.site.layer for one in stage_ends(told)] == ["blocks.0.0.se", "blocks.1.1.se"]
    assert stage_ends(of_trace(mask([[0.5]]))) == ()


def test_how_many_are_flat_in_a_line():
    flat, other = mask([[0.5, 0.5]], "a").records[0], mask([[0.1, 0.5]], "b").records[0]
    assert flat_line(of_trace(traced(flat, other))) == "1 of 2 spatial gates is flat"
    third = mask([[0.5, 0.5]], "c").records[0]
    both = of_trace(traced(flat, other, third, channels(0.5, 0.5).records[0]))
    assert flat_line(both) == "1 of 1 channel gate is flat, 2 of 3 spatial gates are flat"
    assert flat_line(of_trace(traced(other))) == ""


def test_the_table_has_a_row_for_each_gate():
    told = of_traces([channels(w) for w in (0.2, 0.4, 0.6, 0.8)], ["a", "a", "b", "b"])
    head, rule, row, end = health_table(told).split("\n")
    assert end == ""
    assert head.count("|") == rule.count("|") == row.count("|")
    assert "| layer1.0.attention | channel gate |" in row
    assert "80 % (33 %)" in row  # one in three by chance: (2 - 1) / (4 - 1)


def test_progress_is_told_after_each_picture_and_may_stop_the_work():
    seen = []
    gate_health(Gated().eval(), [of_colour(0, 1)] * 3, progress=seen.append)
    assert seen == [1, 2, 3]

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gate_health(Gated().eval(), [of_colour(0, 1)] * 3, progress=stop)


def test_pictures_pass_by_one_at_a_time():
    """The next picture is asked for only when the last one is counted."""
    counted = []

    def pictures():
        for number in range(3):
            assert len(counted) == number
            yield of_colour(0, number)

    gate_health(Gated().eval(), pictures(), progress=counted.append)


def test_no_picture_no_gate_and_labels_that_do_not_fit():
    model = Gated().eval()
    with pytest.raises(ShapeError, match="got none"):
        gate_health(model, [])
    with pytest.raises(NothingTracedError, match="must have a gate"):
        gate_health(nn.Sequential(nn.Conv2d(2, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval(), [of_colour(0, 1)])
    with pytest.raises(ShapeError, match="got 1 for more pictures"):
        gate_health(model, [of_colour(0, 1)] * 2, [0])
    with pytest.raises(ShapeError, match="got more than 1"):
        gate_health(model, [of_colour(0, 1)], [0, 1])


def test_pictures_of_two_sizes_and_factors_that_are_no_numbers():
    with pytest.raises(ShapeError, match=r"layer1.0.attention.*\(1, 1\) after \(1, 2\)"):
        of_traces([mask([[0.5, 0.5]]), mask([[0.5]])])
    with pytest.raises(ValueRangeError, match="must be finite"):
        of_trace(channels(float("nan"), 0.5))
    with pytest.raises(ShapeError, match="the same gates"):
        of_traces([channels(0.5), channels(0.5, layer="other")])
    with pytest.raises(ValueRangeError, match="got none"):
        health_table([])
