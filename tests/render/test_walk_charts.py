"""Charts of a walk show the walk's numbers."""

import numpy as np
import pytest

from attnviz.errors import NothingTracedError
from attnviz.render.layer_charts import factors_alt, factors_chart, heads_alt, heads_chart
from attnviz.render.walk_charts import APART, CHANGED, change_alt, change_chart, reach_chart, untitled
from attnviz.walking.words import stands_out
from tests.render.walks import attention, channel, feature_mask, spatial, walk_of


def bars(figure, name):
    return next(trace for trace in figure.data if trace.name == name)


def test_bars_are_the_changes_in_percent():
    # the first gate halves all features; the second closes nothing and leaves all as they are
    walk = walk_of(channel((0.5,) * 4, "layer1.attention"), channel((1.0,) * 4, "layer2.attention"))
    figure = change_chart(walk, 0)
    assert list(bars(figure, CHANGED).x) == ["1 layer1", "2 layer2"]
    assert list(bars(figure, CHANGED).y) == pytest.approx([50, 0])
    assert list(bars(figure, APART).y) == [0, 0]
    assert list(bars(figure, CHANGED).marker.line.width) == [3.0, 0.8]  # the chosen one
    assert "changes features most in layer1" in figure.layout.title.text
    assert untitled(change_chart(walk)).layout.title.text is None
    assert "layer1, CBAM: changes its features by 50\N{NO-BREAK SPACE}% of their size" in change_alt(walk)


def test_layers_that_change_alike_have_none_that_changes_most():
    alike = walk_of(channel((0.5,) * 4, "layer1.attention"), channel((0.51,) * 4, "layer2.attention"))
    assert not stands_out(alike)  # 0.5 and 0.49 differ by 2 % of 0.5
    apart = walk_of(channel((0.5,) * 4, "layer1.attention"), channel((0.6,) * 4, "layer2.attention"))
    assert stands_out(apart)


def test_the_factors_in_order_with_both_ends_in_colours():
    (layer,) = walk_of(channel((0.3, 0.9, 0.0, 0.6))).layers
    figure = factors_chart(layer.gates[0])
    strong, weak = bars(figure, "2 strongest"), bars(figure, "2 weakest")
    assert list(strong.y) == pytest.approx([0.9, 0.6])
    assert list(strong.customdata) == [1, 3]
    assert list(weak.y) == pytest.approx([0.3, 0.0])
    assert list(weak.x) == [3, 4]
    assert tuple(figure.layout.yaxis.range) == (0, 1.04)  # all that a factor can be
    assert "strongest: channel 1 0.900, channel 3 0.600" in factors_alt(layer.gates[0])


def test_a_residual_mask_has_an_axis_up_to_two():
    (layer,) = walk_of(feature_mask()).layers
    assert tuple(factors_chart(layer.gates[0]).layout.yaxis.range) == (0, 2.08)


def test_heads_by_hand():
    (layer,) = walk_of(attention()).layers
    entropy, distance = heads_chart(layer).data[:2]
    # of six cells one has e^3 times the weight of each other: z = e^3 + 5
    share = np.array([np.exp(3)] + [1] * 5) / (np.exp(3) + 5)
    assert entropy.x[0] == pytest.approx(100 * -(share * np.log(share)).sum() / np.log(6), abs=1e-3)
    assert entropy.x[1] == pytest.approx(100)
    assert distance.x[1] == pytest.approx(layer.even_px)
    assert "head 2: entropy 100" in heads_alt(layer)  # heads are counted from 1, as rows and columns are
    assert list(heads_chart(layer).data[0].y) == ["head 1", "head 2"]
    dots = reach_chart(walk_of(attention(), attention("blocks.1.attn")), 1).data[0]
    assert list(dots.x) == ["1 blocks.0", "1 blocks.0", "2 blocks.1", "2 blocks.1"]
    assert list(dots.customdata) == [1, 2, 1, 2]  # the heads under the pointer, counted from 1 too


def test_a_chart_of_what_is_not_there_is_refused():
    with pytest.raises(NothingTracedError, match="toy must have a gate for this chart; got self-attention"):
        change_chart(walk_of(attention()))
    with pytest.raises(NothingTracedError, match="must have a factor for each channel; got a spatial gate"):
        factors_chart(walk_of(spatial()).layers[0].gates[0])
    with pytest.raises(NothingTracedError, match="self-attention that can be laid on the picture"):
        reach_chart(walk_of(spatial()))
