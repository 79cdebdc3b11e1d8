"""The comparison for a notebook: raw values under the pointer, in the place where the network saw them."""

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render import Panel, comparison_chart

PICTURE = Picture.from_array(np.full((40, 60, 3), 90, np.uint8), "grey.png")
VALUES = np.array([[0.0, 0.5, 0.25], [1.0, 0.125, 0.75]])


def panel(title: str = "Net", values: np.ndarray = VALUES) -> Panel:
    geometry = Geometry((40, 60), (20, 24), (0.5, 0.5), (0.0, 3.0))  # columns 6 to 54 of the picture
    one = AttentionMap(values, "made here", (), "made here", "share <b>", (0, 1), False, geometry)
    return Panel(title, one, (("tabby", 0.5),))


def test_the_pointer_finds_the_raw_value_where_the_network_saw_it() -> None:
    """Input columns 0, 8, 16, 24 are at (x + 3) / 0.5 of the picture: 6, 22, 38, 54; rows 0, 10, 20 at 0, 20, 40."""
    figure = comparison_chart(PICTURE, [panel()])
    (heat,) = [trace for trace in figure.data if trace.type == "heatmap"]
    np.testing.assert_array_equal(np.asarray(heat.z), VALUES.astype(np.float32))
    np.testing.assert_allclose(heat.x, [6, 22, 38, 54])
    np.testing.assert_allclose(heat.y, [0, 20, 40])
    np.testing.assert_array_equal(np.asarray(heat.customdata)[1, 2], [2, 3])
    assert "share &lt;b&gt;" in heat.hovertemplate, "names are text, not markup"


def test_there_is_a_picture_for_each_network_and_the_source() -> None:
    figure = comparison_chart(PICTURE, [panel(f"Net {number}") for number in range(5)], heading="The finding")
    assert len(figure.layout.images) == 6
    said = " ".join(note.text for note in figure.layout.annotations)
    for words in ("The finding", *(f"Net {number}" for number in range(5)), "2 × 3 cells", "Attention is not explan"):
        assert words in said
    # cells that stand side by side do not overlap: 3 in a row
    lefts = [figure.layout[f"xaxis{number or ''}"].domain for number in (0, 2, 3)]
    assert lefts[0][1] < lefts[1][0] < lefts[1][1] < lefts[2][0]


def test_colour_bars_have_the_ends_of_the_range() -> None:
    figure = comparison_chart(PICTURE, [panel()], scale="per map")
    (bar,) = [trace for trace in figure.data if trace.type == "scatter" and trace.marker.showscale]
    assert (bar.marker.cmin, bar.marker.cmax) == (0, 1)


def test_a_flat_map_has_no_bar_and_says_so() -> None:
    figure = comparison_chart(PICTURE, [panel(values=np.full((2, 3), 0.5))])
    assert not [trace for trace in figure.data if trace.type == "scatter" and trace.marker.showscale]
    assert any("flat" in note.text for note in figure.layout.annotations)


def test_a_region_is_outlined_on_every_picture() -> None:
    """The border of rows 10 to 20 and columns 12 to 30 runs through these numbers, half a pixel further at corners."""
    region = Region.from_box("dog", (10, 12, 20, 30), (40, 60))
    figure = comparison_chart(PICTURE, [panel()], region=region)
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.name == "dog"]
    assert {trace.xaxis for trace in lines} == {"x", "x2"}
    columns = [value for value in lines[0].x if value is not None]
    rows = [value for value in lines[0].y if value is not None]
    assert (min(columns), max(columns), min(rows), max(rows)) == pytest.approx((12, 30, 10, 20), abs=0.51)


def test_an_unknown_theme_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="theme must be"):
        comparison_chart(PICTURE, [panel()], theme="pink")  # type: ignore[arg-type]
