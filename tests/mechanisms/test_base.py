from collections.abc import Iterable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import ValueRangeError
from attnviz.layers import SqueezeExcitation
from attnviz.mechanisms import (
    ChannelGateMechanism,
    Emit,
    Mechanism,
    Run,
    SpatialGateMechanism,
    base,
    known_keys,
    known_layers,
    mechanism_for,
    register,
)
from attnviz.mechanisms.base import WrittenToError
from attnviz.records import ChannelWeights
from attnviz.tracer import trace
from tests.mechanisms.contract import hooks_of, vary


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of the table of mechanisms, thrown away after each test."""
    monkeypatch.setattr(base, "_MECHANISMS", dict(base._MECHANISMS))


class Gate(nn.Module):
    """A channel gate that no library has: the sigmoid of the channel means."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return x * self.sigmoid(self.squeeze(x))


class FunctionalGate(nn.Module):
    """The same with nothing inside to hook."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(x.mean(dim=(2, 3), keepdim=True))


class FunctionalGateMechanism(Mechanism[FunctionalGate]):
    """Written as a third party would: a hook of its own, and the gate computed beside the layer."""

    key = "functional_gate"
    paper = "none"

    def watch(self, layer: FunctionalGate, emit: Emit) -> Iterable[RemovableHandle]:
        def look(_layer: nn.Module, args: tuple[Tensor], _output: Tensor) -> None:
            emit(ChannelWeights, weights=torch.sigmoid(args[0].mean(dim=(2, 3)))[0])

        yield layer.register_forward_hook(look)

    def replay(self, layer: FunctionalGate, x: Tensor, record: ChannelWeights) -> Tensor:
        return x * record.weights.to(x)[:, None, None]


def test_a_gate_module_needs_one_line() -> None:
    register(Gate)(ChannelGateMechanism("my_gate", gate="sigmoid"))
    # Channel means 0 and ln 3: sigmoid 1/2 and 3/4.
    x = torch.tensor([0.0, torch.tensor(3.0).log()]).view(1, 2, 1, 1).repeat(1, 1, 2, 3)
    result = trace(nn.Sequential(Gate()).eval(), x, verify=True)
    (record,) = result.of(ChannelWeights)
    torch.testing.assert_close(record.weights, torch.tensor([0.5, 0.75]))
    assert record.site.mechanism == "my_gate"
    assert result.unproven == ()


def test_a_spatial_gate_module_needs_one_line() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sigmoid = nn.Sigmoid()

        def forward(self, x: Tensor) -> Tensor:
            return x * self.sigmoid(x.mean(dim=1, keepdim=True))

    register(Masked)(SpatialGateMechanism("my_mask", gate="sigmoid"))
    result = trace(nn.Sequential(Masked()).eval(), torch.randn(1, 2, 3, 5), verify=True)
    assert result.unproven == ()
    assert result.records[0].mask.shape == (3, 5)  # type: ignore[union-attr]


def test_a_mechanism_may_hook_for_itself() -> None:
    register(FunctionalGate)(FunctionalGateMechanism)
    model = nn.Sequential(FunctionalGate(), Gate(), FunctionalGate()).eval()
    register(Gate)(ChannelGateMechanism("my_gate", gate="sigmoid"))
    result = trace(model, torch.randn(1, 3, 2, 2), verify=True)
    assert [record.site.layer for record in result.records] == ["0", "1", "2"]
    assert result.unproven == ()
    # Without verify the looks wait for the end of the pass, and the order must be the same.
    late = trace(model, torch.randn(1, 3, 2, 2))
    assert [record.site.layer for record in late.records] == ["0", "1", "2"]
    assert hooks_of(model) == 0


def test_a_subclass_is_read_by_its_base_and_a_nearer_entry_wins() -> None:
    class Ours(Gate):
        pass

    class Nearer(Ours):
        pass

    register(Gate)(ChannelGateMechanism("far", gate="sigmoid"))
    register(Nearer)(ChannelGateMechanism("near", gate="sigmoid"))
    assert mechanism_for(Ours()).key == "far"  # type: ignore[union-attr]
    assert mechanism_for(Nearer()).key == "near"  # type: ignore[union-attr]
    assert mechanism_for(nn.Sigmoid()) is None


def test_a_dotted_name_stands_for_a_class_that_is_not_imported() -> None:
    register(f"{Gate.__module__}.Gate")(ChannelGateMechanism("by_name", gate="sigmoid"))
    assert mechanism_for(Gate()).key == "by_name"  # type: ignore[union-attr]
    assert known_layers()["by_name"] == (f"{Gate.__module__}.Gate",)


@pytest.mark.parametrize("first", [Gate, f"{Gate.__module__}.Gate"])
@pytest.mark.parametrize("second", [Gate, f"{Gate.__module__}.Gate"])
def test_registering_twice_names_both(first: type | str, second: type | str) -> None:
    register(first)(ChannelGateMechanism("one", gate="sigmoid"))
    with pytest.raises(ValueRangeError, match="Gate already has mechanism 'one'; refusing to replace it with 'two'"):
        register(second)(ChannelGateMechanism("two", gate="sigmoid"))
    assert mechanism_for(Gate()).key == "one"  # type: ignore[union-attr]
    assert "two" not in known_keys()


def test_a_refused_registration_registers_none_of_its_types() -> None:
    with pytest.raises(ValueRangeError, match="SqueezeExcitation already has mechanism 'se'"):
        register(Gate, SqueezeExcitation)(ChannelGateMechanism("mine", gate="sigmoid"))
    assert mechanism_for(Gate()) is None


def test_a_mechanism_without_replay_is_refused() -> None:
    class Unproven(Mechanism[nn.Module]):
        key = "unproven"
        paper = "none"

        def watch(self, layer: nn.Module, emit: Emit) -> Iterator[RemovableHandle]:
            yield from ()

    with pytest.raises(ValueRangeError, match="mechanism 'unproven' must have a replay method"):
        register(Gate)(Unproven)


def test_a_failing_watch_leaves_no_hook() -> None:
    class Failing(FunctionalGateMechanism):
        def watch(self, layer: FunctionalGate, emit: Emit) -> Iterable[RemovableHandle]:
            yield from super().watch(layer, emit)
            emit.after(layer, lambda run: None)
            raise OSError("no")

    register(FunctionalGate)(Failing)
    model = vary(nn.Sequential(SqueezeExcitation(3), FunctionalGate())).eval()
    with pytest.raises(OSError, match="no"):
        trace(model, torch.randn(1, 3, 2, 2))
    assert hooks_of(model) == 0


class TestRun:
    def test_arguments_come_by_place_or_by_name(self) -> None:
        x, mask, y = torch.ones(1), torch.zeros(1), torch.ones(2)
        run = Run((x, None), {"mask": mask}, (None, y))
        assert run.x is x
        assert run.y is y
        assert run.argument(0, "query") is x
        assert run.argument(1, "key") is None
        assert run.argument(5, "mask") is mask
        assert run.argument(6, "absent") is None

    @pytest.mark.parametrize("written", ["x", "mask", "y"])
    def test_a_write_is_noticed_where_it_matters(self, written: str) -> None:
        held = {"x": torch.ones(2), "mask": torch.ones(2), "y": torch.ones(2)}
        run = Run((held["x"],), {"mask": held["mask"]}, held["y"])
        held[written][0] = 5
        if written == "y":
            assert run.x is held["x"]
            with pytest.raises(WrittenToError):
                _ = run.y
        else:
            assert run.y is held["y"]
            with pytest.raises(WrittenToError):
                _ = run.x
            with pytest.raises(WrittenToError):
                run.argument(1, "mask")
