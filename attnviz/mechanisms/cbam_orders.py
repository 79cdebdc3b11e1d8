"""CBAM with the spatial gate first, and with both gates at once.

Paper: Woo, Park, Lee, Kweon 2018, arXiv:1807.06521, Table 3.
"""

from collections.abc import Iterable

from torch import Tensor
from torch.utils.hooks import RemovableHandle

from attnviz.layers import ParallelCbam, SpatialFirstCbam
from attnviz.mechanisms.base import Emit, Mechanism, Run, register
from attnviz.mechanisms.gates import Gate, LastOutputs, gated
from attnviz.records import ChannelWeights, Deferred, FeatureMask, SpatialMask, kept


@register(SpatialFirstCbam)
class SpatialFirstCbamMechanism(Mechanism[SpatialFirstCbam]):
    """Two records per run. What the channel gate multiplied is computed from the first when asked for."""

    key = "cbam"
    paper = "arXiv:1807.06521"

    def watch(self, layer: SpatialFirstCbam, emit: Emit) -> Iterable[RemovableHandle]:
        channel_gate, spatial_gate = LastOutputs(), LastOutputs()
        yield emit.after(layer.spatial.gate, spatial_gate.look)
        yield emit.after(layer.channel.gate, channel_gate.look)

        def look(run: Run) -> None:
            (spatial,), (channel,) = spatial_gate.take(emit.layer), channel_gate.take(emit.layer)
            x, mask = run.x.detach(), spatial.flatten(0, 2)
            emit(SpatialMask, part="spatial", mask=mask, features=kept(x))
            between = Deferred(lambda: (x[0] * mask,), x, mask)
            emit(ChannelWeights, part="channel", weights=channel.flatten(), features=between[0])

        yield emit.after(layer, look)

    def replay(self, layer: SpatialFirstCbam, x: Tensor, *records: Gate) -> Tensor:
        return gated(x, *records)


@register(ParallelCbam)
class ParallelCbamMechanism(Mechanism[ParallelCbam]):
    """One record: the factor of each feature."""

    key = "cbam_parallel"
    paper = "arXiv:1807.06521"

    def watch(self, layer: ParallelCbam, emit: Emit) -> Iterable[RemovableHandle]:
        gate = LastOutputs()
        yield emit.after(layer.gate, gate.look)

        def look(run: Run) -> None:
            (mask,) = gate.take(emit.layer)
            emit(FeatureMask, mask=kept(mask), features=kept(run.x))

        yield emit.after(layer, look)

    def replay(self, layer: ParallelCbam, x: Tensor, record: Gate) -> Tensor:
        return gated(x, record)
