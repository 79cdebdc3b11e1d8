"""Self-attention of timm with rotary position embedding: EVA, DINOv3, Gemma 4 and what uses `AttentionRope`.

Papers: Su et al. 2021, "RoFormer", arXiv:2104.09864, section 3.4; Fang et al. 2023, "EVA-02", arXiv:2303.11331; Ainslie
et al. 2023, arXiv:2305.13245, for keys that several heads share.

The embedding turns queries and keys, so those on a record are turned. EVA's projection is used as a weight, not called:
a hook on it would never run.
"""

from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from attnviz.mechanisms.base import Run, register
from attnviz.mechanisms.projected import ProjectedAttention, TimmLayer, additive_mask, heads_of, joined, split, three_of
from attnviz.records import SelfAttention


@register("timm.models.eva.EvaAttention", "timm.layers.attention.AttentionRope")
class RopeAttentionMechanism(ProjectedAttention):
    """Class and register tokens are not turned. Without an embedding in the call nothing is."""

    paper = "arXiv:2303.11331"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return (run.argument(1, "rope"),)

    def mask(self, layer: TimmLayer, run: Run, x: Tensor) -> Tensor | None:
        return additive_mask(run.argument(2, "attn_mask"), run.argument(3, "is_causal"), x.shape[1])

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        q, k, _ = _project(layer, x)
        q, k = layer.q_norm(q), layer.k_norm(k)
        rope = given[0]
        if isinstance(rope, Tensor):
            halves, prefix = bool(getattr(layer, "rotate_half", False)), int(layer.num_prefix_tokens)
            q, k = turned(q, rope, prefix, halves=halves), turned(k, rope, prefix, halves=halves)
        return q, shared_out(k, heads_of(layer))

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return shared_out(_project(layer, x)[2], heads_of(layer))

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        y = layer.norm(joined(attended))
        if isinstance(layer.gate, nn.Module):
            y = y * layer.gate(x).sigmoid()
        return layer.proj(y)


@register("timm.models.gemma4_vit.Gemma4Attention")
class Gemma4AttentionMechanism(ProjectedAttention):
    """Half of each head is turned by the token's column, half by its row. Values are normed, too. No scale."""

    paper = "arXiv:2104.09864"

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        return run.argument(1, "rope_cos"), run.argument(2, "rope_sin")

    def mask(self, layer: TimmLayer, run: Run, x: Tensor) -> Tensor | None:
        return additive_mask(run.argument(3, "attn_mask"), None, x.shape[1])

    def scale(self, layer: TimmLayer) -> float:
        return 1.0

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        cosine, sine = (cast(Tensor, item) for item in given)
        q = layer.q_norm(split(layer.q_proj(x), heads_of(layer)))
        k = layer.k_norm(split(layer.k_proj(x), int(layer.num_kv_heads)))
        return _turned_twice(q, cosine, sine), shared_out(_turned_twice(k, cosine, sine), heads_of(layer))

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        v = layer.v_norm(split(layer.v_proj(x), int(layer.num_kv_heads)))
        return shared_out(v, heads_of(layer))

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return layer.o_proj(joined(attended))


def turned(tokens: Tensor, rope: Tensor, prefix: int = 0, *, halves: bool = False) -> Tensor:
    """Each pair of features turned by its token's angle: `(a, b) -> (a cos - b sin, b cos + a sin)`.

    Args:
        tokens: (b, heads, tokens, d).
        rope: sines, then cosines, on the last axis; one for each feature of each token behind the prefix.
        prefix: tokens at the front that are left alone.
        halves: the pairs are feature i and feature i + d / 2, instead of neighbours.
    """
    sine, cosine = rope.chunk(2, dim=-1)
    patches = tokens[:, :, prefix:]
    return torch.cat([tokens[:, :, :prefix], patches * cosine + _quarter_turn(patches, halves) * sine], dim=2)


def shared_out(keys: Tensor, heads: int) -> Tensor:
    """Keys or values that groups of neighbouring heads share, once for each head."""
    return repeat(keys, "b shared n d -> b (shared group) n d", group=heads // keys.shape[1])


def _quarter_turn(tokens: Tensor, halves: bool) -> Tensor:
    """Each pair (a, b) as (-b, a)."""
    pairs = "(pair d)" if halves else "(d pair)"
    a, b = rearrange(tokens, f"... {pairs} -> pair ... d", pair=2)
    return rearrange([-b, a], f"pair ... d -> ... {pairs}")


def _turned_twice(tokens: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Each half of the features turned by its own coordinate; cosine and sine are (b or 1, tokens, d)."""
    parts = zip(*(part.chunk(2, dim=-1) for part in (tokens, cosine[:, None], sine[:, None])), strict=True)
    return torch.cat([part * cos + _quarter_turn(part, True) * sin for part, cos, sin in parts], dim=-1)


def _project(layer: TimmLayer, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values before norm and rotation; fewer heads of keys where heads share them."""
    if layer.qkv is None:
        heads, shared = heads_of(layer), int(getattr(layer, "num_kv_heads", layer.num_heads))
        q, k, v = (layer.get_submodule(name)(x) for name in ("q_proj", "k_proj", "v_proj"))
        return split(q, heads), split(k, shared), split(v, shared)
    return three_of(biased_qkv(layer, x), heads_of(layer))


def biased_qkv(layer: TimmLayer, x: Tensor) -> Tensor:
    """The projection of a layer that may keep its biases apart from its `qkv`."""
    qkv = layer.qkv
    if getattr(layer, "q_bias", None) is None:
        return qkv(x)
    return F.linear(x, qkv.weight, torch.cat([layer.q_bias, layer.k_bias, layer.v_bias]))
