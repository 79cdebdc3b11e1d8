"""GrabCut: an object that differs from its surroundings is found, and what goes wrong is said."""

import sys

import numpy as np
import pytest

from attnviz.errors import AssetError, ShapeError, ValueRangeError
from attnviz.pictures import Picture
from attnviz.regions import Region, grabcut

SQUARE = (30.0, 40.0, 70.0, 90.0)  # (top, left, bottom, right) of the red square in the green picture
AROUND = (20.0, 25.0, 85.0, 110.0)


def noise(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).integers(-12, 13, shape)


def picture(factor: int = 1, second: bool = False) -> Picture:
    """A red square on green, 100 high and 140 wide times the factor; if asked, with a blue square beside the red."""
    pixels = np.full((100, 140, 3), (60, 150, 60))
    pixels[30:70, 40:90] = (200, 40, 40)
    if second:
        pixels[30:70, 90:105] = (40, 40, 200)
    pixels = np.kron(pixels, np.ones((factor, factor, 1), int))
    return Picture.from_array((pixels + noise(pixels.shape)).clip(0, 255).astype(np.uint8))


def overlap(region: Region, box: tuple[float, float, float, float]) -> float:
    """Intersection over union with a box."""
    expected = Region.from_box("expected", box, region.source_hw).mask_hw
    return float((region.mask_hw & expected).sum() / (region.mask_hw | expected).sum())


def test_the_object_in_the_box_is_found():
    found = grabcut(picture(), AROUND, "square")
    assert found.name == "square"
    assert overlap(found, SQUARE) > 0.97
    # the box itself covers 65 x 85 pixels and the square 40 x 50, so the box alone would score 0.36


def test_a_rough_outline_works_as_well_as_a_box_and_gives_its_name():
    rough = Region.from_polygon("red", [(15, 65), (50, 20), (90, 65), (50, 125)], (100, 140))
    found = grabcut(picture(), rough.union(Region.from_box("box", (25, 35, 75, 95), (100, 140)), "red"))
    assert found.name == "red"
    assert overlap(found, SQUARE) > 0.97


def test_the_same_input_gives_the_same_region_whatever_was_drawn_at_random_before():
    import cv2

    # patches of twenty colours: more than the five clusters of each colour model, so the random start decides
    colours = np.random.default_rng(3).integers(0, 200, (6, 8, 3))
    mosaic = np.kron(colours, np.ones((12, 12, 1), int)) + noise((72, 96, 3)) + 20
    patches = Picture.from_array(mosaic.clip(0, 255).astype(np.uint8))
    found = []
    for seed in (11, 12, 13):
        cv2.setRNGSeed(seed)
        found.append(grabcut(patches, (10, 10, 62, 86), iterations=2).mask_hw)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_marks_decide_between_two_objects():
    # The box holds a red and a blue square; a background mark on the blue one takes it away.
    both = (20.0, 25.0, 85.0, 115.0)
    red_only = grabcut(picture(second=True), both, background_points=[(50, 97), (38, 97), (62, 97)])
    assert overlap(red_only, SQUARE) > 0.95
    with_blue = grabcut(picture(second=True), both, foreground_points=[(50, 97), (50, 65)])
    assert overlap(with_blue, (30, 40, 70, 105)) > 0.95


def test_specks_are_dropped_unless_they_are_marked():
    pixels = picture().rgb.copy()
    pixels[75:78, 100:103] = (200, 40, 40)  # 9 pixels, below 2 % of the square's 2000
    specked = Picture.from_array(pixels)
    assert not grabcut(specked, AROUND).mask_hw[72:, 95:].any()
    assert grabcut(specked, AROUND, foreground_points=[(76, 101)]).mask_hw[76, 101]


def test_a_mark_outside_the_box_adds_its_disc_and_nothing_else():
    found = grabcut(picture(), AROUND, foreground_points=[(10, 10)])
    assert found.mask_hw[10, 10]
    rows, columns = np.nonzero(found.mask_hw[:20, :25])
    assert np.hypot(rows - 10, columns - 10).max() <= 3  # 1.2 % of 140 pixels is 2, and its rim


def test_a_large_picture_is_cut_on_a_small_copy_at_the_same_place():
    found = grabcut(picture(8), tuple(8 * edge for edge in AROUND))  # 800 x 1120 pixels, cut at 366 x 512
    assert found.source_hw == (800, 1120)
    assert overlap(found, tuple(8 * edge for edge in SQUARE)) > 0.97
    box = Region.from_box("box", tuple(8 * edge for edge in AROUND), (800, 1120))
    assert not (found.mask_hw & ~box.mask_hw).any()


def test_nothing_found_and_nothing_cut_away_are_said():
    with pytest.raises(ValueRangeError, match="must cut something away; got the whole outline"):
        grabcut(picture(), SQUARE)  # red inside, green outside: all of it is object
    flat = Picture.from_array(np.full((60, 80, 3), 90, np.uint8))
    with pytest.raises(ValueRangeError, match=r"Mark points|draw the outline"):
        grabcut(flat, (10, 10, 50, 70))


def test_impossible_input_is_refused():
    with pytest.raises(ValueRangeError, match="the box must lie in the picture"):
        grabcut(picture(), (20, 25, 85, 400))
    with pytest.raises(ValueRangeError, match="top < bottom"):
        grabcut(picture(), (85, 25, 20, 110))
    with pytest.raises(ValueRangeError, match="leave some background"):
        grabcut(picture(), Region("all but one", np.arange(14000).reshape(100, 140) > 0))
    with pytest.raises(ValueRangeError, match="marking points must lie in the picture"):
        grabcut(picture(), AROUND, foreground_points=[(10, 141)])
    with pytest.raises(ValueRangeError, match="at most 500 points"):
        grabcut(picture(), AROUND, background_points=[(1, 1)] * 501)
    with pytest.raises(ValueRangeError, match="iterations must be at least 1"):
        grabcut(picture(), AROUND, iterations=0)
    with pytest.raises(ShapeError, match="seed must be drawn on the picture"):
        grabcut(picture(), Region("other", [[1, 0]]))


@pytest.mark.parametrize("points", [[(50, 60, 70), (50, 60, 70)], [50, 60], [(50, 60), (50,)], [("a", "b")]])
def test_marks_that_are_no_pairs_are_not_taken_for_other_places(points):
    with pytest.raises(ShapeError, match="pairs"):
        grabcut(picture(), AROUND, foreground_points=points)


def test_without_opencv_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(AssetError, match="opencv-python-headless"):
        grabcut(picture(), AROUND)
