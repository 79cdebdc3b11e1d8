"""What all layers share that attend within windows: watching, un-windowing, replaying.

A window attention layer mostly sees windows alone and does not know where they lie; the block around it cuts them. So
the block is what is read. A replay cuts the windows again, by the record's own `TokenGrid`, and lays the result back on
the map: it proves the places of the tokens as well as their attention.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Emit, Mechanism, Run, one_picture
from attnviz.records import Deferred, SelfAttention, TokenGrid


class Rows(Protocol):
    """From what an attention layer gets to (windows, tokens, channels)."""

    def __call__(self, windows: Tensor, tokens: TokenGrid) -> Tensor: ...


SEPARATE = -100.0
"""What Swin adds to a logit between two regions that only the cyclic shift brought together."""


def _no_bias(_attention: nn.Module, _windows: Tensor) -> Tensor | None:
    return None


def _one(_attention: nn.Module) -> float:
    return 1.0


def project_back(attention: nn.Module, joined: Tensor) -> Tensor:
    """The output projection under its usual name."""
    projected: Tensor = attention.get_submodule("proj")(joined)
    return projected


@dataclass(frozen=True)
class Core:
    """How one class of window attention computes.

    Attributes:
        project: from the layer and its windows (windows, tokens, channels) to queries, keys and values, each (windows,
            heads, tokens, d). A temperature of each head's own is multiplied into the queries.
        scale: factor on the products of queries and keys.
        bias: what is added to the logits, broadcastable to (windows, heads, queries, keys); None if nothing.
        merge: from (windows, tokens, heads * d) to the layer's output.
        heads_last: whether the layer joins its heads with the number of the head running fastest.
    """

    project: Callable[[nn.Module, Tensor], tuple[Tensor, Tensor, Tensor]]
    scale: Callable[[nn.Module], float] = _one
    bias: Callable[[nn.Module, Tensor], Tensor | None] = _no_bias
    merge: Callable[[nn.Module, Tensor], Tensor] = project_back
    heads_last: bool = False

    def emit(
        self,
        emit: Emit,
        attention: nn.Module,
        seen: Tensor,
        cut: Callable[[Tensor], Tensor],
        tokens: TokenGrid,
        mask: Tensor | None = None,
        part: str = "",
    ) -> None:
        """Hand over the record of one run.

        Args:
            emit: of the layer.
            attention: module with the parameters.
            seen: what went into it.
            cut: from that to its windows, (windows, tokens, channels).
            tokens: where they lie.
            mask: added to the logits, (windows, queries, keys).
            part: as for `emit`.
        """
        seen = seen.detach()
        qk = Deferred(lambda: self.project(attention, cut(seen))[:2], seen, layer=attention)
        bias: Deferred | None = None
        if self.bias is not _no_bias:

            def added() -> tuple[Tensor]:
                found = self.bias(attention, cut(seen))
                return (found if found is not None else seen.new_zeros(1, 1, 1, 1),)

            bias = Deferred(added, seen, layer=attention)
        emit(
            SelfAttention,
            part=part,
            queries=qk[0],
            keys=qk[1],
            scale=self.scale(attention),
            tokens=tokens,
            bias=bias[0] if bias is not None else None,
            mask=mask[:, None] if mask is not None else None,
        )

    def attend(self, attention: nn.Module, windows: Tensor, record: SelfAttention) -> Tensor:
        """The attention layer's output for its windows, with the record's weights."""
        _, _, values = self.project(attention, windows)
        join = "w heads n d -> w n (d heads)" if self.heads_last else "w heads n d -> w n (heads d)"
        return self.merge(attention, rearrange(record.weights().to(values) @ values, join))

    def attend_on_grid(self, attention: nn.Module, grid: Tensor, record: SelfAttention) -> Tensor:
        """The same for a map (h, w, channels): cut into windows, attended, laid back."""
        return record.tokens.scatter(self.attend(attention, record.tokens.gather(grid), record))


def as_rows(windows: Tensor, tokens: TokenGrid) -> Tensor:
    """Windows as (windows, tokens, channels), whether they kept their two axes or not; channels last."""
    return windows.reshape(tokens.windows, tokens.tokens, windows.shape[-1])


class WindowBlock(Mechanism[nn.Module]):
    """Reads a block that cuts its input into windows and calls `block.attn` on them.

    Args:
        key: in the registry and on records.
        paper: arXiv number.
        core: how the attention inside computes.
        tokens: from the block and the rows and columns of its map to where the tokens lie.
        finish: from the block, its input (h, w, channels) and the attention on such a map to the block's output.
        channels_last: whether the block takes (1, h, w, channels) instead of (1, channels, h, w).
        rows: from what the attention gets to (windows, tokens, channels).
    """

    def __init__(
        self,
        key: str,
        paper: str,
        core: Core,
        tokens: Callable[[nn.Module, tuple[int, int]], TokenGrid],
        finish: Callable[[nn.Module, Tensor, Callable[[Tensor], Tensor]], Tensor],
        *,
        channels_last: bool = True,
        rows: Rows = as_rows,
    ) -> None:
        self.key = key
        self.paper = paper
        self._core = core
        self._tokens = tokens
        self._finish = finish
        self._channels_last = channels_last
        self._rows = rows

    def watch(self, layer: nn.Module, emit: Emit) -> Iterable[RemovableHandle]:
        attention = layer.get_submodule("attn")
        # Looks come in the order in which modules finished: the attention's, then the block's.
        inside: list[tuple[Tensor, Tensor | None]] = []

        def look_inside(run: Run) -> None:
            mask = run.argument(1, "mask")
            inside.append((run.x.detach(), mask if isinstance(mask, Tensor) else None))

        yield emit.after(attention, look_inside)

        def look(run: Run) -> None:
            x = one_picture(run.x, emit.layer)
            height, width = x.shape[1:3] if self._channels_last else x.shape[2:4]
            windows, mask = inside.pop()
            tokens = self._tokens(layer, (int(height), int(width)))
            cut = partial(self._rows, tokens=tokens)
            self._core.emit(emit, attention, windows, cut, tokens, mask)

        yield emit.after(layer, look)

    def replay(self, layer: nn.Module, x: Tensor, record: SelfAttention) -> Tensor:
        grid = x[0] if self._channels_last else rearrange(x, "1 c h w -> h w c")
        attention = layer.get_submodule("attn")
        y = self._finish(layer, grid, lambda normed: self._core.attend_on_grid(attention, normed, record))
        return y[None] if self._channels_last else rearrange(y, "h w c -> 1 c h w")


def whole_of(module: nn.Module, name: str) -> int:
    """A whole number that a module of another library holds."""
    return int(getattr(module, name))


def number_of(module: nn.Module, name: str) -> float:
    """A number that a module of another library holds."""
    return float(getattr(module, name))


def pair_of(module: nn.Module, name: str) -> tuple[int, int]:
    """A size or shift that a module of another library holds, as one number or as (rows, columns)."""
    value: int | Sequence[int] = getattr(module, name)
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def tensor_of(module: nn.Module, name: str) -> Tensor:
    """A parameter or buffer, found by its name, a dotted one for a part of the module."""
    owner, _, own = name.rpartition(".")
    tensor: Tensor = getattr(module.get_submodule(owner), own)
    return tensor


def tensor_or_none(module: nn.Module, name: str) -> Tensor | None:
    """The same where a module may go without, or may not know the name."""
    owner, _, own = name.rpartition(".")
    tensor: Tensor | None = getattr(module.get_submodule(owner), own, None)
    return tensor


def split_heads(projected: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values from (windows, tokens, 3 * heads * d), the usual order."""
    q, k, v = rearrange(projected, "w n (three heads d) -> three w heads n d", three=3, heads=heads)
    return q, k, v


def cosine(q: Tensor, k: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Queries and keys of length one, each head's temperature, at most 100, in the queries.

    Liu et al. 2022, "Swin Transformer V2", arXiv:2111.09883, eq. 2, with 1 / tau as the exponential of a parameter.
    """
    # ln 100 is the largest value of the parameter that counts.
    factor = log_scale.reshape(-1, 1, 1).clamp(max=torch.log(torch.tensor(100.0)).item()).exp()
    return nn.functional.normalize(q, dim=-1) * factor, nn.functional.normalize(k, dim=-1)


def shift_mask(tokens: TokenGrid) -> Tensor | None:
    """What keeps regions apart that only the cyclic shift made neighbours, (windows, queries, keys).

    Along each shifted axis of the rolled map there are three regions: all but the last window, the last window up to
    the rows that came round from the other side, and those.
    """
    if not any(tokens.shift_hw):
        return None
    regions = []
    for axis in (0, 1):
        window, shift, count = tokens.window_hw[axis], tokens.shift_hw[axis], tokens.windows_hw[axis]
        places = torch.arange(count * window)
        region = (places >= count * window - window).long() + (places >= count * window - shift)
        regions.append((region if shift else torch.zeros_like(region)).view(count, window))
    row, column = regions[0][:, None, :, None], regions[1][None, :, None, :]
    region = (3 * row + column).reshape(tokens.windows, tokens.patches)
    apart = region[:, :, None] != region[:, None, :]
    return torch.zeros(apart.shape).masked_fill(apart, SEPARATE)
