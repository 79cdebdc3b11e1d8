"""The picture divided into regions and the rest, by hand."""

import numpy as np
import pytest

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.gate_effect import REST, without_overlap
from attnviz.gate_effect.parts import Parts
from attnviz.geometry import Geometry
from attnviz.regions import Region

FOUR = Geometry.identity((4, 4))
TOP = Region.from_box("top", (0, 0, 2, 4), (4, 4))
LEFT = Region.from_box("left", (0, 0, 4, 2), (4, 4))
CORNER = Region.from_box("corner", (2, 0, 4, 1), (4, 4))


def test_parts_cover_everything_once():
    parts = Parts.of([TOP, CORNER], FOUR, (2, 2), None)
    assert parts.names == ("top", "corner", REST)
    assert parts.covered.tolist() == [[[1, 1], [0, 0]], [[0, 0], [0.5, 0]], [[0, 0], [0.5, 1]]]
    assert parts.areas == {"top": 0.5, "corner": 0.125, REST: 0.375}


def test_no_rest_where_nothing_is_left():
    assert Parts.of([TOP, TOP.invert("below")], FOUR, (2, 2), None).names == ("top", "below")


def test_shares_of_an_energy():
    # 1 + 2 of 10; half of 3; the other half and 4.
    parts = Parts.of([TOP, CORNER], FOUR, (2, 2), None)
    found = parts.shares(np.array([[1.0, 2.0], [3.0, 4.0]]), "here")
    assert found == pytest.approx({"top": 0.3, "corner": 0.15, REST: 0.55})


def test_padding_is_no_part():
    # A picture of 2 x 4 above two rows of padding, where the energy is: only the upper cells count.
    padded = Geometry((2, 4), (4, 4), (1.0, 1.0), (0.0, 0.0))
    left = Region.from_box("left", (0, 0, 2, 2), (2, 4))
    found = Parts.of([left], padded, (2, 2), None).shares(np.array([[1.0, 3.0], [50.0, 9.0]]), "here")
    assert found == pytest.approx({"left": 0.25, REST: 0.75})


def test_within_a_box():
    found = Parts.of([LEFT], FOUR, (2, 2), (2, 0, 4, 4)).shares(np.array([[9.0, 1.0], [1.0, 3.0]]), "here")
    assert found == pytest.approx({"left": 0.25, REST: 0.75})


@pytest.mark.parametrize(
    ("regions", "says"),
    [
        ([], "at least one region; got none"),
        ([TOP, LEFT], "must not overlap, so that shares add up; got 4 pixels in both 'top' and 'left'"),
        ([TOP, TOP.invert("Top")], "must have different names; got 'Top' twice"),
        ([TOP.rename("The rest")], "must not be called 'the rest'"),
    ],
)
def test_refused(regions, says):
    with pytest.raises(ValueRangeError) as raised:
        Parts.of(regions, FOUR, (2, 2), None)
    assert says in str(raised.value)


def test_what_the_model_did_not_see():
    crop = Geometry((4, 4), (2, 4), (1.0, 1.0), (2.0, 0.0))  # the lower half
    with pytest.raises(ValueRangeError, match="'top' must lie where the model looked"):
        Parts.of([TOP], crop, (1, 2), None)
    with pytest.raises(ValueRangeError, match="'below' must leave some of what the model saw out; got all"):
        Parts.of([TOP.invert("below")], crop, (1, 2), None)
    with pytest.raises(ShapeError):
        Parts.of([TOP], Geometry.identity((4, 5)), (1, 2), None)


def test_no_energy_has_no_shares():
    with pytest.raises(ValueRangeError, match="the energy of layer1 before its gate must be above zero"):
        Parts.of([TOP], FOUR, (2, 2), None).shares(np.zeros((2, 2)), "layer1 before its gate")


def test_without_overlap_leaves_pixels_to_the_first():
    first, second = without_overlap([TOP, LEFT])
    assert first.mask_hw.tolist() == TOP.mask_hw.tolist()
    assert second.name == "left"
    assert np.argwhere(second.mask_hw).tolist() == [[2, 0], [2, 1], [3, 0], [3, 1]]
    Parts.of([first, second], FOUR, (2, 2), None)


def test_a_region_that_others_cover_wholly():
    with pytest.raises(ValueRangeError, match="'corner' must cover something that no region before it covers"):
        without_overlap([LEFT, CORNER])
