"""Attention-augmented convolution: self-attention over all positions of a feature map, beside a convolution.

Paper: Bello, Zoph, Vaswani, Shlens, Le 2019, arXiv:1904.09925, eqs. 1 to 5.
"""

from collections.abc import Iterable

from einops import rearrange
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from attnviz.layers import AAConv2d
from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, register
from attnviz.records import Deferred, SelfAttention, TokenGrid


@register(AAConv2d)
class AAConvMechanism(Mechanism[AAConv2d]):
    """Queries and keys are read from the projection's output; the relative logits are the record's bias."""

    key = "aa_conv"
    paper = "arXiv:1904.09925"

    def watch(self, layer: AAConv2d, emit: Emit) -> Iterable[RemovableHandle]:
        def look(run: Run) -> None:
            projected = one_picture(run.y, emit.layer).detach()
            height, width = projected.shape[-2:]

            def queries_and_keys() -> tuple[Tensor, Tensor]:
                q, k, _ = projected.split([layer.key_channels, layer.key_channels, layer.value_channels], dim=1)
                split = "1 (heads d) h w -> 1 heads (h w) d"
                return rearrange(q, split, heads=layer.heads), rearrange(k, split, heads=layer.heads)

            def relative() -> tuple[Tensor]:
                return (layer.relative_logits(queries_and_keys()[0], (height, width)),)

            qk = Deferred(queries_and_keys, projected)
            emit(
                SelfAttention,
                queries=qk[0],
                keys=qk[1],
                scale=layer.scale,
                tokens=TokenGrid.whole((height, width)),
                bias=Deferred(relative, projected, layer=layer)[0],
            )

        yield emit.after(layer.qkv, look)

    def replay(self, layer: AAConv2d, x: Tensor, record: SelfAttention) -> Tensor:
        _, _, values = layer.project(x)
        return layer.merge(x, record.weights().to(x) @ values)
