"""Focus scores: two-by-two maps worked by hand, and what a map that knows nothing must score."""

import csv
import io
import math

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.focus import FocusScore, pointing, scorable, share, table
from attnviz.geometry import Geometry
from attnviz.regions import Region
from tests.focus.by_hand import BOTTOM, LEFT, MIDDLE, a_map, grey_picture


class TestShare:
    def test_two_by_two_hand_worked(self):
        # Left cells 1 and 3 of a total of 10; half of the picture; the highest cell, 4, is on the right.
        score = share(a_map([[1, 2], [3, 4]]), LEFT)
        assert score.value == pytest.approx(0.4)
        assert score.area == 0.5
        assert score.lift == pytest.approx(0.8)
        assert score.hit == 0.0
        assert (score.unit, score.region, score.method) == ("share", "left", "ByHand()")

    def test_rows_and_columns_are_not_swapped(self):
        # Bottom cells 3 and 4 of 10.
        score = share(a_map([[1, 2], [3, 4]]), BOTTOM)
        assert score.value == pytest.approx(0.7)
        assert score.hit == 1.0

    def test_a_cut_cell_counts_by_its_area(self):
        # Three of four columns: the left cells, and half of the right ones: (1 + 3 + (2 + 4) / 2) / 10.
        score = share(a_map([[1, 2], [3, 4]]), Region.from_box("most", (0, 0, 4, 3), (4, 4)))
        assert score.value == pytest.approx(0.7)
        assert score.area == 0.75
        assert score.hit == 0.5

    def test_a_single_lit_cell_scores_what_the_region_covers_of_it(self):
        # The middle covers one pixel of the four of each cell.
        assert share(a_map([[0, 5], [0, 0]]), MIDDLE).value == 0.25

    def test_region_and_rest_make_up_everything(self):
        inside, outside = (share(a_map([[1, 2], [3, 4]]), region) for region in (MIDDLE, MIDDLE.invert()))
        assert inside.value + outside.value == pytest.approx(1)
        assert inside.area + outside.area == pytest.approx(1)

    def test_crop_hand_worked(self):
        # The model saw columns 2 to 5 of 0 to 7, as two cells, 1 and 3. The region is columns 0 to 3: the first cell.
        crop = Geometry((2, 8), (2, 4), (1.0, 1.0), (0.0, 2.0))
        score = share(a_map([[1, 3]], crop), Region.from_box("left", (0, 0, 2, 4), (2, 8)))
        assert score.value == 0.25
        assert score.area == 0.5  # of what the model saw, as it happens also of the picture
        corner = Region.from_box("corner", (0, 0, 2, 3), (2, 8))  # column 2 is all that it saw of this one
        assert share(a_map([[1, 3]], crop), corner).area == 0.25

    def test_the_peak_in_the_padding_does_not_count(self):
        # A picture of 2 x 4 between two rows of padding; the cells of the padding are the highest.
        padded = Geometry((2, 4), (6, 4), (1.0, 1.0), (-2.0, 0.0))
        score = share(a_map([[9, 9], [1, 3], [9, 9]], padded), Region.from_box("left", (0, 0, 2, 2), (2, 4)))
        assert score.value == 0.25
        assert score.area == 0.5
        assert score.hit == 0.0

    def test_cells_without_a_value_are_left_out_of_everything(self):
        # 1 + 3 of 1 + 3 + 4; two of three cells. The Gaussian, by symmetry, has a quarter in each cell: two of three.
        score = share(a_map([[1, np.nan], [3, 4]]), LEFT)
        assert score.value == pytest.approx(0.5)
        assert score.area == pytest.approx(2 / 3)
        assert score.baselines["centred Gaussian"] == pytest.approx(2 / 3)

    def test_cells_without_a_value_and_padding_together(self):
        # A picture of 2 x 4 between single rows of padding: every cell is half picture. Left are two of three cells.
        padded = Geometry((2, 4), (4, 4), (1.0, 1.0), (-1.0, 0.0))
        score = share(a_map([[1, np.nan], [1, 1]], padded), Region.from_box("left", (0, 0, 2, 2), (2, 4)))
        assert score.value == pytest.approx(2 / 3)
        assert score.baselines["centred Gaussian"] == pytest.approx(2 / 3)

    def test_within_a_box(self):
        # Only the lower half counts: 3 of 3 + 4.
        score = share(a_map([[1, 2], [3, 4]]), LEFT, within_yxyx=(2, 0, 4, 4))
        assert score.value == pytest.approx(3 / 7)
        assert score.area == 0.5


class TestKnowsNothing:
    @settings(max_examples=80, deadline=None)
    @given(st.data())
    def test_a_flat_map_scores_the_area_and_a_lift_of_one_exactly(self, data):
        source_hw = data.draw(st.tuples(st.integers(2, 30), st.integers(2, 30)))
        resized = data.draw(st.tuples(st.integers(2, 30), st.integers(2, 30)))
        seen = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
        offset = tuple(float(data.draw(st.integers(1 - s, r - 1))) for s, r in zip(seen, resized, strict=True))
        scale = tuple(r / s for r, s in zip(resized, source_hw, strict=True))
        geometry = Geometry(source_hw, seen, scale, offset)
        grid = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
        values = np.full(grid, data.draw(st.floats(2**-20, 2**20, width=32)), np.float32)
        holes = np.random.default_rng(data.draw(st.integers(0, 99))).random(grid) < 0.2
        values[holes & ~holes.all()] = np.nan
        mask = np.random.default_rng(data.draw(st.integers(0, 99))).random(source_hw) < 0.4
        assume(mask.any() and not mask.all())
        try:
            score = share(a_map(values, geometry), Region("noise", mask))
        except ValueRangeError:
            reject()  # the region is outside the crop, or all of it
        assert score.value == score.area
        assert score.lift == 1.0
        assert score.hit == pytest.approx(score.area)

    def test_a_nearly_flat_map_is_not_stretched(self):
        # Gates of 0.5, and 0.5001 on the one cell of the object in 16: by min-max it would score 1.
        values = np.full((4, 4), 0.5)
        values[1, 2] = 0.5001
        score = share(a_map(values), Region.from_box("dog", (1, 2, 2, 3), (4, 4)))
        assert score.area == 1 / 16
        assert score.value == pytest.approx(0.5001 / (15 * 0.5 + 0.5001), rel=1e-6)
        assert score.lift < 1.001
        assert score.hit == 1.0

    def test_the_unit_does_not_matter(self):
        scores = [share(a_map(np.array([[1, 2], [3, 4]]) * factor), LEFT).value for factor in (1e-30, 1, 1e30)]
        assert scores == pytest.approx([0.4] * 3)

    def test_uniform_baseline_is_the_area(self):
        assert share(a_map([[1, 2], [3, 4]]), MIDDLE).baselines["uniform"] == 0.25

    def test_gaussian_baseline_hand_worked(self):
        # The picture is 4 wide, sigma 1, and the middle reaches one sigma either way of the two that the picture has:
        # (0.682689 / 0.954500) ^ 2, from any table of the normal distribution.
        gaussian = share(a_map([[1, 2], [3, 4]]), MIDDLE).baselines["centred Gaussian"]
        assert gaussian == pytest.approx((0.682689 / 0.954500) ** 2, rel=1e-5)
        assert share(a_map([[1, 2], [3, 4]]), LEFT).baselines["centred Gaussian"] == pytest.approx(0.5)

    def test_gaussian_lies_in_the_middle_of_what_the_model_saw(self):
        # It saw the right half of 2 x 8, so the Gaussian is centred on column 6, and half of it is at 4 to 5.
        crop = Geometry((2, 8), (2, 4), (1.0, 1.0), (0.0, 4.0))
        score = share(a_map([[1, 3]], crop), Region.from_box("third quarter", (0, 4, 2, 6), (2, 8)))
        assert score.baselines["centred Gaussian"] == pytest.approx(0.5)

    def test_gaussian_follows_the_pictures_shape(self):
        # Twice as wide as high: sigma too, so half the width in the middle has one sigma either way, and so has half
        # the height.
        geometry = Geometry.identity((8, 16))
        tall = Region.from_box("columns", (0, 4, 8, 12), (8, 16))
        wide = Region.from_box("rows", (2, 0, 6, 16), (8, 16))
        for region in (tall, wide):
            score = share(a_map(np.ones((2, 4)), geometry), region)
            assert score.baselines["centred Gaussian"] == pytest.approx(0.682689 / 0.954500, rel=1e-5)


class TestEdges:
    HALVES = grey_picture([[0, 0, 255, 255]] * 4)  # the edge lies between columns 1 and 2, alike in both

    def test_hand_worked(self):
        # On a grid of single pixels all edges lie in columns 1 and 2, in equal parts.
        attention_map = a_map(np.ones((4, 4)))
        for columns, expected in (((1, 3), 1.0), ((0, 2), 0.5), ((3, 4), 0.0)):
            region = Region.from_box("columns", (0, columns[0], 4, columns[1]), (4, 4))
            score = share(attention_map, region, picture=self.HALVES)
            assert score.baselines["edge map"] == pytest.approx(expected)
            hit = pointing(attention_map, region, picture=self.HALVES)
            assert hit.baselines["edge map"] == pytest.approx(expected)

    def test_it_is_as_coarse_as_the_map(self):
        # Of each cell of two columns the middle two columns cover a half.
        columns = Region.from_box("columns", (0, 1, 4, 3), (4, 4))
        assert share(a_map(np.ones((2, 2))), columns, picture=self.HALVES).baselines["edge map"] == pytest.approx(0.5)

    def test_it_lies_where_the_model_looked(self):
        # The model saw columns 2 and 3, as two cells: the edge is in the first of them.
        crop = Geometry((4, 4), (4, 2), (1.0, 1.0), (0.0, 2.0))
        region = Region.from_box("column", (0, 2, 4, 3), (4, 4))
        assert share(a_map([[1, 3]], crop), region, picture=self.HALVES).baselines["edge map"] == pytest.approx(1)

    def test_a_picture_without_edges_gives_a_flat_map(self):
        blank = grey_picture(np.full((4, 4), 90))
        assert share(a_map([[1, 2], [3, 4]]), MIDDLE, picture=blank).baselines["edge map"] == 0.25

    def test_without_the_picture_there_is_none(self):
        assert "edge map" not in share(a_map([[1, 2], [3, 4]]), MIDDLE).baselines

    def test_another_picture_is_refused(self):
        with pytest.raises(ShapeError, match=r"of \(4, 4\) \(height, width\); got \(4, 5\)"):
            share(a_map([[1, 2], [3, 4]]), MIDDLE, picture=grey_picture(np.zeros((4, 5))))


class TestPointing:
    def test_ties_count_by_the_share_that_hits(self):
        # Three cells tie, two of them on the left.
        assert pointing(a_map([[4, 4], [4, 1]]), LEFT).value == pytest.approx(2 / 3)

    def test_a_flat_map_scores_chance_and_not_a_hit(self):
        score = pointing(a_map(np.full((2, 2), 0.3)), MIDDLE)
        assert score.value == 0.25
        assert score.lift == 1.0
        assert score.baselines["uniform"] == 0.25

    def test_values_that_differ_in_the_last_place_do_not_tie(self):
        high = np.float32(0.5)
        assert pointing(a_map([[np.nextafter(high, np.float32(0)), high], [0, 0]]), LEFT).value == 0.0

    def test_tolerance_hand_worked(self):
        # Eight columns, cells of two; the last cell is the highest; the region is columns 0 to 3.
        geometry = Geometry.identity((1, 8))
        attention_map, region = a_map([[0, 1, 2, 3]], geometry), Region.from_box("dog", (0, 0, 1, 4), (1, 8))
        assert pointing(attention_map, region).value == 0.0
        # Within 3 pixels it reaches columns 0 to 6: half of the last cell, 7 columns of 8.
        near = pointing(attention_map, region, tolerance_px=3)
        assert near.value == 0.5
        assert near.area == 7 / 8
        assert near.name == "highest cell in dog, within 3 px"
        with pytest.raises(ValueRangeError, match="lower the tolerance"):
            pointing(attention_map, region, tolerance_px=4)

    def test_gaussian_baseline_points_at_the_middle(self):
        values = [[1, 2], [3, 4]]
        assert pointing(a_map(values), MIDDLE).baselines["centred Gaussian"] == 1.0
        # The middle is a corner of four pixels; two of them are on the left.
        assert pointing(a_map(values), LEFT).baselines["centred Gaussian"] == 0.5
        # Where the map has a hole, its pixels do not count: two of three.
        holed = a_map([[1, np.nan], [3, 4]])
        assert pointing(holed, LEFT).baselines["centred Gaussian"] == pytest.approx(2 / 3)

    @pytest.mark.parametrize("tolerance", [-1.0, math.nan, math.inf])
    def test_impossible_tolerance(self, tolerance):
        with pytest.raises(ValueRangeError, match="tolerance_px must be at least 0"):
            pointing(a_map([[1, 2]]), LEFT, tolerance_px=tolerance)


class TestTable:
    WIDE = Geometry.identity((1, 8))
    CROP = Geometry((1, 8), (1, 4), (1.0, 1.0), (0.0, 2.0))  # columns 2 to 5
    DOG = Region.from_box("dog", (0, 0, 1, 4), (1, 8))

    def rows(self):
        maps = {"wide": a_map([[1, 2, 3, 4]], self.WIDE), "crop": a_map([[1, 3]], self.CROP)}
        return table(maps, self.DOG)

    def test_networks_are_compared_on_what_all_of_them_saw(self):
        # Columns 2 to 5: cells 2 and 3 of the first network, 1 and 3 of the second; the dog is the first of both.
        rows = self.rows()
        assert rows["wide"].value == pytest.approx(2 / 5)
        assert rows["crop"].value == pytest.approx(1 / 4)
        assert [row.area for row in rows.values()] == [0.5] * 4

    def test_rows_for_the_baselines_come_last(self):
        rows = self.rows()
        assert list(rows) == ["wide", "crop", "uniform", "centred Gaussian"]
        assert (rows["uniform"].value, rows["uniform"].lift, rows["uniform"].hit) == (0.5, 1.0, 0.5)
        # Centred on column 4, where the dog ends.
        assert rows["centred Gaussian"].value == pytest.approx(0.5)
        assert rows["centred Gaussian"].hit == 0.5
        assert rows["uniform"].method == ""

    def test_baseline_rows_agree_with_the_baselines_of_the_networks(self):
        rows = self.rows()
        for name in ("wide", "crop"):
            assert rows[name].baselines["uniform"] == pytest.approx(rows["uniform"].value)
            assert rows[name].baselines["centred Gaussian"] == pytest.approx(rows["centred Gaussian"].value)

    def test_refusals(self):
        with pytest.raises(ValueRangeError, match="at least one map; got none"):
            table({}, self.DOG)
        with pytest.raises(ValueRangeError, match="'uniform'"):
            table({"uniform": a_map([[1, 2]], self.WIDE)}, self.DOG)
        with pytest.raises(ShapeError, match=r"of one picture; got pictures of \[\(1, 8\), \(4, 4\)\]"):
            table({"a": a_map([[1, 2]], self.WIDE), "b": a_map([[1, 2]])}, self.DOG)
        far = Geometry((1, 8), (1, 2), (1.0, 1.0), (0.0, 6.0))
        with pytest.raises(ValueRangeError, match="in common; got none"):
            table({"a": a_map([[1, 2]], self.CROP), "b": a_map([[1, 2]], far)}, self.DOG)

    def test_maps_without_a_score_are_left_out_with_the_reason(self):
        maps = {"wide": a_map([[1, 2, 3, 4]], self.WIDE), "blank": a_map([[0, 0]], self.CROP)}
        with pytest.raises(ValueRangeError, match="above zero somewhere"):
            table(maps, self.DOG)
        scores, reasons = scorable(maps, self.DOG)
        # Scored over the whole picture: the blank map's crop does not limit the other. 1 + 2 of 1 + 2 + 3 + 4.
        assert scores == table({"wide": maps["wide"]}, self.DOG)
        assert scores["wide"].value == pytest.approx(0.3)
        assert list(reasons) == ["blank"]
        assert "above zero somewhere" in reasons["blank"]

    def test_a_map_that_is_blank_only_where_all_looked_is_left_out_too(self):
        # All of the first map's mass lies in columns 0 and 1, which the crop leaves out.
        maps = {"edge": a_map([[1, 0, 0, 0]], self.WIDE), "crop": a_map([[1, 3]], self.CROP)}
        scores, reasons = scorable(maps, self.DOG)
        assert list(scores) == ["crop", "uniform", "centred Gaussian"]
        assert list(reasons) == ["edge"]

    def test_without_any_score_there_are_reasons_only(self):
        scores, reasons = scorable({"blank": a_map([[0, 0]], self.WIDE)}, self.DOG)
        assert (scores, list(reasons)) == ({}, ["blank"])

    def test_where_all_maps_have_a_score_it_is_the_table(self):
        maps = {"wide": a_map([[1, 2, 3, 4]], self.WIDE), "crop": a_map([[1, 3]], self.CROP)}
        assert scorable(maps, self.DOG) == (table(maps, self.DOG), {})

    def test_faults_of_the_call_are_raised(self):
        with pytest.raises(ValueRangeError, match="at least one map; got none"):
            scorable({}, self.DOG)
        with pytest.raises(ShapeError, match="must be drawn on the map's picture"):
            scorable({"a": a_map([[1, 2]])}, self.DOG)

    def test_a_score_is_one_flat_row(self):
        rows = [{"network": name} | score.to_dict() for name, score in self.rows().items()]
        file = io.StringIO()
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        read = list(csv.DictReader(io.StringIO(file.getvalue())))
        assert [row["network"] for row in read] == ["wide", "crop", "uniform", "centred Gaussian"]
        assert float(read[1]["value"]) == self.rows()["crop"].value
        assert float(read[0]["baseline: centred Gaussian"]) == self.rows()["wide"].baselines["centred Gaussian"]


class TestRefusals:
    @pytest.mark.parametrize("score", [share, pointing])
    @pytest.mark.parametrize(
        ("attention_map", "region", "says"),
        [
            (a_map([[-1, 2], [3, 4]], signed=True), LEFT, "must be non-negative; got a signed one"),
            (a_map([[0, 0], [0, 0]]), LEFT, "above zero somewhere; got zero wherever the model looked"),
            (a_map([[1, 2], [3, 4]], geometry=None), LEFT, "got no geometry"),
            (
                a_map([[1, 3]], Geometry((1, 8), (1, 4), (1.0, 1.0), (0.0, 4.0))),
                Region.from_box("dog", (0, 0, 1, 3), (1, 8)),
                "'dog' must lie where the model looked; got one outside its crop",
            ),
            (
                a_map([[1, 3]], Geometry((1, 8), (1, 4), (1.0, 1.0), (0.0, 4.0))),
                Region.from_box("dog", (0, 4, 1, 8), (1, 8)),
                "'dog' must leave some of what the model saw out; got all of it",
            ),
            (
                # Defined in the padding only.
                a_map([[1], [np.nan]], Geometry((2, 4), (4, 4), (1.0, 1.0), (-2.0, 0.0))),
                Region.from_box("dog", (0, 0, 2, 2), (2, 4)),
                "got NaN everywhere",
            ),
        ],
    )
    def test_what_has_no_score(self, score, attention_map, region, says):
        with pytest.raises(ValueRangeError) as raised:
            score(attention_map, region)
        assert says in str(raised.value)

    def test_a_region_of_another_picture(self):
        with pytest.raises(ShapeError, match=r"picture of \(4, 4\) \(height, width\); got one on \(4, 5\)"):
            share(a_map([[1, 2]]), Region.from_box("dog", (0, 0, 1, 1), (4, 5)))

    def test_a_map_refuses_negative_values_before_they_are_scored(self):
        with pytest.raises(ValueRangeError, match="non-negative"):
            a_map([[-1, 2], [3, 4]])

    def test_a_score_cannot_be_changed(self):
        score = share(a_map([[1, 2], [3, 4]]), LEFT)
        assert isinstance(score, FocusScore)
        with pytest.raises(AttributeError):
            score.value = 1.0
