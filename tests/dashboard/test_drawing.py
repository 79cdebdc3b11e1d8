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


def test_several_outlines_have_their_own_colours_and_the_first_lies_on_top() -> None:
    grey = np.full((60, 80, 3), 128, dtype=np.uint8)
    half = Region.from_box("half", (0, 0, 60, 45), (60, 80))  # its border crosses the square's at column 45
    drawn = drawing.Outlines.of([(square_region(), "#FFB000"), (half, "#56B4E9")], (60, 80)).drawn_on(grey)
    assert tuple(drawn[20, 40]) == ORANGE
    assert tuple(drawn[5, 45]) == (86, 180, 233)
    assert tuple(drawn[20, 45]) == ORANGE  # where they cross
    assert tuple(drawn[5, 5]) == (128, 128, 128)
    assert (grey == 128).all()


def test_names_stand_on_black_in_their_colour_and_never_on_each_other() -> None:
    regions = [(square_region().rename(name), colour) for name, colour in (("dog", "#FFB000"), ("cat", "#56B4E9"))]
    bare = drawing.Outlines.of(regions, (240, 320))
    named = drawing.Outlines.of(regions, (240, 320), names_px=20)
    added = (named.layer != bare.layer).any(axis=2)
    assert added.any()
    for colour in (ORANGE, (86, 180, 233)):  # both names can be read, though both regions begin at one place
        assert ((named.layer[..., :3] == colour).all(axis=2) & added).sum() > 20


def test_a_name_longer_than_the_picture_is_cut() -> None:
    regions = [(square_region().rename("x" * 40), "#FFB000"), (square_region().invert(), "#56B4E9")]
    assert drawing.Outlines.of(regions, (60, 80), names_px=12).layer.shape == (60, 80, 4)


def test_a_legend_names_colour_and_area_and_runs_nothing() -> None:
    legend = drawing.region_legend([("<b>dog", "#FFB000", 0.22)])
    assert "&lt;b&gt;dog: 22\N{NO-BREAK SPACE}% of the picture" in legend
    assert "#FFB000" in legend
