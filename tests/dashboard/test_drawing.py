"""Pixels and HTML."""

import numpy as np

from attnviz.regions import Region
from dashboard import drawing

ORANGE, BLACK = (255, 176, 0), (0, 0, 0)


def square_region() -> Region:
    mask = np.zeros((60, 80), dtype=bool)
    mask[20:40, 30:60] = True
    return Region("square", mask)


def test_the_outline_runs_along_the_regions_border_and_nowhere_else() -> None:
    grey = np.full((60, 80, 3), 128, dtype=np.uint8)
    drawn = drawing.Outline.of(square_region(), (60, 80)).drawn_on(grey)
    assert tuple(drawn[20, 45]) == ORANGE  # first row inside
    assert tuple(drawn[19, 45]) == ORANGE  # last row outside
    assert tuple(drawn[30, 30]) == ORANGE
    assert tuple(drawn[18, 45]) == BLACK  # one pixel around the orange line
    assert tuple(drawn[17, 45]) == (128, 128, 128)
    assert tuple(drawn[30, 45]) == (128, 128, 128)  # the middle of the region
    assert tuple(drawn[5, 5]) == (128, 128, 128)
    assert (grey == 128).all()  # the argument is left as it was


def test_the_outline_follows_a_picture_of_another_size() -> None:
    # the region's left border lies at column 30 of 80, so at 60 of 160
    grey = np.full((120, 160, 3), 128, dtype=np.uint8)
    drawn = drawing.Outline.of(square_region(), (120, 160)).drawn_on(grey)
    assert tuple(drawn[60, 60]) == ORANGE
    assert tuple(drawn[60, 90]) == (128, 128, 128)


def test_the_edge_of_the_picture_is_no_border() -> None:
    # the left half: its only border runs down the middle
    region = Region.from_box("left half", (0, 0, 60, 40), (60, 80))
    drawn = drawing.Outline.of(region, (60, 80)).drawn_on(np.full((60, 80, 3), 128, dtype=np.uint8))
    assert (drawn[:, :30] == 128).all()
    assert (drawn[:, 40] == ORANGE).all()


def test_a_gradient_runs_from_the_first_colour_to_the_last() -> None:
    strip = np.linspace(0, 1, 256)[None, :, None].repeat(3, axis=2)
    colours = drawing.gradient(strip)
    assert (colours[0], colours[-1]) == ("#000000", "#ffffff")
    assert len(colours) == drawing.GRADIENT_STEPS


def test_names_are_shown_and_not_run() -> None:
    text = drawing.panel_text(None, "<b>", "<script>", [("<img src=x>", 0.5)], "a & b")
    assert "<script>" not in text
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert "a &amp; b" in text


def test_a_colour_bar_is_told_to_those_who_cannot_see_it() -> None:
    bar = drawing.ColourBar("0", "1.5", "gate value", ("#000000", "#ffffff"))
    assert 'aria-label="Colours from 0 to 1.5 gate value"' in drawing.colour_bar(bar)


def test_a_bar_of_confidence_is_as_long_as_the_confidence() -> None:
    assert "width:12.5%" in drawing.panel_text(None, "", "", [("tabby", 0.125)], "")
