"""Random regions of the same size and shape."""

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.faithfulness.placing import FITS, WRAPS, random_places


def mask_of(*rows: str) -> np.ndarray:
    return np.array([[cell == "#" for cell in row] for row in rows])


def shapes(mask: np.ndarray, count: int = 1000) -> tuple[set[str], str]:
    placed = random_places(mask, count, np.random.default_rng(0))
    drawn = ["/".join("".join(".#"[int(cell)] for cell in row) for row in place.of(mask)) for place in placed.places]
    assert len(set(drawn)) == len(drawn)
    return set(drawn), placed.rule


def test_a_small_region_is_moved_and_mirrored_and_not_cut() -> None:
    """An L of three cells in 2 x 4 has 3 columns to stand in and 4 mirror images: 12 places, itself left out 11."""
    drawn, rule = shapes(mask_of("#...", "##.."))
    assert rule == FITS
    assert len(drawn) == 11
    assert "#.../##.." not in drawn
    assert "..##/..#." in drawn
    assert "..../####" not in drawn


def test_a_large_region_goes_around_the_edge() -> None:
    """Three cells of a row of four leave one out: three other cells can be the one that is left out."""
    drawn, rule = shapes(mask_of("###."))
    assert rule == WRAPS
    assert drawn == {".###", "#.##", "##.#"}


def test_every_place_covers_as_many_cells() -> None:
    rng = np.random.default_rng(1)
    mask = rng.random((30, 40)) < 0.3
    placed = random_places(mask, 50, rng)
    assert len(placed.places) == 50
    assert {int(place.of(mask).sum()) for place in placed.places} == {int(mask.sum())}
    assert not any(np.array_equal(place.of(mask), mask) for place in placed.places)


def test_a_finer_grid_moves_along() -> None:
    """A step of the coarse grid is two of the fine one: both masks stay the same part of the picture."""
    coarse = mask_of("#...", "##..", "....", "....")
    fine = coarse.repeat(2, axis=0).repeat(2, axis=1)
    for place in random_places(coarse, 20, np.random.default_rng(2)).places:
        assert np.array_equal(place.of(fine, (2, 2)), place.of(coarse).repeat(2, axis=0).repeat(2, axis=1))


def test_nothing_and_everything_have_no_other_place() -> None:
    with pytest.raises(ValueRangeError, match="nothing of it"):
        random_places(np.zeros((3, 3), bool), 5, np.random.default_rng(0))
    with pytest.raises(ValueRangeError, match="all of it"):
        random_places(np.ones((3, 3), bool), 5, np.random.default_rng(0))
