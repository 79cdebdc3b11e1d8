"""Charts show the numbers they were given."""

from dataclasses import replace

import pytest
import torch

from attnviz.errors import ValueRangeError
from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM, FocusScore
from attnviz.records import ChannelWeights, Site
from attnviz.render import channel_chart, channel_chart_alt, focus_chart, focus_chart_alt


def score(value, area=0.25, gaussian=0.4, region="cat"):
    return FocusScore(
        name=f"share of the map in {region}",
        value=value,
        area=area,
        lift=value / area,
        baselines={UNIFORM: area, CENTRED_GAUSSIAN: gaussian},
        hit=1.0,
        unit="share",
        region=region,
    )


SCORES = {"SE-ResNet": score(0.5), "ViT": score(0.75), UNIFORM: score(0.25), CENTRED_GAUSSIAN: score(0.4)}


def trace_named(figure, part):
    (found,) = [trace for trace in figure.data if part in (trace.name or "")]
    return found


def test_a_bar_for_each_network_and_none_for_the_baselines():
    figure = focus_chart(SCORES)
    bars = trace_named(figure, "share on the cat")
    assert list(bars.y) == ["SE-ResNet", "ViT"]
    assert list(bars.x) == [50.0, 75.0]
    numbers = {note.y: note.text.replace("\N{NO-BREAK SPACE}", " ") for note in figure.layout.annotations}
    assert figure.layout.yaxis.autorange == "reversed"  # the first network on top
    assert numbers == {"SE-ResNet": "50 %, lift 2.0", "ViT": "75 %, lift 3.0"}


def test_the_area_is_one_line_and_the_gaussian_a_mark_in_each_row():
    figure = focus_chart(SCORES)
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1) == (25.0, 25.0)
    marks = trace_named(figure, "centred Gaussian")
    assert list(marks.x) == [40.0, 40.0]
    assert list(marks.y) == ["SE-ResNet", "ViT"]


def test_areas_that_differ_are_marked_row_by_row():
    figure = focus_chart({"whole": score(0.5), "crop": score(0.5, area=0.4)})
    assert not figure.layout.shapes
    assert list(trace_named(figure, "area").x) == [25.0, 40.0]


def test_the_focus_chart_in_words():
    words = focus_chart_alt(SCORES).replace("\N{NO-BREAK SPACE}", " ")
    assert "SE-ResNet 50 %, lift 2.0; ViT 75 %, lift 3.0" in words
    assert "the area, 25 %; a centred Gaussian 40 %" in words
    assert "uniform" not in words


@pytest.mark.parametrize("draw", [focus_chart, focus_chart_alt])
def test_baselines_alone_or_two_regions_make_no_chart(draw):
    with pytest.raises(ValueRangeError, match="got none"):
        draw({UNIFORM: score(0.25)})
    with pytest.raises(ValueRangeError, match=r"\['cat', 'dog'\]"):
        draw({"a": score(0.5), "b": replace(score(0.5), region="dog")})


def test_channels_sorted_by_their_factor():
    record = ChannelWeights(Site("layer4.1.attention", 0, "se"), weights=torch.tensor([0.25, 1.0, 0.0, 0.75]))
    figure = channel_chart(record)
    assert list(figure.data[0].y) == [1.0, 0.75, 0.25, 0.0]
    assert list(figure.data[0].customdata) == [1, 3, 0, 2]
    assert figure.layout.shapes[0].y0 == 0.5  # (0.25 + 1 + 0 + 0.75) / 4
    words = channel_chart_alt(record).replace("\N{NO-BREAK SPACE}", " ")
    assert "4 channels: factors from 0 to 1, mean 0.50, 25 % of the channels closed, 25 % fully open" in words


def test_a_flat_gate_is_called_flat():
    record = ChannelWeights(Site("layer4.1.attention", 0, "se"), weights=torch.full((8,), 0.5))
    assert "flat" in channel_chart(record).layout.title.text
    assert "flat" in channel_chart_alt(record)


def test_a_gate_that_failed_its_replay_or_was_changed_says_so():
    site = Site("layer1.0", 0, "se", edit="gate at its mean")
    record = ChannelWeights(site, torch.tensor([0.25, 0.75]), replay_error=0.5, output_scale=1.0)
    assert channel_chart(record).layout.title.text.endswith("; unproven; gate at its mean")
    assert channel_chart_alt(record).endswith("; unproven; gate at its mean.")
