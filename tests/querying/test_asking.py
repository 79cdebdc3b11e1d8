"""One point of the picture, asked of every kind of record. All pictures are wider than high."""

import json

import numpy as np
import pytest
import torch

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.querying import AttentionAnswer, NoAnswer, PlaceAnswer, query, query_layers
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask, TokenGrid
from tests.querying.toys import CROPPED, attention, looking_at, trace_of

# a 2 x 3 grid over 60 x 100 pixels: cells of 30 x 33.3; the bottom right cell holds row 59, column 99
CORNER = (59.0, 99.0)
NBSP = "\N{NO-BREAK SPACE}"


class TestTransformer:
    """A class token and six patches; every token gives 0.75 to one key."""

    TOKENS = TokenGrid.whole((2, 3), prefix=1)

    def test_the_row_of_the_token_under_the_point(self) -> None:
        # token 1 + 5 is the bottom right cell; only its row looks at the top left one (token 1)
        weights = looking_at(0, 7)
        weights[0, 6] = looking_at(1, 7)[0, 0]
        answer = query(trace_of(attention(weights, self.TOKENS)), CORNER)
        assert isinstance(answer, AttentionAnswer)
        assert (answer.cell, answer.grid_hw, answer.strongest) == ((1, 2), (2, 3), (0, 0))
        left = 0.25 / 6
        assert np.allclose(answer.row.values_hw, [[0.75, left, left], [left, left, left]], atol=1e-6)
        assert answer.prefix == {"class": pytest.approx(left)}
        # the class token is not hidden: what it takes and what is drawn make the whole row
        assert np.nansum(answer.row.values_hw) + answer.prefix["class"] == pytest.approx(1)
        # any other point has another row: that of the top left cell gives 3/4 to the class token
        other = query(trace_of(attention(weights, self.TOKENS)), (0.0, 0.0))
        assert isinstance(other, AttentionAnswer)
        assert other.prefix == {"class": pytest.approx(0.75)}

    @pytest.mark.parametrize(
        ("point", "cell"),
        [
            ((0.0, 0.0), (0, 0)),
            ((29.9, 33.3), (0, 0)),  # the first border across lies at 33 1/3
            ((29.9, 33.4), (0, 1)),
            ((30.0, 66.7), (1, 2)),  # a border belongs to the cell behind it
            ((59.9, 0.0), (1, 0)),
        ],
    )
    def test_rows_and_columns_are_not_exchanged(self, point: tuple[float, float], cell: tuple[int, int]) -> None:
        answer = query(trace_of(attention(looking_at(0, 7), self.TOKENS)), point)
        assert answer.cell == cell

    def test_one_head_is_its_own_row_and_none_is_their_mean(self) -> None:
        weights = torch.cat([looking_at(1, 7, 0.7), looking_at(2, 7, 0.4)])
        trace = trace_of(attention(weights, self.TOKENS))
        answers = [query(trace, (0.0, 0.0), heads=heads) for heads in (0, 1, None, "max")]
        first = [float(answer.attention_map.values_hw[0, 0]) for answer in answers if answer.attention_map is not None]
        # (1 - 0.4) / 6 = 0.1 for the key that the second head neglects; mean (0.7 + 0.1) / 2
        assert first == pytest.approx([0.7, 0.1, 0.4, 0.7])
        assert [answer.heads for answer in answers if isinstance(answer, AttentionAnswer)] == [
            "head 1",
            "head 2",
            "mean over heads",
            "maximum over heads",
        ]

    def test_registers_are_told_together(self) -> None:
        tokens = TokenGrid.whole((1, 2), prefix=3, prefix_names=("class", "register 1", "register 2"))
        row = torch.tensor([0.1, 0.2, 0.3, 0.15, 0.25]).expand(1, 5, 5)
        answer = query(trace_of(attention(row, tokens)), (0.0, 0.0))
        assert isinstance(answer, AttentionAnswer)
        assert answer.prefix == pytest.approx({"class": 0.1, "register 1": 0.2, "register 2": 0.3})
        assert answer.sentence.replace(NBSP, " ") == (
            # five tokens: an even look gives each of the 2 places and 3 named tokens a fifth
            "The cell in row 1, column 1 of 1 × 2 looks most at the cell in row 1, column 2: 25.0 % of its attention, "
            "where an even look would give 20.0 %. The class token takes 10.0 % and the registers take 50.0 %."
        )

    def test_the_last_layer_unless_another_is_asked_for(self) -> None:
        trace = trace_of(
            attention(looking_at(1, 7), self.TOKENS, "blocks.0.attn"),
            attention(looking_at(2, 7), self.TOKENS, "blocks.1.attn"),
        )
        assert query_layers(trace) == ("blocks.0.attn", "blocks.1.attn")
        for layer, place, name in (
            (None, (0, 1), "blocks.1.attn"),
            (0, (0, 0), "blocks.0.attn"),
            (-1, (0, 1), "blocks.1.attn"),
            ("blocks.0.attn", (0, 0), "blocks.0.attn"),
            ("*.1.*", (0, 1), "blocks.1.attn"),
        ):
            answer = query(trace, (0.0, 0.0), layer=layer)
            assert isinstance(answer, AttentionAnswer)
            assert (answer.strongest, answer.site.layer) == (place, name)
        with pytest.raises(NotFoundError, match=r"blocks\.0\.attn, blocks\.1\.attn"):
            query(trace, (0.0, 0.0), layer="blocks.7.attn")
        with pytest.raises(NotFoundError, match=r"-2\.\.1"):
            query(trace, (0.0, 0.0), layer=2)


class TestWindows:
    """A 2 x 4 grid in windows of 2 x 2, as Swin has them."""

    @staticmethod
    def first_key(windows: int) -> torch.Tensor:
        """Every query gives its window's first key 0.7 and the others 0.1: (windows, 1, 4, 4)."""
        return looking_at(0, 4, 0.7)[None].expand(windows, 1, 4, 4)

    def test_only_the_keys_of_the_window(self) -> None:
        trace = trace_of(attention(self.first_key(2), TokenGrid((2, 4), (2, 2))))
        answer = query(trace, CORNER)
        assert isinstance(answer, AttentionAnswer)
        nan = np.nan
        assert np.allclose(answer.row.values_hw, [[nan, nan, 0.7, 0.1], [nan, nan, 0.1, 0.1]], equal_nan=True)
        assert (answer.cell, answer.window_hw) == ((1, 3), (2, 2))
        assert answer.visible_hw.tolist() == [[False, False, True, True]] * 2

    def test_a_shift_is_undone(self) -> None:
        # rolled by 1 x 1, the first window holds rows 1, 0 and columns 1, 2; the second rows 1, 0 and columns 3, 0
        trace = trace_of(attention(self.first_key(2), TokenGrid((2, 4), (2, 2), shift_hw=(1, 1))))
        middle = query(trace, (45.0, 40.0))  # row 1, column 1: token (0, 0) of the first window
        assert isinstance(middle, AttentionAnswer)
        assert (middle.cell, middle.strongest) == ((1, 1), (1, 1))
        assert middle.visible_hw.tolist() == [[False, True, True, False]] * 2

    def test_what_the_mask_keeps_away_is_outside_the_border(self) -> None:
        # the second window wraps around: columns 3 and 0 are no neighbours, so Swin lowers their logits by 100,
        # and rows 1 and 0 likewise. Of its four tokens (1, 3), (1, 0), (0, 3), (0, 0) each sees itself alone.
        mask = torch.zeros(2, 4, 4)
        mask[1] = torch.full((4, 4), -100.0).fill_diagonal_(0)
        trace = trace_of(attention(self.first_key(2), TokenGrid((2, 4), (2, 2), shift_hw=(1, 1)), mask=mask[:, None]))
        answer = query(trace, CORNER)
        assert isinstance(answer, AttentionAnswer)
        assert answer.visible_hw.tolist() == [[False] * 4, [False, False, False, True]]
        assert answer.row.values_hw[1, 3] == pytest.approx(1)
        assert "looks most at itself within its window of 2 × 2 cells" in answer.sentence

    def test_padding_takes_what_it_takes(self) -> None:
        # a 1 x 3 grid in windows of 1 x 2: the last token of the second window is padding and gets 0.4
        weights = torch.tensor([[[[0.5, 0.5], [0.2, 0.8]]], [[[0.6, 0.4], [1.0, 0.0]]]])
        answer = query(trace_of(attention(weights, TokenGrid((1, 3), (1, 2)))), CORNER)
        assert isinstance(answer, AttentionAnswer)
        assert answer.padding == pytest.approx(0.4)
        assert np.nansum(answer.row.values_hw) + answer.padding == pytest.approx(1)
        assert f"padding outside the picture takes 40.0{NBSP}%" in answer.sentence.lower()


def test_a_grid_of_queries_finer_than_that_of_the_keys() -> None:
    # 2 x 4 queries, 1 x 2 keys: the corner is the eighth query; it gives 0.9 to the right half
    weights = torch.tensor([[0.5, 0.5]] * 7 + [[0.1, 0.9]])[None]
    record = attention(weights, TokenGrid.whole((1, 2)), query_tokens=TokenGrid.whole((2, 4)))
    answer = query(trace_of(record), CORNER)
    assert isinstance(answer, AttentionAnswer)
    assert (answer.cell, answer.grid_hw) == ((1, 3), (2, 4))
    assert np.allclose(answer.row.values_hw, [[0.1, 0.9]])


def test_where_only_the_class_token_looks_it_tells_what_it_gives_to_the_point() -> None:
    record = attention(
        torch.tensor([[[0.2, 0.5, 0.3]]]), TokenGrid.whole((1, 2), prefix=1), query_tokens=TokenGrid.nowhere()
    )
    answer = query(trace_of(record), CORNER)
    assert isinstance(answer, PlaceAnswer)
    assert (answer.kind, answer.value, answer.rank) == ("class attention", pytest.approx(0.3), 2)
    # a layer whose patches look answers instead, if there is one
    earlier = attention(looking_at(1, 3), TokenGrid.whole((1, 2), prefix=1), "blocks.9.attn")
    both = query(trace_of(earlier, record), CORNER)
    assert isinstance(both, AttentionAnswer)
    assert both.site.layer == "blocks.9.attn"


class TestGates:
    """Networks that have no matrix get none."""

    MASK = torch.tensor([[0.9, 0.2, 0.2], [0.4, 0.1, 0.3]])

    def test_a_spatial_gate_has_a_value_and_a_rank(self) -> None:
        channel = ChannelWeights(Site("layer1.cbam", 0, "cbam.channel"), torch.ones(4))
        spatial = SpatialMask(Site("layer1.cbam", 0, "cbam.spatial"), self.MASK)
        for layer in (None, "layer1.cbam", 0):
            answer = query(trace_of(channel, spatial), CORNER, layer=layer)
            assert isinstance(answer, PlaceAnswer)
            # 0.3 at the bottom right; 0.9 and 0.4 are higher
            assert (answer.kind, answer.cell, answer.rank, answer.cells) == ("spatial gate", (1, 2), 3, 6)
            assert answer.value == pytest.approx(0.3)
        assert answer.sentence == (
            "No place looks at another here. The spatial gate multiplies this place by 0.3 (row 2, column 3 of 2 × 3), "
            "the 3rd highest of 6 cells; its values run from 0.1 to 0.9."
        )
        # equal values share the better rank: two cells have 0.2, and three are higher
        tied = query(trace_of(spatial), (0.0, 50.0))
        assert isinstance(tied, PlaceAnswer)
        assert tied.rank == 4

    def test_a_flat_gate_is_called_flat(self) -> None:
        answer = query(trace_of(SpatialMask(Site("gate", 0, "cbam.spatial"), torch.full((2, 3), 0.5))), CORNER)
        assert "flat" in answer.sentence
        assert "flat" in answer.short

    def test_a_feature_mask_is_averaged_over_channels(self) -> None:
        # (1 + M): channels 0.2 and 0.6 at the corner, 0 elsewhere
        mask = torch.zeros(2, 2, 3)
        mask[0, 1, 2], mask[1, 1, 2] = 0.2, 0.6
        answer = query(trace_of(FeatureMask(Site("layer1", 0, "residual_attention"), mask, base=1.0)), CORNER)
        assert isinstance(answer, PlaceAnswer)
        assert (answer.kind, answer.rank) == ("feature mask", 1)
        assert answer.value == pytest.approx(1.4)

    def test_channel_gates_have_no_place(self) -> None:
        gates = [ChannelWeights(Site(f"layer{n}.se", 0, "se"), torch.ones(4)) for n in range(3)]
        for layer in (None, 1, "layer1.se"):
            answer = query(trace_of(*gates), CORNER, layer=layer)
            assert isinstance(answer, NoAnswer)
            assert answer.attention_map is None
            assert answer.kind == "channel gates"
            assert "3 channel gates have no place" in answer.sentence

    def test_no_attention_at_all(self) -> None:
        answer = query(trace_of(), CORNER)
        assert (answer.kind, answer.attention_map, answer.site, answer.cell) == ("no attention", None, None, None)
        assert query_layers(trace_of()) == ()
        with pytest.raises(NotFoundError, match="it has none"):
            query(trace_of(), CORNER, layer="layer1")

    def test_attention_that_is_not_read_is_said_to_be_there(self) -> None:
        answer = query(trace_of(unread={"mixer": "its kernel is fused"}), CORNER)
        assert "mixer: its kernel is fused" in answer.sentence


class TestTheCrop:
    """The network saw only the middle square."""

    RECORD = attention(looking_at(0, 4), TokenGrid.whole((2, 2)))

    def test_a_point_inside_is_asked_where_it_lies(self) -> None:
        # column 79 of the picture is column 59 of the square: its right half
        answer = query(trace_of(self.RECORD, geometry=CROPPED), (0.0, 79.0))
        assert answer.cell == (0, 1)
        assert query(trace_of(self.RECORD, geometry=CROPPED), (59.0, 20.0)).cell == (1, 0)

    @pytest.mark.parametrize("point", [(10.0, 19.9), (10.0, 80.0)])
    def test_a_point_outside_gets_a_sentence(self, point: tuple[float, float]) -> None:
        for record in (self.RECORD, SpatialMask(Site("gate", 0, "cbam.spatial"), torch.rand(2, 2))):
            answer = query(trace_of(record, geometry=CROPPED), point)
            assert isinstance(answer, NoAnswer)
            assert answer.kind == "not seen"
            assert "rows 0 to 60 and columns 20 to 80" in answer.sentence


@pytest.mark.parametrize("point", [(60.0, 0.0), (0.0, 100.0), (-0.1, 0.0), (float("nan"), 0.0)])
def test_a_point_outside_the_picture_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(ValueRangeError, match="60 x 100"):
        query(trace_of(), point)


def test_without_geometry_there_is_no_place_to_ask() -> None:
    with pytest.raises(ValueRangeError, match="geometry"):
        query(trace_of(geometry=None), (0.0, 0.0))


def test_a_layout_that_nobody_could_tell_is_not_guessed() -> None:
    record = attention(looking_at(0, 4), TokenGrid.whole((2, 2)))
    object.__setattr__(record, "_tokens", "blocks.0.attn: the tokens must lie on a grid; got 5. Trace with grid_hw.")
    answer = query(trace_of(record), CORNER)
    assert isinstance(answer, NoAnswer)
    assert "Trace with grid_hw" in answer.sentence


def test_answers_are_plain_values_for_json() -> None:
    gate = SpatialMask(Site("gate", 0, "cbam.spatial"), torch.tensor([[0.1, 0.4]]))
    window = attention(looking_at(0, 2, 0.7).expand(2, 1, 2, 2), TokenGrid((1, 4), (1, 2)))
    answers = [query(trace_of(*records), CORNER, title="Net") for records in ((window,), (gate,), ())]
    said = [json.loads(json.dumps(answer.to_dict())) for answer in answers]
    assert [one["kind"] for one in said] == ["self-attention", "spatial gate", "no attention"]
    assert said[0]["strongest"] == {"cell": [0, 2], "share": pytest.approx(0.7)}
    assert said[0]["window"] == [1, 2]
    assert (said[1]["value"], said[1]["rank"]) == (pytest.approx(0.4), 1)
    assert all(one["network"] == "Net" and one["point"] == {"row": 59.0, "column": 99.0} for one in said)
