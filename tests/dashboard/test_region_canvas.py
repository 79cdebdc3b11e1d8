"""What a browser may send as boxes."""

import math

import pytest

from dashboard.components.region_canvas import MOST_BOXES, checked_boxes


def test_corners_become_top_left_bottom_right() -> None:
    # sent as left, top, right, bottom
    assert checked_boxes([[0.1, 0.2, 0.5, 0.9]]) == ((0.2, 0.1, 0.9, 0.5),)


@pytest.mark.parametrize(
    "sent",
    [
        None,  # nothing drawn
        "0.1,0.2,0.5,0.9",  # not a list
        [[0.1, 0.2, 0.5]],  # a corner is missing
        [["0.1", "0.2", "0.5", "0.9"]],  # text
        [[0.1, 0.2, 0.5, 1.01]],  # outside the picture
        [[-0.1, 0.2, 0.5, 0.9]],  # outside on the other side
        [[0.5, 0.2, 0.5, 0.9]],  # no width
        [[0.1, 0.9, 0.5, 0.2]],  # upside down
        [[0.1, 0.2, math.nan, 0.9]],  # not a number
        [{"left": 0.1}],  # another kind
    ],
)
def test_what_is_not_a_box_is_dropped(sent: object) -> None:
    assert checked_boxes(sent) == ()


def test_a_bad_box_does_not_cost_the_good_one() -> None:
    assert checked_boxes([[9, 9, 9, 9], [0, 0, 1, 0.5]]) == ((0.0, 0.0, 0.5, 1.0),)


def test_a_flood_of_boxes_is_cut() -> None:
    assert len(checked_boxes([[0, 0, 0.5, 0.5]] * (MOST_BOXES + 5))) == MOST_BOXES
