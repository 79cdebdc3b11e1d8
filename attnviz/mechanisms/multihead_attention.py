"""Self-attention of `torch.nn.MultiheadAttention`, as torchvision's and our vision transformers use it.

Paper: Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, section 3.2.

The layer runs fused and gives no weights. Queries and keys are projected again when asked for, from the layer's input.
A hook on the layer leaves its fused path on. `nn.TransformerEncoderLayer` is another matter: it has a fused path of its
own, which skips the attention layer inside it, and which a hook on any part of it switches off; the last bits of the
output would then differ. So that layer is read as a whole, with a hook that it cannot see.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, UnreadUseError, one_picture, register
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
                mask=_joined_mask(run.argument(3, "key_padding_mask"), run.argument(5, "attn_mask")),
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
            raise UnreadUseError(
                name,
                "nn.MultiheadAttention must get one tensor as query, key and value; got several. "
                "Attention between different tokens has no place on one grid, so it is not read.",
            )
        if layer.bias_k is not None or layer.add_zero_attn:
            raise UnreadUseError(
                name,
                "keys must be tokens of the picture; got an extra key from add_bias_kv or add_zero_attn. "
                "It lies nowhere on the grid, so this layer is not read.",
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


def _joined_mask(padding: object, attention: object) -> Tensor | None:
    """Both masks together, as numbers to add to the logits, broadcastable to (1, heads, queries, keys)."""
    total: Tensor | None = None
    for mask, is_padding in ((padding, True), (attention, False)):
        if not isinstance(mask, Tensor):
            continue
        if mask.dtype == torch.bool:
            mask = torch.zeros(mask.shape, device=mask.device).masked_fill(mask, -torch.inf)
        # Padding is (1, keys) or (keys,); the other is (queries, keys) or (heads, queries, keys).
        mask = mask.reshape(1, 1, 1, -1) if is_padding else mask.reshape(1, -1, *mask.shape[-2:])
        total = mask if total is None else total + mask
    return total


@register(nn.TransformerEncoderLayer)
class TransformerEncoderLayerMechanism(Mechanism[nn.TransformerEncoderLayer]):
    """The attention inside the layer, from the layer's input; a replay computes the whole layer."""

    key = "mhsa"
    paper = "arXiv:1706.03762"
    hidden = True

    def watch(self, layer: nn.TransformerEncoderLayer, emit: Emit) -> Iterable[RemovableHandle]:
        attention = layer.self_attn

        def look(run: Run) -> None:
            x = run.x.detach()

            def queries_and_keys() -> tuple[Tensor, Tensor]:
                q, k, _ = _project(attention, _batch_first(attention, _into_attention(layer, x), emit.layer))
                return q, k

            qk = Deferred(queries_and_keys, x, layer=layer)
            emit(
                SelfAttention,
                queries=qk[0],
                keys=qk[1],
                scale=attention.head_dim**-0.5,
                tokens=_batch_first(attention, x, emit.layer).shape[1],
                mask=_joined_mask(run.argument(2, "src_key_padding_mask"), run.argument(1, "src_mask")),
            )

        yield emit.after(layer, look, hidden=True)

    def replay(self, layer: nn.TransformerEncoderLayer, x: Tensor, record: SelfAttention) -> Tensor:
        attended = _REPLAY(layer.self_attn, _into_attention(layer, x), record)
        if layer.norm_first:
            x = x + attended
            return x + _feed_forward(layer, layer.norm2(x))
        x = layer.norm1(x + attended)
        return layer.norm2(x + _feed_forward(layer, x))


_REPLAY = MultiheadAttentionMechanism().replay


def _into_attention(layer: nn.TransformerEncoderLayer, x: Tensor) -> Tensor:
    return layer.norm1(x) if layer.norm_first else x


def _feed_forward(layer: nn.TransformerEncoderLayer, x: Tensor) -> Tensor:
    return layer.linear2(layer.activation(layer.linear1(x)))
