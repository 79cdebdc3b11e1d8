"""Convolutional Block Attention Module: a gate per channel, then a gate per position.

Paper: Woo, Park, Lee, Kweon 2018, arXiv:1807.06521, eqs. 1 to 3.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.layers import Cbam, ChannelGate, SpatialGate
from attnviz.mechanisms.base import Emit, Mechanism, Run, register
from attnviz.mechanisms.gates import ChannelGateMechanism, Gate, LastOutputs, SpatialGateMechanism, Then, gated
from attnviz.records import ChannelWeights, Deferred, SpatialMask, kept

_PAPER = "arXiv:1807.06521"


class CbamMechanism(Mechanism[nn.Module]):
    """Two records per run. What the spatial gate multiplied is computed from the first when asked for.

    Args:
        channel: dotted name of the submodule whose output gives the channel gate.
        spatial: likewise, for the spatial gate.
        channel_then: what makes the channel gate of that output, if the output is not the gate itself.
    """

    key = "cbam"
    paper = _PAPER

    def __init__(
        self, channel: str = "channel.gate", spatial: str = "spatial.gate", channel_then: Then | None = None
    ) -> None:
        self.channel = channel
        self.spatial = spatial
        self.channel_then = channel_then

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        channel_gate, spatial_gate, then = LastOutputs(), LastOutputs(), self.channel_then
        yield emit.after(layer.get_submodule(self.channel), channel_gate.look)
        yield emit.after(layer.get_submodule(self.spatial), spatial_gate.look)

        def look(run: Run) -> None:
            (channel,), (spatial,) = channel_gate.take(emit.layer), spatial_gate.take(emit.layer)
            emit_both(emit, run.x.detach(), channel if then is None else then(channel), spatial)

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, *records: Gate) -> Tensor:
        return gated(x, *records)


def emit_both(emit: Emit, x: Tensor, channel: Tensor, spatial: Tensor) -> None:
    """The records of a channel gate and of the spatial gate behind it.

    Args:
        emit: of the layer.
        x: the layer's input, (1, c, h, w).
        channel: the gate, with one number per channel and any axes of size 1.
        spatial: the gate, (1, 1, h, w).
    """
    weights = channel.flatten()
    emit(ChannelWeights, part="channel", weights=weights, features=kept(x))
    gated_x = Deferred(lambda: (x[0] * weights[:, None, None],), x, weights)
    emit(SpatialMask, part="spatial", mask=spatial.flatten(0, 2), features=gated_x[0])


register(Cbam, "timm.layers.cbam.CbamModule")(CbamMechanism())

# timm's light form pools once; its channel gate is a function, and the module `gate` beside it never runs.
register("timm.layers.cbam.LightCbamModule")(CbamMechanism(channel="channel.fc2", channel_then=torch.sigmoid))

# The gates on their own, for networks that use only one of them or set them in another order.
register(ChannelGate, "timm.layers.cbam.ChannelAttn")(ChannelGateMechanism("cbam.channel", paper=_PAPER))
register("timm.layers.cbam.LightChannelAttn")(
    ChannelGateMechanism("cbam.channel", gate="fc2", paper=_PAPER, then=torch.sigmoid)
)
register(SpatialGate, "timm.layers.cbam.SpatialAttn", "timm.layers.cbam.LightSpatialAttn")(
    SpatialGateMechanism("cbam.spatial")
)
