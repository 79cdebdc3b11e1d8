"""Pixels whose colour can be worked out by hand.

The picture is one colour, (100, 150, 200): its luminance is 0.2126 * 100 + 0.7152 * 150 + 0.0722 * 200 = 142.98, and
"heat" shows it at three quarters of that light: 107.235.
"""

import matplotlib
import numpy as np
import pytest

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.render import overlay

GREY = 142.98
DIMMED = 0.75 * GREY


@pytest.fixture
def plain():
    return np.full((4, 6, 3), (100, 150, 200), dtype=np.uint8)


def top_of(palette, at=1.0):
    return 255 * np.array(matplotlib.colormaps[palette](at)[:3])


def test_the_hottest_cell_is_the_top_colour_and_a_cold_one_the_grey_picture(plain, map_of):
    drawn = overlay(plain, map_of([[0.0, 1.0]]), opacity=1.0)
    assert drawn.dtype == np.uint8
    assert np.allclose(drawn[:, 3:], top_of("inferno"), atol=0.51)  # inferno ends in a pale yellow
    assert drawn[0, 3].min() > 150
    assert np.allclose(drawn[:, :3], DIMMED, atol=0.51)


def test_colour_and_opacity_are_linear_in_the_value(plain, map_of):
    # A quarter of the way up, at opacity 0.8: alpha 0.2. Squaring or rescaling would give another mixture.
    drawn = overlay(plain, map_of([[0.25, 1.0]]), vmin=0.0, vmax=1.0, opacity=0.8)
    assert np.allclose(drawn[0, 0], 0.8 * DIMMED + 0.2 * top_of("inferno", 0.25), atol=0.51)


def test_the_range_decides_the_colour_and_values_outside_are_at_its_ends(plain, map_of):
    drawn = overlay(plain, map_of([[0.2, 0.6, 0.9]]), vmin=0.3, vmax=0.6, opacity=1.0)
    assert np.allclose(drawn[0, 0], DIMMED, atol=0.51)
    assert np.allclose(drawn[0, 2], top_of("inferno"), atol=0.51)
    assert np.array_equal(drawn[0, 2], drawn[0, 4])


def test_full_strength_does_not_wrap_around(plain, map_of):
    # A square in 8 bits turns 255 into 1: full heat would come out as the coldest colour.
    drawn = overlay(plain, map_of(np.full((2, 3), 255.0) + np.eye(2, 3)), vmin=0.0, vmax=255.0, opacity=1.0)
    assert np.allclose(drawn, top_of("inferno"), atol=0.51)


def test_one_hot_corner_lands_in_its_corner_of_a_picture_that_is_not_square(map_of, photograph):
    picture = photograph((40, 90))
    values = np.zeros((4, 9))
    values[0, 8] = 1.0  # top right: 10 x 10 pixels a cell
    hot = np.all(np.abs(overlay(picture, map_of(values, (40, 90)), opacity=1.0) - top_of("inferno")) < 1, axis=2)
    expected = np.zeros((40, 90), dtype=bool)
    expected[:10, 80:] = True
    assert np.array_equal(hot, expected)


def test_what_the_model_never_saw_is_grey_and_hatched_and_carries_no_colour(map_of, photograph):
    picture = photograph((40, 80))
    centre = Geometry(source_hw=(40, 80), input_hw=(40, 40), scale_yx=(1.0, 1.0), offset_yx=(0.0, 20.0))
    drawn = overlay(picture, map_of([[1.0, 0.5]], geometry=centre), opacity=1.0).astype(int)
    unseen = np.concatenate([drawn[:, :20].reshape(-1, 3), drawn[:, 60:].reshape(-1, 3)])
    assert np.ptp(unseen, axis=1).max() <= 1  # red = green = blue
    stripes = unseen[:, 0] < 100
    assert 0.1 < stripes.mean() < 0.4  # a fifth of the pixels, rounded to whole ones
    assert np.ptp(drawn[:, 20:40], axis=2).min() > 50  # the hot half of the crop has colour


def test_an_undefined_cell_is_hatched_over_the_picture(map_of, photograph):
    drawn = overlay(photograph((40, 80)), map_of([[np.nan, 1.0]], (40, 80)), vmin=0.0, vmax=1.0, opacity=1.0)
    whole = overlay(photograph((40, 80)), map_of([[0.0, 1.0]], (40, 80)), vmin=0.0, vmax=1.0, opacity=1.0)
    differs = np.any(drawn != whole, axis=2)
    assert 0.1 < differs[:, :40].mean() < 0.4
    assert not differs[:, 40:].any()


def test_a_flat_map_paints_nothing_unless_a_range_is_given(plain, map_of):
    flat = map_of([[0.5, 0.501]])
    assert np.allclose(overlay(plain, flat, opacity=1.0), DIMMED, atol=0.51)
    assert not np.allclose(overlay(plain, flat, vmin=0.0, vmax=1.0, opacity=1.0), DIMMED, atol=0.51)


def test_signed_maps_leave_zero_unpainted_and_use_both_ends(plain, map_of):
    drawn = overlay(plain, map_of([[-0.5, 0.0, 0.5]], signed=True, bounds=(-1.0, 1.0)), opacity=1.0)
    assert np.allclose(drawn[0, 0], top_of("PuOr_r", 0.0), atol=0.51)
    assert np.allclose(drawn[0, 2], DIMMED, atol=0.51)
    assert np.allclose(drawn[0, 4], top_of("PuOr_r", 1.0), atol=0.51)


def test_a_signed_map_is_symmetric_around_zero_by_default(plain, map_of):
    # The largest amount is 0.5, so -0.25 stands at a quarter of the range -0.5 .. 0.5, with half of full strength.
    drawn = overlay(plain, map_of([[-0.25, 0.0, 0.5]], signed=True, bounds=(-1.0, 1.0)), opacity=1.0)
    assert np.allclose(drawn[0, 0], 0.5 * DIMMED + 0.5 * top_of("PuOr_r", 0.25), atol=0.51)


def test_spotlight_keeps_the_picture_where_the_value_is_high(plain, map_of):
    drawn = overlay(plain, map_of([[0.0, 1.0]]), style="spotlight", opacity=1.0)
    assert np.array_equal(drawn[:, 3:], plain[:, 3:])
    assert np.allclose(drawn[:, :3], 0.22 * GREY, atol=0.51)


def test_smooth_differs_from_cells_between_the_centres_only(photograph, map_of):
    picture, one = photograph((20, 40)), map_of([[0.0, 1.0]], (20, 40))
    cells, smooth = (overlay(picture, one, interpolation=way) for way in ("cells", "smooth"))
    assert np.array_equal(cells[:, :10], smooth[:, :10])  # up to the first centre
    assert not np.array_equal(cells[:, 15:25], smooth[:, 15:25])


def test_the_caller_s_picture_is_not_drawn_upon(plain, map_of):
    before = plain.copy()
    overlay(plain, map_of([[0.0, 1.0]]))
    assert np.array_equal(plain, before)


@pytest.mark.parametrize("hw", [(1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_odd_sizes(hw, map_of, photograph):
    drawn = overlay(photograph(hw), map_of([[0.0, 1.0], [0.5, 0.2]], hw), longest=600)
    assert max(drawn.shape[:2]) == min(600, max(hw))
    assert drawn.shape[2] == 3


def test_a_smaller_drawing_puts_the_cells_in_the_same_places(map_of, photograph):
    values = np.zeros((4, 9))
    values[3, 0] = 1.0
    drawn = overlay(photograph((400, 900)), map_of(values, (400, 900)), opacity=1.0, longest=90)
    hot = np.all(np.abs(drawn - top_of("inferno")) < 1, axis=2)
    expected = np.zeros((40, 90), dtype=bool)
    expected[30:, :10] = True
    assert np.array_equal(hot, expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"opacity": 1.5}, r"\[0, 1\]; got 1.5"),
        ({"style": "jet"}, "heat, spotlight; got 'jet'"),
        ({"vmin": 1.0, "vmax": 1.0}, "vmin < vmax; got 1.0 and 1.0"),
    ],
)
def test_settings_that_mean_nothing(plain, map_of, settings, message):
    with pytest.raises(ValueRangeError, match=message):
        overlay(plain, map_of([[0.0, 1.0]]), **settings)


def test_a_map_of_another_picture_is_refused(plain, map_of):
    with pytest.raises(ShapeError, match=r"4 x 6 pixels; got one made from 8 x 8"):
        overlay(plain, map_of([[0.0, 1.0]], (8, 8)))


@pytest.mark.parametrize("pixels", [np.zeros((4, 6), np.uint8), np.zeros((4, 6, 4), np.uint8), np.zeros((4, 6, 3))])
def test_pixels_that_are_no_picture(pixels, map_of):
    with pytest.raises(ShapeError, match=r"uint8 of shape \(h, w, 3\); got"):
        overlay(pixels, map_of([[0.0, 1.0]]))
