"""The panel of what gates did with the regions, drawn without a browser, on networks that come along."""

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.gate_effect import GateEffect
from attnviz.records import Site
from dashboard import gate_effect_panel
from tests.dashboard.conftest import SECONDS_A_RUN, photograph

SPACE = "\N{NO-BREAK SPACE}"


def page(contents, networks, boxes) -> None:
    """The panel alone. Streamlit runs this function's source by itself, so it imports what it needs."""
    from attnviz import open_picture
    from attnviz.regions import Region
    from dashboard import gate_effect_panel, service
    from dashboard.service import Answers, MapChoice
    from dashboard.sidebar import Entry

    picture = open_picture(contents, name="photo.png")
    readings = tuple(service.read(picture, name, MapChoice("own")) for name in networks)
    regions = tuple(Region.from_box(name, box, picture.hw) for name, box in boxes.items())
    gate_effect_panel.draw(Entry("photo", "photo", picture), None, Answers(readings, {}), regions)


def drawn(networks, boxes) -> AppTest:
    kwargs = {"contents": photograph(), "networks": networks, "boxes": boxes}
    app = AppTest.from_function(page, default_timeout=SECONDS_A_RUN, kwargs=kwargs).run()
    assert not app.exception
    return app


def said(elements) -> str:
    return "\n".join(element.value for element in elements).replace("\\", "").replace(SPACE, " ")


def test_sentence_table_and_charts():
    app = drawn(("cbam_resnet", "vit"), {"square": (40, 45, 80, 90), "ground": (80, 0, 120, 180)})
    assert "points of energy from the" in said(app.markdown)
    assert "Rank correlation" in said(app.markdown)
    assert len(app.get("plotly_chart")) == 2
    assert len(app.table[0].value) == 1  # the ViT has no gate
    gates = app.selectbox(key=f"{gate_effect_panel.LAYER}_cbam_resnet")
    assert gates.value == len(gates.options) - 1
    gates.select_index(0).run()
    assert "In layer1.0, the gate" in said(app.markdown)


@pytest.mark.parametrize(
    ("networks", "boxes", "says"),
    [
        (("cbam_resnet",), {}, "No region yet"),
        (("vit",), {"square": (40, 45, 80, 90)}, "None of these networks has a gate"),
    ],
)
def test_what_is_missing_is_said(networks, boxes, says):
    (info,) = drawn(networks, boxes).info
    assert says in info.value


def test_overlap_is_left_to_the_first_and_said():
    app = drawn(("cbam_resnet",), {"square": (40, 45, 80, 90), "all below": (40, 0, 120, 180)})
    assert "counts for the first of them: square, all below" in said(app.caption)


def test_a_region_that_is_covered_wholly_is_a_warning():
    app = drawn(("cbam_resnet",), {"large": (0, 0, 80, 90), "inside": (10, 10, 20, 20)})
    assert "must cover something that no region before it covers" in said(app.warning)


def test_the_tables_row_is_of_the_gate_that_moved_most():
    def effect(layer, after):
        shares = [{"dog": share, "the rest": 1 - share} for share in (0.5, after)]
        return GateEffect(Site(layer, 0, "se"), "channel gate", *shares, {"dog": 0.3, "the rest": 0.7}, 0.25, False)

    effects = effect("layer1.0", 0.51), effect("layer2.0", 0.45), effect("layer3.0", 0.5)
    (row,) = gate_effect_panel.rows({"SE": effects}, "dog")
    cells = [text.replace("\\", "").replace(SPACE, " ") for text in row.values()]
    assert cells == ["SE", "layer2.0, channel gate", "5.0 points", "50.0 %", "45.0 %"]
