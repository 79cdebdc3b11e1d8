"""CBAM as its authors wrote it, and as it was copied into many projects: both sigmoids are functions.

Paper: Woo, Park, Lee, Kweon 2018, arXiv:1807.06521, eqs. 1 to 3, in the structure of the authors' code. There is no
module whose output is a gate: the channel gate is the sigmoid of the sum of what the shared MLP gave for each kind of
pooling, the spatial gate the sigmoid of what the convolution gave. The code stacks the pooled maps as [max, mean], the
paper as [mean, max]; the record is the same either way.

One line makes such a class readable:

    attnviz.mechanisms.register_cbam(MyCBAM)
"""

from collections.abc import Iterable
from functools import reduce

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import NotFoundError
from attnviz.mechanisms.base import Emit, Mechanism, Run, register
from attnviz.mechanisms.cbam import emit_both
from attnviz.mechanisms.gates import Gate, LastOutputs, gated
from attnviz.records import ChannelWeights, kept


def register_cbam(
    *layer_types: type[nn.Module] | str, channel: str = "ChannelGate.mlp", spatial: str = "SpatialGate.spatial"
) -> None:
    """Make a CBAM with functional sigmoids readable.

    Args:
        layer_types: the classes, or their dotted names `module.Class`.
        channel: dotted name, below the layer, of the MLP that runs once for each kind of pooling.
        spatial: dotted name of the module whose output the spatial gate's sigmoid takes. Not needed by a layer whose
            attribute `no_spatial` is true.

    Raises:
        ValueRangeError: a class can be read already.
    """
    register(*layer_types)(FunctionalCbamMechanism(channel, spatial))


class FunctionalCbamMechanism(Mechanism[nn.Module]):
    """The gates are computed from the outputs of the last modules before them, with the layer's own sigmoid.

    Args:
        channel: dotted name of the shared MLP.
        spatial: dotted name of the module before the spatial gate's sigmoid.
    """

    key = "cbam"
    paper = "arXiv:1807.06521"

    def __init__(self, channel: str, spatial: str) -> None:
        self.channel = channel
        self.spatial = spatial

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        pooled, compressed = LastOutputs(), LastOutputs()
        has_spatial = not getattr(layer, "no_spatial", False)
        yield emit.after(_part(layer, self.channel, emit.layer), pooled.look)
        if has_spatial:
            yield emit.after(_part(layer, self.spatial, emit.layer), compressed.look)

        def look(run: Run) -> None:
            channel = reduce(torch.add, pooled.take(emit.layer, runs=None)).sigmoid()
            x = run.x.detach()
            if has_spatial:
                (logits,) = compressed.take(emit.layer)
                emit_both(emit, x, channel, logits.sigmoid())
            else:
                emit(ChannelWeights, part="channel", weights=channel.flatten(), features=kept(x))

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, *records: Gate) -> Tensor:
        return gated(x, *records)


def _part(layer: nn.Module, name: str, where: str) -> nn.Module:
    try:
        return layer.get_submodule(name)
    except AttributeError:
        there = ", ".join(known for known, _ in layer.named_modules() if known) or "no module"
        raise NotFoundError(
            f"{where}: {type(layer).__name__} must have a module {name!r} to be read as a CBAM; got {there}. "
            "Name its modules in register_cbam(..., channel=..., spatial=...)."
        ) from None
