"""The head with which SigLIP of `transformers` pools its patches: one learned query looks at all of them.

Papers: Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training", arXiv:2303.15343; Lee et al. 2019, "Set
Transformer", arXiv:1810.00825, section 3.2, for attention with learned queries.
"""

from collections.abc import Iterable

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, register
from attnviz.records import Deferred, SelfAttention, TokenGrid


@register("transformers.models.siglip.modeling_siglip.SiglipMultiheadAttentionPoolingHead")
class PoolingHeadMechanism(Mechanism[nn.Module]):
    """Reads the whole head, whose `nn.MultiheadAttention` alone does not know where its one query comes from."""

    key = "mhsa"
    paper = "arXiv:1810.00825"

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        def look(run: Run) -> None:
            x = one_picture(run.x, emit.layer).detach()
            qk = Deferred(lambda: _project(layer, x)[:2], x, layer=layer)
            emit(
                SelfAttention,
                queries=qk[0],
                keys=qk[1],
                scale=_attention(layer).head_dim ** -0.5,
                tokens=x.shape[1],
                query_tokens=TokenGrid.nowhere(("probe",)),
            )

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: SelfAttention) -> Tensor:
        _, _, values = _project(layer, x)
        joined = rearrange(record.weights().to(x) @ values, "1 heads n d -> 1 n (heads d)")
        y = _attention(layer).out_proj(joined)
        y = y + layer.get_submodule("mlp")(layer.get_submodule("layernorm")(y))
        return y[:, 0]


def _attention(layer: nn.Module) -> nn.MultiheadAttention:
    attention = layer.get_submodule("attention")
    assert isinstance(attention, nn.MultiheadAttention)  # so the library builds it
    return attention


def _project(layer: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The probe's queries, the patches' keys and values, each (1, heads, tokens, d)."""
    attention = _attention(layer)
    q, k, v = (
        rearrange(F.linear(seen, weight, bias), "1 n (heads d) -> 1 heads n d", heads=attention.num_heads)
        for seen, weight, bias in zip(
            (layer.get_parameter("probe"), x, x),
            attention.in_proj_weight.chunk(3),
            attention.in_proj_bias.chunk(3),
            strict=True,
        )
    )
    return q, k, v
