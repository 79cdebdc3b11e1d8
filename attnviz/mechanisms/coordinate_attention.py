"""Coordinate attention and its relatives: a factor per row and one per column, for each channel.

Papers: Hou, Zhou, Feng 2021, "Coordinate Attention for Efficient Mobile Network Design", arXiv:2103.02907, eqs. 4 to 8;
Xu, Wan 2024, "ELA: Efficient Local Attention", arXiv:2403.01123. timm adds two forms that add the row's and the
column's numbers before one gate, and may add the input to the output.
"""

from collections.abc import Iterable
from functools import reduce

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, register
from attnviz.mechanisms.gates import LastOutputs, gated
from attnviz.records import Deferred, FeatureMask, kept


class CoordinateAttentionMechanism(Mechanism[nn.Module]):
    """`y = x * m`, or `y = x * (1 + m)` with the input added; `m` is the product of what the gate gives in one run.

    Args:
        paper: where the layer's equation stands.
        gates: how often the gate runs: twice where rows and columns have factors of their own, once where not.
    """

    key = "coordinate"

    def __init__(self, paper: str, gates: int) -> None:
        self.paper = paper
        self.gates = gates

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        gates = LastOutputs()
        yield emit.after(layer.get_submodule("gate"), gates.look)

        def look(run: Run) -> None:
            factors = gates.take(emit.layer, self.gates)
            # (1, c, h, 1) times (1, c, 1, w), or one of (1, c, h, w)
            mask = Deferred(lambda: (reduce(torch.mul, factors)[0],), *factors)
            emit(FeatureMask, mask=mask[0], base=1.0 if layer.has_skip else 0.0, features=kept(run.x))

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: FeatureMask) -> Tensor:
        return gated(x, record)


_PAPER = "arXiv:2103.02907"
register("timm.layers.coord_attn.CoordAttn")(CoordinateAttentionMechanism(_PAPER, gates=2))
register("timm.layers.coord_attn.EfficientLocalAttn")(CoordinateAttentionMechanism("arXiv:2403.01123", gates=2))
register(
    "timm.layers.coord_attn.SimpleCoordAttn",
    "timm.layers.coord_attn.StripAttn",
)(CoordinateAttentionMechanism(_PAPER, gates=1))
