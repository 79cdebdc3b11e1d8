"""The four kinds of record, one for each run of an attention layer, in the layer's own numbers."""

# ruff: noqa: RUF009 - the fields that answer late are descriptors; one for all records is what they are for.

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar, overload

import torch
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.records.deferred import OptionalTensorField, TensorField, given
from attnviz.records.tokens import TokenGrid

PROVEN_BELOW = 1e-5
"""A record is proven if its replay error is at most this share of the layer's largest absolute output."""

_NUMBERS_AT_ONCE = 1 << 22
"""Attention weights computed at one time: 4 Mi numbers are 16 MiB, and the softmax needs as much again."""


class TokensField:
    """A dataclass field that takes a `TokenGrid`, or the sentence that says why there is none."""

    @overload
    def __get__(self, record: None, owner: type) -> None: ...
    @overload
    def __get__(self, record: object, owner: type) -> TokenGrid: ...
    def __get__(self, record: object | None, owner: type) -> TokenGrid | None:
        if record is None:
            raise AttributeError("tokens")  # dataclasses: this field has no default
        held = record.__dict__["_tokens"]
        if isinstance(held, TokenGrid):
            return held
        raise ValueRangeError(str(held))

    def __set__(self, record: object, value: TokenGrid | str) -> None:
        record.__dict__["_tokens"] = value


@dataclass(frozen=True)
class Site:
    """Which run of which layer a record comes from.

    Attributes:
        layer: dotted name, as in `model.named_modules()`; "" for a model that is itself the layer.
        call: 0 for the layer's first run in this pass, 1 for its second, and so on.
        mechanism: registry key, with the part after a dot where a layer has several: "se", "cbam.spatial", "mhsa".
        proven: what `proven` of its record says. Maps carry their sites, so they carry this along.
        edit: how `intervene` changed the record, such as "gate off", or which other layers of its network it changed;
            empty where it changed nothing.
        untrained: what `mark_untrained` said of the network; empty for a network with trained weights.

    The last three are no part of the place: two sites are equal without them.
    """

    layer: str
    call: int
    mechanism: str
    proven: bool | None = field(default=None, compare=False, repr=False)
    edit: str = field(default="", compare=False, repr=False)
    untrained: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, eq=False, repr=False)
class _Record:
    """What all kinds share.

    Attributes:
        site: which run of which layer.
        replay_error: largest absolute difference between the layer's output and the output recomputed from the
            record; None if the trace did not verify.
        output_scale: largest absolute output of the layer; None if the trace did not verify.
    """

    site: Site

    def __post_init__(self) -> None:
        proven = self.proven
        if proven is not self.site.proven:
            object.__setattr__(self, "site", replace(self.site, proven=proven))

    @property
    def proven(self) -> bool | None:
        """Whether the layer's output follows from this record.

        False where the replay is off by more than `PROVEN_BELOW` of the layer's largest absolute output, or is not a
        number; None where the trace did not verify.
        """
        error, scale = getattr(self, "replay_error", None), getattr(self, "output_scale", None)
        if error is None:
            return None
        return scale is not None and error <= PROVEN_BELOW * scale

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.site.layer or 'the model itself'}, {self.site.mechanism})"

    def _wrong_shape(self, name: str, expected: str, tensor: Tensor, next_step: str) -> ShapeError:
        return ShapeError(
            f"{self.site.layer}: {name} must have shape {expected}; got {tuple(tensor.shape)}. {next_step}"
        )


@dataclass(frozen=True, eq=False, repr=False)
class ChannelWeights(_Record):
    """The gate of one channel-gated layer.

    Attributes:
        weights: (channels,), the factor each channel was multiplied by.
        features: (channels, h, w), the feature map that the gate multiplied.

    Raises:
        ShapeError: a tensor has other axes.
    """

    weights: Tensor
    features: TensorField = TensorField(needed=False)
    replay_error: float | None = None
    output_scale: float | None = None

    @property
    def factor(self) -> Tensor:
        """What each feature was multiplied by, (channels, 1, 1)."""
        return self.weights[:, None, None]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights.dim() != 1:
            raise self._wrong_shape("weights", "(channels,)", self.weights, "Give the gate of one picture.")
        features = given(self, "features")
        if features is not None and (features.dim() != 3 or len(features) != len(self.weights)):
            expected = f"({len(self.weights)}, h, w)"
            raise self._wrong_shape("features", expected, features, "Give the map that the gate multiplied.")


@dataclass(frozen=True, eq=False, repr=False)
class SpatialMask(_Record):
    """The mask of one spatially gated layer.

    Attributes:
        mask: (h, w), the factor each position was multiplied by.
        features: (channels, h, w), the feature map that the mask multiplied.

    Raises:
        ShapeError: a tensor has other axes.
    """

    mask: Tensor
    features: TensorField = TensorField(needed=False)
    replay_error: float | None = None
    output_scale: float | None = None

    @property
    def factor(self) -> Tensor:
        """What each feature was multiplied by, (1, h, w)."""
        return self.mask[None]

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask.dim() != 2:
            raise self._wrong_shape("mask", "(h, w)", self.mask, "Squeeze the batch and channel axes.")
        features = given(self, "features")
        if features is not None and (features.dim() != 3 or features.shape[1:] != self.mask.shape):
            expected = f"(channels, {self.mask.shape[0]}, {self.mask.shape[1]})"
            raise self._wrong_shape("features", expected, features, "Give the map that the mask multiplied.")


@dataclass(frozen=True, eq=False, repr=False)
class FeatureMask(_Record):
    """The mask of one layer that has a factor for each feature of each position.

    Attributes:
        mask: (channels, h, w).
        base: what the layer adds to the mask: each feature was multiplied by `base + mask`. 0 for a plain gate, 1 for
            a residual one such as `(1 + M) * T` (Wang et al. 2017, arXiv:1704.06904, eq. 3).
        features: (channels, h, w), the feature map that the mask multiplied.

    Raises:
        ShapeError: a tensor has other axes.
    """

    mask: TensorField = TensorField()
    base: float = 0.0
    features: TensorField = TensorField(needed=False)
    replay_error: float | None = None
    output_scale: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        mask, features = given(self, "mask"), given(self, "features")
        if mask is not None and mask.dim() != 3:
            raise self._wrong_shape("mask", "(channels, h, w)", mask, "Give the mask of one picture.")
        if mask is not None and features is not None and features.shape != mask.shape:
            raise self._wrong_shape("features", str(tuple(mask.shape)), features, "Give the map that was multiplied.")

    @property
    def factor(self) -> Tensor:
        """What each feature was multiplied by, (channels, h, w)."""
        return self.base + self.mask


@dataclass(frozen=True, eq=False, repr=False)
class SelfAttention(_Record):
    """Queries and keys of one self-attention layer. The matrix is computed when asked for.

    Attributes:
        queries: (windows, heads, queries, d), after any norm and rotary embedding.
        keys: (windows, heads, keys, d), likewise.
        scale: factor on the products of queries and keys.
        tokens: how the tokens, those of the keys, lie on the grid. Reading it raises if nobody could tell.
        bias: what the layer added to the attention logits, such as relative positions, broadcastable to
            (windows, heads, queries, keys); None if nothing.
        mask: added to the logits as well, 0 where a query may look and very negative where it may not; None if none.
        query_tokens: how the queries lie, where they are other tokens than the keys, such as one class token or a finer
            grid; None where they are the same.
        hidden: true where `intervene` took a key away from a query, broadcastable to (windows, heads, queries, keys);
            None if nowhere.
        heads_off: numbers of the heads that `intervene` turned off, counted from 0.

    Raises:
        ShapeError: queries or keys have other axes.
    """

    queries: TensorField = TensorField()
    keys: TensorField = TensorField()
    scale: float  # type: ignore[misc]  # the two above have no default: reading it from the class raises
    tokens: TokensField = TokensField()
    bias: OptionalTensorField = OptionalTensorField()
    mask: OptionalTensorField = OptionalTensorField()
    query_tokens: TokenGrid | None = None
    hidden: Tensor | None = None
    heads_off: tuple[int, ...] = ()
    replay_error: float | None = None
    output_scale: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("queries", "keys"):
            tensor = given(self, name)
            if tensor is not None and tensor.dim() != 4:
                expected = f"(windows, heads, {name}, d)"
                raise self._wrong_shape(name, expected, tensor, "Add the axes that are missing, with size 1.")

    @torch.autocast("cpu", enabled=False)
    def weights(self, queries: Sequence[int] | None = None, heads: Sequence[int] | None = None) -> Tensor:
        """The attention matrix, or some rows of it; nothing else is computed.

        Args:
            queries: numbers of the query tokens, counted from the first prefix token; negative ones count from the
                end. None takes all.
            heads: numbers of the heads, counted from 0, likewise.

        Returns:
            `softmax(scale * queries keys^T + bias + mask)`, float32 of shape (windows, heads, queries, keys), in the
            order asked for. Each row sums to 1; with equal keys every weight is 1 / keys. Where `intervene` turned
            a head off or hid every key from a query, the row is zero.

        Raises:
            ValueRangeError: a number is out of range, or the list is empty.
        """
        all_queries, all_keys = self.queries, self.keys
        windows = len(all_queries)
        rows = self.numbers("queries", queries)
        chosen = self.numbers("heads", heads)
        keys = all_keys[:, chosen].transpose(-2, -1) * self.scale
        weights = torch.empty(windows, len(chosen), len(rows), keys.shape[-1])
        at_once = max(1, _NUMBERS_AT_ONCE // (windows * len(chosen) * keys.shape[-1]))
        for start in range(0, len(rows), at_once):
            block = rows[start : start + at_once]
            logits = all_queries[:, chosen][:, :, block] @ keys
            for added in (self.bias, self.mask):
                if added is not None:
                    logits += _rows(added, chosen, block)
            if self.hidden is not None:
                logits = logits.masked_fill(_rows(self.hidden, chosen, block), -torch.inf)
            here = weights[:, :, start : start + at_once]
            if logits.requires_grad:
                here[:] = torch.softmax(logits, dim=-1)
            else:
                torch.softmax(logits, dim=-1, out=here)
            if self.hidden is not None:
                here.masked_fill_((logits == -torch.inf).all(dim=-1, keepdim=True), 0)
        off = [place for place, head in enumerate(chosen) if head in self.heads_off]
        if off:
            weights[:, off] = 0
        return weights

    def numbers(self, what: Literal["heads", "queries"], numbers: Sequence[int] | None) -> list[int]:
        """Numbers of heads or queries, none of them negative; None stands for all.

        Raises:
            ValueRangeError: a number is out of range, or the list is empty.
        """
        count = self.queries.shape[1 if what == "heads" else 2]
        if numbers is None:
            return list(range(count))
        if not numbers or any(not -count <= number < count for number in numbers):
            raise ValueRangeError(
                f"{self.site.layer}: {what} must be numbers from 0 to {count - 1}; got {list(numbers)}. "
                "None takes all of them."
            )
        return [number % count for number in numbers]


def _rows(added: Tensor, heads: list[int], rows: list[int]) -> Tensor:
    """The chosen heads and rows of a term of the logits; an axis of size 1 stays and broadcasts."""
    added = added.reshape((1,) * (4 - added.dim()) + tuple(added.shape))
    if added.shape[1] > 1:
        added = added[:, heads]
    return added[:, :, rows] if added.shape[2] > 1 else added


Record = ChannelWeights | SpatialMask | FeatureMask | SelfAttention

AnyRecord = TypeVar("AnyRecord", bound=Record)


def changed(record: AnyRecord, **fields: object) -> AnyRecord:
    """The record with some fields replaced, as `dataclasses.replace` does it, but without computing the others."""
    other = copy.copy(record)
    for name, value in fields.items():
        object.__setattr__(other, name, value)
    other.__post_init__()
    return other


def shape_of(record: Record) -> str:
    """What a record holds, in a few words for a table."""
    match record:
        case ChannelWeights():
            return f"{len(record.weights)} channels"
        case SpatialMask():
            return f"{record.mask.shape[0]} x {record.mask.shape[1]} positions"
        case FeatureMask():
            channels, height, width = record.mask.shape
            return f"{channels} channels x {height} x {width} positions"
        case SelfAttention():
            windows, heads, queries, _ = record.queries.shape
            return f"{windows} x {heads} heads x {queries} x {record.keys.shape[2]} tokens"
