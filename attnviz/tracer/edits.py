"""What an intervention changes in the records of a layer. Knows the kinds of record and no mechanism."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Literal, NoReturn, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from attnviz.errors import AttnvizError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry, cell_weights
from attnviz.records import (
    ChannelWeights,
    Deferred,
    FeatureMask,
    Record,
    SelfAttention,
    SpatialMask,
    TokenGrid,
)
from attnviz.records.kinds import changed

INSIDE_FROM = 0.5
"""A cell of the token grid belongs to a hidden region if at least this share of its area lies in the region."""

Factor = Literal["off", "mean"] | float | Tensor
"""What a gate is set to: 1, its own mean for the picture, or given factors."""

Queries = Literal["all", "class"] | Sequence[int]


class Masked(Protocol):
    """What is needed of a region."""

    @property
    def name(self) -> str: ...

    @property
    def mask_hw(self) -> npt.NDArray[np.bool_]: ...


class Edit(Protocol):
    """One change of one kind of record.

    Attributes:
        needed: the user named the layer, so a layer without a fitting record is an error.
        wants: what it changes, for messages.
    """

    @property
    def needed(self) -> bool: ...

    @property
    def wants(self) -> str: ...

    def fits(self, record: Record) -> bool: ...

    def __call__(self, record: Record) -> Record: ...


@dataclass(frozen=True, eq=False)
class SetGate:
    """Other factors for a gate.

    Attributes:
        factor: for all features, or shaped like the record's own factors.
        part: only the record of this part, such as "spatial"; None takes all of a layer's gates.
        needed: see `Edit`.
    """

    factor: Factor
    part: str | None
    needed: bool

    @property
    def wants(self) -> str:
        return f"a {self.part} gate" if self.part else "a gate"

    def fits(self, record: Record) -> bool:
        if isinstance(record, SelfAttention):
            return False
        return self.part is None or record.site.mechanism.rpartition(".")[2] == self.part

    def __call__(self, record: Record) -> Record:
        match record:
            case ChannelWeights(weights=weights):
                return _noted(changed(record, weights=self._like(weights, record)), self._words)
            case SpatialMask(mask=mask):
                return _noted(changed(record, mask=self._like(mask, record)), self._words)
            case FeatureMask():
                return _noted(changed(record, mask=self._like(record.factor, record) - record.base), self._words)
        raise TypeError(record)

    @property
    def _words(self) -> str:
        return {"off": "gate off", "mean": "gate at its mean"}.get(str(self.factor), "gate set to given factors")

    def _like(self, own: Tensor, record: Record) -> Tensor:
        if self.factor == "mean":
            return own.mean().expand(own.shape).clone()
        if self.factor == "off":
            return torch.ones_like(own)
        given = torch.as_tensor(self.factor, dtype=own.dtype).detach().cpu()
        try:
            return given.expand(own.shape).clone()
        except RuntimeError:
            raise ShapeError(
                f"{record.site.layer}: the gate's factors must be one number or have shape {tuple(own.shape)}; got "
                f"{tuple(given.shape)}. Take them from a record of this layer at this input size."
            ) from None


@dataclass(frozen=True)
class HeadsOff:
    """The weights of some heads set to zero."""

    heads: tuple[int, ...]
    needed: bool
    wants: str = "a self-attention layer with heads"

    def fits(self, record: Record) -> bool:
        return isinstance(record, SelfAttention)

    def __call__(self, record: Record) -> Record:
        assert isinstance(record, SelfAttention)
        heads = {*record.heads_off, *record.numbers("heads", self.heads)}
        told = ", ".join(str(head + 1) for head in sorted(heads))  # as people count
        return _noted(
            changed(record, heads_off=tuple(sorted(heads))), f"{'heads' if len(heads) > 1 else 'head'} {told} off"
        )


@dataclass(frozen=True, eq=False)
class Hide:
    """Some keys taken away from some queries.

    Attributes:
        keys: numbers of tokens, or the part of the picture that they lie on.
        from_queries: which queries lose them.
        needed: see `Edit`.
    """

    keys: "Covered | tuple[int, ...]"
    from_queries: Literal["all", "class"] | tuple[int, ...]
    needed: bool
    wants: str = "a self-attention layer"

    def fits(self, record: Record) -> bool:
        return isinstance(record, SelfAttention)

    def __call__(self, record: Record) -> Record:
        assert isinstance(record, SelfAttention)
        windows, _, key_count, _ = record.keys.shape
        lost = _tokens(record, "keys", self._key_numbers(record), (windows, key_count))
        hidden = lost[:, None, None, :]
        if self.from_queries != "all":
            count = record.queries.shape[2]
            hidden = (
                _tokens(record, "queries", self._query_numbers(record), (windows, count))[:, None, :, None] & hidden
            )
        if record.hidden is not None:
            hidden = hidden | record.hidden
        name = self.keys.region.name if isinstance(self.keys, Covered) else f"{int(lost.sum())} tokens"
        whom = {"all": "", "class": " from the class token"}.get(str(self.from_queries), " from some tokens")
        return _noted(changed(record, hidden=hidden), f"{name} hidden{whom}")

    def _key_numbers(self, record: SelfAttention) -> Sequence[int]:
        if not isinstance(self.keys, Covered):
            return self.keys
        prefix = record.tokens.prefix
        return [
            prefix + int(cell) for cell in np.flatnonzero(self.keys.cells(record.tokens.grid_hw, record.site.layer))
        ]

    def _query_numbers(self, record: SelfAttention) -> Sequence[int]:
        if self.from_queries != "class":
            assert not isinstance(self.from_queries, str)
            return self.from_queries
        grid = record.query_tokens or record.tokens
        if grid.class_token is None:
            raise ValueRangeError(
                f'{record.site.layer}: from_queries="class" needs a class token; got '
                f"{', '.join(grid.prefix_names) or 'patch tokens only'}. Give the numbers of the queries."
            )
        return [grid.class_token]


@dataclass(frozen=True, eq=False)
class Covered:
    """The tokens that lie on a region of the source picture."""

    region: Masked
    geometry: Geometry
    _known: dict[tuple[int, int], npt.NDArray[np.bool_]] = field(default_factory=dict)

    def cells(self, grid_hw: tuple[int, int], layer: str) -> npt.NDArray[np.bool_]:
        """True for the cells that belong to the region, shape `grid_hw`."""
        if grid_hw not in self._known:
            shares = cell_weights(self.region.mask_hw, self.geometry, grid_hw)
            if shares.max() < INSIDE_FROM:
                raise ValueRangeError(
                    f"{layer}: region {self.region.name!r} must cover at least half of some cell of the "
                    f"{grid_hw[0]} x {grid_hw[1]} grid; got {shares.max():.0%} at most. Draw it larger, or choose "
                    "layers with a finer grid."
                )
            self._known[grid_hw] = shares >= INSIDE_FROM
        return self._known[grid_hw]


class Editor(Protocol):
    """An intervention, as the tracer sees it."""

    @property
    def edits(self) -> Mapping[nn.Module, Sequence[Edit]]:
        """What is to be changed, by layer."""
        ...

    def touched(self) -> None:
        """A record was changed."""
        ...


EDITING: ContextVar[tuple[Editor, ...]] = ContextVar("attnviz_editing", default=())
"""The interventions that this thread is in, the outermost first."""


def edited(editors: Sequence[Editor], layer: nn.Module, records: list[Record]) -> list[Record]:
    """The records of one run of a layer, as the interventions change them, one after the other.

    Raises:
        ValueRangeError: a layer that was named has no record of the kind to be changed.
    """
    for editor in editors:
        for edit in editor.edits.get(layer, ()):
            fitting = [edit.fits(record) for record in records]
            if not any(fitting):
                if edit.needed:
                    _refuse(edit, records)
                continue
            editor.touched()
            first = fitting.index(True)
            records = [
                edit(record) if fits else _after_an_edit(record) if place > first else record
                for place, (fits, record) in enumerate(zip(fitting, records, strict=True))
            ]
    return records


def _refuse(edit: Edit, records: Sequence[Record]) -> NoReturn:
    kinds = ", ".join(f"{type(record).__name__} ({record.site.mechanism})" for record in records) or "no record"
    name = records[0].site.layer if records else "a layer"
    raise ValueRangeError(f"{name} must be {edit.wants}; got {kinds}. Name other layers.")


def _after_an_edit(record: Record) -> Record:
    """A later gate of a layer multiplied what an earlier, now changed gate let through."""
    if isinstance(record, SelfAttention):
        return record

    def refuse() -> tuple[Tensor]:
        raise AttnvizError(
            f"{record}: features must be those of the layer as it was; got a layer whose earlier gate was changed. "
            "Trace without the intervention."
        )

    return changed(record, features=Deferred(refuse)[0])


def _noted(record: Record, edit: str) -> Record:
    site = record.site
    told = edit if not site.edit or site.edit == edit else f"{site.edit}, {edit}"
    return changed(record, site=type(site)(site.layer, site.call, site.mechanism, site.proven, told))


def _tokens(record: SelfAttention, what: str, numbers: Sequence[int], shape: tuple[int, int]) -> Tensor:
    """True for the tokens of these numbers, (windows, tokens).

    Numbers count the prefix tokens and then the cells of the grid, row by row, whatever the windows; where nobody knows
    the grid, they count along the row of tokens.
    """
    windows, count = shape
    grid: TokenGrid | None
    try:
        grid = (record.query_tokens if what == "queries" else None) or record.tokens
    except ValueRangeError:
        if windows > 1:
            raise
        grid = None
    if grid is not None and (grid.windows, grid.tokens) != shape:
        raise ValueRangeError(
            f"{record.site.layer}: {what} must lie on the grid once each, {grid.windows} x {grid.tokens} of them; got "
            f"{windows} x {count}. They cannot be hidden in this layer."
        )
    patches = 0 if grid is None else grid.grid_hw[0] * grid.grid_hw[1]
    total = count if grid is None else grid.prefix + patches
    chosen = torch.zeros(total, dtype=torch.bool)
    if not len(numbers) or any(not -total <= number < total for number in numbers):
        raise ValueRangeError(
            f"{record.site.layer}: numbers of {what} must lie in 0..{total - 1}; got {list(numbers)}. Prefix tokens "
            "come first, then the cells of the grid, row by row."
        )
    chosen[list(numbers)] = True
    if grid is None:
        return chosen[None]
    prefix = chosen[: grid.prefix].expand(windows, -1)
    if not patches:
        return prefix
    return torch.cat([prefix, grid.gather(chosen[grid.prefix :].view(grid.grid_hw))], dim=1)
