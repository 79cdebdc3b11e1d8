"""What stands under a map."""

import pytest
from streamlit.testing.v1 import AppTest


def panel(proven: bool | None) -> None:
    """A page with one panel; runs on its own."""
    import numpy as np

    from attnviz.geometry import Geometry
    from attnviz.maps import AttentionMap
    from attnviz.records import Site
    from dashboard import panels
    from dashboard.service import Answers, Reading

    one = AttentionMap(
        np.array([[0.0, 1.0]]), "Toy()", (Site("layer4", 0, "se", proven=proven),), "a toy", "share", (0.0, 1.0), False,
        Geometry.identity((4, 8)),
    )  # fmt: skip
    reading = Reading("se_resnet", "SE-ResNet", one, (("tabby", 0.75), ("lion", 0.25)), "Toy", None)
    drawn = panels.Drawn(np.zeros((4, 8, 3), np.uint8), None)
    panels._panel(reading, drawn, Answers((reading,), {}), None, with_bar=False)


@pytest.mark.parametrize("proven", [True, None, False])
def test_an_unproven_map_says_so_in_sight_and_in_words(proven: bool | None) -> None:
    page = AppTest.from_function(panel, args=(proven,), default_timeout=120).run()
    assert not page.exception
    warned = [element.value for element in page.warning]
    (alt,) = [picture.alt for element in page.main.image for picture in element.proto.imgs]
    if proven is False:
        assert warned == ["Unproven: the layer's output does not follow from these numbers."]
        assert alt.endswith("; unproven")
    else:
        assert warned == []
        assert "unproven" not in alt
