"""Comparisons of several pictures as one figure in files and on slides."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pptx import Presentation

from attnviz.errors import ValueRangeError
from attnviz.export import (
    COLUMNS,
    Comparison,
    ComparisonGrid,
    bundle,
    figure_pdf,
    figure_png,
    figure_svg,
    restyled,
    slides_pptx,
)
from attnviz.render import NOT_EXPLANATION, SIZES


@pytest.fixture
def grid(small: Comparison) -> ComparisonGrid:
    """The same map of two pictures, in the second with twice the values."""
    panel = small.panels[0]
    doubled = replace(panel, attention_map=replace(panel.attention_map, values_hw=2 * panel.attention_map.values_hw))
    cat = replace(small.picture, name="cat.jpg", sha256="cd" * 32)
    return ComparisonGrid(comparisons=(small, replace(small, picture=cat, panels=(doubled, small.panels[1]))))


def test_it_tells_what_it_shows_and_how_it_was_made(grid: ComparisonGrid, small: Comparison) -> None:
    assert grid.title == "Attention of 2 networks in 2 pictures"
    told = json.loads(json.dumps(grid.provenance(), allow_nan=False))
    assert [one["name"] for one in told["pictures"]] == ["dog.jpg", "cat.jpg"]
    assert told["networks"] == {"SE-ResNet": "12" * 32, "ViT": "12" * 32}
    assert (told["unit"], told["note"]) == ("gradient-weighted activation", NOT_EXPLANATION)
    # one scale for each map that has no largest value: up to 4 on the first picture, and to 8 on the second
    highest = small.panels[0].attention_map.value_range[1]
    assert [one["high"] for one in told["drawing"]["ranges"]] == [highest, highest, 2 * highest, highest]
    assert told["comparisons"][1]["picture"]["name"] == "cat.jpg"


def test_its_numbers_are_those_of_the_comparisons(grid: ComparisonGrid) -> None:
    rows = grid.rows()
    assert {key for row in rows for key in row} <= set(COLUMNS)
    assert [(row["picture"], row["network"], row.get("region")) for row in rows] == [
        (picture, network, region)
        for picture in ("dog.jpg", "cat.jpg")
        for network, region in (("SE-ResNet", "dog"), ("SE-ResNet", "grass"), ("ViT", None))
    ]
    assert rows == [row for one in grid.comparisons for row in one.rows()]


def test_files_of_any_size_and_theme(grid: ComparisonGrid, tmp_path) -> None:
    shown = Image.open(io.BytesIO(figure_png(restyled(grid, SIZES["16:9"], "dark"), 60)))
    assert (shown.size, shown.getpixel((0, 0))) == ((800, 450), (0x0E, 0x11, 0x17, 255))
    assert b"/Type3" not in figure_pdf(grid)
    svg = figure_svg(grid)
    assert b"cat.jpg" in svg
    assert svg == figure_svg(grid)


def test_a_bundle_has_the_raw_maps_once(grid: ComparisonGrid, small: Comparison, tmp_path) -> None:
    folder = bundle({"dog": small, "all": grid}, tmp_path / "out", formats=["png"], dpi=50)
    with np.load(folder / "maps.npz") as maps:
        assert [name for name in maps.files if name != "provenance"] == ["dog/se-resnet", "dog/vit"]
    assert (folder / "all.csv").read_text("utf-8").count("cat.jpg") == 3


def test_it_becomes_a_slide_with_its_picture(grid: ComparisonGrid) -> None:
    (slide,) = Presentation(io.BytesIO(slides_pptx({"all": grid}))).slides
    assert slide.shapes.title.text == grid.title
    assert sum(1 for one in slide.shapes if one.shape_type is not None and one.shape_type.name == "PICTURE") == 1


def test_pictures_that_are_drawn_in_two_ways_are_refused(grid: ComparisonGrid) -> None:
    first, second = grid.comparisons
    with pytest.raises(ValueRangeError, match="must have one scale in a grid; got shared, rank"):
        ComparisonGrid(comparisons=(first, replace(second, scale="rank")))
    with pytest.raises(ValueRangeError, match="1 to 6 pictures; got 0"):
        ComparisonGrid(comparisons=())
