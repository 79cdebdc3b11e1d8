"""Convolutional Block Attention Module: a gate per channel, then a gate per position.

Paper: Woo, Park, Lee, Kweon 2018, arXiv:1807.06521, eqs. 1 to 3.
"""

from collections.abc import Iterable

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.layers import Cbam, ChannelGate, SpatialGate
from attnviz.mechanisms.base import Emit, Mechanism, Run, register
from attnviz.mechanisms.gates import ChannelGateMechanism, LastOutput, SpatialGateMechanism
from attnviz.records import ChannelWeights, Deferred, SpatialMask, kept


@register(Cbam, "timm.layers.cbam.CbamModule")
class CbamMechanism(Mechanism[nn.Module]):
    """Two records per run. What the spatial gate multiplied is computed from the first when asked for."""

    key = "cbam"
    paper = "arXiv:1807.06521"

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        channel_gate, spatial_gate = LastOutput(), LastOutput()
        yield emit.after(layer.get_submodule("channel.gate"), channel_gate.look)
        yield emit.after(layer.get_submodule("spatial.gate"), spatial_gate.look)

        def look(run: Run) -> None:
            x, weights = run.x.detach(), channel_gate.take(emit.layer).flatten()
            emit(ChannelWeights, part="channel", weights=weights, features=kept(x))
            gated = Deferred(lambda: (x[0] * weights[:, None, None],), x, weights)
            emit(SpatialMask, part="spatial", mask=spatial_gate.take(emit.layer).flatten(0, 2), features=gated[0])

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, channel: ChannelWeights, spatial: SpatialMask) -> Tensor:
        return x * channel.weights.to(x)[:, None, None] * spatial.mask.to(x)


# The two gates on their own, for networks that use only one of them or set them in another order.
register(ChannelGate)(ChannelGateMechanism("cbam.channel", paper="arXiv:1807.06521"))
register(SpatialGate)(SpatialGateMechanism("cbam.spatial"))
