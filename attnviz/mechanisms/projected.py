"""What most self-attention classes share: queries and keys are projected again from the layer's input when asked for.

All of them compute `softmax(scale * q k^T + bias + mask) v`. They differ in how they get q, k and v from their input,
in what they add to the logits, in where their tokens lie, and in what they do afterwards. A mechanism says just that.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture
from attnviz.records import Deferred, SelfAttention, TokenGrid

if TYPE_CHECKING:

    class TimmLayer(nn.Module):
        """A layer of a library that may be absent. Its attributes have the types that the library gives them."""

        def __getattr__(self, name: str) -> Any: ...
else:
    TimmLayer = nn.Module


class Places(NamedTuple):
    """Where the keys lie, as a grid or as their number, and where the queries lie if they are other tokens."""

    tokens: TokenGrid | int
    queries: TokenGrid | None = None


class ProjectedAttention(Mechanism[TimmLayer]):
    """Reads a layer from its input and the other arguments of its call.

    Attributes:
        key: "mhsa" unless a class says otherwise.
        paper: where the equation stands.
        axes: how the input's axes lie: "b n c", "b c h w" or "b h w c". The output's lie the same way.
        windowed: the input's first axis holds windows of one picture, not pictures.
    """

    key = "mhsa"
    paper = "arXiv:2010.11929"
    axes: ClassVar[str] = "b n c"
    windowed: ClassVar[bool] = False

    def watch(self, layer: TimmLayer, emit: Emit) -> Iterable[RemovableHandle]:
        def look(run: Run) -> None:
            x = (run.x if self.windowed else one_picture(run.x, emit.layer)).detach()
            given = self.given(layer, run)
            sources = (x, *(item for item in given if isinstance(item, Tensor)))
            places = self.places(layer, x, *given)
            qk = Deferred(lambda: self.queries_and_keys(layer, x, *given), *sources, layer=layer)
            added = None
            if self.has_bias(layer, *given):
                added = Deferred(lambda: (self.bias(layer, x, *given),), *sources, layer=layer)[0]
            emit(
                SelfAttention,
                queries=qk[0],
                keys=qk[1],
                scale=self.scale(layer),
                tokens=places.tokens,
                query_tokens=places.queries,
                bias=added,
                mask=self.mask(layer, run, x),
            )

        yield emit.after(layer, look)

    def replay(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        values = self.values(layer, x, record)
        return self.output(layer, x, record.weights().to(values) @ values, record)

    def given(self, layer: TimmLayer, run: Run) -> tuple[object, ...]:
        """Other arguments of the call that the methods below need; they get them behind `x`."""
        return ()

    def places(self, layer: TimmLayer, x: Tensor, *given: object) -> Places:
        """Where the tokens lie."""
        if self.axes == "b n c":
            return Places(x.shape[1])
        return Places(TokenGrid.whole(self.grid_hw(x)))

    def grid_hw(self, x: Tensor) -> tuple[int, int]:
        """Rows and columns of an input with two axes of places."""
        names = self.axes.split()
        return int(x.shape[names.index("h")]), int(x.shape[names.index("w")])

    def scale(self, layer: TimmLayer) -> float:
        """Factor on the products of queries and keys."""
        return float(layer.scale)

    def has_bias(self, layer: TimmLayer, *given: object) -> bool:
        """Whether the layer adds something to the logits."""
        return False

    def bias(self, layer: TimmLayer, x: Tensor, *given: object) -> Tensor:
        """What the layer adds to the logits, broadcastable to (windows, heads, queries, keys)."""
        raise NotImplementedError

    def mask(self, layer: TimmLayer, run: Run, x: Tensor) -> Tensor | None:
        """What keeps queries from keys, likewise; None if nothing does."""
        return None

    @abstractmethod
    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        """Queries and keys as they are multiplied, without the scale: (windows, heads, tokens, d)."""

    @abstractmethod
    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        """Values, (windows, heads, keys, d)."""

    @abstractmethod
    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        """The layer's output from the attended values, (windows, heads, queries, d)."""

    def flat(self, x: Tensor) -> Tensor:
        """The input as (b, tokens, channels)."""
        return x if self.axes == "b n c" else rearrange(x, f"{self.axes} -> b (h w) c")

    def unflat(self, y: Tensor, x: Tensor) -> Tensor:
        """(b, tokens, channels) with the axes of the input."""
        if self.axes == "b n c":
            return y
        height, width = self.grid_hw(x)
        return rearrange(y, f"b (h w) c -> {self.axes}", h=height, w=width)


class QkvAttention(ProjectedAttention):
    """One linear layer `qkv` before, one called `proj` behind, on tokens in a row or on a map."""

    def queries_and_keys(self, layer: TimmLayer, x: Tensor, *given: object) -> tuple[Tensor, Tensor]:
        q, k, _ = three_of(layer.qkv(self.flat(x)), heads_of(layer))
        return q, k

    def values(self, layer: TimmLayer, x: Tensor, record: SelfAttention) -> Tensor:
        return three_of(layer.qkv(self.flat(x)), heads_of(layer))[2]

    def output(self, layer: TimmLayer, x: Tensor, attended: Tensor, record: SelfAttention) -> Tensor:
        return self.unflat(layer.proj(joined(attended)), x)


def heads_of(layer: TimmLayer) -> int:
    return int(layer.num_heads)


def split(projected: Tensor, heads: int) -> Tensor:
    """(b, tokens, heads * d) as (b, heads, tokens, d)."""
    return rearrange(projected, "b n (heads d) -> b heads n d", heads=heads)


def three_of(projected: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values from one projection: all queries first, then all keys, then all values."""
    q, k, v = rearrange(projected, "b n (three heads d) -> three b heads n d", three=3, heads=heads)
    return q, k, v


def joined(attended: Tensor) -> Tensor:
    """(b, heads, tokens, d) as (b, tokens, heads * d)."""
    return rearrange(attended, "b heads n d -> b n (heads d)")


def row(x: Tensor) -> Tensor:
    """A feature map (b, c, h, w) as (b, h * w, c): its places in a row."""
    return rearrange(x, "b c h w -> b (h w) c")


def additive_mask(mask: object, causal: object, queries: int) -> Tensor | None:
    """The call's mask as numbers to add to the logits. A causal call ignores the mask that came with it."""
    if causal:
        return torch.full((1, 1, queries, queries), -torch.inf).triu(1)
    if not isinstance(mask, Tensor):
        return None
    if mask.dtype == torch.bool:
        # True means that the key may be looked at: the other way round than in nn.MultiheadAttention.
        mask = torch.zeros(mask.shape, device=mask.device).masked_fill(~mask, -torch.inf)
    return mask.reshape((1,) * (4 - mask.dim()) + tuple(mask.shape))
