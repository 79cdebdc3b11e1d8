"""How far two maps lie apart: arithmetic on maps of a few cells."""

from dataclasses import replace

import numpy as np
import pytest

from attnviz.errors import NotFoundError, ShapeError, ValueRangeError
from attnviz.focus import differences, total_variation
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.records import Site

HW = (40, 60)


def made(values: object, geometry: Geometry | None = None, signed: bool = False, **site: object) -> AttentionMap:
    sites = (Site("layer4", 0, "se", **site),) if site else ()
    return AttentionMap(
        np.array(values, dtype=np.float32),
        "Toy()",
        sites,
        "a toy",
        "share",
        (-np.inf, np.inf),
        signed,
        geometry or Geometry.identity(HW),
    )


class TestDistance:
    def test_equal_maps_are_zero_apart_in_any_unit(self) -> None:
        one = made([[1, 2], [3, 4]])
        assert total_variation(one, made([[10, 20], [30, 40]])) == pytest.approx(0, abs=1e-7)

    def test_maps_that_nowhere_overlap_are_one_apart(self) -> None:
        assert total_variation(made([[1, 0], [0, 3]]), made([[0, 7], [1, 0]])) == pytest.approx(1)

    def test_half_the_absolute_difference_of_the_shares(self) -> None:
        # shares 1/4 1/4 1/4 1/4 and 1/2 1/2 0 0: half of (1/4 + 1/4 + 1/4 + 1/4)
        assert total_variation(made([[1, 1], [1, 1]]), made([[5, 5], [0, 0]])) == pytest.approx(0.5)
        # shares 1/10 2/10 3/10 4/10 and the other way round: half of (3 + 1 + 1 + 3) / 10
        assert total_variation(made([[1, 2], [3, 4]]), made([[4, 3], [2, 1]])) == pytest.approx(0.4)

    def test_either_way_round_it_is_the_same(self) -> None:
        one, other = made([[1, 2, 3]]), made([[4], [1]])
        assert total_variation(one, other) == pytest.approx(total_variation(other, one))

    def test_grids_that_do_not_fit_into_each_other_are_cut_at_all_borders(self) -> None:
        # two columns with shares 1, 0 and three with 1, 0, 0. The pieces are 1/3, 1/6, 1/6 and 1/3 wide: the first map
        # has 2/3, 1/3, 0, 0 in them, the second 1, 0, 0, 0. Half of 1/3 + 1/3
        assert total_variation(made([[1, 0]]), made([[1, 0, 0]])) == pytest.approx(1 / 3)

    def test_only_what_both_saw_counts(self) -> None:
        # the second saw the left half alone, where the first has its columns 1 and 3: shares 1/4 and 3/4 against a half
        left = Geometry(HW, (40, 30), (1.0, 1.0), (0.0, 0.0))
        assert total_variation(made([[1, 3, 50, 90]]), made([[2, 2]], left)) == pytest.approx(0.25)

    def test_undefined_cells_of_either_count_in_neither(self) -> None:
        # without the last column: shares 1/2, 1/2 against 1/4, 3/4
        holed, whole = made([[1, 1, np.nan]]), made([[1, 3, 96]])
        assert total_variation(holed, whole) == pytest.approx(0.25)
        assert total_variation(whole, holed) == pytest.approx(0.25)


class TestDifferenceMap:
    def test_mass_counts_even_shares(self) -> None:
        # the first map is even: 1 everywhere. The second has mean (0 + 0 + 0 + 8) / 4 = 2: 0, 0, 0, 4
        found = differences({"even": made([[3, 3, 3, 3]]), "right": made([[0, 0, 0, 8]])}, "right")["even"]
        assert found.attention_map.values_hw.tolist() == [[1, 1, 1, -3]]
        assert found.attention_map.signed
        assert (found.of, found.reference) == ("even", "right")
        # 3/4 of the even map would have to move
        assert found.distance == pytest.approx(0.75)

    def test_half_the_mean_amount_is_the_distance_where_the_grids_fit(self) -> None:
        random = np.random.default_rng(0)
        maps = {"a": made(random.random((4, 6))), "b": made(random.random((8, 12)))}
        found = differences(maps, "b")["a"]
        assert found.attention_map.grid_hw == (8, 12)
        assert np.abs(found.attention_map.values_hw).mean() / 2 == pytest.approx(found.distance, rel=1e-5)
        assert found.attention_map.values_hw.mean() == pytest.approx(0, abs=1e-6)

    def test_ranks_run_from_zero_to_one_and_equal_cells_share_theirs(self) -> None:
        # ranks 0, 1/3, 2/3, 1 against 1, then three equal cells in the middle of ranks 0, 1 and 2 of 3: 1/3 each
        found = differences({"up": made([[1, 2, 3, 9]]), "first": made([[5, 2, 2, 2]])}, "first", by="rank")["up"]
        expected = [[0 - 1, 1 / 3 - 1 / 3, 2 / 3 - 1 / 3, 1 - 1 / 3]]
        assert found.attention_map.values_hw == pytest.approx(np.array(expected), abs=1e-6)
        assert found.attention_map.bounds == (-1, 1)

    def test_a_coarse_map_stays_even_within_its_cell(self) -> None:
        # one cell against two of 0 and 2: 1 - 0 and 1 - 2
        found = differences({"coarse": made([[7]]), "fine": made([[0, 2]])}, "fine")["coarse"]
        assert found.attention_map.values_hw.tolist() == [[1, -1]]

    def test_it_lies_over_the_part_that_all_saw(self) -> None:
        middle = Geometry(HW, (40, 40), (1.0, 1.0), (0.0, 10.0))  # columns 10 to 50 of 60
        maps = {"whole": made(np.ones((4, 6))), "square": made(np.ones((4, 4)), middle), "coarse": made([[1, 1]])}
        found = differences(maps, "whole")
        assert list(found) == ["square", "coarse"]
        for one in found.values():
            assert one.attention_map.geometry.seen_box() == pytest.approx((0, 10, 40, 50))
            assert one.attention_map.grid_hw == (4, 4)
        drawn = found["square"].attention_map.on_source()
        assert np.isnan(drawn[:, :10]).all()
        assert not np.isnan(drawn[:, 10:50]).any()

    def test_marks_of_either_map_stay(self) -> None:
        maps = {"a": made([[1, 2]], untrained="untrained"), "b": made([[2, 1]], proven=False)}
        one = differences(maps, "b")["a"].attention_map
        assert one.untrained == "untrained"
        assert one.proof == "unproven"


class TestRefused:
    def test_a_map_without_mass_and_a_signed_one(self) -> None:
        with pytest.raises(ValueRangeError, match="got zero everywhere from 'empty'"):
            differences({"one": made([[1, 2]]), "empty": made([[0, 0]])}, "one")
        with pytest.raises(ValueRangeError, match="signed one of 'plus and minus'"):
            differences({"one": made([[1, 2]]), "plus and minus": made([[-1, 2]], signed=True)}, "one")

    def test_no_other_map_no_such_reference_and_an_unknown_kind(self) -> None:
        one = made([[1, 2]])
        with pytest.raises(ValueRangeError, match="at least two maps"):
            differences({"one": one}, "one")
        with pytest.raises(NotFoundError, match="two"):
            differences({"one": one}, "two")
        with pytest.raises(ValueRangeError, match="mass, rank"):
            differences({"one": one, "two": one}, "two", by="values")  # type: ignore[arg-type]

    def test_maps_of_different_pictures(self) -> None:
        with pytest.raises(ShapeError, match="one picture"):
            total_variation(made([[1, 2]]), made([[1, 2]], Geometry.identity((60, 40))))

    def test_an_unknown_geometry(self) -> None:
        with pytest.raises(ValueRangeError, match="geometry"):
            total_variation(made([[1, 2]]), replace(made([[1, 2]]), geometry=None))
