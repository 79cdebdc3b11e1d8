"""Several pictures, a pinned reference and two maps face to face, driven without a browser."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import arranging, service, state
from tests.dashboard.test_compare import alts, small, text

NETWORKS = ["SE-ResNet", "CBAM-ResNet"]


@pytest.fixture(name="app")
def two_networks(app: AppTest) -> AppTest:
    """Two networks are enough, and faster than six."""
    app.query_params["networks"] = NETWORKS
    return app


def words(app: AppTest) -> str:
    return text(app) + small(app)


def test_each_further_picture_has_a_row_of_all_networks(app: AppTest) -> None:
    app.run()
    assert "espresso" not in text(app)
    app.multiselect(key=state.BESIDE).set_value(["coffee"]).run()
    assert not app.exception
    maps = [alt for alt in alts(app) if "Grad-CAM" in alt]
    assert [alt.split(":")[0] for alt in maps] == [*NETWORKS, *(f"{title} on A cup of espresso" for title in NETWORKS)]
    assert [one.value for one in app.markdown if one.value.startswith("#### ")][:2] == [
        "#### Chelsea the cat",
        "#### A cup of espresso",
    ]
    # both can be had as one figure, with the numbers of both
    saved = [one for one in app.get("download_button") if "Attention of 2 networks in 2 pictures" in one.proto.help]
    assert [one.label for one in saved] == ["PNG", "SVG", "PDF", "CSV"]
    app.button(key="grid_talk").click().run()
    (kept,) = app.session_state[state.TRAY]
    assert [one.picture.name for one in kept.source.comparisons] == ["chelsea.png", "coffee.png"]
    assert [(row["picture"], row["network"]) for row in kept.source.rows()] == [
        (picture, title) for picture in ("chelsea.png", "coffee.png") for title in NETWORKS
    ]
    # the chosen picture itself makes no second row
    app.selectbox(key=state.PICTURE).set_value("coffee").run()
    assert not app.exception
    assert len([alt for alt in alts(app) if "Grad-CAM" in alt and "less" not in alt]) == len(NETWORKS)
    assert not [one for one in app.button if one.key == "grid_talk"]


def test_a_pinned_reference_turns_the_others_into_differences(app: AppTest) -> None:
    app.run()
    finding = app.markdown[1].value
    app.selectbox(key=state.REFERENCE).set_value("SE-ResNet").run()
    assert not app.exception
    panels = [alt.split(":")[0] for alt in alts(app)][:2]
    assert panels == ["SE-ResNet", "CBAM-ResNet less SE-ResNet"]
    assert "× the even share" in small(app)
    assert "SE-ResNet is the reference" in small(app)
    assert app.markdown[1].value == finding  # the scores stay those of the maps
    before = small(app)
    app.segmented_control(key=state.DIFFERENCE).set_value("rank").run()
    assert small(app) != before
    assert "of the ranks" in small(app)
    # ranks have no sign: the differences keep theirs
    app.segmented_control(key=state.SCALE).set_value("rank").run()
    assert "Colours from -" in small(app)
    assert "Ranks have no sign" in small(app)
    # a reference that is no longer shown is none
    app.pills(key=state.NETWORKS).set_value(["cbam_resnet", "vit"]).run()
    assert not app.exception
    assert app.selectbox(key=state.REFERENCE).value == arranging.NONE


def test_a_signed_map_says_why_it_has_no_difference(app: AppTest) -> None:
    app.query_params["map"] = "Integrated Gradients"
    app.query_params["reference"] = "SE-ResNet"
    app.run()
    assert not app.exception
    assert any("signed" in one.value for one in [*app.info, *app.warning])


def test_two_maps_tell_how_far_they_are_apart(app: AppTest) -> None:
    app.run()
    picture = app.session_state[state.ENTRY].picture
    one, other = (
        service.read(picture, name, service.MapChoice("gradcam")).attention_map for name in ("se_resnet", "cbam_resnet")
    )
    # Grad-CAM of both has the same grid over the same picture: half the absolute difference of the shares
    shares = [each.values_hw.astype(float) / each.values_hw.astype(float).sum() for each in (one, other)]
    expected = 100 * abs(shares[0] - shares[1]).sum() / 2
    assert f"SE-ResNet and CBAM-ResNet put {expected:.0f} % of their maps in different places" in text(app)
    app.selectbox(key=state.PAIR_RIGHT).set_value("SE-ResNet").run()
    assert "one network. Choose two" in app.info[0].value.replace("\\", "")
