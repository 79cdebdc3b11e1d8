"""Nothing runs twice: on every page, the main gesture and every way back to it run no network again.

A page that is added needs one line in `GESTURES`.
"""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from attnviz import zoo
from dashboard import service, state
from tests.dashboard.conftest import APP, SECONDS_A_RUN
from tests.dashboard.pages_of_app import AppPage, pages

ASKED = ("vit", "cbam_resnet")
MOST_PASSES = 2
"""Of one network for one picture: one that is watched, and one with gradients for Grad-CAM."""

Gesture = Callable[[AppTest], object]

GESTURES: dict[str, Gesture] = {
    "compare": lambda page: page.slider(key=state.OPACITY).set_value(0.3),
    "focus": lambda page: page.toggle(key=f"{state.REGION_INVERTED}_chelsea").set_value(True),
    "layers": lambda page: page.slider(key=state.LAYER).set_value(2),
    "attention": lambda page: page.number_input(key=state.POINT_X).set_value(20),
    "learn": lambda page: page.segmented_control(key=state.LESSON).set_value(
        page.segmented_control(key=state.LESSON).options[1]
    ),
    "networks": lambda page: page.selectbox(key=state.CHECKPOINT_ARCHITECTURE).set_value("vit"),
    "export": lambda page: page.segmented_control(key=state.EXPORT_THEME).set_value("dark"),
}
"""By the page's part of the address: what people do there most."""

ASKS_OTHERS = {"learn"}
"""Pages that ask networks of their own choice: each lesson shows its mechanism at work. They, too, run only once."""


@pytest.fixture
def passes() -> Iterator[list[str]]:
    """Grows by a name each time a network, or a copy of it, runs."""
    streamlit.cache_resource.clear()
    ran: list[str] = []
    hooks = [
        service.network(name).loaded.model.register_forward_pre_hook(lambda *_args, name=name: ran.append(name))
        for name in zoo.names()
    ]
    yield ran
    for hook in hooks:
        hook.remove()


def app_with_two() -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN)
    app.query_params["networks"] = [zoo.cards()[name].title for name in ASKED]
    return app


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.url)
def test_the_main_gesture_of_a_page_runs_no_network(page: AppPage, passes: list[str]) -> None:
    assert page.url in GESTURES, f"say in GESTURES what people do most on the page {page.title}"
    # only after a run is a page known whose address is not its file's name
    app = app_with_two().run().switch_page(page.file).run()
    assert not app.exception
    assert all(count <= MOST_PASSES for count in Counter(passes).values()), Counter(passes)
    if page.url not in ASKS_OTHERS:
        assert set(passes) <= set(ASKED)
    before = list(passes)
    GESTURES[page.url](app)
    app.run()
    assert not app.exception
    if page.url in ASKS_OTHERS:
        assert all(count <= MOST_PASSES for count in Counter(passes).values()), Counter(passes)
    else:
        assert passes == before
    passes.clear()
    app.run()
    app.switch_page(page.file).run()
    assert not app.exception
    assert passes == []


def test_going_through_all_pages_and_back_runs_each_network_once(passes: list[str]) -> None:
    app = app_with_two()
    for page in pages():
        app.switch_page(page.file).run()
        assert not app.exception, page.title
    assert all(count <= MOST_PASSES for count in Counter(passes).values()), Counter(passes)
    assert set(passes) >= set(ASKED)
    passes.clear()
    for page in pages():
        app.switch_page(page.file).run()
    assert passes == []


def test_another_session_finds_what_the_first_one_ran(passes: list[str]) -> None:
    app_with_two().run()
    assert set(passes) == set(ASKED)
    passes.clear()
    app_with_two().run()
    assert passes == []
