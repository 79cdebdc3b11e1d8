"""What the page says of gates."""

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from attnviz.health import of_trace
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask, Trace
from dashboard import panels, state
from dashboard.health_panel import place, rows
from dashboard.state import Selection


def traced(*records) -> Trace:
    return Trace("toy", torch.zeros(2), None, records)


def test_a_row_for_each_gate():
    told = rows(
        of_trace(
            traced(
                ChannelWeights(Site("layer1.0", 0, "se"), weights=torch.tensor([0.0, 0.5, 0.75, 1.0])),
                SpatialMask(Site("layer2.0", 1, "cbam.spatial", edit="gate off"), mask=torch.ones(2, 2)),
                FeatureMask(Site("", 0, "residual"), mask=torch.tensor([[[0.5, 0.25]]]), base=1.0),
            )
        )
    )
    plain = [{key: value.replace("\N{NO-BREAK SPACE}", " ") for key, value in row.items()} for row in told]
    channel, spatial, mask = plain
    assert channel["Gate"] == "layer1\\.0, channel"
    assert (channel["Factors"], channel["Closed"], channel["Open"]) == ("0 to 1", "25 %", "25 %")
    assert channel["Remark"] == ""
    assert spatial["Gate"] == "layer2\\.0, run 2, spatial"
    assert spatial["Remark"] == "flat, saturated open, gate off"
    assert (mask["Gate"], mask["Factors"]) == ("the network itself, every feature", "1.25 to 1.5")


def test_places_are_named():
    assert place("layer1.0", 0) == "layer1.0"
    assert place("layer1.0", 2) == "layer1.0, run 3"


@pytest.mark.parametrize("scale", ["per map", "shared", "rank", "raw"])
def test_a_flat_map_is_not_painted_whatever_the_scale(scale):
    """Ranks of a flat map run from 0 to 1: painted, they would be noise in full colours."""
    from attnviz.geometry import Geometry
    from attnviz.maps import AttentionMap
    from attnviz.pictures import Picture
    from attnviz.render import scale_maps

    picture = Picture(np.full((8, 8, 3), 200, np.uint8), sha256="0" * 64, name="grey.png")
    site = (Site("layer4", 0, "cbam.spatial"),)
    values = 0.5 + np.linspace(0, 1e-3, 16).reshape(4, 4)  # 0.001 / 0.501 is under 0.05
    one = AttentionMap(values, "Toy()", site, "a toy", "gate value", (0.0, 1.0), False, Geometry.identity((8, 8)))
    selection = Selection(("toy",), "own", None, "mean", (0.5, 0.5), "heat", "cells", scale, 0.9)
    (scaled,) = scale_maps([one], scale)
    drawn = panels._drawn_one(picture, picture.rgb, selection, scaled, one)
    assert drawn.bar is None
    assert drawn.flat == "Flat: gate value 0.5 to 0.501. There is nothing to draw."
    assert len(np.unique(drawn.image)) == 1


def gates(*names: str) -> None:
    """A page with the gates of some networks on the first sample; runs on its own."""
    import streamlit as st

    from dashboard import health_panel, service
    from dashboard.service import Answers, MapChoice
    from dashboard.sidebar import Entry

    sample = service.samples()[0]
    picture = sample.open()
    answers = Answers(tuple(service.read(picture, name, MapChoice("own")) for name in names), {})
    st.markdown(health_panel.flat_note(picture, answers) or "no note")
    health_panel.draw(Entry("chelsea", "Chelsea", picture), None, answers, ())


def test_the_gates_of_a_network_are_listed_and_a_channel_gate_can_be_chosen():
    page = AppTest.from_function(gates, args=("cbam_resnet", "vit"), default_timeout=180).run()
    assert not page.exception
    # what "flat" counts: tests/health; here: the sentence names the network and says what it means
    note = page.markdown[0].value
    assert note.startswith("CBAM-ResNet: ")
    assert note.endswith("alike.")
    assert page.selectbox(key=state.GATES_OF).options == ["CBAM-ResNet"]  # a transformer has no gate
    table = page.table[0].value
    assert len(table) == 14  # seven blocks, each with a channel gate and a spatial one
    chart = page.get("plotly_chart")
    assert len(chart) == 1
    before = chart[0].proto.alt
    assert "layer4.1.attention" in before
    page.selectbox(key=f"{state.CHANNEL_GATE}_cbam_resnet").set_value("layer1.0.attention").run()
    assert "layer1.0.attention" in page.get("plotly_chart")[0].proto.alt


def test_networks_without_gates_get_a_sentence():
    page = AppTest.from_function(gates, args=("vit",), default_timeout=180).run()
    assert not page.exception
    assert "None of these networks has a gate" in page.info[0].value
    assert page.markdown[0].value == "no note"
