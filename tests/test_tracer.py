import sys
import threading
import weakref
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import AttnvizError, NothingTracedError, ShapeError, UnreadableError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.layers import AAConv2d, Cbam, SqueezeExcitation
from attnviz.mechanisms import ChannelGateMechanism, Emit, Mechanism, Run, base, known_keys, refuse, register
from attnviz.records import ChannelWeights, SelfAttention, SpatialMask, Trace
from attnviz.tracer import session, trace, trace_each
from tests.mechanisms.contract import hooks_of, vary


class Mixed(nn.Module):
    """One layer of each kind: SE, CBAM, attention-augmented convolution, and self-attention with a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.se = SqueezeExcitation(8, reduction=2)
        self.cbam = Cbam(8, reduction=2, kernel_size=3)
        self.aa = AAConv2d(8, 8, key_channels=4, value_channels=4, heads=2, grid_hw=(4, 4))
        self.norm = nn.LayerNorm(8)
        self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 5)

    def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        return input_hw

    def forward(self, x: Tensor) -> Tensor:
        x = self.aa(self.cbam(self.se(self.stem(x))))
        tokens = x.flatten(2).transpose(1, 2)
        tokens = self.norm(torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1))
        attended, _ = self.attn(tokens, tokens, tokens, need_weights=False)
        return self.fc(attended[:, 0])


@pytest.fixture
def mixed() -> Mixed:
    return vary(Mixed()).eval()  # type: ignore[return-value]


def numbers(result: Trace) -> list[Tensor]:
    """Everything that a trace holds, computed."""
    held = [result.logits]
    for record in result.records:
        match record:
            case ChannelWeights():
                held += [record.weights, record.features]
            case SpatialMask():
                held += [record.mask, record.features]
            case SelfAttention():
                held += [record.queries, record.keys, record.weights()]
    return held


def equal(one: Trace, other: Trace) -> bool:
    return [r.site for r in one.records] == [r.site for r in other.records] and all(
        torch.equal(a, b) for a, b in zip(numbers(one), numbers(other), strict=True)
    )


class TestInput:
    def test_a_tensor_is_its_own_source_picture(self, mixed: Mixed) -> None:
        result = trace(mixed, torch.randn(1, 3, 4, 6))
        assert result.geometry == Geometry.identity((4, 6))
        assert result.model == "Mixed"
        assert result.logits.shape == (5,)

    def test_a_model_input_brings_its_geometry(self, mixed: Mixed) -> None:
        geometry = Geometry((8, 12), (4, 6), (0.5, 0.5), (0.0, 0.0))
        tensor = torch.randn(1, 3, 4, 6)
        result = trace(mixed, SimpleNamespace(tensor=tensor, geometry=geometry))
        assert result.geometry is geometry
        assert equal(result, trace(mixed, tensor))

    @pytest.mark.parametrize("shape", [(2, 3, 4, 4), (3, 4, 4), (0, 3, 4, 4)])
    def test_anything_but_one_picture_is_refused(self, mixed: Mixed, shape: tuple[int, ...]) -> None:
        with pytest.raises(ShapeError, match=r"one picture of shape \(1, channels, h, w\).*one by one"):
            trace(mixed, torch.randn(shape))

    def test_a_layer_that_sees_several_crops_is_refused(self) -> None:
        class Crops(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.se = SqueezeExcitation(3)

            def forward(self, x: Tensor) -> Tensor:
                return self.se(torch.cat([x, x.flip(-1)])).mean(dim=(0, 2, 3))[None]

        with pytest.raises(ShapeError, match=r"^se: the batch must hold 1 picture; got 2"):
            trace(Crops().eval(), torch.randn(1, 3, 4, 4))


class TestModel:
    def test_training_mode_is_refused(self, mixed: Mixed) -> None:
        with pytest.raises(
            ValueRangeError,
            match=r"^model must be in evaluation mode; got training mode\. Call model\.eval\(\) first\.$",
        ):
            trace(mixed.train(), torch.randn(1, 3, 4, 4))
        assert mixed.training

    def test_one_part_in_training_mode_is_refused_by_name(self, mixed: Mixed) -> None:
        mixed.cbam.spatial.bn.train()
        with pytest.raises(ValueRangeError, match=r"got training mode in cbam\.spatial\.bn"):
            trace(mixed, torch.randn(1, 3, 4, 4))

    def test_a_compiled_model_is_traced_as_it_was(self, mixed: Mixed) -> None:
        x = torch.randn(1, 3, 4, 4)
        assert equal(trace(torch.compile(mixed), x), trace(mixed, x))  # type: ignore[arg-type]

    def test_compiled_parts_are_refused(self, mixed: Mixed) -> None:
        mixed.cbam = torch.compile(mixed.cbam)  # type: ignore[assignment]
        with pytest.raises(ValueRangeError, match="got a compiled cbam"):
            trace(mixed, torch.randn(1, 3, 4, 4))

    def test_a_model_compiled_in_place_is_refused(self, mixed: Mixed) -> None:
        mixed.compile()
        with pytest.raises(ValueRangeError, match="got a compiled model"):
            trace(mixed, torch.randn(1, 3, 4, 4))

    def test_a_script_is_refused(self) -> None:
        script = torch.jit.trace(SqueezeExcitation(3).eval(), torch.randn(1, 3, 2, 2))
        with pytest.raises(ValueRangeError, match="got TorchScript"):
            trace(script.eval(), torch.randn(1, 3, 2, 2))

    def test_a_layer_can_be_the_model(self) -> None:
        (record,) = trace(SqueezeExcitation(3).eval(), torch.randn(1, 3, 2, 2)).records
        assert record.site.layer == ""

    def test_a_shared_layer_runs_as_its_first_name(self) -> None:
        layer = SqueezeExcitation(3)
        result = trace(nn.Sequential(layer, nn.ReLU(), layer).eval(), torch.randn(1, 3, 2, 2))
        assert [(r.site.layer, r.site.call) for r in result.records] == [("0", 0), ("0", 1)]

    def test_the_parts_of_a_layer_are_not_layers_of_their_own(self, mixed: Mixed) -> None:
        result = trace(mixed, torch.randn(1, 3, 4, 4))
        assert result.layers == ("se", "cbam", "aa", "attn")
        assert [record.site.mechanism for record in result["cbam"]] == ["cbam.channel", "cbam.spatial"]


class TestNothingToTrace:
    def test_a_model_without_attention_lists_what_is_known(self) -> None:
        with pytest.raises(NothingTracedError) as caught:
            trace(nn.Conv2d(3, 4, 1).eval(), torch.randn(1, 3, 4, 4))
        assert "no known attention layer is in 'Conv2d'" in str(caught.value)
        assert {"se", "cbam", "aa_conv", "mhsa"} <= set(known_keys())
        for key in known_keys():
            assert key in str(caught.value)

    def test_layers_that_did_not_run_are_named(self) -> None:
        class Idle(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.unused = SqueezeExcitation(3)

            def forward(self, x: Tensor) -> Tensor:
                return x.mean(dim=(2, 3))

        with pytest.raises(NothingTracedError, match="no known attention layer ran in 'Idle'; it has unused"):
            trace(Idle().eval(), torch.randn(1, 3, 4, 4))
        result = trace(nn.Sequential(SqueezeExcitation(3), Idle()).eval(), torch.randn(1, 3, 4, 4))
        assert result.layers == ("0",)
        assert result.not_run == ("1.unused",)
        assert result.summary().splitlines()[-1] == "1.unused  did not run"

    def test_allow_empty_gives_the_logits(self) -> None:
        model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
        x = torch.randn(1, 3, 4, 4)
        result = trace(model, x, allow_empty=True)
        assert result.records == ()
        assert torch.equal(result.logits, model(x)[0])

    def test_a_gate_that_is_passed_by_is_an_error(self) -> None:
        class Functional(SqueezeExcitation):
            def forward(self, x: Tensor) -> Tensor:
                return x * torch.sigmoid(self.fc2(torch.relu(self.fc1(x.mean(dim=(2, 3))))))[:, :, None, None]

        model = nn.Sequential(Functional(3)).eval()
        with pytest.raises(NothingTracedError, match=r"^0: the gate's module must run when its layer runs"):
            trace(model, torch.randn(1, 3, 4, 4))
        assert hooks_of(model) == 0


class NovelAttention(nn.Module):
    """Attention by its name, with no mechanism."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class RefusedGate(nn.Module):
    """A layer that is refused by name; its parts belong to it."""

    def __init__(self) -> None:
        super().__init__()
        self.se = SqueezeExcitation(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.se(x)


class TestUnread:
    """Attention that nobody reads is never passed over in silence."""

    WHY = "It mixes heads after the softmax."

    @pytest.fixture(autouse=True)
    def refusals(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(base, "_REFUSED", dict(base._REFUSED))
        monkeypatch.setattr(base, "_MECHANISMS", dict(base._MECHANISMS))
        refuse(self.WHY, f"{RefusedGate.__module__}.RefusedGate")

    @staticmethod
    def net(*layers: nn.Module) -> nn.Module:
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()

    def test_a_network_of_unknown_attention_is_an_error_that_names_it(self) -> None:
        with pytest.raises(UnreadableError) as caught:
            trace(self.net(nn.ReLU(), NovelAttention(), NovelAttention()), torch.randn(1, 3, 4, 4))
        said = str(caught.value)
        assert "got 1: no mechanism reads" in said
        assert f"{NovelAttention.__module__}.NovelAttention" in said
        assert said.count("no mechanism reads") == 1  # each reason once
        assert isinstance(caught.value, NothingTracedError)

    def test_a_refused_layer_says_why_and_its_parts_are_not_read(self) -> None:
        x = torch.randn(1, 3, 4, 4)
        with pytest.raises(
            UnreadableError, match=rf"^Sequential must have attention that can be read; got 0: {self.WHY}"
        ):
            trace(self.net(RefusedGate()), x)
        result = trace(self.net(RefusedGate()), x, allow_empty=True)
        assert (result.records, dict(result.unread)) == ((), {"0": self.WHY})

    def test_a_partly_read_network_lists_the_rest(self) -> None:
        result = trace(self.net(SqueezeExcitation(3), RefusedGate(), NovelAttention()), torch.randn(1, 3, 4, 4))
        assert result.layers == ("0",)
        assert list(result.unread) == ["1", "2"]
        assert f"1  not read: {self.WHY}" in result.summary().splitlines()
        assert "2  not read: no mechanism reads" in result.summary()

    def test_a_wrapper_is_not_listed_beside_what_it_wraps(self) -> None:
        class AttentionStage(nn.Sequential):
            pass

        x = torch.randn(1, 3, 4, 4)
        assert trace(self.net(AttentionStage(SqueezeExcitation(3))), x).unread == {}
        mixed = trace(self.net(AttentionStage(SqueezeExcitation(3), NovelAttention())), x)
        assert list(mixed.unread) == ["0.1"]
        assert list(trace(self.net(AttentionStage(nn.ReLU())), x, allow_empty=True).unread) == ["0"]
        # Names that only begin alike are not inside one another.
        beside = nn.ModuleDict({"a": AttentionStage(nn.ReLU()), "ab": SqueezeExcitation(3)})
        beside.forward = lambda x: beside["ab"](x).mean(dim=(2, 3))  # type: ignore[method-assign]
        assert list(trace(beside.eval(), x).unread) == ["a"]

    def test_subclasses_follow_their_nearest_base(self) -> None:
        class Inherits(RefusedGate):
            pass

        class Ours(RefusedGate):
            pass

        register(Ours)(ChannelGateMechanism("ours", gate="se.gate"))
        result = trace(self.net(Inherits(), Ours()), torch.randn(1, 3, 4, 4), verify=True)
        assert dict(result.unread) == {"0": self.WHY}
        assert [record.site.mechanism for record in result.records] == ["ours"]
        assert result.unproven == ()

    def test_the_model_itself_may_be_what_is_not_read(self) -> None:
        with pytest.raises(UnreadableError, match="got the model itself: no mechanism reads"):
            trace(NovelAttention().eval(), torch.randn(1, 3, 4, 4))

    def test_the_same_layer_twice_is_listed_once(self) -> None:
        layer = NovelAttention()
        assert list(trace(self.net(SqueezeExcitation(3), layer, layer), torch.randn(1, 3, 4, 4)).unread) == ["1"]

    @pytest.mark.parametrize("where", ["leaf", "branch"])
    def test_a_plain_module_in_training_mode_is_still_found(self, where: str) -> None:
        # The second of its class: the first one has shown that the class has nothing to do with attention.
        second = nn.Dropout() if where == "leaf" else nn.Sequential(nn.Dropout())
        model = nn.Sequential(nn.Dropout(), nn.Sequential(), SqueezeExcitation(3), second).eval()
        (second if where == "leaf" else second[0]).train()
        with pytest.raises(ValueRangeError, match=r"got training mode in 3" + ("" if where == "leaf" else r"\.0")):
            trace(model, torch.randn(1, 3, 4, 4))

    def test_a_plain_module_compiled_in_place_is_still_found(self) -> None:
        model = nn.Sequential(nn.ReLU(), SqueezeExcitation(3), nn.ReLU()).eval()
        model[2].compile()
        with pytest.raises(ValueRangeError, match="got a compiled 2"):
            trace(model, torch.randn(1, 3, 4, 4))


class TestEach:
    def test_every_picture_gets_the_bits_of_its_own_trace(self, mixed: Mixed) -> None:
        pictures = torch.randn(3, 3, 4, 5)
        for options in ({}, {"verify": True}, {"eager": True}):
            several = trace_each(mixed, pictures, **options)  # type: ignore[arg-type]
            assert len(several) == 3
            for one, picture in zip(several, pictures, strict=True):
                assert equal(one, trace(mixed, picture[None]))
                assert (one.records[0].proven is None) == ("verify" not in options)
        assert not equal(several[0], several[1])

    def test_model_inputs_of_several_sizes_keep_their_geometry(self, mixed: Mixed) -> None:
        geometry = Geometry((8, 12), (4, 6), (0.5, 0.5), (0.0, 0.0))
        seen = SimpleNamespace(tensor=torch.randn(1, 3, 4, 6), geometry=geometry)
        bare = torch.randn(1, 3, 5, 5)
        first, second = trace_each(mixed, (each for each in (seen, bare)))
        assert first.geometry is geometry
        assert equal(first, trace(mixed, seen))
        assert second.geometry == Geometry.identity((5, 5))
        assert equal(second, trace(mixed, bare))

    def test_options_are_handed_on(self) -> None:
        blocks = TestTokenGrids.Blocks(10, 1).eval()
        (one,) = trace_each(blocks, [torch.randn(1, 3, 20, 30)], grid_hw=(2, 3), grad=True)
        assert one.of(SelfAttention)[0].tokens.grid_hw == (2, 3)
        assert one.logits.requires_grad
        (empty,) = trace_each(
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval(), torch.ones(1, 3, 2, 2), allow_empty=True
        )
        assert empty.records == ()

    @pytest.mark.parametrize("nothing", [[], torch.ones(0, 3, 4, 4)])
    def test_no_picture_is_an_error(self, mixed: Mixed, nothing: object) -> None:
        with pytest.raises(ShapeError, match="pictures must hold at least one picture; got none"):
            trace_each(mixed, nothing)  # type: ignore[arg-type]

    @pytest.mark.parametrize("wrong", [torch.ones(3, 4, 4), [torch.ones(2, 3, 4, 4)]])
    def test_what_is_not_one_picture_is_refused(self, mixed: Mixed, wrong: object) -> None:
        with pytest.raises(ShapeError, match="one picture of shape"):
            trace_each(mixed, wrong)  # type: ignore[arg-type]


class TestOutput:
    @pytest.mark.parametrize(
        "wrap",
        [
            lambda y: (y, y + 1),
            lambda y: {"out": y, "aux": y + 1},
            lambda y: SimpleNamespace(logits=y),
        ],
        ids=["tuple", "dict", "object"],
    )
    def test_the_logits_are_found(self, mixed: Mixed, wrap: object) -> None:
        class Wrapped(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = mixed

            def forward(self, x: Tensor) -> object:
                return wrap(self.net(x))  # type: ignore[operator]

        x = torch.randn(1, 3, 4, 4)
        assert torch.equal(trace(Wrapped().eval(), x).logits, trace(mixed, x).logits)

    def test_an_output_without_logits_is_refused(self) -> None:
        model = nn.Sequential(SqueezeExcitation(3), nn.Flatten(0)).eval()
        with pytest.raises(ShapeError, match=r"logits of shape \(1, classes\); got \(48,\)"):
            trace(model, torch.randn(1, 3, 4, 4))

    def test_gradients_flow_on_request(self, mixed: Mixed) -> None:
        x = torch.randn(1, 3, 4, 4, requires_grad=True)
        result = trace(mixed, x, grad=True)
        (from_trace,) = torch.autograd.grad(result.logits[2], x)
        (plain,) = torch.autograd.grad(mixed(x)[0, 2], x)
        assert torch.equal(from_trace, plain)
        assert not any(tensor.requires_grad for tensor in numbers(result)[1:])
        assert not trace(mixed, x).logits.requires_grad

    def test_the_callers_modes_do_not_matter_and_stay(self, mixed: Mixed) -> None:
        x = torch.randn(1, 3, 4, 4)
        outside = trace(mixed, x)
        with torch.inference_mode():
            inside = trace(mixed, x * 1)
            assert torch.is_inference_mode_enabled()
        assert equal(inside, outside)
        assert not inside.logits.is_inference()
        assert torch.is_grad_enabled()

    def test_a_model_made_in_inference_mode_is_traced(self) -> None:
        with torch.inference_mode():
            model = vary(Mixed()).eval()
        x = torch.randn(1, 3, 4, 4)
        assert trace(model, x, verify=True).unproven == ()
        assert equal(trace(model, x), trace(model, x, eager=True))

    @pytest.mark.parametrize("where", ["around the trace", "inside the model"])
    def test_autocast_records_what_ran(self, mixed: Mixed, where: str) -> None:
        class Casting(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = mixed

            def forward(self, x: Tensor) -> Tensor:
                with torch.autocast("cpu", dtype=torch.bfloat16):
                    return self.net(x)

        x = torch.randn(1, 3, 4, 4)
        if where == "inside the model":
            result = trace(Casting().eval(), x)
        else:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                result = trace(mixed, x)
        queries = result.of(SelfAttention)[-1].queries
        assert queries.dtype == torch.float32
        # Projected in bfloat16, the numbers have 8 bits; a projection in float32 afterwards would have 24.
        assert torch.equal(queries, queries.bfloat16().float())


class TestWrites:
    """Networks that write to tensors a record is made from."""

    class Writer(nn.Module):
        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what
            self.se = SqueezeExcitation(3, reduction=1)
            self.se.gate = Slow() if what == "gate" else nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            x = x + 0
            y = self.se(x)
            if self.what == "features":
                x.zero_()
            if self.what == "gate":
                self.se.gate.last.zero_()
            if self.what == "output":
                y += 1
            return y.mean(dim=(2, 3))

    @pytest.mark.parametrize("what", ["gate", "features", "output"])
    def test_the_gate_is_the_one_that_was_used(self, what: str) -> None:
        model, x = self.Writer(what).eval(), torch.randn(1, 3, 4, 4)
        with torch.no_grad():
            expected = model.se.weights(x)[0].clone()
        (record,) = trace(model, x).of(ChannelWeights)
        assert torch.equal(record.weights, expected)
        assert hooks_of(model) == 0

    def test_a_gate_left_over_from_an_earlier_run_is_not_taken(self) -> None:
        class Twice(nn.Module):
            """Asks for the gate's module and lets the layer pass it by the second time."""

            def __init__(self) -> None:
                super().__init__()
                self.se = SqueezeExcitation(3)

            def forward(self, x: Tensor) -> Tensor:
                y = self.se(x)
                self.se.weights = lambda x: torch.sigmoid(x.mean(dim=(2, 3)))  # type: ignore[method-assign]
                return self.se(y).mean(dim=(2, 3))

        with pytest.raises(NothingTracedError, match="the gate's module must run when its layer runs"):
            trace(Twice().eval(), torch.randn(1, 3, 4, 4))

    def test_features_written_to_are_an_error_or_a_copy(self) -> None:
        model, x = self.Writer("features").eval(), torch.randn(1, 3, 4, 4)
        (late,) = trace(model, x).of(ChannelWeights)
        with pytest.raises(AttnvizError, match=r"features must be read before.*eager=True"):
            _ = late.features
        (early,) = trace(model, x, eager=True).of(ChannelWeights)
        assert torch.equal(early.features, x[0])

    def test_a_write_to_the_output_disturbs_nothing(self) -> None:
        model, x = self.Writer("output").eval(), torch.randn(1, 3, 4, 4)
        passes = []
        model.se.register_forward_hook(lambda *_: passes.append(1))
        (record,) = trace(model, x).of(ChannelWeights)
        assert torch.equal(record.features, x[0])
        assert passes == [1]
        assert trace(model, x, verify=True).unproven == ()

    def test_a_layers_output_is_let_go_unless_a_mechanism_asks_for_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Gate(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                self.output = weakref.ref(y := x * 2)
                return y

        class FromOutput(Mechanism[Gate]):
            key = "from_output"
            paper = "none"

            def watch(self, layer: Gate, emit: Emit) -> list[RemovableHandle]:
                def look(run: Run) -> None:
                    emit(ChannelWeights, weights=(run.y / run.x).mean(dim=(0, 2, 3)))

                return [emit.after(layer, look)]

            def replay(self, layer: Gate, x: Tensor, record: ChannelWeights) -> Tensor:
                return x * record.factor.to(x)

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.se, self.gate = SqueezeExcitation(3), Gate()
                self.passes = 0
                self.alive = False

            def forward(self, x: Tensor) -> Tensor:
                self.passes += 1
                y = self.gate(self.se(x)).mean(dim=(2, 3))
                self.alive = self.gate.output() is not None
                return y

        model, x = Net().eval(), torch.randn(1, 3, 4, 4)
        trace(model, x)
        assert (model.passes, model.alive) == (1, False)  # nobody reads the gate yet, and nobody holds its output
        monkeypatch.setattr(base, "_MECHANISMS", dict(base._MECHANISMS))
        register(Gate)(FromOutput)
        result = trace(model, x)
        assert model.passes == 3  # the output was let go in the first of the two passes
        assert result["gate"][0].weights.tolist() == [2.0] * 3  # type: ignore[union-attr]
        assert trace(model, x, verify=True).unproven == ()
        assert model.passes == 4

    def test_weights_trained_on_after_the_trace_are_an_error(self, mixed: Mixed) -> None:
        result = trace(mixed, torch.randn(1, 3, 4, 4))
        with torch.no_grad():
            mixed.attn.in_proj_weight.mul_(2)
        with pytest.raises(AttnvizError, match=r"SelfAttention\(attn, mhsa\): (queries|keys) must be read before"):
            result["attn"][0].weights()  # type: ignore[union-attr]


class Slow(nn.Module):
    """A sigmoid that remembers what it gave."""

    def forward(self, x: Tensor) -> Tensor:
        self.last = torch.sigmoid(x)
        return self.last


class TestTokenGrids:
    class Blocks(nn.Module):
        """Patches of `patch` pixels, `prefix` tokens first, one attention layer; says nothing about its grid."""

        def __init__(self, patch: int, prefix: int) -> None:
            super().__init__()
            self.patch_embed = nn.Conv2d(3, 4, patch, patch)
            self.prefix_tokens = nn.Parameter(torch.randn(1, prefix, 4))
            self.attn = nn.MultiheadAttention(4, 1, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.cat([self.prefix_tokens, self.patch_embed(x).flatten(2).transpose(1, 2)], dim=1)
            return self.attn(x, x, x, need_weights=False)[0].mean(dim=1)

    def grid(self, patch: int, prefix: int, input_hw: tuple[int, int], **options: object) -> tuple[object, ...]:
        result = trace(self.Blocks(patch, prefix).eval(), torch.randn(1, 3, *input_hw), **options)  # type: ignore[arg-type]
        tokens = result.of(SelfAttention)[0].tokens
        return tokens.grid_hw, tokens.prefix_names

    def test_a_usual_patch_that_fits_is_found(self) -> None:
        # 32 x 48 px in patches of 16: 2 x 3 and the class token make 7; no other usual patch gives 7 or 6 + 1.
        assert self.grid(16, 1, (32, 48)) == ((2, 3), ("class",))
        assert self.grid(8, 0, (16, 40)) == ((2, 5), ())

    @pytest.mark.parametrize(
        ("patch", "prefix", "input_hw"),
        [(10, 1, (20, 30)), (16, 3, (32, 48))],
        ids=["unusual patch", "several prefix tokens"],
    )
    def test_otherwise_asking_for_the_grid_is_an_error(
        self, patch: int, prefix: int, input_hw: tuple[int, int]
    ) -> None:
        result = trace(self.Blocks(patch, prefix).eval(), torch.randn(1, 3, *input_hw))
        (record,) = result.of(SelfAttention)
        assert record.weights().shape[-1] == 6 + prefix
        with pytest.raises(ValueRangeError, match=r"^attn: the grid of the tokens must be known.*grid_hw=\(rows, col"):
            _ = record.tokens

    def test_the_caller_can_say_it(self) -> None:
        assert self.grid(10, 1, (20, 30), grid_hw=(2, 3)) == ((2, 3), ("class",))
        assert self.grid(16, 3, (32, 48), grid_hw=(2, 3)) == ((2, 3), ("class", "register 1", "register 2"))

    def test_a_grid_with_more_cells_than_tokens_does_not_fit(self) -> None:
        with pytest.raises(ValueRangeError, match="grid of the tokens must be known; got 7 tokens"):
            self.grid(16, 1, (32, 48), grid_hw=(3, 3))

    def test_a_model_that_names_too_few_tokens_is_not_believed(self) -> None:
        class Saying(TestTokenGrids.Blocks):
            def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
                return input_hw[0] // 10, input_hw[1] // 10

        model = Saying(patch=10, prefix=2).eval()
        (record,) = trace(model, torch.randn(1, 3, 20, 30)).of(SelfAttention)
        with pytest.raises(ValueRangeError, match="got 8 tokens from an input of 20 x 30 px in Saying"):
            _ = record.tokens
        model.prefix = ("class", "text")  # type: ignore[assignment]
        (record,) = trace(model, torch.randn(1, 3, 20, 30)).of(SelfAttention)
        assert record.tokens.grid_hw == (2, 3)
        assert record.tokens.prefix_names == ("class", "text")

    def test_a_model_inside_another_is_asked(self, mixed: Mixed) -> None:
        result = trace(nn.Sequential(nn.Identity(), mixed).eval(), torch.randn(1, 3, 4, 6))
        assert result["1.attn"][0].tokens.grid_hw == (4, 6)  # type: ignore[union-attr]


class TestThreads:
    THREADS = 4
    PASSES = 15

    def run(self, jobs: list[object]) -> None:
        failures: list[BaseException] = []
        start = threading.Barrier(len(jobs))

        def work(job: object) -> None:
            try:
                start.wait()
                for _ in range(self.PASSES):
                    job()  # type: ignore[operator]
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    @pytest.fixture(autouse=True)
    def switch_often(self) -> object:
        """Let threads change places in the middle of everything."""
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        yield
        sys.setswitchinterval(before)

    def test_threads_on_one_model_never_mix_their_records(self, mixed: Mixed) -> None:
        # Different sizes, too: a record of another thread would have another shape.
        pictures = [torch.randn(1, 3, 4, 4 + number) for number in range(self.THREADS)]
        alone = [trace(mixed, picture) for picture in pictures]

        def job(picture: Tensor, expected: Trace) -> object:
            def once() -> None:
                assert equal(trace(mixed, picture), expected)

            return once

        self.run([job(picture, expected) for picture, expected in zip(pictures, alone, strict=True)])
        assert hooks_of(mixed) == 0

    def test_a_plain_pass_beside_a_trace_is_left_alone(self, mixed: Mixed) -> None:
        x, other = torch.randn(1, 3, 4, 4), torch.randn(1, 3, 4, 5)
        expected = trace(mixed, x)
        with torch.no_grad():
            plain = mixed(other)

        def tracing() -> None:
            assert equal(trace(mixed, x, verify=True), expected)

        def running() -> None:
            with torch.no_grad():
                assert torch.equal(mixed(other), plain)

        def failing() -> None:
            with pytest.raises(RuntimeError):
                trace(mixed, torch.randn(1, 4, 4, 4))  # the stem takes 3 channels

        self.run([tracing, running, failing])
        assert hooks_of(mixed) == 0

    def test_a_trace_inside_a_trace_keeps_to_itself(self, mixed: Mixed) -> None:
        x = torch.randn(1, 3, 4, 4)
        expected = trace(mixed, x)
        inner: list[Trace] = []
        begun: list[bool] = []

        def again(*_: object) -> None:
            if not begun:
                begun.append(True)
                inner.append(trace(mixed, x + 1))

        handle = mixed.cbam.register_forward_hook(again)
        outer = trace(mixed, x)
        handle.remove()
        assert equal(outer, expected)
        assert equal(inner[0], trace(mixed, x + 1))


def test_nothing_stays_behind_in_the_module(mixed: Mixed) -> None:
    trace(mixed, torch.randn(1, 3, 4, 4))
    assert session.PRESENT.get() is None


@pytest.mark.parametrize("word", [
    "SELayer", "se_block", "ECALayer", "eca_layer", "CoordAtt", "ChannelGate", "SpatialGate", "SimAM", "NonLocalBlock",
    "MHSA", "WindowMSA", "BAM", "scSE", "ContextBlock", "FocalNetModulation", "MyCBAM", "CrossAttn",
])  # fmt: skip
def test_a_layer_named_like_attention_is_told_of_when_nothing_reads_it(word: str) -> None:
    stranger = type(word, (nn.Identity,), {})()
    model = nn.Sequential(stranger, SqueezeExcitation(8, reduction=2)).eval()
    assert "no mechanism reads" in trace(model, torch.rand(1, 8, 4, 4)).unread["0"]


@pytest.mark.parametrize("word", ["Sequential", "CABlockNorm", "Separable", "Scale", "BasicBlock", "SequenceLayer"])
def test_a_layer_with_another_name_is_not(word: str) -> None:
    stranger = type(word, (nn.Identity,), {})()
    model = nn.Sequential(stranger, SqueezeExcitation(8, reduction=2)).eval()
    assert trace(model, torch.rand(1, 8, 4, 4)).unread == {}
