"""Gates whose factors are the output of a submodule: read there, without computing anything again."""

from collections.abc import Iterable

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import NothingTracedError
from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture
from attnviz.records import ChannelWeights, SpatialMask, kept


class ChannelGateMechanism(Mechanism[nn.Module]):
    """`y = x * g`, one factor per channel, `g` the output of a named submodule.

    Args:
        key: name in the registry and on records.
        gate: dotted name of the submodule, below the layer. Its output has one number per channel and may have any
            axes of size 1 around them.
        paper: where the layer's equation stands.
    """

    def __init__(self, key: str, gate: str = "gate", paper: str = "arXiv:1709.01507") -> None:
        self.key = key
        self.gate = gate
        self.paper = paper  # type: ignore[misc]

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        return watch_channel_gate(layer, layer.get_submodule(self.gate), emit)

    def replay(self, layer: nn.Module, x: Tensor, record: ChannelWeights) -> Tensor:
        return x * record.weights.to(x)[None, :, None, None]


class SpatialGateMechanism(Mechanism[nn.Module]):
    """`y = x * m`, one factor per position, `m` the output of a named submodule, shape (b, 1, h, w).

    Args:
        key: name in the registry and on records.
        gate: dotted name of the submodule, below the layer.
        paper: where the layer's equation stands.
    """

    def __init__(self, key: str, gate: str = "gate", paper: str = "arXiv:1807.06521") -> None:
        self.key = key
        self.gate = gate
        self.paper = paper  # type: ignore[misc]

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        return watch_spatial_gate(layer, layer.get_submodule(self.gate), emit)

    def replay(self, layer: nn.Module, x: Tensor, record: SpatialMask) -> Tensor:
        return x * record.mask.to(x)


def watch_channel_gate(layer: nn.Module, gate: nn.Module, emit: Emit, part: str = "") -> Iterable[RemovableHandle]:
    """Emit the last output of `gate` each time `layer` has run, with the layer's input as the gated features."""
    last = _LastOutput()
    yield emit.after(gate, last.look)

    def look(run: Run) -> None:
        weights = one_picture(last.take(emit.layer), emit.layer).flatten()
        emit(ChannelWeights, part=part, weights=weights, features=kept(run.x))

    yield emit.after(layer, look)


def watch_spatial_gate(layer: nn.Module, gate: nn.Module, emit: Emit, part: str = "") -> Iterable[RemovableHandle]:
    """Emit the last output of `gate` each time `layer` has run, with the layer's input as the masked features."""
    last = _LastOutput()
    yield emit.after(gate, last.look)

    def look(run: Run) -> None:
        mask = one_picture(last.take(emit.layer), emit.layer)[0, 0]
        emit(SpatialMask, part=part, mask=mask, features=kept(run.x))

    yield emit.after(layer, look)


class _LastOutput:
    """What a submodule gave last, taken once."""

    def __init__(self) -> None:
        self.output: Tensor | None = None

    def look(self, run: Run) -> None:
        self.output = run.y

    def take(self, layer: str) -> Tensor:
        output, self.output = self.output, None
        if output is None:
            raise NothingTracedError(
                f"{layer}: the gate's module must run when its layer runs; got a run without it. "
                "The layer computes its gate elsewhere and needs a mechanism of its own."
            )
        return output
