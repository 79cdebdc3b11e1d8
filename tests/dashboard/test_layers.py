"""The page of layers: one network walked through, layer by layer."""

from collections.abc import Iterator

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from attnviz.export import LayerWalkFigure
from attnviz.walking import GatedLayer
from attnviz.walking.words import finding
from dashboard import service, state, walked
from tests.dashboard.conftest import APP, SECONDS_A_RUN

PAGE = "views/layers.py"
NETWORKS = ["resnet_plain", "cbam_resnet", "vit"]


def opened(**choices: object) -> AppTest:
    """The page with three networks and what was chosen."""
    page = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page(PAGE)
    for key, value in {state.NETWORKS: NETWORKS, **choices}.items():
        page.session_state[key] = value
    return page.run()


def text(page: AppTest) -> str:
    said = [element.value for kind in ("markdown", "caption", "info") for element in getattr(page.main, kind)]
    return "\n".join(said).replace("\N{NO-BREAK SPACE}", " ").replace("\\", "")


def alts(page: AppTest) -> list[str]:
    return [picture.alt for element in page.main.image for picture in element.proto.imgs]


def charts(page: AppTest) -> list[str]:
    return [one.proto.alt for one in page.main.get("plotly_chart")]


@pytest.fixture
def counted() -> Iterator[list[str]]:
    """Names of the networks, once for each forward pass. Nothing has run before."""
    streamlit.cache_resource.clear()
    passes: list[str] = []
    hooks = [
        service.network(name).loaded.model.register_forward_pre_hook(lambda *_, name=name: passes.append(name))
        for name in NETWORKS
    ]
    yield passes
    for hook in hooks:
        hook.remove()


def test_walking_on_runs_no_network(counted: list[str]) -> None:
    page = opened()
    assert not page.exception
    # the first network has nothing to walk through, so the second is shown; only that one ran, once
    assert counted == ["cbam_resnet"]
    assert "1 of 7: layer1.0, CBAM" in text(page)
    slider = page.main.slider(key=state.LAYER)
    assert (slider.min, slider.max) == (1, 7)
    for number, layer in ((7, "layer4.1"), (2, "layer2.0"), (1, "layer1.0")):
        page.main.slider(key=state.LAYER).set_value(number).run()
        assert not page.exception
        assert f"{number} of 7: {layer}, CBAM" in text(page)
        assert any(f"CBAM-ResNet, {layer}.attention" in alt for alt in alts(page))
    page.main.button(key="layer_next").click().run()
    assert "2 of 7: layer2.0" in text(page)
    assert counted == ["cbam_resnet"]


def test_what_the_page_says_of_a_layer_is_what_the_library_says() -> None:
    page = opened(**{state.WALKED: "CBAM-ResNet", state.LAYER: 7})
    picture = service.samples()[0].open()
    walk = walked.walk(picture, "cbam_resnet")
    assert f"### {finding(walk)}".replace("\N{NO-BREAK SPACE}", " ") in text(page)
    layer = walk.layers[6]
    assert isinstance(layer, GatedLayer)
    assert layer.change is not None
    channel = layer.gates[0]
    # the six strongest and the six weakest channels, by number and factor, in order
    shown = [alt for alt in alts(page) if alt.startswith("channel ")]
    wanted = [f"channel {one.number}, factor {one.factor:.3f}" for one in (*channel.strongest, *channel.weakest)]
    assert [alt.split(", feature")[0] for alt in shown] == wanted
    factors, changes = charts(page)
    assert f"channel {channel.order[0]} {channel.channel_factors.max():.3f}" in factors
    assert "Layer by layer: layer1.0, CBAM" in changes
    assert "‖g x − x‖ / ‖x‖" in text(page)  # the exact definition, in the popover


def test_a_network_without_attention_says_so_and_shows_its_activity() -> None:
    page = opened(**{state.WALKED: "ResNet"})
    assert not page.exception
    assert not page.main.error
    assert "ResNet has no attention that can be read" in text(page)
    assert any("Where this part is active" in alt for alt in alts(page))
    (chart,) = charts(page)
    assert "activity" in chart


def test_a_layer_that_the_next_network_does_not_have_becomes_its_last() -> None:
    page = opened(**{state.WALKED: "CBAM-ResNet", state.LAYER: 7})
    page.session_state[state.WALKED] = "ViT"
    page.run()
    assert not page.exception
    assert "6 of 6: blocks.5, self-attention" in text(page)
    heads, layers = charts(page)
    assert "head 4: entropy" in heads
    assert "ViT attends most narrowly in" in layers


def test_both_figures_can_be_kept_for_the_talk() -> None:
    page = opened(**{state.WALKED: "CBAM-ResNet", state.LAYER: 3})
    page.main.button(key="layer_talk").click().run()
    page.main.button(key="walk_talk").click().run()
    kept = [entry.source for entry in page.session_state[state.TRAY]]
    assert all(isinstance(one, LayerWalkFigure) for one in kept)
    assert [one.place for one in kept] == [2, None]


def test_no_network_is_no_error() -> None:
    page = opened(**{state.NETWORKS: []})
    assert not page.exception
    assert "No network is chosen" in text(page)
