"""Self-attention of timm's vision transformers, fused or not.

Paper: Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", arXiv:2010.11929; Dehghani et al. 2023,
arXiv:2302.05442, for the norms on queries and keys. timm adds an optional norm and a gate on the output.
"""

from collections.abc import Iterable

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, register
from attnviz.records import Deferred, SelfAttention


@register("timm.layers.attention.Attention", "timm.models.vision_transformer.Attention")
class TimmAttentionMechanism(Mechanism[nn.Module]):
    """Queries and keys are read behind their norms, which always run, as identities where there are none.

    The layer's dropout is no seam: the fused path never calls it.
    """

    key = "mhsa"
    paper = "arXiv:2010.11929"

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        normed: dict[str, Tensor] = {}

        def look_at_queries(run: Run) -> None:
            normed["q"] = one_picture(run.y, emit.layer).detach()

        def look_at_keys(run: Run) -> None:
            normed["k"] = one_picture(run.y, emit.layer).detach()

        yield emit.after(layer.get_submodule("q_norm"), look_at_queries)
        yield emit.after(layer.get_submodule("k_norm"), look_at_keys)

        def look(run: Run) -> None:
            q, k = normed.pop("q"), normed.pop("k")
            qk = Deferred(lambda: (q, k), q, k)
            emit(
                SelfAttention,
                queries=qk[0],
                keys=qk[1],
                scale=q.shape[-1] ** -0.5,
                tokens=q.shape[2],
                mask=_mask(run, q.shape[2]),
            )

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: SelfAttention) -> Tensor:
        qkv = layer.get_submodule("qkv")(x)
        _, _, values = rearrange(qkv, "1 n (three heads d) -> three 1 heads n d", three=3, heads=layer.num_heads)
        joined = rearrange(record.weights().to(x) @ values, "1 heads n d -> 1 n (heads d)")
        norm, gate = getattr(layer, "norm", None), getattr(layer, "gate", None)
        if isinstance(norm, nn.Module):
            joined = norm(joined)
        if isinstance(gate, nn.Module):
            joined = joined * gate(x).sigmoid()
        return layer.get_submodule("proj")(joined)


def _mask(run: Run, tokens: int) -> Tensor | None:
    """The call's mask as numbers to add to the logits. A causal call ignores the mask that came with it."""
    mask = run.argument(1, "attn_mask")
    if run.argument(2, "is_causal"):
        return torch.full((1, 1, tokens, tokens), -torch.inf).triu(1)
    if not isinstance(mask, Tensor):
        return None
    if mask.dtype == torch.bool:
        # True means that the key may be looked at: the other way round than in nn.MultiheadAttention.
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -torch.inf)
    return mask.reshape((1,) * (4 - mask.dim()) + tuple(mask.shape))
