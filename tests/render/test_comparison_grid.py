"""Several pictures in one figure: what it says, and that nothing runs into anything else."""

from dataclasses import replace

import pytest

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.focus import share
from attnviz.records import Site
from attnviz.render import MEANINGLESS, NOT_EXPLANATION, SCALES, SIZES, UNPROVEN, Panel
from attnviz.render.comparison_grid import GridRow, comparison_grid_alt, comparison_grid_figure
from tests.render.test_comparison import LANDSCAPE, PORTRAIT, assert_nothing_collides, box_on, words_of

SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def rows_of(photograph, panels_of):
    """Pictures of these sizes, each with a region and as many networks."""

    def make(sizes, count=2):
        return [
            GridRow(
                replace(photograph(hw), name=f"picture {place}.jpg", sha256=f"{place:064}"),
                tuple(
                    replace(panel, title=f"SE-ResNet {number}")
                    for number, panel in enumerate(panels_of(count, hw, box_on(hw)))
                ),
                (box_on(hw),),
            )
            for place, hw in enumerate(sizes)
        ]

    return make


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("sizes", "count", "scale"),
    [
        ([LANDSCAPE], 1, "per map"),
        ([LANDSCAPE, PORTRAIT], 2, "per map"),
        ([LANDSCAPE, PORTRAIT, (60, 60)], 6, "rank"),
        ([LANDSCAPE] * 4, 6, "per map"),
        ([(1, 5000), (5000, 1)], 6, "per map"),
    ],
)
def test_nothing_collides_and_nothing_is_cut_off(sizes, count, scale, size, rows_of) -> None:
    figure = comparison_grid_figure(rows_of(sizes, count), scale=scale, size=SIZES[size], heading="A finding")
    assert_nothing_collides(figure)
    smallest = min(text.get_size() for text in figure.texts)
    assert smallest >= (7 if SIZES[size][0] < 8 else 10)


def test_every_panel_has_its_picture_its_colours_and_its_words(rows_of) -> None:
    rows = rows_of([LANDSCAPE, PORTRAIT])
    figure = comparison_grid_figure(rows, scale="per map")
    words = words_of(figure)
    assert len(figure.axes) == 2 * 3 + 2 * 2  # a picture and two maps in each row; a colour bar for each map
    for row in rows:
        assert row.picture.name in words
        for panel in row.panels:
            assert f"{100 * panel.focus.value:.0f}{SPACE}%, lift{SPACE}{panel.focus.lift:.1f}" in words
            assert words.count(panel.title) == 2  # above its column, and with its layer
    assert words.count(f"Yorkshire terrier, 87{SPACE}%") == 4
    assert words.count(f"dog: 20{SPACE}% of it") == 2  # half of the rows, 0.4 of the columns
    assert "In bold: the share of the map on the first region named, and its lift" in words
    assert "Layers: layer4 (SE-ResNet 0, SE-ResNet 1). Native grids: 8 × 8 cells." in words
    assert "Unit of every colour bar: share of attention." in words
    assert NOT_EXPLANATION in words


@pytest.mark.parametrize("scale", SCALES)
def test_the_scale_is_printed_and_goes_over_all_pictures(scale, rows_of, map_of) -> None:
    rows = rows_of([LANDSCAPE, LANDSCAPE])
    values = iter(([[0.1, 0.2]], [[0.1, 0.3]], [[0.1, 0.4]], [[0.1, 0.5]]))
    rows = [
        replace(row, panels=tuple(replace(one, attention_map=map_of(next(values), LANDSCAPE)) for one in row.panels))
        for row in rows
    ]
    figure = comparison_grid_figure(rows, scale=scale)
    texts, words = [text.get_text() for text in figure.texts], words_of(figure)
    assert SCALES[scale] in words
    # one colour bar where all four have one scale: up to 0.5, to the bound of 1, or to the last rank
    highest = {"shared": ["0.5"], "raw": ["1"], "rank": ["1"], "per map": ["0.2", "0.3", "0.4", "0.5"]}[scale]
    assert [text for text in texts if text in ("0.2", "0.3", "0.4", "0.5", "1")] == highest
    assert ("It goes over all pictures of the grid." in words) == (scale in ("shared", "raw"))


def test_a_network_without_a_map_of_a_picture_leaves_its_place_empty(rows_of) -> None:
    first, second = rows_of([LANDSCAPE, LANDSCAPE], 3)
    figure = comparison_grid_figure([first, replace(second, panels=second.panels[::2])])
    assert [text.get_text() for text in figure.texts].count("no map") == 1
    assert len([axes for axes in figure.axes if axes.get_window_extent().height > 30]) == 4 + 3
    assert_nothing_collides(figure)


def test_marks_stand_on_the_pictures_and_in_the_footer_once(rows_of, map_of) -> None:
    sites = (Site("layer4", 0, "toy", proven=False),)
    rows = [
        replace(
            row,
            panels=(
                replace(row.panels[0], trained=False),
                Panel("ViT", map_of([[0.1, 0.9]], LANDSCAPE, sites=sites)),
            ),
        )
        for row in rows_of([LANDSCAPE, LANDSCAPE])
    ]
    figure = comparison_grid_figure(rows)
    words = words_of(figure)
    assert words.count(f"SE-ResNet 0: untrained; {MEANINGLESS}.") == 1
    assert words.count(f"ViT is {UNPROVEN}.") == 1
    badges = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert sorted(badges) == ["UNPROVEN", "UNPROVEN", "UNTRAINED", "UNTRAINED"]


def test_flat_maps_are_named_and_not_painted(rows_of, map_of) -> None:
    rows = rows_of([LANDSCAPE, LANDSCAPE])
    flat = map_of([[0.5, 0.5]], LANDSCAPE)
    rows[0] = replace(rows[0], panels=(replace(rows[0].panels[0], attention_map=flat), rows[0].panels[1]))
    figure = comparison_grid_figure(rows, scale="per map")
    assert words_of(figure).count("flat (0.5 .. 0.5 share of attention)") == 1
    assert len(figure.axes) == 2 * 3 + 3  # one colour bar fewer


def test_the_grid_in_words_holds_every_picture(rows_of) -> None:
    rows = rows_of([LANDSCAPE, PORTRAIT])
    alt = comparison_grid_alt(rows, "per map")
    assert alt.startswith("2 pictures below each other, 2 networks. picture 0.jpg and 2 networks side by side.")
    assert "picture 1.jpg and 2 networks side by side" in alt
    score = share(rows[1].panels[0].attention_map, rows[1].regions[0])
    assert f"{100 * score.value:.0f}{SPACE}% on the dog" in alt
    assert alt.count("Colour scale per map") == 1


def test_a_grid_of_nothing_or_too_much_is_refused(rows_of, photograph) -> None:
    with pytest.raises(ValueRangeError, match="1 to 6 pictures; got 0"):
        comparison_grid_figure([])
    with pytest.raises(ValueRangeError, match="1 to 6 pictures; got 7"):
        comparison_grid_figure(rows_of([LANDSCAPE] * 7))
    first, second = rows_of([LANDSCAPE, LANDSCAPE], 4)
    others = tuple(replace(one, title=f"other {one.title}") for one in second.panels)
    with pytest.raises(ValueRangeError, match="1 to 6 networks; got 8"):
        comparison_grid_figure([first, replace(second, panels=others)])
    with pytest.raises(ValueRangeError, match="must have different titles"):
        comparison_grid_figure([replace(first, panels=(first.panels[0],) * 2)])
    with pytest.raises(ValueRangeError, match="must leave room for 6 pictures; got 10 x 4 inches"):
        comparison_grid_figure(rows_of([LANDSCAPE] * 6), size=(10, 4))
    with pytest.raises(ShapeError, match="the region must be drawn on a picture of 60 x 90"):
        comparison_grid_figure([replace(first, regions=(box_on(PORTRAIT),))])
