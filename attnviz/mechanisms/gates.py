"""Gates whose factors are the output of a submodule: read there, without computing anything again."""

from abc import abstractmethod
from collections.abc import Callable, Iterable

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import NothingTracedError
from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture
from attnviz.records import ChannelWeights, FeatureMask, SpatialMask, kept

Gate = ChannelWeights | SpatialMask | FeatureMask
"""A record of factors that a layer multiplied its features with."""

Then = Callable[[Tensor], Tensor]
"""What a layer makes of a submodule's output, without another submodule: `torch.sigmoid`, for one."""


def gated(x: Tensor, *gates: Gate) -> Tensor:
    """Features (1, c, h, w) times the factors of some gates."""
    for gate in gates:
        x = x * gate.factor.to(x)
    return x


class GateMechanism(Mechanism[nn.Module]):
    """`y = x * g`, with `g` from the output of a named submodule. What kind of gate it is, a subclass says.

    Args:
        key: name in the registry and on records.
        gate: dotted name of the submodule, below the layer.
        paper: where the layer's equation stands; by default that of the first layer of this kind.
        then: what makes the gate of that output where the layer does it in a function; None where the output is the
            gate itself.
    """

    def __init__(self, key: str, gate: str = "gate", paper: str | None = None, then: Then | None = None) -> None:
        self.key = key
        self.gate = gate
        self.paper = paper or self.paper
        self.then = then

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        gate, then = LastOutputs(), self.then
        yield emit.after(layer.get_submodule(self.gate), gate.look)

        def look(run: Run) -> None:
            (output,) = gate.take(emit.layer)
            self.hand_over(emit, output if then is None else then(output), run.x)

        yield emit.after(layer, look)

    @abstractmethod
    def hand_over(self, emit: Emit, gate: Tensor, x: Tensor) -> None:
        """Emit the record of one run, from the gate and what it multiplied, both for a batch of one."""

    def replay(self, layer: nn.Module, x: Tensor, record: Gate) -> Tensor:
        return gated(x, record)


class ChannelGateMechanism(GateMechanism):
    """One factor per channel. The gate has one number per channel and may have any axes of size 1 around them."""

    paper = "arXiv:1709.01507"

    def hand_over(self, emit: Emit, gate: Tensor, x: Tensor) -> None:
        emit(ChannelWeights, weights=gate.flatten(), features=kept(x))


class SpatialGateMechanism(GateMechanism):
    """One factor per position. The gate has shape (b, 1, h, w)."""

    paper = "arXiv:1807.06521"

    def hand_over(self, emit: Emit, gate: Tensor, x: Tensor) -> None:
        emit(SpatialMask, mask=gate.flatten(0, 2), features=kept(x))


class LastOutputs:
    """What a submodule gave last, taken once."""

    def __init__(self) -> None:
        self._outputs: list[Tensor] = []

    def look(self, run: Run) -> None:
        """To be called after each run of the submodule."""
        self._outputs.append(run.y)

    def take(self, layer: str, runs: int | None = 1) -> list[Tensor]:
        """The outputs of the last runs, each for a batch of one picture.

        Args:
            layer: name of the layer, for the message.
            runs: how many runs of the submodule one run of the layer takes; None takes all since it was last asked.

        Raises:
            NothingTracedError: the submodule has not run so often since it was last asked.
            ShapeError: it ran on several pictures.
        """
        outputs, self._outputs = self._outputs, []
        if len(outputs) < (runs or 1):
            raise NothingTracedError(
                f"{layer}: the gate's module must run when its layer runs; got {_times(len(outputs))}. "
                "The layer computes its gate elsewhere and needs a mechanism of its own."
            )
        return [one_picture(output, layer).detach() for output in outputs[-runs if runs else 0 :]]


def _times(runs: int) -> str:
    return "a run without it" if runs == 0 else f"{runs} of its runs"
