"""Convolutional Block Attention Module: a gate per channel, then a gate per position.

Paper: Woo, Park, Lee, Kweon 2018, arXiv:1807.06521, eqs. 1 to 3.
"""

from collections.abc import Iterable

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.layers import Cbam, ChannelGate, SpatialGate
from attnviz.mechanisms.base import Emit, Mechanism, register
from attnviz.mechanisms.gates import (
    ChannelGateMechanism,
    SpatialGateMechanism,
    watch_channel_gate,
    watch_spatial_gate,
)
from attnviz.records import ChannelWeights, SpatialMask


@register(Cbam, "timm.layers.cbam.CbamModule")
class CbamMechanism(Mechanism[nn.Module]):
    """Two records per run, in the order in which the two gates ran."""

    key = "cbam"
    paper = "arXiv:1807.06521"

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        channel, spatial = layer.get_submodule("channel"), layer.get_submodule("spatial")
        yield from watch_channel_gate(channel, channel.get_submodule("gate"), emit, part="channel")
        yield from watch_spatial_gate(spatial, spatial.get_submodule("gate"), emit, part="spatial")

    def replay(self, layer: nn.Module, x: Tensor, *records: ChannelWeights | SpatialMask) -> Tensor:
        for record in records:
            if isinstance(record, ChannelWeights):
                x = x * record.weights.to(x)[None, :, None, None]
            else:
                x = x * record.mask.to(x)
        return x


# The two gates on their own, for networks that use only one of them or set them in another order.
register(ChannelGate)(ChannelGateMechanism("cbam.channel", paper="arXiv:1807.06521"))
register(SpatialGate)(SpatialGateMechanism("cbam.spatial"))
