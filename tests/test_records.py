import math
import pickle
import weakref
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from torch import nn

from attnviz.errors import AttnvizError, NotFoundError, NothingTracedError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.records import (
    ChannelWeights,
    Deferred,
    FeatureMask,
    SelfAttention,
    Site,
    SpatialMask,
    TokenGrid,
    Trace,
    kept,
    kinds,
)
from attnviz.records.deferred import graph_kept

SITE = Site("blocks.0.attn", 0, "mhsa")


def attention(tokens: TokenGrid | None = None, **fields: object) -> SelfAttention:
    """Three tokens of width 1, all queries 1, keys 0, ln 2 and ln 3: every row is 1/6, 2/6, 3/6."""
    given = {
        "queries": torch.ones(1, 1, 3, 1),
        "keys": torch.tensor([0.0, math.log(2), math.log(3)]).view(1, 1, 3, 1),
        "scale": 1.0,
    }
    return SelfAttention(site=SITE, tokens=tokens or TokenGrid.whole((1, 2), prefix=1), **{**given, **fields})


class TestTokenGrid:
    def test_scatter_puts_windows_side_by_side(self) -> None:
        # 2 x 6 tokens in two windows of 2 x 3, each counted row by row.
        grid = TokenGrid(grid_hw=(2, 6), window_hw=(2, 3))
        values = torch.tensor([[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]])
        assert grid.scatter(values).tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]

    def test_a_shift_is_undone(self) -> None:
        # Rolled by one, the columns a b c d stand as b c d a; windows of two hold (b, c) and (d, a).
        grid = TokenGrid(grid_hw=(1, 4), window_hw=(1, 2), shift_hw=(0, 1))
        assert grid.scatter(torch.tensor([[1, 2], [3, 0]])).tolist() == [[0, 1, 2, 3]]

    def test_padding_is_cut_off(self) -> None:
        # Three columns in windows of two: the fourth is padding.
        grid = TokenGrid(grid_hw=(1, 3), window_hw=(1, 2))
        assert grid.windows_hw == (1, 2)
        assert grid.scatter(torch.tensor([[0, 1], [2, 99]])).tolist() == [[0, 1, 2]]

    @pytest.mark.parametrize(
        "grid",
        [
            TokenGrid.whole((3, 5), prefix=2),
            TokenGrid((4, 6), (2, 3), shift_hw=(1, 1)),
            TokenGrid((5, 7), (2, 3), shift_hw=(1, 2), prefix=1),
        ],
    )
    def test_index_of_finds_what_scatter_puts_there(self, grid: TokenGrid) -> None:
        for y in range(grid.grid_hw[0]):
            for x in range(grid.grid_hw[1]):
                window, token = grid.index_of(y, x)
                values = torch.zeros(grid.windows, grid.tokens)
                values[window, token] = 1
                lit = grid.scatter(values[:, grid.prefix :]).nonzero().tolist()
                assert lit == [[y, x]]

    def test_prefix_tokens_have_names(self) -> None:
        assert TokenGrid.whole((2, 2), prefix=3).prefix_names == ("class", "register 1", "register 2")
        assert TokenGrid.whole((2, 2), 2, ("class", "distillation")).prefix_names == ("class", "distillation")
        assert TokenGrid.whole((2, 2)).prefix_names == ()

    def test_prefix_tokens_among_the_values_are_refused(self) -> None:
        with pytest.raises(ShapeError, match=r"\(windows, tokens\) = \(1, 4\); got \(1, 5\).*1 prefix tokens"):
            TokenGrid.whole((2, 2), prefix=1).scatter(torch.zeros(1, 5))

    @pytest.mark.parametrize("cell", [(2, 0), (0, 3), (-1, 0)])
    def test_a_cell_outside_is_refused(self, cell: tuple[int, int]) -> None:
        with pytest.raises(ValueRangeError, match="2 rows and 3 columns"):
            TokenGrid.whole((2, 3)).index_of(*cell)

    @pytest.mark.parametrize(
        "wrong", [{"grid_hw": (0, 2)}, {"window_hw": (2, 0)}, {"prefix": -1}, {"prefix": 2, "prefix_names": ("class",)}]
    )
    def test_impossible_grids_are_refused(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValueRangeError):
            TokenGrid(**{"grid_hw": (2, 2), "window_hw": (2, 2), **wrong})


class TestAttentionWeights:
    def test_worked_by_hand(self) -> None:
        # exp of the logits is 1, 2, 3 in every row.
        expected = torch.tensor([1 / 6, 2 / 6, 3 / 6]).expand(1, 1, 3, 3)
        torch.testing.assert_close(attention().weights(), expected)

    def test_equal_keys_share_evenly(self) -> None:
        weights = attention(keys=torch.full((1, 1, 3, 1), 7.0)).weights()
        torch.testing.assert_close(weights, torch.full((1, 1, 3, 3), 1 / 3))

    def test_the_scale_multiplies_the_logits(self) -> None:
        # Twice ln 1, ln 2, ln 3: squares 1, 4, 9 of 14.
        torch.testing.assert_close(
            attention(scale=2.0).weights(queries=[0])[0, 0, 0], torch.tensor([1 / 14, 4 / 14, 9 / 14])
        )

    def test_bias_and_mask_are_added(self) -> None:
        bias = torch.zeros(1, 1, 3, 3)
        bias[0, 0, 1, 0] = math.log(4)
        mask = torch.zeros(3, 3)
        mask[2, 2] = -torch.inf
        weights = attention(bias=bias, mask=mask).weights()[0, 0]
        torch.testing.assert_close(weights[0], torch.tensor([1 / 6, 2 / 6, 3 / 6]))
        torch.testing.assert_close(weights[1], torch.tensor([4 / 9, 2 / 9, 3 / 9]))
        torch.testing.assert_close(weights[2], torch.tensor([1 / 3, 2 / 3, 0.0]))

    def test_rows_and_heads_come_in_the_order_asked_for(self) -> None:
        record = SelfAttention(
            SITE, torch.randn(2, 3, 5, 4), torch.randn(2, 3, 5, 4), 0.5, TokenGrid((1, 10), (1, 5)),
            bias=torch.randn(1, 3, 5, 5), mask=torch.randn(2, 1, 5, 5),
        )  # fmt: skip
        whole = record.weights()
        # By the definition, one number at a time: window 1, head 2, query 4.
        logits = record.queries[1, 2, 4] @ record.keys[1, 2].T * 0.5 + record.bias[0, 2, 4] + record.mask[1, 0, 4]
        torch.testing.assert_close(whole[1, 2, 4], logits.exp() / logits.exp().sum())
        torch.testing.assert_close(record.weights([4, 1], [2, 0]), whole[:, [2, 0]][:, :, [4, 1]])
        torch.testing.assert_close(record.weights([-1], [-1]), whole[:, [2]][:, :, [4]])

    def test_only_the_rows_asked_for_are_computed(self) -> None:
        # 60,000 tokens and 8 heads: the whole matrix is 115 GB and cannot be had.
        many = torch.randn(1, 8, 60_000, 2)
        weights = SelfAttention(SITE, many, many, 1.0, TokenGrid.whole((200, 300))).weights(queries=[5], heads=[3])
        assert weights.shape == (1, 1, 1, 60_000)
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(1, 1, 1))

    def test_blocks_of_rows_make_no_difference(self, monkeypatch: pytest.MonkeyPatch) -> None:
        record = SelfAttention(SITE, torch.randn(1, 2, 7, 3), torch.randn(1, 2, 7, 3), 1.0, TokenGrid.whole((1, 7)))
        whole = record.weights()
        monkeypatch.setattr(kinds, "_NUMBERS_AT_ONCE", 2 * 7 * 3)  # three rows at a time: 3, 3 and 1
        torch.testing.assert_close(record.weights(), whole)

    @pytest.mark.parametrize("wrong", [{"queries": [3]}, {"queries": [-4]}, {"heads": [1]}, {"heads": []}])
    def test_numbers_out_of_range_are_refused(self, wrong: dict[str, list[int]]) -> None:
        with pytest.raises(ValueRangeError, match=r"blocks\.0\.attn: (queries|heads) must be numbers from 0 to"):
            attention().weights(**wrong)

    def test_an_unknown_grid_is_an_error_when_asked_for(self) -> None:
        record = attention(tokens="blocks.0.attn: the grid must be known")  # type: ignore[arg-type]
        assert record.weights().shape == (1, 1, 3, 3)
        with pytest.raises(ValueRangeError, match="the grid must be known"):
            _ = record.tokens


class TestShapes:
    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: ChannelWeights(SITE, torch.ones(1, 3)), r"weights must have shape \(channels,\); got \(1, 3\)"),
            (
                lambda: ChannelWeights(SITE, torch.ones(3), torch.ones(2, 4, 4)),
                r"features must have shape \(3, h, w\); got \(2, 4, 4\)",
            ),
            (lambda: SpatialMask(SITE, torch.ones(1, 3, 4)), r"mask must have shape \(h, w\); got \(1, 3, 4\)"),
            (
                lambda: SpatialMask(SITE, torch.ones(3, 4), torch.ones(2, 4, 3)),
                r"features must have shape \(channels, 3, 4\); got \(2, 4, 3\)",
            ),
            (
                lambda: attention(queries=torch.ones(1, 3, 1)),
                r"queries must have shape \(windows, heads, queries, d\); got \(1, 3, 1\)",
            ),
        ],
    )
    def test_wrong_axes_are_refused(self, make: object, message: str) -> None:
        with pytest.raises(ShapeError, match=rf"^blocks\.0\.attn: {message}"):
            make()  # type: ignore[operator]

    def test_a_record_is_frozen(self) -> None:
        with pytest.raises(FrozenInstanceError):
            attention().scale = 2.0  # type: ignore[misc]

    def test_features_that_were_not_kept_are_an_error(self) -> None:
        with pytest.raises(NothingTracedError, match="features must have been kept"):
            _ = ChannelWeights(SITE, torch.ones(3)).features


class TestDeferred:
    def test_nothing_is_computed_before_it_is_asked_for_and_then_once(self) -> None:
        calls = []

        def compute() -> tuple[torch.Tensor]:
            calls.append(1)
            return (torch.ones(2, dtype=torch.float64, requires_grad=True),)

        record = ChannelWeights(SITE, torch.ones(3), Deferred(compute)[0])
        assert calls == []
        assert record.features.dtype == torch.float32
        assert not record.features.requires_grad
        assert record.features is record.features
        assert calls == [1]

    def test_kept_features_are_a_copy_of_the_picture_in_the_batch(self) -> None:
        x = torch.arange(8.0).view(1, 2, 2, 2)
        record = ChannelWeights(SITE, torch.ones(2), kept(x))
        assert torch.equal(record.features, x[0])
        x.zero_()
        assert record.features.sum() == 28  # 0 + 1 + ... + 7

    def test_a_write_before_asking_is_an_error(self) -> None:
        x = torch.ones(1, 2, 2, 2)
        record = ChannelWeights(SITE, torch.ones(2), kept(x))
        x[0, 0].zero_()  # through a view
        with pytest.raises(AttnvizError, match=r"features must be read before.*eager=True"):
            _ = record.features

    @pytest.mark.parametrize("change", ["step", "replace", "other data", "buffer", "child"])
    def test_changed_weights_are_an_error(self, change: str) -> None:
        layer = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        part = Deferred(lambda: (layer[0].weight,), layer=layer)[0]
        with torch.no_grad():
            match change:
                case "step":
                    layer[0].weight += 1
                case "replace":
                    layer[0].weight = nn.Parameter(layer[0].weight.clone())
                case "other data":
                    layer[0].weight.data = layer[0].weight.data + 1
                case "buffer":
                    layer[1].running_mean.add_(1)
                case "child":
                    layer[1] = nn.Identity()
        with pytest.raises(AttnvizError, match="a deferred tensor must be read before"):
            part.value()

    def test_unchanged_weights_are_no_error(self) -> None:
        layer = nn.Linear(2, 2)
        part = Deferred(lambda: (layer.weight,), layer=layer)[0]
        layer(torch.ones(2)).sum().backward()
        assert torch.equal(part.value(), layer.weight)

    def test_sources_are_let_go_once_read(self) -> None:
        x = torch.ones(1, 2, 2, 2)
        seen = weakref.ref(x)
        record = ChannelWeights(SITE, torch.ones(2), Deferred(lambda x=x: (x[0],), x)[0])
        del x
        assert seen() is not None
        _ = record.features
        assert seen() is None

    def test_a_record_survives_pickling(self) -> None:
        layer = nn.Linear(1, 1)
        x = torch.randn(1, 1, 3, 1)
        qk = Deferred(lambda: (layer(x), x), x, layer=layer)
        record = attention(queries=qk[0], keys=qk[1])
        again = pickle.loads(pickle.dumps(record))
        assert torch.equal(again.weights(), record.weights())
        assert again.site == record.site


class TestFactors:
    """What each gate multiplied its features with, in a form that broadcasts against (channels, h, w)."""

    def test_of_a_channel_gate(self) -> None:
        record = ChannelWeights(SITE, torch.tensor([0.25, 1.0]))
        assert record.factor.tolist() == [[[0.25]], [[1.0]]]

    def test_of_a_spatial_mask(self) -> None:
        record = SpatialMask(SITE, torch.tensor([[0.25, 1.0]]))
        assert record.factor.tolist() == [[[0.25, 1.0]]]

    @pytest.mark.parametrize("base", [0.0, 1.0])
    def test_of_a_mask_over_all_features(self, base: float) -> None:
        record = FeatureMask(SITE, torch.tensor([[[0.25, 1.0]], [[0.5, 0.0]]]), base)
        assert record.factor.tolist() == [[[base + 0.25, base + 1.0]], [[base + 0.5, base]]]


class TestFeatureMask:
    def test_a_mask_without_channels_is_refused(self) -> None:
        with pytest.raises(ShapeError, match=r"mask must have shape \(channels, h, w\); got \(4, 6\)"):
            FeatureMask(SITE, torch.ones(4, 6))

    def test_features_of_another_shape_are_refused(self) -> None:
        with pytest.raises(ShapeError, match=r"features must have shape \(2, 4, 6\); got \(1, 4, 6\)"):
            FeatureMask(SITE, torch.ones(2, 4, 6), features=torch.ones(1, 4, 6))

    def test_a_kept_mask_is_read_late_and_only_if_nobody_wrote_to_it(self) -> None:
        gate = torch.full((1, 2, 4, 6), 0.5)
        record, late = (FeatureMask(SITE, kept(gate), 1.0, kept(gate)) for _ in range(2))
        assert torch.equal(record.factor, torch.full((2, 4, 6), 1.5))
        gate.zero_()
        assert torch.equal(record.factor, torch.full((2, 4, 6), 1.5))  # copied when it was read
        with pytest.raises(AttnvizError, match="mask must be read before"):
            _ = late.factor

    def test_the_summary_tells_channels_and_places(self) -> None:
        assert kinds.shape_of(FeatureMask(SITE, torch.ones(3, 4, 6))) == "3 channels x 4 x 6 positions"


def channel(layer: str, **fields: object) -> ChannelWeights:
    return ChannelWeights(site=Site(layer, 0, "se"), weights=torch.ones(3), **fields)


class TestTrace:
    def trace(self, *records: object) -> Trace:
        return Trace("Net", torch.zeros(2), Geometry.identity((4, 4)), tuple(records))  # type: ignore[arg-type]

    def test_records_by_kind_and_by_layer(self) -> None:
        one, two = channel("layer1.0"), channel("layer2.0")
        mask = SpatialMask(Site("layer2.0", 0, "cbam.spatial"), torch.ones(2, 2))
        trace = self.trace(one, two, mask)
        assert trace.of(ChannelWeights) == (one, two)
        assert trace.of(SpatialMask) == (mask,)
        assert trace["layer2.0"] == (two, mask)
        assert trace.layers == ("layer1.0", "layer2.0")

    def test_an_unknown_layer_names_the_nearest_and_all(self) -> None:
        trace = self.trace(channel("layer1.0"), channel("layer2.0"))
        with pytest.raises(NotFoundError, match=r"'layer1\.O' is not .*nearest: 'layer1\.0'.*layer2\.0"):
            _ = trace["layer1.O"]

    def test_a_kind_that_is_absent_is_an_error(self) -> None:
        with pytest.raises(NothingTracedError, match="Net must have a layer that gives SelfAttention; got ChannelW"):
            self.trace(channel("layer1.0")).of(SelfAttention)

    def test_unproven_lists_what_is_off_by_more_than_a_hundred_thousandth(self) -> None:
        fine = channel("a", replay_error=0.9e-4, output_scale=10.0)  # 1e-5 of 10 is 1e-4
        off = channel("b", replay_error=1.1e-4, output_scale=10.0)
        broken = channel("c", replay_error=math.nan, output_scale=10.0)
        dead = channel("d", replay_error=0.0, output_scale=0.0)
        assert self.trace(fine, off, broken, dead).unproven == (off, broken)

    def test_unproven_needs_replays(self) -> None:
        with pytest.raises(ValueRangeError, match="verify=True"):
            _ = self.trace(channel("a")).unproven

    def test_the_summary_has_a_line_for_each_record(self) -> None:
        trace = self.trace(
            channel("layer1.0"),
            SpatialMask(Site("layer2.0", 1, "cbam.spatial"), torch.ones(2, 5), replay_error=2e-7, output_scale=1.0),
            attention(),
        )
        lines = [line.split("  ") for line in trace.summary().splitlines()]
        cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
        assert cells == [
            ["layer", "call", "mechanism", "holds", "replay error"],
            ["layer1.0", "0", "se", "3 channels", "not replayed"],
            ["layer2.0", "1", "cbam.spatial", "2 x 5 positions", "2.0e-07"],
            ["blocks.0.attn", "0", "mhsa", "1 x 1 heads x 3 x 3 tokens", "not replayed"],
        ]

    def test_repr_computes_nothing(self) -> None:
        def never() -> tuple[torch.Tensor]:
            raise AssertionError("computed")

        record = attention(queries=Deferred(never)[0])
        assert repr(record) == "SelfAttention(blocks.0.attn, mhsa)"
        assert repr(self.trace(record)) == "Trace(Net, 1 records of 1 layers)"


class TestProven:
    @pytest.mark.parametrize(
        ("error", "scale", "proven"),
        # 1e-5 of 10 is 1e-4.
        [(None, None, None), (0.9e-4, 10.0, True), (1.1e-4, 10.0, False), (math.nan, 10.0, False), (0.0, 0.0, True)],
    )
    def test_a_record_says_it_and_its_site_does(
        self, error: float | None, scale: float | None, proven: bool | None
    ) -> None:
        for record in (
            channel("a", replay_error=error, output_scale=scale),
            SpatialMask(Site("a", 0, "m"), torch.ones(2, 2), replay_error=error, output_scale=scale),
            FeatureMask(Site("a", 0, "m"), torch.ones(1, 2, 2), replay_error=error, output_scale=scale),
            attention(replay_error=error, output_scale=scale),
        ):
            assert record.proven is proven
            assert record.site.proven is proven

    def test_a_site_is_a_place_whatever_was_proven(self) -> None:
        assert Site("a", 0, "se", proven=False, edit="gate off") == Site("a", 0, "se")
        assert len({Site("a", 0, "se", proven=False), Site("a", 0, "se")}) == 1

    def test_the_summary_says_unproven_and_changed(self) -> None:
        record = channel("a", replay_error=0.5, output_scale=1.0)
        record = kinds.changed(record, site=replace(record.site, edit="gate off"))
        trace = Trace("Net", torch.zeros(2), None, (record,))
        assert trace.summary().splitlines()[1].endswith(" 3 channels, gate off  5.0e-01 unproven")


class TestChanged:
    """What an intervention makes of a record."""

    def test_heads_that_are_off_have_no_weight(self) -> None:
        record = kinds.changed(attention(queries=torch.ones(1, 2, 3, 1), keys=torch.ones(1, 2, 3, 1)), heads_off=(1,))
        assert record.weights()[0, 1].abs().max() == 0
        torch.testing.assert_close(record.weights(heads=[0]), torch.full((1, 1, 3, 3), 1 / 3))
        assert record.weights(queries=[0], heads=[1, 0])[0, :, 0, 0].tolist() == pytest.approx([0, 1 / 3])

    def test_hidden_keys_leave_their_share_to_the_others(self) -> None:
        # exp of the logits is 1, 2, 3. Without the last: 1/3, 2/3. Without any: zeros.
        hidden = torch.zeros(1, 1, 3, 3, dtype=torch.bool)
        hidden[..., 1, 2] = True
        hidden[..., 2, :] = True
        weights = kinds.changed(attention(), hidden=hidden).weights()[0, 0]
        torch.testing.assert_close(weights, torch.tensor([[1 / 6, 2 / 6, 3 / 6], [1 / 3, 2 / 3, 0], [0, 0, 0]]))

    def test_numbers_that_overflowed_are_not_hidden(self) -> None:
        record = kinds.changed(
            attention(queries=torch.full((1, 1, 3, 1), math.nan)), hidden=torch.zeros(1, 1, 1, 3, dtype=torch.bool)
        )
        assert record.weights().isnan().all()

    def test_nothing_is_computed(self) -> None:
        def never() -> tuple[torch.Tensor]:
            raise AssertionError("computed")

        record = attention(queries=Deferred(never)[0])
        other = kinds.changed(record, heads_off=(0,))
        assert (other.heads_off, record.heads_off) == ((0,), ())

    def test_the_result_is_checked_as_a_new_record_is(self) -> None:
        with pytest.raises(ShapeError, match="weights must have shape"):
            kinds.changed(channel("a"), weights=torch.ones(1, 3))


class TestGraph:
    def test_history_is_dropped_unless_it_is_kept(self) -> None:
        x = torch.ones(1, 2, 2, 2, requires_grad=True)
        assert not kept(x * 2).value().requires_grad
        with graph_kept():
            part, late = kept(x * 2), kept(x * 3)
            value = part.value()
            with torch.no_grad():
                assert not late.value().requires_grad
        (gradient,) = torch.autograd.grad(value.sum(), x)
        assert torch.equal(gradient, torch.full_like(x, 2))
        assert not x.detach().requires_grad


def test_replace_keeps_what_was_not_replaced() -> None:
    record = replace(attention(), scale=3.0)
    assert record.scale == 3.0
    assert torch.equal(record.keys, attention().keys)
