"""What holds for every score, and tables of any of them."""

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from attnviz import focus
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.focus import SCORES, by_region, scorable, table
from attnviz.geometry import Geometry
from attnviz.regions import Region
from tests.focus.by_hand import BOTTOM, LEFT, MIDDLE, a_map, grey_picture

CHANCE = {
    "the region's share of the area": lambda area: area,
    "area / (2 - area)": lambda area: area / (2 - area),
    "1": lambda area: 1.0,
}
"""What `Score.chance` says, as arithmetic."""


def test_the_menu_says_what_each_score_is():
    assert all(getattr(focus, name) in (score.of_region, score.of_map) for name, score in SCORES.items())
    assert all(name == score.name and score.title and score.answers.endswith("?") for name, score in SCORES.items())


@pytest.mark.parametrize("name", SCORES)
def test_the_menu_defines_each_score_and_says_which_way_is_which(name):
    score = SCORES[name]
    assert all((score.higher, score.definition.endswith("."), score.misleads.endswith("."), score.source))
    # a map on one cell of four has the lowest entropy there is, and shares, hits and overlaps of 1 where it is inside
    one_cell = score(a_map([[0, 0], [0, 1]]), Region.from_box("cell", (2, 2, 4, 4), (4, 4))).value
    assert (one_cell < 0.5) == ("lower:" in score.higher)
    assert score.in_percent == (name in ("share", "pointing", "rank_accuracy", "effective_share"))


@pytest.mark.parametrize("name", SCORES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_flat_map_scores_chance_exactly(name, data):
    source_hw = data.draw(st.tuples(st.integers(2, 20), st.integers(2, 20)))
    resized = data.draw(st.tuples(st.integers(2, 20), st.integers(2, 20)))
    seen = data.draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    offset = tuple(float(data.draw(st.integers(1 - s, r - 1))) for s, r in zip(seen, resized, strict=True))
    scale = tuple(r / s for r, s in zip(resized, source_hw, strict=True))
    grid = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    values = np.full(grid, data.draw(st.floats(2**-20, 2**20, width=32)), np.float32)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    holes = random.random(grid) < 0.2
    values[holes & ~holes.all()] = np.nan
    mask = random.random(source_hw) < 0.4
    assume(mask.any() and not mask.all())
    try:
        score = SCORES[name](a_map(values, Geometry(source_hw, seen, scale, offset)), Region("noise", mask))
    except ValueRangeError:
        reject()  # the region is outside the crop, or all of it; or one cell is left
    assert score.value == score.chance == score.baselines["uniform"]
    assert score.lift == 1.0
    assert score.chance == pytest.approx(CHANCE[SCORES[name].chance](score.area), rel=1e-12)
    assert score.unit == SCORES[name].unit


@pytest.mark.parametrize("name", [name for name in SCORES if SCORES[name].of_region])
def test_a_map_that_is_the_region_scores_one(name):
    assert SCORES[name](a_map([[0, 0], [1, 1]]), BOTTOM).value == 1.0


@pytest.mark.parametrize("name", SCORES)
class TestRefused:
    def test_a_signed_map(self, name):
        with pytest.raises(ValueRangeError, match="must be non-negative; got a signed one"):
            SCORES[name](a_map([[-1, 2], [3, 4]], signed=True), LEFT)

    def test_a_map_that_is_zero(self, name):
        with pytest.raises(ValueRangeError, match="above zero somewhere"):
            SCORES[name](a_map([[0, 0], [0, 0]]), LEFT)

    def test_a_map_of_a_bare_tensor(self, name):
        with pytest.raises(ValueRangeError, match="got no geometry"):
            SCORES[name](a_map([[1, 2], [3, 4]], geometry=None), LEFT)


class TestTable:
    MAPS = {"rising": a_map([[1, 2], [3, 4]]), "falling": a_map([[4, 3], [2, 1]])}  # noqa: RUF012
    PICTURE = grey_picture([[0] * 4] * 3 + [[255] * 4])

    @pytest.mark.parametrize("name", SCORES)
    def test_rows_are_the_scores_themselves(self, name):
        rows = table(self.MAPS, MIDDLE, score=name, picture=self.PICTURE)
        assert list(rows) == ["rising", "falling", "uniform", "centred Gaussian", "edge map"]
        assert rows["rising"] == SCORES[name](self.MAPS["rising"], MIDDLE, picture=self.PICTURE)

    @pytest.mark.parametrize("name", SCORES)
    def test_where_all_have_one_grid_the_baseline_rows_are_their_baselines(self, name):
        rows = table(self.MAPS, MIDDLE, score=name, picture=self.PICTURE)
        assert {row: rows[row].value for row in rows["rising"].baselines} == pytest.approx(rows["rising"].baselines)
        assert rows["uniform"].lift == 1.0
        assert rows["uniform"].method == ""

    def test_baseline_rows_stand_on_the_finest_grid(self):
        # On 4 x 4 cells the Gaussian's highest four are the middle, on 2 x 2 it is flat there.
        rows = table(self.MAPS | {"fine": a_map(np.ones((4, 4)))}, MIDDLE, score="rank_accuracy")
        assert rows["centred Gaussian"].value == pytest.approx(1)
        assert rows["rising"].baselines["centred Gaussian"] == pytest.approx(0.25)

    def test_the_highest_cell_of_each_baseline(self):
        rows = table(self.MAPS, BOTTOM, score="average_precision", picture=self.PICTURE)
        # The edge lies between the last two rows: in the lower half. The Gaussian's middle is half above.
        assert (rows["edge map"].hit, rows["centred Gaussian"].hit, rows["uniform"].hit) == (1.0, 0.5, 0.5)

    def test_an_unknown_score(self):
        with pytest.raises(NotFoundError, match=r"'matched_iuo'.*matched_iou"):
            table(self.MAPS, LEFT, score="matched_iuo")

    def test_scorable_takes_any_score(self):
        maps = self.MAPS | {"blank": a_map([[0, 0], [0, 0]])}
        scores, reasons = scorable(maps, LEFT, score="average_precision")
        assert scores == table(self.MAPS, LEFT, score="average_precision")
        assert list(reasons) == ["blank"]

    def test_several_regions(self):
        rows = by_region(self.MAPS, [LEFT, BOTTOM])
        # Left: 1 + 3 of 10 and 4 + 2. Bottom: 3 + 4 of 10 and 2 + 1.
        found = {row: {name: score.value for name, score in scores.items()} for row, scores in rows.items()}
        assert found["rising"] == pytest.approx({"left": 0.4, "bottom": 0.7})
        assert found["falling"] == pytest.approx({"left": 0.6, "bottom": 0.3})
        assert found["uniform"] == pytest.approx({"left": 0.5, "bottom": 0.5})

    def test_regions_need_names_of_their_own(self):
        with pytest.raises(ValueRangeError, match="at least one region; got none"):
            by_region(self.MAPS, [])
        with pytest.raises(ValueRangeError, match="must have different names; got 'left' twice"):
            by_region(self.MAPS, [LEFT, LEFT])
