"""The figure says what it must, and nothing runs into anything else."""

from dataclasses import replace
from itertools import combinations

import matplotlib.colors
import numpy as np
import pytest

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.records import Site
from attnviz.regions import Region
from attnviz.render import MEANINGLESS, NOT_EXPLANATION, SCALES, UNPROVEN, Panel, comparison_alt, comparison_figure
from attnviz.render.region_colours import REGION_COLOURS

LANDSCAPE, PORTRAIT = (60, 90), (120, 60)


def box_on(hw):
    return Region.from_box("dog", (0.2 * hw[0], 0.2 * hw[1], 0.7 * hw[0], 0.6 * hw[1]), hw)


def words_of(figure):
    return " ".join(text.get_text() for text in figure.texts)


def boxes_of(figure):
    """Where every text and every picture lies, in pixels."""
    renderer = figure.canvas.get_renderer()
    boxes = [(repr(text.get_text()), text.get_window_extent(renderer)) for text in figure.texts]
    return boxes + [(f"axes {n}", axes.get_window_extent(renderer)) for n, axes in enumerate(figure.axes)]


def assert_nothing_collides(figure):
    boxes = boxes_of(figure)
    width, height = figure.canvas.get_width_height()
    for name, box in boxes:
        assert box.x0 >= -1, name
        assert box.y0 >= -1, name
        assert box.x1 <= width + 1, name
        assert box.y1 <= height + 1, name
    for (name, box), (other_name, other) in combinations(boxes, 2):
        across = min(box.x1, other.x1) - max(box.x0, other.x0)
        down = min(box.y1, other.y1) - max(box.y0, other.y0)
        # Lines of one paragraph stand closer than their tallest letters: a few pixels of accents may meet.
        assert across <= 1 or down <= 5, f"{name} runs into {other_name}"


@pytest.mark.parametrize(
    ("count", "hw"),
    [
        (1, LANDSCAPE),
        (1, PORTRAIT),
        (2, LANDSCAPE),
        (3, PORTRAIT),
        (4, (40, 160)),
        (5, LANDSCAPE),
        (5, PORTRAIT),
        (6, LANDSCAPE),
        (6, (60, 60)),
        (6, (160, 40)),
        (1, (1, 5000)),
        (6, (1, 5000)),
        (1, (5000, 1)),
        (6, (5000, 1)),
    ],
)
def test_nothing_collides_and_nothing_is_cut_off(count, hw, photograph, panels_of):
    region = box_on(hw)
    figure = comparison_figure(photograph(hw), panels_of(count, hw, region), region=region, heading="A finding")
    assert_nothing_collides(figure)


def test_long_numbers_stay_in_their_column(photograph, map_of):
    values = [[-1.2345e-5, 0.0, 1.2345e-5]]
    one = map_of(values, PORTRAIT, signed=True, bounds=(-1.0, 1.0), unit="change of share")
    panels = [Panel(f"ResNet {number}", one) for number in range(6)]
    assert_nothing_collides(comparison_figure(photograph(PORTRAIT), panels))


@pytest.mark.parametrize("count", [1, 3, 5])
def test_the_panels_text_is_at_least_14_points_on_a_slide(count, photograph, panels_of):
    region = box_on(LANDSCAPE)
    figure = comparison_figure(photograph(LANDSCAPE), panels_of(count, LANDSCAPE, region), region=region)
    footer = {NOT_EXPLANATION, "Shown: a toy map. Unit of every colour bar: share of attention."} | {
        f"Colour scale {words}." for words in SCALES.values()
    }
    sizes = [text.get_size() for text in figure.texts if not any(text.get_text() in line for line in footer)]
    assert min(sizes) >= 14


def test_every_panel_says_network_prediction_unit_focus_grid_and_layer(photograph, panels_of):
    region = box_on(LANDSCAPE)
    panels = panels_of(2, LANDSCAPE, region)
    words = words_of(comparison_figure(photograph(LANDSCAPE), panels, region=region))
    for panel in panels:
        assert panel.title in words
    assert words.count("Yorkshire terrier, 87\N{NO-BREAK SPACE}%") == 2
    assert words.count("Unit of every colour bar: share of attention.") == words.count("share of attention") == 1
    assert words.count("8 × 8 cells, layer4") == 2
    for panel in panels:
        share = panel.focus.value * 100
        assert f"{share:.0f}\N{NO-BREAK SPACE}% on the dog, lift\N{NO-BREAK SPACE}{panel.focus.lift:.1f}" in words
    assert "The dog covers 20\N{NO-BREAK SPACE}% of the picture" in words  # half of the rows, 0.4 of the columns
    assert NOT_EXPLANATION in words
    assert "Shown: a toy map." in words


@pytest.mark.parametrize("scale", SCALES)
def test_the_scale_is_printed(scale, photograph, panels_of):
    words = words_of(comparison_figure(photograph(LANDSCAPE), panels_of(2, LANDSCAPE), scale=scale))
    assert SCALES[scale] in words


def test_maps_in_two_units_are_never_drawn_without_saying_so(photograph, map_of):
    maps = {
        "gate": map_of([[0.25, 0.75]], LANDSCAPE, unit="gate value"),
        "ViT": map_of([[0.25, 0.75]], LANDSCAPE),
        "dull": map_of([[0.5, 0.5]], LANDSCAPE, unit="mean factor"),  # flat: it has no colours
    }
    panels = [Panel(title, one) for title, one in maps.items()]
    drawn = words_of(comparison_figure(photograph(LANDSCAPE), panels, scale="raw"))
    assert "every colour bar" not in drawn
    assert drawn.count("gate value") == 2  # under its bar, and where it is said that the units differ
    told = "The units differ (gate value, share of attention): compare where maps lie, not how large they are."
    for scale in ("raw", "shared", "per map"):
        assert told in words_of(comparison_figure(photograph(LANDSCAPE), panels, scale=scale))
        assert told in comparison_alt(photograph(LANDSCAPE), panels, scale=scale)
    assert "units differ" not in words_of(comparison_figure(photograph(LANDSCAPE), panels, scale="rank"))
    assert "units differ" not in words_of(comparison_figure(photograph(LANDSCAPE), panels[1:], scale="raw"))


def test_smooth_is_printed_and_cells_are_not(photograph, panels_of):
    smooth = comparison_figure(photograph(LANDSCAPE), panels_of(1, LANDSCAPE), interpolation="smooth")
    assert "Smoothed between cell centres" in words_of(smooth)
    assert "Smoothed" not in words_of(comparison_figure(photograph(LANDSCAPE), panels_of(1, LANDSCAPE)))


def test_the_colour_bar_has_the_numbers_of_the_shared_scale(photograph, map_of):
    panels = [Panel("one", map_of([[0.1, 0.25]], LANDSCAPE)), Panel("two", map_of([[0.5, 0.75]], LANDSCAPE))]
    texts = [text.get_text() for text in comparison_figure(photograph(LANDSCAPE), panels).texts]
    assert texts.count("0") == 2
    assert texts.count("0.75") == 2


def test_values_beyond_the_colour_bar_are_marked(photograph, map_of):
    panels = [Panel("one", map_of([[0.5, 1.5]], LANDSCAPE))]  # the bounds say 0 to 1
    assert "> 1" in [text.get_text() for text in comparison_figure(photograph(LANDSCAPE), panels, scale="raw").texts]


@pytest.mark.parametrize("scale", SCALES)
def test_a_flat_map_is_named_and_not_painted(scale, photograph, map_of):
    flat = Panel("gate", map_of(0.5 + 1e-4 * np.random.default_rng(0).random((8, 8)), LANDSCAPE, unit="gate value"))
    figure = comparison_figure(photograph(LANDSCAPE), [flat], scale=scale)
    assert "flat (0.5 .. 0.5001 gate value)" in words_of(figure)
    assert len(figure.axes) == 2  # two pictures, no colour bar
    pixels = figure.axes[1].images[0].get_array()
    assert np.ptp(pixels.astype(int), axis=2).max() <= 1  # grey: no colour anywhere


def test_the_region_is_outlined_on_every_picture_in_orange(photograph, panels_of):
    region = box_on(LANDSCAPE)
    figure = comparison_figure(photograph(LANDSCAPE), panels_of(2, LANDSCAPE, region), region=region)
    outlined = [axes for axes in figure.axes if axes.collections]
    assert len(outlined) == 3
    for axes in outlined:
        (outline,) = axes.collections
        assert matplotlib.colors.to_hex(outline.get_edgecolor()[0]) == "#ffb000"
        # Rows 12 to 42 and columns 18 to 54 of the 60 x 90 picture.
        points = np.concatenate([path.vertices for path in outline.get_paths()])
        assert np.allclose(points.min(axis=0), (18, 12), atol=0.51)
        assert np.allclose(points.max(axis=0), (54, 42), atol=0.51)


def test_a_region_at_the_border_is_closed_along_it(photograph, panels_of):
    region = Region.from_box("sky", (0, 0, 30, 90), LANDSCAPE)
    figure = comparison_figure(photograph(LANDSCAPE), panels_of(1, LANDSCAPE, region), region=region)
    points = np.concatenate([path.vertices for path in figure.axes[0].collections[0].get_paths()])
    assert np.allclose(points.min(axis=0), (0, 0), atol=0.51)
    assert np.allclose(points.max(axis=0), (90, 30), atol=0.51)


def test_what_the_network_never_saw_is_explained(photograph, map_of):
    centre = Geometry(source_hw=LANDSCAPE, input_hw=(60, 60), scale_yx=(1.0, 1.0), offset_yx=(0.0, 15.0))
    crop = Panel("crop", map_of([[0.0, 1.0]], geometry=centre))
    whole = Panel("whole", map_of([[0.0, 1.0]], LANDSCAPE))
    assert "Hatched" in words_of(comparison_figure(photograph(LANDSCAPE), [crop, whole]))
    assert "Hatched" not in words_of(comparison_figure(photograph(LANDSCAPE), [whole]))


def test_different_meanings_are_told_apart_by_network(photograph, map_of):
    panels = [
        Panel("SE", map_of([[0.0, 1.0]], LANDSCAPE, meaning="energy")),
        Panel("ViT", map_of([[0.0, 1.0]], LANDSCAPE, meaning="attention", note="3 % is not drawn")),
    ]
    words = words_of(comparison_figure(photograph(LANDSCAPE), panels))
    assert "SE: energy." in words
    assert "ViT: attention; 3 % is not drawn." in words


def test_an_untrained_network_carries_its_badge(photograph, panels_of):
    panels = panels_of(2, LANDSCAPE)
    panels[1] = replace(panels[1], trained=False)
    figure = comparison_figure(photograph(LANDSCAPE), panels)
    badges = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert badges == ["UNTRAINED"]


def test_dark_and_transparent(photograph, panels_of):
    dark = comparison_figure(photograph(LANDSCAPE), panels_of(1, LANDSCAPE), theme="dark")
    clear = comparison_figure(photograph(LANDSCAPE), panels_of(1, LANDSCAPE), theme="dark", transparent=True)
    assert sum(dark.get_facecolor()[:3]) < 0.3
    assert clear.get_facecolor()[3] == 0
    assert all(matplotlib.colors.to_rgb(text.get_color())[0] > 0.6 for text in [*dark.texts, *clear.texts])


def test_names_are_never_read_as_formulas(photograph, map_of):
    figure = comparison_figure(photograph(LANDSCAPE), [Panel("$x^2$ & <b>", map_of([[0.0, 1.0]], LANDSCAPE))])
    figure.canvas.draw()
    assert "$x^2$ & <b>" in words_of(figure)
    assert not any(text.get_parse_math() for text in figure.texts)


@pytest.mark.parametrize(
    ("count", "settings", "message"),
    [
        (0, {}, "1 to 6 networks; got 0"),
        (7, {}, "1 to 6 networks; got 7"),
        (1, {"theme": "sepia"}, "light, dark; got 'sepia'"),
        (1, {"scale": "minmax"}, "got 'minmax'"),
        (1, {"style": "jet"}, "got 'jet'"),
    ],
)
def test_settings_that_mean_nothing(count, settings, message, photograph, panels_of):
    with pytest.raises(ValueRangeError, match=message):
        comparison_figure(photograph(LANDSCAPE), panels_of(count, LANDSCAPE), **settings)


def test_a_region_of_another_picture_is_refused(photograph, panels_of):
    with pytest.raises(ShapeError, match=r"60 x 90 pixels; got \(120, 60\)"):
        comparison_figure(photograph(LANDSCAPE), panels_of(1, LANDSCAPE), region=box_on(PORTRAIT))


def test_the_figure_in_words(photograph, panels_of):
    region = box_on(LANDSCAPE)
    panels = panels_of(2, LANDSCAPE, region)
    panels[1] = replace(panels[1], trained=False)
    words = comparison_alt(photograph(LANDSCAPE), panels, region)
    for panel in panels:
        assert f"{panel.title}: {panel.prediction_line}; {panel.focus_line('dog')}" in words
    assert "untrained" in words
    assert "share of attention" in words


def test_an_unproven_map_and_a_changed_network_say_so(photograph, map_of):
    sites = (Site("layer4", 0, "toy", proven=False), Site("layer3", 0, "toy", proven=True, edit="gate off"))
    panels = [
        Panel("SE", map_of([[0.0, 1.0]], LANDSCAPE, sites=sites[:1]), trained=False),
        Panel("CBAM", map_of([[0.0, 1.0]], LANDSCAPE, sites=sites[1:])),
        Panel("ViT", map_of([[0.0, 1.0]], LANDSCAPE)),
    ]
    figure = comparison_figure(photograph(LANDSCAPE), panels)
    badges = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert badges == ["UNTRAINED\nUNPROVEN", "INTERVENTION"]
    words = words_of(figure)
    assert f"SE is {UNPROVEN}." in words
    assert "CBAM ran with its attention changed: gate off." in words
    alt = comparison_alt(photograph(LANDSCAPE), panels)
    assert "SE: untrained; unproven." in alt
    assert "CBAM: intervention." in alt


def test_further_regions_are_outlined_in_colours_of_their_own():
    # one black picture of 40 x 60 with a box at the left and one at the right; no map hides the outlines
    rgb = np.zeros((40, 60, 3), np.uint8)
    dog, grass = Region.from_box("dog", (10, 5, 30, 25), (40, 60)), Region.from_box("grass", (10, 35, 30, 55), (40, 60))
    values, geometry = np.ones((4, 6), np.float32), Geometry.identity((40, 60))
    one = AttentionMap(values, "Toy()", (), "a toy", "share", (0.0, 1.0), False, geometry)
    figure = comparison_figure(rgb, [Panel("A", one)], region=dog, others=(grass,))
    drawn = [tuple(collection.get_edgecolor()[0][:3]) for axes in figure.axes for collection in axes.collections]
    orange, blue = (matplotlib.colors.to_rgb(colour) for colour in REGION_COLOURS[:2])
    assert drawn == [blue, orange] * 2  # on the picture and on the panel; the region in focus lies on top
    with pytest.raises(ShapeError, match="region must be drawn on a picture"):
        comparison_figure(rgb, [Panel("A", one)], region=dog, others=(Region("other", [[1, 0]]),))


def test_parts_without_trained_weights_are_told_in_short_lines(photograph, map_of):
    site = Site("layer4", 0, "toy", untrained="untrained parts: 2 of 62 tensors")
    panels = [Panel("Mine", map_of([[0.0, 1.0]], LANDSCAPE, sites=(site,)), trained=True)]
    assert panels[0].warnings == ("untrained parts: 2 of 62 tensors",)
    figure = comparison_figure(photograph(LANDSCAPE), panels)
    (badge,) = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert badge == "UNTRAINED PARTS\n2 OF 62 TENSORS"
    assert f"Mine: untrained parts: 2 of 62 tensors; {MEANINGLESS}." in words_of(figure)
    assert "Mine: untrained parts: 2 of 62 tensors" in comparison_alt(photograph(LANDSCAPE), panels)
