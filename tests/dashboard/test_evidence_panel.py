"""The panel of evidence: nothing runs unasked, a result is kept, and a button makes it."""

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.evidence_panel import Store


def test_the_store_forgets_what_was_not_asked_for_the_longest() -> None:
    store = Store(2)
    store.keep("a", 1)
    store.keep("b", 2)
    assert store.get("a") == 1
    store.keep("c", 3)
    assert (store.get("a"), store.get("b"), store.get("c")) == (1, None, 3)


def page() -> None:
    from types import SimpleNamespace

    from attnviz.regions import Region
    from dashboard import evidence_panel, service

    evidence_panel.CONTROLS, evidence_panel.ORDERS, evidence_panel.DRAWS = 2, 2, 1
    picture = service.opened_sample(service.samples()[0].name)
    selection = SimpleNamespace(map_kind="gradcam", target=None, gaze="mean", point_yx=(0.5, 0.5))
    answers = service.Answers((service.read(picture, "se_resnet", service.MapChoice("gradcam")),), {})
    entry = SimpleNamespace(picture=picture, title="sample", id="sample")
    box = Region.from_box("box", (10, 10, 100, 100), picture.hw)
    evidence_panel.draw_what_if(entry, selection, answers, (box,))
    evidence_panel.draw_trust(entry, selection, answers, (box,))


@pytest.mark.slow
def test_both_tables_are_made_when_asked_for_and_kept() -> None:
    app = AppTest.from_function(page, default_timeout=300).run()
    assert not app.exception
    assert [button.label for button in app.button] == ["Try it on SE-ResNet", "Test the map of SE-ResNet"]
    assert not app.table
    app.button[0].click().run()
    assert not app.exception
    assert "all gates off" in app.table[0].value.to_string()
    assert any("hidden from attention" in caption.value for caption in app.caption)  # left out: it has none
    app.button[-1].click().run()
    assert not app.exception
    assert sum(text.value.startswith("**") for text in app.markdown) == 5  # verdicts
    app.run()
    assert {button.label for button in app.button} == {"Add to talk"}  # both were kept
