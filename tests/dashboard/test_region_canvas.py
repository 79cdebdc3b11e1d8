"""What a browser may send as a drawing."""

import math

import pytest

from dashboard.components.region_canvas import MOST_CORNERS, MOST_MARKS, MOST_SHAPES, Drawing, checked_drawing


def test_corners_become_top_left_bottom_right() -> None:
    # sent as left, top, right, bottom
    assert checked_drawing({"boxes": [[0.1, 0.2, 0.5, 0.9]]}) == Drawing(boxes=((0.2, 0.1, 0.9, 0.5),))


def test_points_become_down_and_across() -> None:
    sent = {
        "polygons": [[[0.1, 0.2], [0.5, 0.2], [0.5, 0.9]]],
        "inside": [[0.3, 0.4]],
        "outside": [[1, 0]],
        "cut": True,
    }
    assert checked_drawing(sent) == Drawing(
        polygons=(((0.2, 0.1), (0.2, 0.5), (0.9, 0.5)),), inside=((0.4, 0.3),), outside=((0.0, 1.0),), cut=True
    )


def test_what_goes_to_the_browser_comes_back_the_same() -> None:
    drawing = Drawing(
        ((0.1, 0.2, 0.3, 0.4),), (((0.0, 0.1), (0.2, 0.3), (1.0, 0.5)),), ((0.5, 0.6),), ((0.7, 0.8),), True
    )
    assert checked_drawing(drawing.for_browser()) == drawing


@pytest.mark.parametrize(
    "sent",
    [
        None,  # nothing drawn
        "0.1,0.2,0.5,0.9",  # not a list
        [[0.1, 0.2, 0.5]],  # a corner is missing
        [["0.1", "0.2", "0.5", "0.9"]],  # text
        [[True, False, True, True]],  # neither numbers
        [[0.1, 0.2, 0.5, 1.01]],  # outside the picture
        [[-0.1, 0.2, 0.5, 0.9]],  # outside on the other side
        [[0.5, 0.2, 0.5, 0.9]],  # no width
        [[0.1, 0.9, 0.5, 0.2]],  # upside down
        [[0.1, 0.2, math.nan, 0.9]],  # not a number
        [{"left": 0.1}],  # another kind
    ],
)
def test_what_is_not_a_box_is_dropped(sent: object) -> None:
    assert checked_drawing({"boxes": sent}) == Drawing()


@pytest.mark.parametrize("sent", [None, 1, [1, 2, 3], [[[0.1, 0.2], [0.5, 0.2]]], [[[0.1, 2], [0.5, 0.2], [0.5, 0.9]]]])
def test_what_is_not_an_outline_is_dropped(sent: object) -> None:
    assert checked_drawing({"polygons": sent, "inside": sent}).polygons == ()


@pytest.mark.parametrize("sent", [None, [], "boxes", 3])
def test_what_is_no_drawing_is_an_empty_one(sent: object) -> None:
    assert checked_drawing(sent) == Drawing()
    assert not Drawing().has_shapes


def test_only_true_cuts() -> None:
    assert not checked_drawing({"cut": "yes"}).cut


def test_a_bad_box_does_not_cost_the_good_one() -> None:
    assert checked_drawing({"boxes": [[9, 9, 9, 9], [0, 0, 1, 0.5]]}).boxes == ((0.0, 0.0, 0.5, 1.0),)


def test_a_flood_is_cut() -> None:
    sent = {
        "boxes": [[0, 0, 0.5, 0.5]] * (MOST_SHAPES - 1),
        "polygons": [[[0, 0], [0, 1], [1, 1]] * MOST_CORNERS] * 5,
        "inside": [[0, 0]] * 1000,
    }
    drawing = checked_drawing(sent)
    assert len(drawing.boxes) + len(drawing.polygons) == MOST_SHAPES
    assert len(drawing.polygons[0]) <= MOST_CORNERS
    assert len(drawing.inside) == MOST_MARKS
