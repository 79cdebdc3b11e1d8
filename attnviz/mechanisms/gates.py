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
        self.paper = paper

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        gate = LastOutput()
        yield emit.after(layer.get_submodule(self.gate), gate.look)

        def look(run: Run) -> None:
            emit(ChannelWeights, weights=gate.take(emit.layer).flatten(), features=kept(run.x))

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: ChannelWeights) -> Tensor:
        return x * record.weights.to(x)[:, None, None]


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
        self.paper = paper

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        gate = LastOutput()
        yield emit.after(layer.get_submodule(self.gate), gate.look)

        def look(run: Run) -> None:
            emit(SpatialMask, mask=gate.take(emit.layer).flatten(0, 2), features=kept(run.x))

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: SpatialMask) -> Tensor:
        return x * record.mask.to(x)


class LastOutput:
    """What a submodule gave last, taken once."""

    def __init__(self) -> None:
        self._output: Tensor | None = None

    def look(self, run: Run) -> None:
        """To be called after each run of the submodule."""
        self._output = run.y

    def take(self, layer: str) -> Tensor:
        """The output, for a batch of one picture.

        Raises:
            NothingTracedError: the submodule has not run since it was last asked.
            ShapeError: it ran on several pictures.
        """
        output, self._output = self._output, None
        if output is None:
            raise NothingTracedError(
                f"{layer}: the gate's module must run when its layer runs; got a run without it. "
                "The layer computes its gate elsewhere and needs a mechanism of its own."
            )
        return one_picture(output, layer).detach()
