import numpy as np
import pytest

from attnviz import focus
from attnviz.errors import ShapeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.regions import Region
from attnviz.training.boxes import Boxes

LARGER = Geometry((64, 64), (72, 72), (1.125, 1.125), (0.0, 0.0))
"""A picture of 64 pixels seen at 72."""


def test_a_box_lies_on_the_cells_of_a_larger_input() -> None:
    # 64 pixels, 4 x 4 cells of 16 pixels each, whatever the input's size. Rows 8 to 32 are half of the first cell and
    # all of the second; columns 0 to 20 are the first cell and a quarter of the second.
    boxes = Boxes(np.array([[8, 0, 32, 20]]), (64, 64))
    wanted = np.outer([0.5, 1, 0, 0], [1, 0.25, 0, 0])
    assert boxes.inside(LARGER, (4, 4))[0] == pytest.approx(wanted)
    assert boxes.area == pytest.approx([24 * 20 / 64**2])
    assert boxes.inside(LARGER, (4, 4)).mean() == pytest.approx(boxes.area[0])


def test_a_flat_map_scores_the_area_and_a_lit_cell_its_part() -> None:
    boxes = Boxes(np.array([[8, 0, 32, 20], [8, 0, 32, 20], [8, 0, 32, 20]]), (64, 64))
    lit = np.zeros((4, 4), np.float32)
    lit[0, 1] = 7  # half of it in rows, a quarter in columns
    found = boxes.scores(np.stack([np.full((4, 4), 0.3, np.float32), lit, np.zeros((4, 4), np.float32)]), LARGER)
    assert found.share[:2] == pytest.approx([boxes.area[0], 0.125])
    assert found.hit[:2] == pytest.approx([boxes.area[0], 0.125])
    assert np.isnan(found.share[2])  # a map of zeros has no score
    assert np.isnan(found.hit[2])


@pytest.mark.parametrize("grid_hw", [(9, 9), (8, 8), (3, 5)])
def test_the_scores_are_those_of_one_map_at_a_time(grid_hw: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    corners = np.sort(rng.integers(0, 65, (20, 2, 2)), axis=1)
    edges = corners.reshape(20, 4)[(np.diff(corners, axis=1) > 0).all(axis=(1, 2))]
    maps = rng.random((len(edges), *grid_hw)).astype(np.float32)
    maps[0] = 1  # ties
    boxes = Boxes(edges, (64, 64))
    found, middle = boxes.scores(maps, LARGER), boxes.centred_gaussian()
    assert len(edges) > 10
    for number, edge in enumerate(edges):
        region = Region.from_box("object", tuple(map(float, edge)), (64, 64))
        one = AttentionMap(maps[number], "test", (), "test", "", (0, np.inf), False, LARGER)
        share, pointing = focus.share(one, region), focus.pointing(one, region)
        assert found.share[number] == pytest.approx(share.value)
        assert found.hit[number] == pytest.approx(pointing.value)
        assert boxes.area[number] == pytest.approx(share.area)
        assert middle.share[number] == pytest.approx(share.baselines[focus.CENTRED_GAUSSIAN])
        assert middle.hit[number] == pytest.approx(pointing.baselines[focus.CENTRED_GAUSSIAN])


def test_a_box_around_everything_is_no_region() -> None:
    boxes = Boxes(np.array([[0, 0, 64, 64], [0, 0, 64, 63]]), (64, 64))
    assert boxes.is_region.tolist() == [False, True]


def test_what_does_not_fit_is_refused() -> None:
    boxes = Boxes(np.array([[0, 0, 64, 32]]), (64, 64))
    with pytest.raises(ShapeError, match="one for each box"):
        boxes.scores(np.ones((2, 4, 4), np.float32), LARGER)
    with pytest.raises(ShapeError, match="whole picture"):
        boxes.inside(Geometry((64, 64), (32, 32), (1.0, 1.0), (16.0, 16.0)), (4, 4))
