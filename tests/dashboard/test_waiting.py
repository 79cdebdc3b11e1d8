"""How long something will take, and maps that a network does not have."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import state
from dashboard.waiting import time_left


@pytest.mark.parametrize(
    ("passed_s", "share", "said"),
    [
        (10, 0.25, ", about 30 s left"),  # a quarter took 10 s: three more quarters
        (60, 0.2, ", about 4 min left"),  # a fifth took a minute
        (0.5, 0.5, ""),  # too early to tell
        (10, 0.001, ""),  # too little to tell
        (10, 1.0, ""),
    ],
)
def test_time_left_goes_on_as_fast_as_so_far(passed_s: float, share: float, said: str) -> None:
    assert time_left(passed_s, share) == said


def _two_stages() -> None:
    import time

    from dashboard import waiting

    now = [0.0]
    time.monotonic, real = lambda: now[0], time.monotonic
    try:
        steps = waiting.Steps("Reading", "stop", print)
        steps.stage("first", 0, 0)
        now[0] = 100.0
        steps.stage("second", 0, 4)
        now[0] = 110.0
        steps.stage("second", 1, 4)
    finally:
        time.monotonic = real


def test_the_time_left_is_that_of_the_stage() -> None:
    """A quarter of the second stage took 10 s, so three more take 30 s; the 100 s before do not count."""
    page = AppTest.from_function(_two_stages, default_timeout=60).run()
    assert not page.exception
    (bar,) = page.get("progress")
    assert (bar.proto.value, bar.proto.text) == (25, "Reading: second, about 30 s left")
    assert [one.label for one in page.button] == ["Stop"]


def test_a_network_without_such_a_map_says_what_it_needs_and_the_others_show_theirs(app: AppTest) -> None:
    app.query_params["map"] = "Spatial gate"
    app.query_params["networks"] = ["SE-ResNet", "CBAM-ResNet"]
    app.run()
    assert not app.exception
    assert not app.error
    told = app.info[0].value.replace("\\", "")
    assert told.startswith(
        "Spatial gate needs a gate with a factor for each place, as in CBAM. This network can show: "
    )
    assert "Layer-CAM" in told
    assert "Rollout" not in told
    pictures = [picture.alt for element in app.main.image for picture in element.proto.imgs]
    assert [alt.split(";")[0] for alt in pictures] == ["CBAM-ResNet: Spatial gate"]


def test_a_stopped_map_waits_until_it_is_asked_for(app: AppTest) -> None:
    app.query_params["map"] = "Occlusion"
    app.query_params["networks"] = ["SE-ResNet"]
    app.session_state[state.STOPPED] = None
    app.run()
    assert not app.exception
    picture = app.session_state[state.ENTRY].picture
    app.selectbox(key=state.MAP_KIND).set_value("gradcam").run()
    app.selectbox(key=state.MAP_KIND).set_value("integrated_gradients")
    app.session_state[state.STOPPED] = (picture.sha256, "integrated_gradients", None)
    app.run()
    assert app.info[0].value.replace("\\", "") == "Stopped before it was made. Press Go on to make it."
    app.button(key="go_on").click().run()
    assert not any("Stopped" in one.value for one in app.info)
    assert [one.label for one in app.button if one.label in ("Stop", "Go on")] == []
