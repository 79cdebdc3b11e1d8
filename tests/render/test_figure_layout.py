"""Arrangements of panels by arithmetic."""

import pytest

from attnviz.render.figure_layout import GUTTER_IN, ROW_GAP_IN, best_grid


class Text:
    """Text of fixed heights, however wide it is."""

    def __init__(self, above, bar, rest):
        self.heights = above, bar, rest

    def above(self, width_in):
        return self.heights[0]

    def bar(self):
        return self.heights[1]

    def rest(self, width_in):
        return self.heights[2]


def test_one_picture_fills_the_room():
    # Room 10 x 5, text 0.5 + 0.5 + 0 below: a square of 4 x 4.
    assert best_grid(1, 1.0, (10, 5), Text(0.5, 0.5, 0.0)).picture_wh == (4.0, 4.0)


def test_wide_rooms_take_one_row_and_tall_rooms_one_column():
    assert best_grid(3, 1.0, (12, 4), Text(0.2, 0.0, 0.0)).columns == 3
    assert best_grid(3, 1.0, (3, 12), Text(0.2, 0.0, 0.0)).columns == 1


def test_much_text_goes_beside_the_picture():
    # Below: 6.5 - 3 = 3.5 high. Beside it: as high as the room, 6.5 - 0 - 0, limited by the width.
    grid = best_grid(1, 1.0, (12, 6.5), Text(0.0, 0.0, 3.0))
    assert grid.side_in > 0
    assert grid.picture_wh == (6.5, 6.5)


def test_text_taller_than_the_picture_cannot_stand_beside_it():
    # The picture could be 3 high at most, the text needs 4 on either side.
    assert best_grid(1, 1.0, (12, 3), Text(0.0, 0.0, 4.0)).side_in == 0


@pytest.mark.parametrize("panels", [1, 2, 7])
@pytest.mark.parametrize("aspect", [1 / 1200, 1200.0])
def test_a_line_of_pixels_stays_in_its_cell_and_can_be_seen(panels, aspect):
    grid = best_grid(panels, aspect, (12.6, 5.8), Text(0.6, 0.3, 0.9))
    assert 0.05 <= grid.picture_wh[0] <= grid.column_in - grid.side_in
    assert 0.05 <= grid.picture_wh[1] <= grid.row_in - 0.6
    assert grid.rows * grid.row_in + (grid.rows - 1) * ROW_GAP_IN <= 5.8 + 1e-9


@pytest.mark.parametrize("panels", range(1, 8))
@pytest.mark.parametrize("aspect", [0.4, 0.75, 1.0, 1.5, 4.0])
def test_everything_stays_inside_the_room(panels, aspect):
    room_wh = (12.6, 5.8)
    text = Text(0.6, 0.3, 0.9)
    grid = best_grid(panels, aspect, room_wh, text)
    assert grid.columns * grid.rows >= panels
    assert grid.columns * grid.column_in + (grid.columns - 1) * GUTTER_IN <= room_wh[0] + 1e-9
    assert grid.rows * grid.row_in + (grid.rows - 1) * ROW_GAP_IN <= room_wh[1] + 1e-9
    assert grid.picture_wh[0] / grid.picture_wh[1] == pytest.approx(aspect)
    assert grid.picture_wh[0] + grid.side_in <= grid.column_in + 1e-9
