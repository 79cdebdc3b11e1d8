"""What every mechanism must keep, written once. A mechanism's test inherits it and names its layer."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn

from attnviz.mechanisms import mechanism_for
from attnviz.records import ChannelWeights, FeatureMask, Record, SelfAttention, SpatialMask
from attnviz.tracer import intervene, trace

SIZES_HW = [(6, 6), (4, 7)]


class Boom(Exception):
    """Raised on purpose in the middle of a pass."""


class Net(nn.Module):
    """A classifier of nothing in particular: 1x1 convolution, the layer under test, mean, linear."""

    def __init__(self, layer: nn.Module, channels: int, out_channels: int, call: Callable[..., Tensor], tokens: bool):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 1)
        self.layer = layer
        self.fc = nn.Linear(out_channels, 4)
        self.call = call
        self.takes_tokens = tokens
        self.runs = 1
        self.fails: str | None = None

    def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        return input_hw

    def into_layer(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if not self.takes_tokens:
            return x
        tokens = x.flatten(2).transpose(1, 2)
        return torch.cat([tokens.mean(dim=1, keepdim=True), tokens], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.into_layer(x)
        for _ in range(self.runs):
            y = self.call(self.layer, x)
        if self.fails == "after":
            raise Boom
        return self.fc(y.mean(dim=1) if self.takes_tokens else y.mean(dim=(2, 3)))


def vary(module: nn.Module, std: float = 0.7) -> nn.Module:
    """Random weights large enough that gates and attention differ from place to place. A flat gate hides errors."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=std)
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(part.weight, 0.5, 2.0)
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
    return module


def spoil(record: Record) -> Record:
    """The same numbers in the wrong places."""
    match record:
        case ChannelWeights():
            return replace(record, weights=record.weights.flip(0))
        case SpatialMask():
            return replace(record, mask=record.mask.flip(0, 1))
        case FeatureMask():
            return replace(record, mask=record.mask.flip(0, 1, 2))
        case SelfAttention():
            return replace(record, keys=record.keys.flip(2))


def hooks_of(model: nn.Module) -> int:
    """Hooks of every sort on every module of the model, and the hooks that PyTorch keeps for all modules."""
    everywhere = nn.modules.module
    return sum(
        len(hooks)
        for module in model.modules()
        for hooks in (
            module._forward_hooks,
            module._forward_pre_hooks,
            module._backward_hooks,
            module._backward_pre_hooks,
            module._forward_hooks_with_kwargs,
        )
    ) + sum(len(hooks) for name, hooks in vars(everywhere).items() if name.startswith("_global_") and "_hooks" in name)


def state_of(model: nn.Module) -> list[tuple[object, ...]]:
    """All that a trace may not touch: flags, numbers and write counts, in a form that compares."""
    return [
        (name, tensor.requires_grad, id(tensor.grad), tensor._version, tensor.detach().numpy().tobytes())
        for name, tensor in [*model.named_parameters(), *model.named_buffers()]
    ] + [(name, module.training) for name, module in model.named_modules()]


def through_layer(net: Net, picture: Tensor) -> tuple[Tensor, Tensor]:
    """First tensor into the layer, and first tensor out of it, seen without any of our code."""
    seen: list[Tensor] = []

    def look(_layer: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], output: object) -> None:
        seen.append((*args, *kwargs.values())[0])
        seen.append(output if isinstance(output, Tensor) else output[0])

    handle = net.layer.register_forward_hook(look, with_kwargs=True)
    with torch.no_grad():
        net(picture)
    handle.remove()
    x, y = seen
    return x, y


class MechanismContract:
    """Inherit from this, give `layer` and what its records must look like, and add a case worked by hand.

    Attributes:
        channels: of the layer's input; of its output, too, unless `out_channels` says otherwise.
        expected: kind of record and mechanism name, for each record of one run.
        takes_tokens: the layer sees (1, 1 + h w, channels) with a class token first, instead of (1, channels, h, w).
    """

    channels: ClassVar[int] = 8
    out_channels: ClassVar[int | None] = None
    expected: ClassVar[tuple[tuple[type, str], ...]]
    takes_tokens: ClassVar[bool] = False

    def layer(self) -> nn.Module:
        """A new layer of the kind under test."""
        raise NotImplementedError

    @staticmethod
    def call(layer: nn.Module, x: Tensor) -> Tensor:
        """How a network calls the layer."""
        return layer(x)

    def network(self) -> nn.Module:
        """The layer in a network, with random weights. The documentation measures replay errors on it."""
        out_channels = self.out_channels or self.channels
        return vary(Net(self.layer(), self.channels, out_channels, self.call, self.takes_tokens)).eval()

    @pytest.fixture
    def net(self) -> nn.Module:
        return self.network()

    @pytest.fixture
    def oblong(self) -> Tensor:
        return torch.randn(1, 3, 4, 7)

    @pytest.fixture(params=SIZES_HW, ids=["square", "not square"])
    def picture(self, request: pytest.FixtureRequest) -> Tensor:
        return torch.randn(1, 3, *request.param)

    def test_records_are_of_the_declared_kinds(self, net: Net, picture: Tensor) -> None:
        records = trace(net, picture).records
        assert [(type(record), record.site.mechanism) for record in records] == list(self.expected)
        assert {(record.site.layer, record.site.call) for record in records} == {("layer", 0)}

    def test_records_have_their_shape_and_range(self, net: Net, picture: Tensor) -> None:
        height, width = picture.shape[-2:]
        for record in trace(net, picture).records:
            match record:
                case ChannelWeights(weights=weights):
                    assert weights.shape == (self.channels,)
                    assert weights.min() >= 0
                    assert weights.max() <= 1
                    assert record.features.shape == (self.channels, height, width)
                case SpatialMask(mask=mask):
                    assert mask.shape == (height, width)
                    assert mask.min() >= 0
                    assert mask.max() <= 1
                    assert record.features.shape == (self.channels, height, width)
                case FeatureMask(mask=mask):
                    assert mask.shape == (self.channels, height, width)
                    assert mask.min() >= 0
                    assert mask.max() <= 1
                    assert record.features.shape == (self.channels, height, width)
                case SelfAttention():
                    tokens = height * width + self.takes_tokens
                    weights = record.weights()
                    assert weights.shape[2:] == (tokens, tokens)
                    assert weights.min() >= 0
                    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:-1]))
                    assert record.tokens.grid_hw == (height, width)
                    assert record.tokens.prefix == int(self.takes_tokens)

    def test_replay_equals_the_output(self, net: Net, picture: Tensor) -> None:
        x, y = through_layer(net, picture)
        assert self._replay_error(net, x, y, trace(net, picture).records) <= 1e-5

    def test_verify_reports_the_error_of_that_replay(self, net: Net, picture: Tensor) -> None:
        _, y = through_layer(net, picture)
        result = trace(net, picture, verify=True)
        assert result.unproven == ()
        for record in result.records:
            assert record.replay_error is not None
            assert record.output_scale == float(y.abs().max())
            assert record.replay_error <= 1e-5 * record.output_scale

    def test_a_spoiled_record_fails_replay(self, net: Net, picture: Tensor) -> None:
        x, y = through_layer(net, picture)
        records = trace(net, picture).records
        for at, record in enumerate(records):
            spoiled = [*records[:at], spoil(record), *records[at + 1 :]]
            assert self._replay_error(net, x, y, spoiled) > 1e-2, f"{record} may hold anything"

    def _replay_error(self, net: Net, x: Tensor, y: Tensor, records: object) -> float:
        """Largest error as a share of the largest output."""
        mechanism = mechanism_for(net.layer)
        assert mechanism is not None
        with torch.no_grad():
            replayed = mechanism.replay(net.layer, x, *records)
        assert replayed.shape == y.shape
        return float((replayed - y).abs().max() / y.abs().max())

    def test_logits_are_the_same_bits(self, net: Net, picture: Tensor) -> None:
        with torch.no_grad():
            plain = net(picture)[0]
        assert torch.equal(trace(net, picture).logits, plain)
        assert torch.equal(trace(net, picture, verify=True).logits, plain)
        assert torch.equal(trace(net, picture, eager=True).logits, plain)

    def test_logits_with_gradients_are_the_same_bits(self, net: Net, picture: Tensor) -> None:
        assert torch.equal(trace(net, picture, grad=True).logits, net(picture)[0])

    def test_looking_at_once_gives_the_same_records(self, net: Net, oblong: Tensor) -> None:
        for late, early in zip(trace(net, oblong).records, trace(net, oblong, eager=True).records, strict=True):
            match late, early:
                case ChannelWeights(), ChannelWeights():
                    assert torch.equal(late.weights, early.weights)
                    assert torch.equal(late.features, early.features)
                case SpatialMask(), SpatialMask():
                    assert torch.equal(late.mask, early.mask)
                    assert torch.equal(late.features, early.features)
                case FeatureMask(), FeatureMask():
                    assert torch.equal(late.mask, early.mask)
                    assert torch.equal(late.features, early.features)
                case SelfAttention(), SelfAttention():
                    assert torch.equal(late.weights(), early.weights())
                case _:
                    pytest.fail(f"{late} and {early} are of different kinds")

    def test_no_hook_is_left_after_success(self, net: Net, oblong: Tensor) -> None:
        before = hooks_of(net)
        trace(net, oblong)
        assert hooks_of(net) == before == 0

    def test_no_hook_is_left_after_a_failing_pass(self, net: Net, oblong: Tensor) -> None:
        net.fails = "after"
        with pytest.raises(Boom):
            trace(net, oblong)
        assert hooks_of(net) == 0
        net.fails = None
        assert len(trace(net, oblong).records) == len(self.expected)

    def test_no_hook_is_left_after_a_failure_inside_the_layer(self, net: Net, oblong: Tensor) -> None:
        def fail(*_: object) -> None:
            raise Boom

        handle = net.layer.register_forward_hook(fail)
        with pytest.raises(Boom):
            trace(net, oblong)
        handle.remove()
        assert hooks_of(net) == 0

    @pytest.mark.parametrize("verify", [False, True])
    def test_a_second_run_in_one_pass_is_call_1(self, net: Net, oblong: Tensor, verify: bool) -> None:
        net.runs = 2
        records = trace(net, oblong, verify=verify).records
        assert [record.site.call for record in records] == [0] * len(self.expected) + [1] * len(self.expected)
        assert hooks_of(net) == 0

    def test_the_model_is_left_as_it_was(self, net: Net, oblong: Tensor) -> None:
        net.layer.requires_grad_(False)
        net.fc.weight.grad = torch.ones_like(net.fc.weight)
        before, picture_before = state_of(net), oblong.clone()
        trace(net, oblong, verify=True)
        trace(net, oblong)
        assert state_of(net) == before
        assert torch.equal(oblong, picture_before)

    def test_every_record_can_be_changed(self, net: Net, oblong: Tensor) -> None:
        plain = trace(net, oblong)
        kinds = {type(record) for record in plain.records}
        attention = [record for record in plain.records if isinstance(record, SelfAttention)]
        changes: list[dict[str, object]] = [{"gates": 0.5}] if kinds - {SelfAttention} else []
        if attention:
            # Half of the tokens: a single one, such as padding, may have no weight in the first place.
            grids = [record.tokens for record in attention]
            half = min(grid.prefix + grid.grid_hw[0] * grid.grid_hw[1] for grid in grids) // 2
            changes += [{"heads": {record.site.layer: [0] for record in attention}}, {"hide": range(half)}]
        for change in changes:
            with intervene(net, **change):  # type: ignore[arg-type]
                result = trace(net, oblong, verify=True)
                with torch.no_grad():
                    assert torch.equal(net(oblong)[0], result.logits)
                    twice = net(torch.cat([oblong, oblong.flip(-1)]))
            assert torch.equal(twice[0], result.logits)
            assert not torch.allclose(result.logits, plain.logits), f"{change} changes nothing"
            assert any(record.site.edit for record in result.records)
            assert result.unproven == ()
        assert hooks_of(net) == 0
        assert torch.equal(trace(net, oblong).logits, plain.logits)
