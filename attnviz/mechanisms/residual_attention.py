"""The soft mask of residual attention: a factor `1 + M` for each feature of the trunk.

Paper: Wang et al. 2017, "Residual Attention Network for Image Classification", arXiv:1704.06904, eq. 3.
"""

from collections.abc import Iterable

from torch import Tensor
from torch.utils.hooks import RemovableHandle

from attnviz.layers import ResidualAttention
from attnviz.mechanisms.base import Emit, Mechanism, Run, register
from attnviz.mechanisms.gates import LastOutputs, gated
from attnviz.records import FeatureMask, kept


@register(ResidualAttention)
class ResidualAttentionMechanism(Mechanism[ResidualAttention]):
    """The features are those of the trunk, which the mask multiplies, not the layer's input."""

    key = "residual_attention"
    paper = "arXiv:1704.06904"

    def watch(self, layer: ResidualAttention, emit: Emit) -> Iterable[RemovableHandle]:
        masks, features = LastOutputs(), LastOutputs()
        yield emit.after(layer.mask, masks.look)
        yield emit.after(layer.trunk, features.look)

        def look(run: Run) -> None:
            (mask,), (trunk,) = masks.take(emit.layer), features.take(emit.layer)
            emit(FeatureMask, mask=kept(mask), base=1.0, features=kept(trunk))

        yield emit.after(layer, look)

    def replay(self, layer: ResidualAttention, x: Tensor, record: FeatureMask) -> Tensor:
        return layer.after(gated(layer.trunk(layer.before(x)), record))
