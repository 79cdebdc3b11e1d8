"""Records whose attention is chosen by the test, on a picture 60 high and 100 wide."""

import torch
from torch import Tensor

from attnviz.geometry import Geometry
from attnviz.records import Record, SelfAttention, Site, TokenGrid, Trace

WHOLE = Geometry.identity((60, 100))
"""The network sees the picture itself."""

CROPPED = Geometry(source_hw=(60, 100), input_hw=(60, 60), scale_yx=(1.0, 1.0), offset_yx=(0.0, 20.0))
"""The network sees the middle square: columns 20 to 80."""


def attention(
    weights: Tensor,
    tokens: TokenGrid,
    layer: str = "blocks.0.attn",
    mask: Tensor | None = None,
    query_tokens: TokenGrid | None = None,
) -> SelfAttention:
    """A record with exactly these weights, (heads, queries, keys) or with windows in front.

    Queries and keys are zero, so the logits are the bias alone, and the softmax of log(weights) is the weights.
    """
    weights = weights if weights.ndim == 4 else weights[None]
    windows, heads, queries, keys = weights.shape
    return SelfAttention(
        site=Site(layer, 0, "mhsa"),
        queries=torch.zeros(windows, heads, queries, 1),
        keys=torch.zeros(windows, heads, keys, 1),
        scale=1.0,
        tokens=tokens,
        bias=weights.log(),
        mask=mask,
        query_tokens=query_tokens,
    )


def trace_of(*records: Record, geometry: Geometry | None = WHOLE, unread: dict[str, str] | None = None) -> Trace:
    return Trace("toy", torch.zeros(3), geometry, records, unread=unread or {})


def looking_at(target: int, tokens: int, share: float = 0.75) -> Tensor:
    """Every query gives one key that share, and the others what is left, in equal parts: (1, tokens, tokens)."""
    rows = torch.full((1, tokens, tokens), (1 - share) / (tokens - 1))
    rows[..., target] = share
    return rows
