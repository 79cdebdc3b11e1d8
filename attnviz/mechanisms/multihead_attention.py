"""Self-attention of `torch.nn.MultiheadAttention`, as torchvision's and our vision transformers use it.

Paper: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, section 3.2.

The layer runs fused and gives no weights. Queries and keys are projected again when asked for, from the layer's input.
A hook on the layer leaves its fused path on; one inside `nn.TransformerEncoderLayer` would switch off that layer's own
fused path and change the last bits of its output.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import ValueRangeError
from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture, register
from attnviz.records import Deferred, SelfAttention


@register(nn.MultiheadAttention)
class MultiheadAttentionMechanism(Mechanism[nn.MultiheadAttention]):
    """Reads layers that get one tensor as query, key and value."""

    key = "mhsa"
    paper = "arXiv:1706.03762"

    def watch(self, layer: nn.MultiheadAttention, emit: Emit) -> Iterable[RemovableHandle]:
        def look(run: Run) -> None:
            self._refuse_other_uses(layer, run, emit.layer)
            x = run.x.detach()
            tokens = _batch_first(layer, x, emit.layer).shape[1]

            def queries_and_keys() -> tuple[Tensor, Tensor]:
                q, k, _ = _project(layer, _batch_first(layer, x, emit.layer))
                return q, k

            qk = Deferred(queries_and_keys, x, layer=layer)
            emit(
                SelfAttention,
                queries=qk[0],
                keys=qk[1],
                scale=layer.head_dim**-0.5,
                tokens=tokens,
                mask=_mask(layer, run),
            )

        yield emit.after(layer, look)

    def replay(self, layer: nn.MultiheadAttention, x: Tensor, record: SelfAttention) -> Tensor:
        _, _, values = _project(layer, _batch_first(layer, x, record.site.layer))
        joined = rearrange(record.weights().to(x) @ values, "1 heads n d -> 1 n (heads d)")
        y = F.linear(joined, layer.out_proj.weight, layer.out_proj.bias)
        return y[0] if x.dim() == 2 else y if layer.batch_first else y.transpose(0, 1)

    @staticmethod
    def _refuse_other_uses(layer: nn.MultiheadAttention, run: Run, name: str) -> None:
        query, key, value = (run.argument(at, word) for at, word in enumerate(("query", "key", "value")))
        if query is not key or key is not value:
            raise ValueRangeError(
                f"{name}: nn.MultiheadAttention must get one tensor as query, key and value; got several. "
                "Attention between different tokens has no place on one grid, so it is not read."
            )
        if layer.bias_k is not None or layer.add_zero_attn:
            raise ValueRangeError(
                f"{name}: keys must be tokens of the picture; got an extra key from add_bias_kv or add_zero_attn. "
                "It lies nowhere on the grid, so this layer is not read."
            )


def _batch_first(layer: nn.MultiheadAttention, x: Tensor, name: str) -> Tensor:
    """The layer's input as (1, tokens, channels)."""
    if x.dim() == 2:
        return x[None]
    return one_picture(x if layer.batch_first else x.transpose(0, 1), name)


def _project(layer: nn.MultiheadAttention, x: Tensor) -> tuple[Tensor, ...]:
    """Queries, keys and values, each (1, heads, tokens, d)."""
    projected = F.linear(x, layer.in_proj_weight, layer.in_proj_bias)
    return tuple(rearrange(projected, "1 n (three heads d) -> three 1 heads n d", three=3, heads=layer.num_heads))


def _mask(layer: nn.MultiheadAttention, run: Run) -> Tensor | None:
    """Attention and padding masks together, as numbers to add to the logits, broadcastable to (1, heads, n, n)."""
    total: Tensor | None = None
    for position, name in ((3, "key_padding_mask"), (5, "attn_mask")):
        mask = run.argument(position, name)
        if not isinstance(mask, Tensor):
            continue
        if mask.dtype == torch.bool:
            mask = torch.zeros(mask.shape, device=mask.device).masked_fill(mask, -torch.inf)
        # (1, keys) for padding, (queries, keys) or (heads, queries, keys) otherwise.
        mask = mask.reshape(1, -1, *mask.shape[-2:]) if name == "attn_mask" else mask.reshape(1, 1, 1, -1)
        total = mask if total is None else total + mask
    return total
