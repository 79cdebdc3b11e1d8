"""The figures of gate health show the numbers they were given."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.health import health_table, of_traces
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask, Trace
from attnviz.render import excitation_alt, excitation_figure, health_alt, health_figure


def traced(*records):
    return Trace("toy", torch.zeros(2), None, records)


def channel(layer, *weights):
    return ChannelWeights(Site(layer, 0, "se"), weights=torch.tensor(weights), features=torch.ones(len(weights), 2, 2))


@pytest.fixture
def two_classes():
    """Two stages of two channels; in the second, class a has (0.2, 0.4) and class b (0.6, 0.4)."""
    pictures = [
        traced(channel("layer1.0", 0.5, 0.5), channel("layer2.0", 0.1, 0.4)),
        traced(channel("layer1.0", 0.5, 0.5), channel("layer2.0", 0.3, 0.4)),
        traced(channel("layer1.0", 0.5, 0.5), channel("layer2.0", 0.6, 0.4)),
        traced(channel("layer1.0", 0.5, 0.5), channel("layer2.0", 0.6, 0.4)),
    ]
    return of_traces(pictures, ["a", "a", "b", "b"])


def test_lines_are_the_means_of_the_classes_and_bands_their_deviations(two_classes):
    figure = excitation_figure(two_classes, ["a", "b"])
    first, second = figure.axes
    lines = {line.get_label(): line.get_ydata() for line in second.get_lines()}
    assert np.allclose(lines["a"], [0.2, 0.4])
    assert np.allclose(lines["b"], [0.6, 0.4])
    assert np.allclose(lines["all pictures"], [0.4, 0.4])
    band = second.collections[0].get_datalim(second.transData)
    assert (round(band.y0, 6), round(band.y1, 6)) == (0.1, 0.4)  # channel 0: 0.2 - 0.1; channel 1: 0.4
    assert first.get_ylim() == second.get_ylim() == (0, 1)
    # all variance is in channel 0: between (4 * 0.2^2 = 0.16) of all (0.09 + 0.01 + 0.04 + 0.04 = 0.18)
    assert second.get_title("left") == "layer2.0\n89 % of the variance lies between classes (by chance 33 %)"


def test_the_excitations_in_words(two_classes):
    words = excitation_alt(two_classes, ["a", "b"])
    assert "of a, b by channel" in words
    assert "layer2.0, 2 channels: mean excitation 0.4, the classes lie 0.2 apart" in words  # 0.4 and 0 apart


def test_at_most_fifty_channels_evenly_spaced():
    weights = [0.5] * 99
    (one,) = of_traces([traced(channel("layer1.0", *weights))], ["a"])
    (axes,) = excitation_figure([one], ["a"]).axes
    shown = axes.get_lines()[0].get_xdata()
    assert shown.tolist() == list(range(0, 99, 2))


def test_a_strip_for_each_gate_with_its_quantiles_and_flags(two_classes):
    (axes,) = health_figure(two_classes).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["layer1.0, channel", "layer2.0, channel"]
    assert len(axes.get_images()) == 2
    assert axes.get_xlabel() == "factor: 0 closed, 1 open"
    assert [note.get_text() for note in axes.texts] == ["flat; same for every picture"]
    line, median = axes.get_lines()[:2]
    assert np.allclose(line.get_xdata(), 0.5)
    assert median.get_xdata() == pytest.approx([0.5])


def test_gates_with_other_bounds_have_an_axis_of_their_own():
    mask = FeatureMask(Site("mask", 0, "residual"), mask=torch.full((1, 2, 2), 0.5), base=1.0)
    plain = SpatialMask(Site("gate", 0, "cbam.spatial"), mask=torch.tensor([[0.1, 0.9]]))
    figure = health_figure(of_traces([traced(mask, plain)]), "toy")
    assert [axes.get_xlabel() for axes in figure.axes] == ["factor: 1 closed, 2 open", "factor: 0 closed, 1 open"]
    assert [axes.get_xlim() for axes in figure.axes] == [(1, 2), (0, 1)]


def test_the_strips_in_words(two_classes):
    words = health_alt(two_classes)
    assert "2 gates over 4 pictures" in words
    assert "layer1.0, channel: median 0.5, 90 % between 0.5 and 0.5, flat, same for every picture" in words
    assert words.endswith("1 of 2 channel gates is flat.")


def test_a_gate_without_trained_weights_or_proof_says_so_in_the_figure_the_words_and_the_table():
    site = Site("layer1.0", 0, "se", edit="intervention", untrained="untrained")
    gate = channel("layer1.0", 0.2, 0.4)
    gate = replace(gate, site=site, replay_error=1.0, output_scale=1.0)  # off by as much as the output: unproven
    healths = of_traces([traced(gate)])
    said = "untrained, unproven, intervention"
    (label,) = [text.get_text() for text in health_figure(healths).axes[0].get_yticklabels()]
    assert label == f"layer1.0, channel, {said}"
    assert f"layer1.0, channel, {said}: median" in health_alt(healths)
    assert f"| layer1.0 | channel gate, {said} |" in health_table(healths)
    assert said in excitation_figure(of_traces([traced(gate)], ["a"]), ["a"]).axes[0].get_title("left")


def test_nothing_to_draw_and_classes_that_nobody_saw(two_classes):
    for draw in (health_figure, health_alt):
        with pytest.raises(ValueRangeError, match="got none"):
            draw([])
    for draw in (excitation_figure, excitation_alt):
        with pytest.raises(ValueRangeError, match=r"got \['c'\]. Labels: a, b"):
            draw(two_classes, ["c"])
        with pytest.raises(ValueRangeError, match="1 to 4"):
            draw(two_classes, [])
        mask = SpatialMask(Site("gate", 0, "cbam.spatial"), mask=torch.tensor([[0.1, 0.9]]))
        with pytest.raises(NothingTracedError, match="channel gate"):
            draw(of_traces([traced(mask)], ["a"]), ["a"])
