"""Changed gates, heads and keys, against networks in which the same change is made by hand."""

import math
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from einops import rearrange
from torch import Tensor, nn

from attnviz.errors import AttnvizError, NotFoundError, NothingTracedError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.layers import AAConv2d, Cbam, SqueezeExcitation
from attnviz.maps import GradCam, Received, Rollout, attention_entropy, explain
from attnviz.mechanisms import Emit, Mechanism, Run, base, register
from attnviz.models import build
from attnviz.records import FeatureMask, SelfAttention, SpatialMask, Trace, kept
from attnviz.records.tokens import TokenGrid
from attnviz.regions import Region
from attnviz.tracer import intervene, trace
from attnviz.tracer.edits import EDITING
from attnviz.tracer.session import LayerWatch
from tests.mechanisms.contract import Boom, hooks_of, state_of, vary


class Gates(nn.Module):
    """Convolution, SE, convolution, CBAM, mean."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 1)
        self.se = SqueezeExcitation(6, reduction=2)
        self.conv = nn.Conv2d(6, 6, 3, padding=1)
        self.cbam = Cbam(6, reduction=2, kernel_size=3)
        self.fails = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.cbam(self.conv(self.se(self.stem(x))))
        if self.fails:
            raise Boom
        return x.mean(dim=(2, 3))


class Tokens(nn.Module):
    """Patches of 8 pixels and a class token, two layers of self-attention with a skip connection, a linear head."""

    def __init__(self, width: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, width, 8, 8)
        self.class_token = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.ModuleList(nn.MultiheadAttention(width, heads, batch_first=True) for _ in range(2))
        self.head = nn.Linear(width, 5)

    def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        return input_hw[0] // 8, input_hw[1] // 8

    def forward(self, x: Tensor) -> Tensor:
        patches = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), patches], dim=1)
        for block in self.blocks:
            x = x + block(x, x, x, need_weights=False)[0]
        return self.head(x[:, 0])


def by_hand(model: Tokens, picture: Tensor, change: Callable[[int, Tensor], Tensor]) -> Tensor:
    """The network with a softmax written out; `change` gets the block's number and the logits (1, heads, n, n)."""
    patches = model.patch_embed(picture).flatten(2).transpose(1, 2)
    x = torch.cat([model.class_token, patches], dim=1)
    for number, block in enumerate(model.blocks):
        qkv = x @ block.in_proj_weight.T + block.in_proj_bias
        q, k, v = rearrange(qkv, "b n (three heads d) -> three b heads n d", three=3, heads=block.num_heads)
        logits = change(number, q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]))
        joined = rearrange(logits.softmax(dim=-1).nan_to_num() @ v, "b heads n d -> b n (heads d)")
        x = x + joined @ block.out_proj.weight.T + block.out_proj.bias
    return model.head(x[:, 0])


@pytest.fixture
def gates() -> Gates:
    model: Gates = vary(Gates(), std=0.3).eval()  # type: ignore[assignment]
    with torch.no_grad():
        model.cbam.spatial.bn.bias.fill_(0.5)  # a mask that is nearly closed would hide what comes before it
        assert model(torch.randn(1, 3, 16, 24)).abs().max() > 0.02
    return model


@pytest.fixture
def tokens() -> Tokens:
    return vary(Tokens(), std=0.4).eval()  # type: ignore[return-value]


@pytest.fixture
def picture() -> Tensor:
    return torch.randn(1, 3, 16, 24)  # 2 x 3 patches of 8 pixels


def without(model: Gates, *names: str) -> Callable[[Tensor], Tensor]:
    """The network with layers replaced by the identity."""
    changed = Gates()
    changed.load_state_dict(model.state_dict())
    for name in names:
        setattr(changed, name, nn.Identity())
    return changed.eval()


class TestGates:
    def test_a_gate_that_is_off_is_the_identity(self, gates: Gates, picture: Tensor) -> None:
        with intervene(gates, gates="off", layers="se"):
            assert torch.equal(gates(picture), without(gates, "se")(picture))
        with intervene(gates, gates="off"):
            assert torch.equal(gates(picture), without(gates, "se", "cbam")(picture))
        assert not torch.equal(gates(picture), without(gates, "se")(picture))

    def test_gates_at_their_mean(self, gates: Gates, picture: Tensor) -> None:
        mean = gates.se.weights(gates.stem(picture)).mean()
        with intervene(gates, gates={"se": "mean"}):
            changed = gates(picture)
        expected = gates.cbam(gates.conv(gates.stem(picture) * mean)).mean(dim=(2, 3))
        torch.testing.assert_close(changed, expected)

    @pytest.mark.parametrize("given", [0.25, torch.tensor([0.0, 1.0, 0.5, 0.25, 2.0, 1.0])], ids=["one", "each"])
    def test_given_factors(self, gates: Gates, picture: Tensor, given: float | Tensor) -> None:
        with intervene(gates, gates={"se": given}):
            changed = gates(picture)
        factor = torch.as_tensor(given).reshape(-1, 1, 1)
        torch.testing.assert_close(changed, gates.cbam(gates.conv(gates.stem(picture) * factor)).mean(dim=(2, 3)))

    def test_one_part_of_a_layer(self, gates: Gates, picture: Tensor) -> None:
        before = gates.conv(gates.se(gates.stem(picture)))
        with intervene(gates, gates={"*": {"spatial": "off"}}):
            torch.testing.assert_close(gates(picture), gates.cbam.channel(before).mean(dim=(2, 3)))
        # With the channel gate off the spatial mask stays what it was behind that gate.
        mask = gates.cbam.spatial.mask(gates.cbam.channel(before))
        with intervene(gates, gates={"cbam": {"channel": "off"}}):
            torch.testing.assert_close(gates(picture), (before * mask).mean(dim=(2, 3)))
            records = trace(gates, picture, verify=True)["cbam"]
        assert [record.site.edit for record in records] == ["gate off", "attention changed in cbam"]
        torch.testing.assert_close(records[0].features, before[0])  # type: ignore[union-attr]
        with pytest.raises(AttnvizError, match="features must be those of the layer as it was"):
            _ = records[1].features  # type: ignore[union-attr]

    def test_a_spatial_mask_takes_factors_of_its_shape(self, gates: Gates, picture: Tensor) -> None:
        mask = torch.rand(16, 24)
        with intervene(gates, gates={"cbam": {"channel": "off", "spatial": mask}}):
            changed = gates(picture)
        torch.testing.assert_close(changed, (gates.conv(gates.se(gates.stem(picture))) * mask).mean(dim=(2, 3)))

    @pytest.mark.parametrize("base_factor", [0.0, 1.0])
    def test_masks_over_every_feature(self, base_factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
        class Residual(nn.Module):
            """(base + M) * T with M = sigmoid(x) and T = 3 x: 0 gives M = 1/2, ln 3 gives 3/4."""

            def forward(self, x: Tensor) -> Tensor:
                return (base_factor + torch.sigmoid(x)) * 3 * x

        class Reads(Mechanism[Residual]):
            key = "residual_toy"
            paper = "none"

            def watch(self, layer: Residual, emit: Emit) -> list[object]:  # type: ignore[override]
                def look(run: Run) -> None:
                    emit(FeatureMask, mask=torch.sigmoid(run.x)[0], base=base_factor, features=kept(3 * run.x))

                return [emit.after(layer, look)]

            def replay(self, layer: Residual, x: Tensor, record: FeatureMask) -> Tensor:
                return record.factor.to(x) * 3 * x

        monkeypatch.setattr(base, "_MECHANISMS", dict(base._MECHANISMS))
        register(Residual)(Reads)
        x = torch.tensor([0.0, math.log(3)]).view(1, 1, 1, 2)
        model = nn.Sequential(Residual()).eval()
        with intervene(model, gates="off"):
            torch.testing.assert_close(model(x), 3 * x)
            (record,) = trace(model, x, verify=True).of(FeatureMask)
        assert record.factor.tolist() == [[[1.0, 1.0]]]
        assert record.proven
        with intervene(model, gates="mean"):  # (1/2 + 3/4) / 2 = 5/8
            torch.testing.assert_close(model(x), (base_factor + 5 / 8) * 3 * x)
        with intervene(model, gates=0.5):
            torch.testing.assert_close(model(x), 1.5 * x)

    def test_attention_beside_gates_is_left_alone(self, picture: Tensor) -> None:
        model = nn.Sequential(SqueezeExcitation(3), vary(Tokens()))
        model.eval()
        with intervene(model, gates="off"):
            assert torch.equal(model(picture), model[1](picture))


class TestHeads:
    def test_a_head_that_is_off_adds_nothing(self, tokens: Tokens, picture: Tensor) -> None:
        # Head 1 of 2 fills the joined channels 4 to 7, so the output projection without these columns is the same.
        changed = Tokens().eval()
        changed.load_state_dict(tokens.state_dict())
        with torch.no_grad():
            changed.blocks[1].out_proj.weight[:, 4:] = 0
        with intervene(tokens, heads={"blocks.1": [1]}):
            torch.testing.assert_close(tokens(picture), changed(picture))
            result = trace(tokens, picture, verify=True)
        assert result.unproven == ()
        weights = result["blocks.1"][0].weights()  # type: ignore[union-attr]
        assert weights[:, 1].abs().max() == 0
        torch.testing.assert_close(weights[:, 0].sum(dim=-1), torch.ones(1, 7))
        assert (tokens(picture) - changed(picture)).abs().max() > 1e-3

    def test_numbers_from_the_end_and_patterns(self, tokens: Tokens, picture: Tensor) -> None:
        with intervene(tokens, heads={"blocks.*": [-1], "blocks.0": [0]}):
            result = trace(tokens, picture)
            everything = tokens(picture)
        assert [record.site.edit for record in result.records] == ["head 2 off, heads 1, 2 off", "head 2 off"]
        assert result["blocks.0"][0].weights().abs().max() == 0  # type: ignore[union-attr]
        with intervene(tokens, heads={"blocks.0": [0, 1], "blocks.1": [1]}):
            assert torch.equal(tokens(picture), everything)

    def test_convolutional_attention(self) -> None:
        layer = vary(AAConv2d(3, 6, key_channels=4, value_channels=4, heads=2, grid_hw=(4, 5))).eval()
        model, x = nn.Sequential(layer).eval(), torch.randn(1, 3, 4, 5)
        with intervene(model, heads={"0": [0]}):
            changed = model(x)
        # Head 0 of 2 fills channels 0 and 1 of the 4 that the pointwise convolution `out` mixes.
        q, k, v = layer.project(x)  # type: ignore[operator]
        weights = ((q * layer.scale) @ k.transpose(-2, -1) + layer.relative_logits(q, (4, 5))).softmax(dim=-1)  # type: ignore[operator]
        attended = weights @ v
        attended[:, 0] = 0
        torch.testing.assert_close(changed, layer.merge(x, attended))  # type: ignore[operator]


class TestHide:
    def test_hidden_keys_get_nothing_and_the_others_share(self, tokens: Tokens, picture: Tensor) -> None:
        def hide(number: int, logits: Tensor) -> Tensor:
            logits[..., [2, 6]] = -torch.inf
            return logits

        with intervene(tokens, hide=[2, 6]):
            torch.testing.assert_close(tokens(picture), by_hand(tokens, picture, hide))
            result = trace(tokens, picture, verify=True)
        assert result.unproven == ()
        for record in result.of(SelfAttention):
            weights = record.weights()
            assert weights[..., [2, 6]].abs().max() == 0
            torch.testing.assert_close(weights.sum(dim=-1), torch.ones(1, 2, 7))
            torch.testing.assert_close(record.weights(queries=[3], heads=[1]), weights[:, 1:, 3:4])

    @pytest.mark.parametrize("from_queries", ["class", [0]])
    def test_from_some_queries_in_some_layers(
        self, tokens: Tokens, picture: Tensor, from_queries: str | list[int]
    ) -> None:
        def hide(number: int, logits: Tensor) -> Tensor:
            if number == 1:
                logits[..., 0, 1:4] = -torch.inf
            return logits

        with intervene(tokens, hide=[1, 2, 3], from_queries=from_queries, layers=["blocks.1"]):  # type: ignore[arg-type]
            torch.testing.assert_close(tokens(picture), by_hand(tokens, picture, hide))

    def test_a_region_hides_the_cells_that_it_covers_by_half(self, tokens: Tokens, picture: Tensor) -> None:
        # Of a picture of 32 x 48 px, halved: a cell of 8 px covers 16. Rows 0..16, columns 16..40: the middle cell
        # of the upper row wholly and the right one by half, (40 - 32) / 16; so cells 1 and 2, tokens 2 and 3.
        geometry = Geometry((32, 48), (16, 24), (0.5, 0.5), (0.0, 0.0))

        def hide(number: int, logits: Tensor) -> Tensor:
            logits[..., [2, 3]] = -torch.inf
            return logits

        with intervene(tokens, hide=Region.from_box("dog", (0, 16, 16, 40), (32, 48)), geometry=geometry):
            torch.testing.assert_close(tokens(picture), by_hand(tokens, picture, hide))
            (record, _) = trace(tokens, picture).of(SelfAttention)
        assert record.site.edit == "dog hidden"
        # One column less, and the right cell is covered by 7/16.
        with intervene(tokens, hide=Region.from_box("dog", (0, 16, 16, 39), (32, 48)), geometry=geometry):
            (record, _) = trace(tokens, picture).of(SelfAttention)
        assert record.hidden is not None
        assert record.hidden.flatten().nonzero().flatten().tolist() == [2]

    def test_inputs_of_two_sizes_in_one_block(self, tokens: Tokens, picture: Tensor) -> None:
        def hide(number: int, logits: Tensor) -> Tensor:
            logits[..., 0, 5] = -torch.inf
            return logits

        wider = torch.randn(1, 3, 16, 40)
        with intervene(tokens, hide=[5], from_queries="class"):
            for one in (picture, wider):
                torch.testing.assert_close(tokens(one), by_hand(tokens, one, hide))

    def test_a_query_without_keys_reads_nothing(self, tokens: Tokens, picture: Tensor) -> None:
        def hide(number: int, logits: Tensor) -> Tensor:
            logits[..., 3, :] = -torch.inf
            return logits

        with intervene(tokens, hide=range(7), from_queries=[3]):
            torch.testing.assert_close(tokens(picture), by_hand(tokens, picture, hide))
            assert trace(tokens, picture).of(SelfAttention)[0].weights()[..., 3, :].abs().max() == 0

    def test_windows(self) -> None:
        # 2 x 4 tokens in two windows of 2 x 2, shifted by one column: columns 1, 2 | 3, 0.
        grid = TokenGrid((2, 4), (2, 2), shift_hw=(0, 1))
        model = vary(Windowed(grid)).eval()
        x = torch.randn(1, 3, 2, 4)
        with intervene(model, hide=[3, 4]):  # row 0, column 3 and row 1, column 0
            (record,) = trace(model, x, verify=True).of(SelfAttention)
            changed = model(x)
        assert record.proven
        weights = record.weights()
        # In the second window, row by row: columns 3, 0 of row 0 and of row 1: tokens 0 and 3 are hidden.
        assert weights[1][..., [0, 3]].abs().max() == 0
        assert weights[1][..., [1, 2]].min() > 0
        torch.testing.assert_close(weights[0], trace(model, x).of(SelfAttention)[0].weights()[0])
        assert not torch.equal(changed, model(x))


class Windowed(nn.Module):
    """Self-attention within windows, read by a mechanism of the test."""

    def __init__(self, grid: TokenGrid) -> None:
        super().__init__()
        self.attention = WindowAttention(grid)

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x).mean(dim=(0, 1))[None]


class WindowAttention(nn.Module):
    def __init__(self, grid: TokenGrid) -> None:
        super().__init__()
        self.grid = grid
        self.qkv = nn.Linear(3, 12)

    def project(self, x: Tensor) -> Tensor:
        windows = torch.stack([self.place(x, number) for number in range(self.grid.windows)])
        return rearrange(self.qkv(windows), "w n (three heads d) -> three w heads n d", three=3, heads=2)

    def place(self, x: Tensor, window: int) -> Tensor:
        """The tokens of one window, (patches, channels)."""
        cells = [(y, c) for y in range(self.grid.grid_hw[0]) for c in range(self.grid.grid_hw[1])]
        placed = {self.grid.index_of(*cell): cell for cell in cells}
        return torch.stack([x[0, :, *placed[window, token]] for token in range(self.grid.tokens)])

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x)
        return rearrange((q @ k.transpose(-2, -1)).softmax(dim=-1) @ v, "w heads n d -> w n (heads d)")


class WindowMechanism(Mechanism[WindowAttention]):
    key = "window_toy"
    paper = "none"

    def watch(self, layer: WindowAttention, emit: Emit) -> list[object]:  # type: ignore[override]
        def look(run: Run) -> None:
            q, k, _ = layer.project(run.x)
            emit(SelfAttention, queries=q, keys=k, scale=1.0, tokens=layer.grid)

        return [emit.after(layer, look)]

    def replay(self, layer: WindowAttention, x: Tensor, record: SelfAttention) -> Tensor:
        return rearrange(record.weights().to(x) @ layer.project(x)[2], "w heads n d -> w n (heads d)")


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of mechanisms with one more, thrown away after each test."""
    monkeypatch.setattr(base, "_MECHANISMS", {**base._MECHANISMS, WindowAttention: WindowMechanism()})


class TestGradients:
    """They flow through a changed layer as through one that was written that way."""

    def gradients(self, run: Callable[[Tensor], Tensor], model: nn.Module, picture: Tensor) -> list[Tensor]:
        x = picture.clone().requires_grad_()
        return list(
            torch.autograd.grad(run(x)[0, 2], [x, *model.parameters()], allow_unused=True, materialize_grads=True)
        )

    def test_through_gates_at_their_mean(self, gates: Gates, picture: Tensor) -> None:
        def written(x: Tensor) -> Tensor:
            x = gates.stem(x)
            return gates.cbam(gates.conv(x * gates.se.weights(x).mean())).mean(dim=(2, 3))

        with intervene(gates, gates={"se": "mean"}):
            changed = self.gradients(gates, gates, picture)
        expected = self.gradients(written, gates, picture)
        for one, other in zip(changed, expected, strict=True):
            torch.testing.assert_close(one, other)
        # The gate's own parameters count: its mean depends on them.
        assert dict(zip(dict(gates.named_parameters()), expected[1:], strict=True))["se.fc1.weight"].abs().max() > 0

    def test_through_hidden_keys_and_heads(self, tokens: Tokens, picture: Tensor) -> None:
        with intervene(tokens, hide=[2, 6], heads={"blocks.1": [0]}):
            changed = self.gradients(tokens, tokens, picture)

        def written(x: Tensor) -> Tensor:
            patches = tokens.patch_embed(x).flatten(2).transpose(1, 2)
            x = torch.cat([tokens.class_token, patches], dim=1)
            for number, block in enumerate(tokens.blocks):
                qkv = x @ block.in_proj_weight.T + block.in_proj_bias
                q, k, v = rearrange(qkv, "b n (three heads d) -> three b heads n d", three=3, heads=2)
                hidden = torch.zeros(7, dtype=torch.bool)
                hidden[[2, 6]] = True
                weights = (q @ k.transpose(-2, -1) / 2).masked_fill(hidden, -torch.inf).softmax(dim=-1)  # d = 4
                weights = weights * torch.tensor([0.0 if number == 1 else 1.0, 1.0]).view(1, 2, 1, 1)
                joined = rearrange(weights @ v, "b heads n d -> b n (heads d)")
                x = x + joined @ block.out_proj.weight.T + block.out_proj.bias
            return tokens.head(x[:, 0])

        for one, other in zip(changed, self.gradients(written, tokens, picture), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)

    def test_grad_cam_sees_the_change(self, gates: Gates, picture: Tensor) -> None:
        method = GradCam(target=1, layer="conv")
        alone = explain(gates, picture, method).values_hw
        with intervene(gates, gates="off", layers="cbam"):
            changed = explain(gates, picture, method).values_hw
        expected = explain(without(gates, "cbam"), picture, method).values_hw  # type: ignore[arg-type]
        np.testing.assert_allclose(changed, expected, rtol=1e-4, atol=1e-6)
        assert not np.allclose(changed, alone)


class TestTraces:
    def test_a_trace_inside_holds_what_ran(self, gates: Gates, picture: Tensor) -> None:
        with intervene(gates, gates={"se": "off"}):
            with torch.no_grad():
                plain = gates(picture)[0]
            for options in ({}, {"verify": True}, {"eager": True}):
                result = trace(gates, picture, **options)  # type: ignore[arg-type]
                assert torch.equal(result.logits, plain)
                (record,) = result["se"]
                assert record.weights.tolist() == [1.0] * 6  # type: ignore[union-attr]
                torch.testing.assert_close(record.features, gates.stem(picture)[0])  # type: ignore[union-attr]
                # The next layer's gates follow from its changed input.
                mask = gates.cbam.spatial.mask(gates.cbam.channel(gates.conv(gates.stem(picture))))
                torch.testing.assert_close(result.of(SpatialMask)[0].mask, mask[0, 0])
            assert trace(gates, picture, verify=True).unproven == ()
        assert "6 channels, gate off" in result.summary()
        assert [record.site.edit for record in trace(gates, picture).records] == ["", "", ""]

    def test_a_record_that_is_not_what_ran_is_unproven(
        self, gates: Gates, picture: Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from attnviz.tracer import session

        # The trace forgets the intervention; the network does not.
        monkeypatch.setattr(session, "edited", lambda editors, layer, records: records)
        with intervene(gates, gates="off", layers="se"):
            result = trace(gates, picture, verify=True)
        assert [record.site.layer for record in result.unproven] == ["se"]

    def test_maps_of_a_changed_network(self, tokens: Tokens, picture: Tensor) -> None:
        with intervene(tokens, hide=[2], layers="blocks.0"):
            shown = Received(layer="blocks.0")(trace(tokens, picture))
        assert shown.values_hw[0, 1] == 0
        assert [site.edit for site in shown.sites] == ["1 tokens hidden"]


class TestBatches:
    def test_pictures_run_one_by_one(self, tokens: Tokens) -> None:
        pictures = torch.randn(3, 3, 16, 24)
        with intervene(tokens, hide=[1, 2]), torch.no_grad():
            together = tokens(pictures)
            single = [tokens(one) for one in pictures.split(1)]
        assert torch.equal(together, torch.cat(single))
        assert not torch.allclose(together, tokens(pictures))

    def test_a_batch_with_gates_at_their_mean_has_a_mean_for_each(self, gates: Gates) -> None:
        pictures = torch.randn(2, 3, 4, 5)
        with intervene(gates, gates={"se": "mean"}):
            changed = gates(pictures)
        x = gates.stem(pictures)
        mean = gates.se.weights(x).mean(dim=1)[:, None, None, None]
        torch.testing.assert_close(changed, gates.cbam(gates.conv(x * mean)).mean(dim=(2, 3)))

    @pytest.mark.parametrize(
        "wrap",
        [lambda y: (y, None), lambda y: {"out": y}, lambda y: [y, (y,)]],
        ids=["tuple", "dict", "nested"],
    )
    def test_outputs_of_other_forms_are_joined(self, gates: Gates, wrap: Callable[[Tensor], object]) -> None:
        class Wrapped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = gates

            def forward(self, x: Tensor) -> object:
                return wrap(self.net(x))

        model, pictures = Wrapped().eval(), torch.randn(2, 3, 4, 4)
        with intervene(model, gates="off"):
            torch.testing.assert_close(model(pictures), wrap(gates.conv(gates.stem(pictures)).mean(dim=(2, 3))))

    def test_an_output_without_a_batch_axis_is_refused(self, gates: Gates) -> None:
        model = nn.Sequential(gates, nn.Flatten(0)).eval()
        with intervene(model, gates="off"), pytest.raises(ShapeError, match="must have a batch axis of 1"):
            model(torch.randn(2, 3, 4, 4))

    def test_a_part_of_the_model_takes_one_picture(self, gates: Gates) -> None:
        with intervene(gates, gates="off"):
            x = torch.randn(1, 6, 4, 4)
            assert torch.equal(gates.se(x), x)
            with pytest.raises(ShapeError, match=r"^se: the batch must hold 1 picture; got 2"):
                gates.se(torch.randn(2, 6, 4, 4))


class TestAfterwards:
    @pytest.mark.parametrize("network", ["gates", "tokens"])
    def test_the_model_is_as_it_was(self, network: str, request: pytest.FixtureRequest, picture: Tensor) -> None:
        model: nn.Module = request.getfixturevalue(network)
        mine = model.register_forward_hook(lambda *_: None)
        before, hooks, expected = state_of(model), hooks_of(model), model(picture)
        with intervene(model, **({"gates": "off"} if network == "gates" else {"hide": [1]})):  # type: ignore[arg-type]
            assert not torch.equal(model(picture), expected)
        assert (state_of(model), hooks_of(model)) == (before, hooks)
        assert torch.equal(model(picture), expected)
        assert EDITING.get() == ()
        mine.remove()

    def test_after_an_exception_too(self, gates: Gates, picture: Tensor) -> None:
        expected = gates(picture)
        with pytest.raises(Boom), intervene(gates, gates="mean"):
            raise Boom
        assert hooks_of(gates) == 0
        assert torch.equal(gates(picture), expected)

    def test_a_failed_pass_leaves_nothing_for_the_next(self, gates: Gates) -> None:
        pictures = torch.randn(2, 3, 4, 4)
        with intervene(gates, gates={"se": "mean", "cbam": {"spatial": "off"}}):
            expected = gates(pictures)
            gates.fails = True
            with pytest.raises(Boom):
                gates(pictures)
            # Fails between a gate's run and its layer's.
            handle = gates.cbam.spatial.register_forward_hook(lambda *_: 1 / 0)
            gates.fails = False
            with pytest.raises(ZeroDivisionError):
                gates(pictures)
            handle.remove()
            assert torch.equal(gates(pictures), expected)
            assert torch.equal(gates(pictures[1:]), expected[1:])
        assert hooks_of(gates) == 0

    def test_a_failure_inside_a_layer_leaves_nothing_for_the_next_pass(self) -> None:
        layer = vary(AAConv2d(3, 6, key_channels=4, value_channels=4, heads=2, grid_hw=(4, 5)))
        model, x = nn.Sequential(layer).eval(), torch.randn(1, 3, 4, 5)
        with intervene(model, heads={"0": [0]}):
            expected = model(x)
            # The record is made of the run of `qkv`, which comes before that of `out`.
            handle = layer.out.register_forward_hook(lambda *_: 1 / 0)  # type: ignore[union-attr]
            with pytest.raises(ZeroDivisionError):
                model(x)
            handle.remove()
            assert torch.equal(model(x), expected)

    def test_a_layer_whose_mechanism_fails_leaves_no_hook(
        self, gates: Gates, picture: Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Failing(WindowMechanism):
            def watch(self, layer: nn.Module, emit: Emit) -> list[object]:  # type: ignore[override]
                raise Boom

        monkeypatch.setitem(base._MECHANISMS, Cbam, Failing())
        with pytest.raises(Boom), intervene(gates, gates="off"):
            pass
        assert hooks_of(gates) == 0
        assert EDITING.get() == ()

    def test_other_threads_see_the_network_as_it_is(self, gates: Gates, picture: Tensor) -> None:
        with torch.no_grad():
            plain = gates(picture)
        seen: list[Tensor] = []
        traces: list[Trace] = []

        def elsewhere() -> None:
            with torch.no_grad():
                seen.append(gates(picture))
            with torch.no_grad(), intervene(gates, gates={"se": 0.5}):
                seen.append(gates(picture))
            traces.append(trace(gates, picture, verify=True))

        with torch.no_grad(), intervene(gates, gates="off"):
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
            assert torch.equal(gates(picture), without(gates, "se", "cbam")(picture))
        with torch.no_grad(), intervene(gates, gates={"se": 0.5}):
            halved = gates(picture)
        assert torch.equal(seen[0], plain)
        assert torch.equal(seen[1], halved)
        assert torch.equal(traces[0].logits, plain[0])
        assert traces[0].unproven == ()

    def test_threads_with_changes_of_their_own(self, gates: Gates) -> None:
        pictures = [torch.randn(1, 3, 4, 4 + number) for number in range(3)]
        changes = ["off", 0.5, "mean"]

        def run(number: int) -> Tensor:
            with torch.no_grad(), intervene(gates, gates={"*": changes[number]}):  # type: ignore[dict-item]
                return torch.cat([gates(pictures[number]) for _ in range(8)])

        alone = [run(number) for number in range(3)]
        together: dict[int, Tensor] = {}
        threads = [
            threading.Thread(target=lambda number=number: together.update({number: run(number)})) for number in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(torch.equal(together[number], alone[number]) for number in range(3))
        assert hooks_of(gates) == 0


class TestNested:
    def test_changes_add_up(self, tokens: Tokens, picture: Tensor) -> None:
        with intervene(tokens, hide=[2], heads={"blocks.1": [0]}):
            both = tokens(picture)
        with intervene(tokens, hide=[2]):
            hidden = tokens(picture)
            with intervene(tokens, heads={"blocks.1": [0]}):
                assert torch.equal(tokens(picture), both)
                assert torch.equal(trace(tokens, picture).logits, tokens(picture)[0].detach())
            assert torch.equal(tokens(picture), hidden)
        assert not torch.equal(both, hidden)

    def test_the_inner_one_goes_last(self, gates: Gates, picture: Tensor) -> None:
        with intervene(gates, gates={"se": 0.5}), intervene(gates, gates={"se": 2.0}):
            changed = gates(torch.cat([picture, picture]))
        with intervene(gates, gates={"se": 2.0}):
            assert torch.equal(changed[1:], gates(picture))

    def test_hidden_keys_add_up(self, tokens: Tokens, picture: Tensor) -> None:
        with intervene(tokens, hide=[2, 6]):
            both = tokens(picture)
        with intervene(tokens, hide=[2]), intervene(tokens, hide=[6]):
            assert torch.equal(tokens(picture), both)

    def test_a_layer_is_computed_again_once(
        self, gates: Gates, picture: Tensor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replays: list[str] = []
        replay = LayerWatch.replay
        monkeypatch.setattr(LayerWatch, "replay", lambda watch, *a: replays.append(watch.layer) or replay(watch, *a))
        with intervene(gates, gates="off"), intervene(gates, gates="off", layers="se"):
            gates(picture)
        assert replays == ["se", "cbam"]

    def test_another_network_inside(self, gates: Gates, tokens: Tokens, picture: Tensor) -> None:
        expected = tokens(picture)
        with intervene(gates, gates="off"):
            assert torch.equal(tokens(picture), expected)


class TestErrors:
    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({}, "gates, heads or hide must be given; got none"),
            ({"gates": "open"}, 'gates must be "off", "mean" or factors; got \'open\''),
            ({"gates": math.nan}, "factors must be finite"),
            ({"heads": {"se": [0]}, "layers": "se"}, "layers must go with hide"),
            ({"gates": "off", "layers": []}, "layers must name at least one"),
            ({"hide": [1], "from_queries": "patches"}, 'from_queries must be "all", "class" or numbers'),
            ({"hide": Region("dog", np.eye(4, dtype=bool))}, r"geometry must come with a region.*'dog'.*model_input\."),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, gates: Gates, change: dict[str, object], message: str) -> None:
        with pytest.raises(ValueRangeError, match=message), intervene(gates, **change):  # type: ignore[arg-type]
            pytest.fail("the block must not begin")
        assert hooks_of(gates) == 0

    @pytest.mark.parametrize(
        "change", [{"gates": {"sse": "off"}}, {"heads": {"sse": [0]}}, {"gates": 1.0, "layers": "sse"}]
    )
    def test_a_name_that_matches_nothing_lists_the_layers(self, gates: Gates, change: dict[str, object]) -> None:
        with (
            pytest.raises(
                NotFoundError, match=r"'sse' is not among the attention layers of Gates; nearest: 'se'.*cbam"
            ),
            intervene(gates, **change),
        ):  # type: ignore[arg-type]
            pass

    def test_a_network_without_attention(self) -> None:
        with (
            pytest.raises(NothingTracedError, match="Conv2d must have attention layers"),
            intervene(nn.Conv2d(3, 3, 1).eval(), gates="off"),
        ):
            pytest.fail("the block must not begin")

    def test_training_and_compiled_networks(self, gates: Gates) -> None:
        with pytest.raises(ValueRangeError, match="evaluation mode"), intervene(gates.train(), gates="off"):
            pass
        with pytest.raises(ValueRangeError, match="compiled"), intervene(torch.compile(gates.eval()), gates="off"):  # type: ignore[arg-type]
            pass

    def test_heads_of_a_gate(self, gates: Gates, picture: Tensor) -> None:
        with intervene(gates, heads={"cbam": [0]}):
            with pytest.raises(ValueRangeError, match=r"^cbam must be a self-attention.*got ChannelWeights \(cbam\.ch"):
                gates(picture)
            with pytest.raises(ValueRangeError, match=r"^cbam must be a self-attention"):
                trace(gates, picture)
        assert hooks_of(gates) == 0

    def test_a_gate_of_self_attention(self, tokens: Tokens, picture: Tensor) -> None:
        with (
            intervene(tokens, gates={"blocks.0": "off"}),
            pytest.raises(ValueRangeError, match=r"^blocks\.0 must be a gate"),
        ):
            tokens(picture)
        with (
            intervene(tokens, gates="off"),
            pytest.raises(NothingTracedError, match=r"none of blocks\.0, blocks\.1 is a gate"),
        ):
            tokens(picture)

    def test_keys_of_a_gate(self, gates: Gates, picture: Tensor) -> None:
        with (
            intervene(gates, hide=[0]),
            pytest.raises(NothingTracedError, match="none of se, cbam is a self-attention"),
        ):
            gates(picture)

    def test_a_part_that_is_not_there(self, gates: Gates, picture: Tensor) -> None:
        with (
            intervene(gates, gates={"cbam": {"position": "off"}}),
            pytest.raises(ValueRangeError, match="a position gate"),
        ):
            gates(picture)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"heads": {"blocks.0": [2]}}, r"^blocks\.0: heads must be numbers from 0 to 1; got \[2\]"),
            ({"heads": {"blocks.0": []}}, r"^blocks\.0: heads must be numbers"),
            ({"hide": [7]}, r"^blocks\.0: numbers of keys must lie in 0\.\.6; got \[7\]"),
            ({"hide": []}, r"^blocks\.0: numbers of keys must lie in 0\.\.6; got \[\]"),
            ({"hide": [1], "from_queries": [-8]}, "numbers of queries must lie"),
        ],
    )
    def test_numbers_out_of_range(
        self, tokens: Tokens, picture: Tensor, change: dict[str, object], message: str
    ) -> None:
        with intervene(tokens, **change), pytest.raises(ValueRangeError, match=message):  # type: ignore[arg-type]
            tokens(picture)

    def test_factors_that_do_not_fit(self, gates: Gates, picture: Tensor) -> None:
        with (
            intervene(gates, gates={"se": torch.ones(5)}),
            pytest.raises(
                ShapeError, match=r"^se: the gate's factors must be one number or have shape \(6,\); got \(5,"
            ),
        ):
            gates(picture)

    def test_a_region_of_another_input_or_too_small(self, tokens: Tokens, picture: Tensor) -> None:
        small = Region.from_box("eye", (0, 0, 2, 2), (16, 24))
        with intervene(tokens, hide=small, geometry=Geometry.identity((16, 24))):
            with pytest.raises(ValueRangeError, match=r"region 'eye' must cover at least half.*got 6% at most"):
                tokens(picture)  # 4 of 64 px
            with pytest.raises(
                ShapeError, match="geometry must be that of the model input, 16 x 32 px; got one of 16 x 24"
            ):
                tokens(torch.randn(1, 3, 16, 32))

    def test_class_queries_without_a_class_token(self) -> None:
        model = nn.Sequential(vary(AAConv2d(3, 6, key_channels=4, value_channels=4, heads=2, grid_hw=(4, 5)))).eval()
        with (
            intervene(model, hide=[0], from_queries="class"),
            pytest.raises(ValueRangeError, match="needs a class token; got patch tokens only"),
        ):
            model(torch.randn(1, 3, 4, 5))

    def test_an_unknown_grid(self, tokens: Tokens, picture: Tensor) -> None:
        tokens.grid_of = None  # type: ignore[assignment, method-assign]
        x = torch.randn(1, 3, 16, 20)  # 20 px are 2.5 patches of 8: 2 x 2 tokens that nobody can lay out
        expected = tokens(x)
        with intervene(tokens, hide=[2]):
            assert not torch.allclose(tokens(x), expected)  # numbers need no grid
        region = Region.from_box("left", (0, 0, 16, 8), (16, 20))
        with (
            intervene(tokens, hide=region, geometry=Geometry.identity((16, 20))),
            pytest.raises(ValueRangeError, match="the grid of the tokens must be known"),
        ):
            tokens(x)
        with intervene(tokens, hide=region, geometry=Geometry.identity((16, 20)), grid_hw=(2, 2)):
            assert not torch.allclose(tokens(x), expected)


def timm_vit() -> nn.Module:
    import timm

    return timm.create_model("vit_tiny_patch16_224", img_size=64, depth=2, num_classes=5)


def torchvision_mobilenet() -> nn.Module:
    import torchvision

    return torchvision.models.mobilenet_v3_small(num_classes=5)


def encoder() -> nn.Module:
    """A network of layers with a fused path that any visible hook switches off."""

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch_embed = nn.Conv2d(3, 8, 16, 16)
            self.layers = nn.Sequential(
                *(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=bool(n)) for n in range(2))
            )
            self.head = nn.Linear(8, 5)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.layers(self.patch_embed(x).flatten(2).transpose(1, 2)).mean(dim=1))

    return Encoder()


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    **{name: lambda name=name: build(name, num_classes=5) for name in ("se_resnet", "cbam_resnet", "aa_resnet", "vit")},
    "timm vit": timm_vit,
    "torchvision mobilenet_v3_small": torchvision_mobilenet,
    "torch encoder": encoder,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_real_networks(name: str) -> None:
    """Every layer is changed, says so, is still proven, and the network is the same afterwards."""
    model, picture = vary(NETWORKS[name](), std=0.3).eval(), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        plain = model(picture)
        records = trace(model, picture).records
        attention = [record for record in records if isinstance(record, SelfAttention)]
        changes: list[dict[str, object]] = [{"gates": "off"}, {"gates": "mean"}]
        if attention:
            changes = [{"heads": {record.site.layer: [0] for record in attention}}, {"hide": [0, 5]}]
            changes.append(
                {"hide": Region.from_box("left", (0, 0, 64, 32), (64, 64)), "geometry": Geometry.identity((64, 64))}
            )
        for change in changes:
            with intervene(model, **change):  # type: ignore[arg-type]
                changed = model(picture)
                result = trace(model, picture, verify=True)
            assert torch.equal(result.logits, changed[0])
            assert all(record.site.edit for record in result.records)
            assert result.unproven == ()
            assert not torch.allclose(changed, plain)
            assert hooks_of(model) == 0
        assert torch.equal(model(picture), plain)


def test_pictures_may_come_with_other_arguments() -> None:
    class Conditioned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.se = SqueezeExcitation(3)

        def forward(self, x: Tensor, *, factor: Tensor, shift: Tensor) -> Tensor:
            return (self.se(x) * factor[:, None, None, None] + shift).mean(dim=(2, 3))

    model = Conditioned().eval()
    x, factor = torch.randn(2, 3, 4, 4), torch.tensor([2.0])
    with intervene(model, gates="off"):
        changed = model(x, factor=factor, shift=torch.tensor(1.0))
        with pytest.raises(ShapeError, match="to each picture or to all"):
            model(x, factor=torch.tensor([2.0, 3.0]), shift=torch.tensor(1.0))
    torch.testing.assert_close(changed, x.mean(dim=(2, 3)) * 2 + 1)


def test_a_map_made_inside_says_that_the_network_was_changed() -> None:
    model, x = build("se_resnet", 3).eval(), torch.rand(1, 3, 32, 32)
    other = build("resnet_plain", 3).eval()
    with intervene(model, gates="off", layers="layer4.*"):
        inside, beside = explain(model, x, GradCam()), explain(other, x, GradCam())
        with intervene(model, gates="mean", layers="layer1.0.attention"):
            both = explain(model, x, GradCam())
    assert inside.edits == ("attention changed in layer4.0.attention and layer4.1.attention",)
    assert both.edits == (f"{inside.edits[0]}, attention changed in layer1.0.attention",)
    assert beside.edits == explain(model, x, GradCam()).edits == ()


def test_maps_of_layers_that_were_left_alone_say_so_too() -> None:
    model, x = build("cbam_resnet", 3).eval(), torch.rand(1, 3, 32, 32)
    with intervene(model, gates="off", layers="layer1.0.attention"):
        result = trace(model, x)
    assert {record.site.edit for record in result["layer4.1.attention"]} == {"attention changed in layer1.0.attention"}
    assert all("changed" not in record.site.edit for record in result["layer1.0.attention"])
    with intervene(model.layer1, gates="off"):
        assert explain(model, x, GradCam()).edits == ("attention changed in 0.attention",)


def test_attention_is_computed_in_full_precision_under_autocast() -> None:
    model, x = build("vit", 3).eval(), torch.rand(1, 3, 32, 32)
    record = trace(model, x).of(SelfAttention)[0]
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(record.weights(), record.weights())
        inside = record.weights()
    assert inside.dtype == torch.float32
    assert torch.equal(inside, record.weights())


def test_a_pass_that_meets_a_hook_half_removed_goes_on() -> None:
    model, x = build("se_resnet", 3).eval(), torch.rand(1, 3, 32, 32)
    block = intervene(model, gates="off")
    block.__enter__()
    (hook,) = model._forward_pre_hooks.values()
    block.__exit__(None, None, None)
    assert hook(model, (x,)) is None  # as PyTorch calls it once its entry among the hooks with kwargs is gone


def test_a_pattern_turns_heads_off_where_there_are_heads() -> None:
    model, x = nn.Sequential(SqueezeExcitation(3, reduction=1), build("vit", 3)).eval(), torch.rand(1, 3, 32, 32)
    with intervene(model, heads={"*": [0]}):
        records = trace(model, x).of(SelfAttention)
    assert all(record.heads_off == (0,) for record in records)
    with pytest.raises(ValueRangeError, match="rollout must follow all heads"):
        Rollout()(Trace("one", x, None, records))
    entropy = attention_entropy(records[-1])
    assert entropy.isnan().tolist() == [True, False, False, False]


def test_rollout_passes_by_a_query_that_may_look_at_nothing() -> None:
    model, x = build("vit", 3).eval(), torch.rand(1, 3, 32, 32)
    with intervene(model, hide=range(17), from_queries=[5], layers="blocks.5.attn"):
        result = trace(model, x)
    assert np.isfinite(Rollout()(result).values_hw).all()
