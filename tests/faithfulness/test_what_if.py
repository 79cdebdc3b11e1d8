"""What a change does, on networks whose answers are arithmetic."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnviz.errors import NotFoundError, ShapeError, ValueRangeError
from attnviz.faithfulness import Control, StoppedError, WhatIf, what_if
from attnviz.pictures import Picture, preprocess
from attnviz.regions import Region
from tests.faithfulness.toys import AS_IT_IS, Brightness, Corner, Gated, Looking, white_corner
from tests.mechanisms.contract import hooks_of, state_of

FILL = 64 / 255
"""The mean colour of `white_corner`, as the network sees it."""

CORNER = Region.from_box("corner", (0, 0, 4, 4), (8, 8))
OPPOSITE = Region.from_box("opposite", (4, 4, 8, 8), (8, 8))


def row_about(table: WhatIf, *words: str):
    (found,) = [row for row in table.rows if all(word in row.change for word in words)]
    return found


def corner_table(*regions: Region, **settings: object) -> WhatIf:
    return what_if(Corner().eval(), white_corner(), regions, preprocessing=AS_IT_IS, **settings)  # type: ignore[arg-type]


class TestPictures:
    def test_the_corner_filled_with_the_mean_colour(self) -> None:
        table = corner_table(CORNER)
        filled = row_about(table, "corner filled")
        assert table.before.probability == pytest.approx(1)
        assert filled.probability == pytest.approx(FILL)
        assert filled.points == pytest.approx(100 * (FILL - 1))
        assert filled.answer == "class 1"  # 1 - 64/255 = 0.75 is now the larger one
        assert "RGB 64, 64, 64" in filled.detail

    def test_every_other_place_is_a_control(self) -> None:
        """A square of 4 in 8 x 8 has 5 x 5 places. Moved by (y, x) it covers (4 - y)(4 - x) of the corner's 16 pixels.

        The sum over all places is (4 + 3 + 2 + 1 + 0)^2 = 100, without the region itself 84, its mean 84 / 24 = 3.5.
        """
        control = row_about(corner_table(CORNER, controls=24), "corner filled").control
        assert control is not None
        covered = sorted((4 - y) * (4 - x) for y in range(5) for x in range(5) if (y, x) != (0, 0))
        assert sorted(control.points) == pytest.approx([100 * (FILL - 1) * each / 16 for each in covered[::-1]])
        assert control.mean == pytest.approx(100 * (FILL - 1) * 3.5 / 16)
        assert control.as_large == 0
        assert control.p_value == pytest.approx(1 / 25)

    def test_where_nothing_changes_every_control_does_as_much(self) -> None:
        opposite = row_about(corner_table(OPPOSITE, controls=24), "opposite filled")
        assert opposite.points == pytest.approx(0)
        assert opposite.control is not None
        assert opposite.control.p_value == 1

    def test_a_blur_takes_the_corner_in_part_and_says_how_wide_it_is(self) -> None:
        blurred = row_about(corner_table(CORNER, blur_sigma_px=2.0), "corner blurred")
        assert FILL < blurred.probability < 0.95  # some of the black comes in, not all of the white leaves
        assert "sigma 2 px of the source picture" in blurred.detail
        assert row_about(corner_table(OPPOSITE), "opposite blurred").points == pytest.approx(0)
        assert "sigma 0.5 px" in row_about(corner_table(OPPOSITE), "opposite blurred").detail  # a sixteenth of 8

    def test_only_the_part_that_the_network_sees_is_moved_about(self) -> None:
        """A crop of 8 x 8 in the middle of 8 x 16: a region to its left is outside, one half inside counts half."""
        wide = Picture.from_array(np.full((8, 16, 3), 255, np.uint8))
        crop = type(AS_IT_IS)(8, AS_IT_IS.mean, AS_IT_IS.std, crop_hw=(8, 8))
        outside = Region.from_box("outside", (0, 0, 8, 4), (8, 16))
        half = Region.from_box("half", (0, 2, 4, 6), (8, 16))
        table = what_if(Corner().eval(), wide, (outside, half), preprocessing=crop)
        assert "nothing of it" in table.left_out["outside changed in the picture"]
        control = row_about(table, "half filled").control
        assert control is not None
        assert len(control.points) == 20

    def test_a_model_input_is_changed_itself(self) -> None:
        """Rows 0 to 3 of a 4 x 4 input: 1, 1, 0, 0 in the left half, 0 in the right: the mean is 1/4."""
        tensor = torch.zeros(1, 3, 4, 4)
        tensor[..., :2, :2] = 1
        region = Region.from_box("corner", (0, 0, 2, 2), (4, 4))
        table = what_if(Corner().eval(), tensor, (region,))
        assert row_about(table, "corner filled").probability == pytest.approx(1 / 4)
        assert "model input" in row_about(table, "corner filled").detail
        same = preprocess(white_corner(), AS_IT_IS)
        assert row_about(what_if(Corner().eval(), same, (CORNER,)), "filled").probability == pytest.approx(1 / 4)


class TestGates:
    def test_off_is_one_and_the_mean_is_the_mean_of_the_factors(self) -> None:
        """0.8 through a gate of 1/4 is 0.2; off 0.8; at the mean of 1/4, 1/2 and 3/4, which is 1/2, 0.4."""
        table = what_if(Gated().eval(), torch.full((1, 3, 8, 8), 0.8), target=0)
        assert table.before.probability == pytest.approx(0.2)
        assert table["all gates off"].probability == pytest.approx(0.8)
        assert table["all gates off"].points == pytest.approx(60)
        assert table["all gates at their mean"].probability == pytest.approx(0.4)
        assert table["all gates off"].control is None

    def test_what_a_network_does_not_have_is_named(self) -> None:
        table = corner_table()
        assert [row.change for row in table.rows] == ["as it is"]
        assert table.left_out["gates"] == "Corner has no gates."
        assert "no self-attention" in table.left_out["heads"]
        assert "heads" in what_if(Gated().eval(), torch.full((1, 3, 8, 8), 0.8)).left_out


class TestAttention:
    """Patches of brightness 1, 1/2, 1/2 and 0, and a class token of 0: p = 2 / 5."""

    @pytest.fixture
    def picture(self) -> Tensor:
        patches = torch.tensor([[1.0, 0.5], [0.5, 0.0]])
        return patches.repeat_interleave(8, 0).repeat_interleave(8, 1).expand(1, 3, 16, 16)

    @pytest.fixture
    def table(self, picture: Tensor) -> WhatIf:
        bright = Region.from_box("bright", (0, 0, 8, 8), (16, 16))
        return what_if(Looking().eval(), picture, (bright,), target=0)

    def test_one_of_two_equal_heads_off_is_half(self, table: WhatIf) -> None:
        assert table.before.probability == pytest.approx(0.4)
        heads = [row for row in table.rows if row.kind == "head"]
        assert [row.change for row in heads] == ["head 1 of attn off", "head 2 of attn off"]
        assert [row.probability for row in heads] == pytest.approx([0.2, 0.2])

    def test_hidden_tokens_leave_the_attention_to_the_others(self, table: WhatIf) -> None:
        """Without the bright patch (0 + 1/2 + 1/2 + 0) / 4 = 1/4; without a grey one 1.5 / 4; without the black 2 / 4.

        So the changes are -15 points, and for the other places -2.5, -2.5 and +10: none as large, p = 1 / 4.
        """
        for whom in ("the class token", "all attention"):
            row = table[f"bright hidden from {whom}"]
            assert row.probability == pytest.approx(1 / 4)
            assert row.control is not None
            assert sorted(row.control.points) == pytest.approx([-2.5, -2.5, 10])
            assert row.control.p_value == pytest.approx(1 / 4)

    def test_the_brief_table_has_one_head(self, table: WhatIf) -> None:
        assert sum(row.kind == "head" for row in table.brief) == 1
        assert "One of 2 heads tried" in table.sentence(next(row for row in table.brief if row.kind == "head"))

    def test_a_region_under_half_a_cell_cannot_be_hidden(self, picture: Tensor) -> None:
        speck = Region.from_box("speck", (0, 0, 2, 2), (16, 16))
        assert "speck" in str(what_if(Looking().eval(), picture, (speck,)).left_out)


class TestFocus:
    def test_the_share_of_the_map_in_the_first_region(self) -> None:
        """All white lies in the corner, a quarter of the area: share 1, lift 4."""
        table = corner_table(CORNER, OPPOSITE, method=Brightness())
        assert table.focus_region == "corner"
        assert table.before.focus is not None
        assert table.before.focus.value == pytest.approx(1)
        assert table.before.focus.lift == pytest.approx(4)
        # the corner at 64 and black elsewhere: still all of the mass; the opposite corner at 64: 255 of 255 + 64
        filled = row_about(table, "opposite filled").focus
        assert filled is not None
        assert filled.value == pytest.approx(255 / (255 + 64))

    def test_a_map_without_a_score_costs_no_row(self) -> None:
        black = Picture.from_array(np.zeros((8, 8, 3), np.uint8))
        table = what_if(Gated().eval(), black, (CORNER,), preprocessing=AS_IT_IS, method=Brightness())
        assert table.before.focus is None
        assert "above zero" in table.before.focus_problem


class TestControl:
    def test_large_counts_up_and_down_and_ties_count(self) -> None:
        control = Control.of(np.array([-5.0, 4.0, 6.0, 5.0]), -5.0, "")
        assert control.as_large == 3  # -5 and 5 tie, 6 is larger
        assert control.p_value == pytest.approx(4 / 5)
        assert control.mean == pytest.approx(2.5)

    def test_the_band_holds_the_middle_95_percent(self) -> None:
        control = Control.of(np.arange(41.0), 0.0, "")  # quantiles of 0..40: 40 * 0.025 = 1 and 39
        assert control.band == pytest.approx((1, 39))


class TestCalls:
    def test_the_same_seed_gives_the_same_table(self) -> None:
        one, two, other = (
            row_about(corner_table(CORNER, seed=seed, controls=10), "filled").control for seed in (3, 3, 4)
        )
        assert one is not None
        assert two is not None
        assert other is not None
        assert np.array_equal(one.points, two.points)
        assert not np.array_equal(one.points, other.points)

    def test_flat_rows_for_a_file(self) -> None:
        rows = corner_table(CORNER, method=Brightness()).to_dicts()
        assert len({tuple(row) for row in rows}) == 1
        assert rows[0]["change"] == "as it is"
        assert rows[-1]["region"] == "corner"
        assert rows[-1]["controls"] == 20
        assert rows[0]["controls"] == ""

    def test_a_sentence_holds_the_numbers(self) -> None:
        table = corner_table(CORNER, controls=24, classes=("bright", "dark"))
        said = table.sentence(row_about(table, "filled"))
        assert "bright from 100% to 25% (-75 points); first answer dark, 75%" in said
        assert "24 random regions" in said
        assert "p = 0.04" in said

    def test_a_class_by_name(self) -> None:
        assert corner_table(target="dark", classes=("bright", "dark")).before.probability == pytest.approx(0)
        with pytest.raises(NotFoundError, match="drak"):
            corner_table(target="drak", classes=("bright", "dark"))
        with pytest.raises(ValueRangeError, match=r"0\.\.1; got 2"):
            corner_table(target=2)

    @pytest.mark.parametrize("settings", [{"controls": -1}, {"controls": 5000}, {"seed": -1}, {"blur_sigma_px": 0.0}])
    def test_numbers_out_of_range(self, settings: dict[str, float]) -> None:
        with pytest.raises(ValueRangeError, match="got"):
            corner_table(CORNER, **settings)

    def test_regions_of_another_picture_or_of_one_name(self) -> None:
        with pytest.raises(ShapeError, match="other"):
            corner_table(Region.from_box("other", (0, 0, 2, 2), (4, 4)))
        with pytest.raises(ValueRangeError, match="different names"):
            corner_table(CORNER, Region("corner", OPPOSITE.mask_hw))

    def test_a_picture_needs_preprocessing_and_a_model_evaluation_mode(self) -> None:
        with pytest.raises(ValueRangeError, match="preprocessing must be given"):
            what_if(Corner().eval(), white_corner())
        with pytest.raises(ValueRangeError, match="training mode"):
            what_if(Corner(), torch.ones(1, 3, 8, 8))
        with pytest.raises(ShapeError, match=r"\(1, classes\)"):
            what_if(nn.Identity().eval(), torch.ones(1, 3, 8, 8))

    def test_progress_counts_every_pass_and_a_stop_leaves_the_model_alone(self) -> None:
        model = Looking().eval()
        region = Region.from_box("bright", (0, 0, 8, 8), (16, 16))
        before = state_of(model)
        told: list[tuple[int, int]] = []
        what_if(model, torch.rand(1, 3, 16, 16), (region,), progress=lambda done, total: told.append((done, total)))
        assert told[0][0] == 0
        assert told[-1][0] == told[-1][1]
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert len({total for _, total in told}) == 1
        for stop in (0, 2, 5, told[-1][1] - 1):
            with pytest.raises(StoppedError, match="must run to its end"):
                what_if(model, torch.rand(1, 3, 16, 16), (region,), progress=lambda done, _t, stop=stop: done <= stop)
        assert hooks_of(model) == 0
        assert state_of(model) == before
