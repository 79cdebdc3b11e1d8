"""Records whose numbers are chosen by the test."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from attnviz.geometry import Geometry
from attnviz.records import Record, SelfAttention, Site, TokenGrid, Trace


@pytest.fixture
def attention_of() -> Callable[..., SelfAttention]:
    """Makes a SelfAttention record with exactly these weights, (heads, queries, keys) or with windows in front.

    Queries and keys are zero, so the logits are the bias alone, and the softmax of log(weights) is the weights.
    """

    def make(
        weights: Tensor,
        tokens: TokenGrid,
        layer: str = "blocks.0.attn",
        mechanism: str = "mhsa",
        query_tokens: TokenGrid | None = None,
    ) -> SelfAttention:
        weights = weights if weights.ndim == 4 else weights[None]
        windows, heads, queries, keys = weights.shape
        return SelfAttention(
            site=Site(layer, 0, mechanism),
            queries=torch.zeros(windows, heads, queries, 1),
            keys=torch.zeros(windows, heads, keys, 1),
            scale=1.0,
            tokens=tokens,
            bias=weights.log(),
            query_tokens=query_tokens,
        )

    return make


@pytest.fixture
def trace_of() -> Callable[..., Trace]:
    """Makes a Trace of a 64 x 96 pixel input that is the picture itself."""

    def make(*records: Record) -> Trace:
        return Trace(model="toy", logits=torch.zeros(3), geometry=Geometry.identity((64, 96)), records=records)

    return make
