"""Walks as figures: what they say, at every size, and what files hold."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from attnviz.errors import ValueRangeError
from attnviz.export import LayerWalkFigure, figure_png, figure_svg
from attnviz.render import NOT_EXPLANATION, SIZES
from tests.render.walks import PHOTO, attention, channel, feature_mask, spatial, walk_of

WALKS = {
    "channel": (channel(),),
    "both gates": (
        channel(),
        spatial(),
        channel(layer="layer2.attention"),
        spatial(((0.5,) * 3,) * 2, "layer2.attention"),
    ),
    "spatial": (spatial(),),
    "feature": (feature_mask(),),
    "self-attention": (attention(), attention("blocks.1.attn")),
    "mixed": (channel(), attention()),
    "many": tuple(channel((0.9, 0.6, 0.3, 0.1 * place / 20), f"features.{place}.block.1") for place in range(20)),
}


def texts(figure) -> list:
    found = list(figure.texts)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        found += [*axes.texts, *axes.get_xticklabels()]
        found += [one for one in axes.get_yticklabels() if low <= one.get_position()[1] <= high]  # others are not drawn
        if axes.get_legend():
            found += axes.get_legend().get_texts()
    return [one for one in found if one.get_text() and one.get_visible()]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", WALKS)
def test_every_text_lies_on_the_page(kind, size):
    walk = walk_of(*WALKS[kind])
    for place in (None, 0):
        figure = LayerWalkFigure(PHOTO, walk, place, size=SIZES[size]).figure()
        figure.canvas.draw()
        page = figure.bbox
        for one in texts(figure):
            box = one.get_window_extent()
            inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= page.x1 + 1 and box.y1 <= page.y1 + 1
            assert inside, (place, one.get_text(), box)


def said(figure) -> str:
    return " ".join(one.get_text() for one in texts(figure)).replace("\N{NO-BREAK SPACE}", " ")


def test_the_figure_names_network_layers_numbers_and_caveats():
    walk = walk_of(channel((0.5,) * 4), spatial())
    figure = LayerWalkFigure(PHOTO, walk)
    whole = said(figure.figure())
    assert figure.title.replace("\N{NO-BREAK SPACE}", " ") in whole
    assert "toy" in whole
    assert "1 layer1" in whole
    assert "% of the features' size" in whole
    assert "Attention is not explanation" in whole
    one = said(LayerWalkFigure(PHOTO, walk, 0).figure())
    assert "0 to 1 gate value, 2 × 3 cells" in one
    assert "flat. Its factors hardly differ" in one  # the channel gate
    assert "Factor of each of 4 channels, sorted: all 0.5" in one
    assert "Spatial gate: nothing flagged" in one


@pytest.mark.parametrize("place", [None, 0])
def test_what_is_untrained_unproven_or_changed_is_marked(place):
    record = channel(edit="gate off", untrained="untrained", proven=None)
    object.__setattr__(record, "replay_error", 1.0)
    object.__setattr__(record, "output_scale", 1.0)
    object.__setattr__(
        record, "site", type(record.site)("layer1.attention", 0, "cbam.channel", False, "gate off", "untrained")
    )
    figure = LayerWalkFigure(PHOTO, walk_of(record, untrained="untrained"), place)
    whole = said(figure.figure())
    assert "UNTRAINED\nUNPROVEN\nINTERVENTION" in whole
    assert "without trained weights a map says nothing about the picture" in whole
    assert "The network ran with its attention changed." in whole
    told = figure.provenance()
    assert told["marks"] == ["untrained", "unproven", "intervention"]
    assert told["layers"][0]["intervention"] == ["gate off"]


def test_files_hold_where_they_come_from_and_are_the_same_twice():
    figure = LayerWalkFigure(PHOTO, walk_of(*WALKS["both gates"]), size=(6.4, 3.6))
    picture = Image.open(io.BytesIO(figure_png(figure, dpi=60)))
    told = json.loads(picture.text["Description"])
    assert told["picture"]["sha256"] == "ab" * 32
    assert told["network"] == "toy"
    assert told["note"] == NOT_EXPLANATION
    assert [layer["layer"] for layer in told["layers"]] == ["layer1.attention", "layer2.attention"]
    assert told["layers"][1]["map"]["flat"]
    assert told["layers"][0]["map"]["range"] == [0.0, 1.0]
    assert figure_svg(figure) == figure_svg(figure)


def test_rows_and_arrays_are_the_numbers_of_the_walk():
    walk = walk_of(channel((0.5,) * 4), spatial(), attention())
    rows = LayerWalkFigure(PHOTO, walk).rows()
    assert [row["layer"] for row in rows] == ["layer1.attention", "blocks.0.attn"]
    assert rows[0]["channel_flags"] == "flat"
    assert rows[0]["spatial_most"] == 1.0
    assert rows[1]["heads"] == 2
    one = LayerWalkFigure(PHOTO, walk, 0)
    assert [row["factor"] for row in one.rows()] == [0.5] * 4
    assert [row["head"] for row in LayerWalkFigure(PHOTO, walk, 1).rows()] == [1, 2]  # counted from 1, as in figures
    arrays = LayerWalkFigure(PHOTO, walk).arrays()
    assert list(arrays) == [
        "layer_01_channel_channels",
        "layer_01_spatial_places",
        "layer_02_entropy",
        "layer_02_distance_px",
        "layer_02_map",
    ]
    assert np.allclose(arrays["layer_01_spatial_places"], [[0.0, 0.5, 1.0], [0.2, 0.4, 0.6]])


def test_alt_tells_every_layer():
    figure = LayerWalkFigure(PHOTO, walk_of(*WALKS["self-attention"]))
    assert "blocks.0, self-attention: 2 heads" in figure.alt
    assert "blocks.1, self-attention: 2 heads" in figure.alt
    assert "strongest: channel 0 0.900" in LayerWalkFigure(PHOTO, walk_of(channel()), 0).alt


def test_no_such_layer():
    figure = LayerWalkFigure(PHOTO, walk_of(channel()), 3)
    with pytest.raises(ValueRangeError, match=r"place must be in 0..0; got 3"):
        figure.figure()
