"""What a network can say about one point of the photograph, in three kinds.

Self-attention has a row for the point: `AttentionAnswer`. A gate over places has a value there: `PlaceAnswer`. A gate
over channels, a network without attention, or a point that the network never saw has neither: `NoAnswer`. None of them
is turned into another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from attnviz.maps import AttentionMap, is_flat
from attnviz.querying.answer_words import capital, grouped, ordinal, place, tenths, token_words
from attnviz.records import Site

PlaceKind = Literal["spatial gate", "feature mask", "class attention"]
NoKind = Literal["not seen", "channel gates", "no attention", "no known places"]

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]

_MULTIPLIED = {"spatial gate": "multiplies this place by", "feature mask": "multiplies this place, on average, by"}


@dataclass(frozen=True, eq=False)
class QueryAnswer:
    """What all answers share.

    Attributes:
        model: name of the network, as people should see it.
        point_yx: the point that was asked, in pixels of the source picture, rows first.
    """

    model: str
    point_yx: tuple[float, float]

    @property
    def attention_map(self) -> AttentionMap | None:
        """What can be drawn over the picture; None where the answer has no places."""
        return None

    @property
    def site(self) -> Site | None:
        """The layer that answers; None where none does."""
        return None

    @property
    def cell(self) -> tuple[int, int] | None:
        """Row and column, counted from 0, of the cell that the point falls in; None where there is none."""
        return None

    @property
    def grid_hw(self) -> tuple[int, int] | None:
        """Rows and columns of the grid that `cell` belongs to."""
        return None

    @property
    def kind(self) -> str:
        """What answers, in a few words: "self-attention", one of `PlaceKind`, or one of `NoKind`."""
        raise NotImplementedError

    @property
    def short(self) -> str:
        """The answer in a few words, to stand under a picture."""
        raise NotImplementedError

    @property
    def sentence(self) -> str:
        """The answer in one or two sentences, with its numbers."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Json]:
        """The answer as plain values, for JSON."""
        row, column = self.point_yx
        site = self.site
        return {
            "network": self.model,
            "point": {"row": row, "column": column},
            "kind": self.kind,
            "layer": None if site is None else site.layer,
            "proven": None if site is None else site.proven,
            "intervention": None if site is None else site.edit or None,
            "untrained": None if site is None else site.untrained or None,
            "cell": None if self.cell is None else list(self.cell),
            "grid": None if self.grid_hw is None else list(self.grid_hw),
            "answer": self.sentence,
        }


@dataclass(frozen=True, eq=False)
class AttentionAnswer(QueryAnswer):
    """The row of the attention matrix that belongs to the token under the point.

    Attributes:
        row: the shares laid on the keys' grid, NaN where this query may not look: outside its window, or masked.
        of_cell: row and column of the query on its own grid.
        of_grid_hw: that grid.
        heads: how the heads were joined: "mean over heads", "maximum over heads" or "head 2".
        prefix: share of the attention that each token without a place takes, by its name, such as "class".
        padding: share that falls on padding outside the picture.
        window_hw: rows and columns of the query's window; None for attention over the whole picture.
    """

    row: AttentionMap
    of_cell: tuple[int, int]
    of_grid_hw: tuple[int, int]
    heads: str
    prefix: Mapping[str, float] = field(default_factory=dict)
    padding: float = 0.0
    window_hw: tuple[int, int] | None = None

    @property
    def kind(self) -> str:
        return "self-attention"

    @property
    def attention_map(self) -> AttentionMap:
        return self.row

    @property
    def site(self) -> Site:
        return self.row.sites[0]

    @property
    def cell(self) -> tuple[int, int]:
        return self.of_cell

    @property
    def grid_hw(self) -> tuple[int, int]:
        return self.of_grid_hw

    @property
    def visible_hw(self) -> npt.NDArray[np.bool_]:
        """True for the cells that the query may look at, shape of the keys' grid. Its edge is the window's border."""
        return ~np.isnan(self.row.values_hw)

    @property
    def even(self) -> float:
        """What each token would get if the query looked at all of them alike."""
        return 1 / max(1, int(self.visible_hw.sum()) + len(self.prefix))

    @property
    def sharpness(self) -> float:
        """How often the strongest cell gets an even share; 1 for an even look."""
        return self.row.value_range[1] / self.even

    @property
    def strongest(self) -> tuple[int, int]:
        """Row and column of the cell that gets most."""
        row, column = np.unravel_index(int(np.nanargmax(self.row.values_hw)), self.row.grid_hw)
        return int(row), int(column)

    @property
    def is_off(self) -> bool:
        """Whether the row is zero everywhere, because `intervene` turned its head off or hid all it could see."""
        return not (np.nansum(self.row.values_hw) > 0 or any(self.prefix.values()) or self.padding)

    @property
    def short(self) -> str:
        if self.is_off:
            return "looks nowhere: turned off"
        return ", ".join([f"most to {self.strongest_words}: {tenths(self.row.value_range[1])}", *self.taken])

    @property
    def strongest_words(self) -> str:
        """The cell that gets most, counted from 1: "row 3, column 7", or "itself"."""
        same = self.strongest == self.of_cell and self.row.grid_hw == self.of_grid_hw
        return "itself" if same else place(self.strongest)

    @property
    def taken(self) -> tuple[str, ...]:
        """What tokens without a place take, such as "class token 1.3 %"; none where heads were joined by maxima."""
        if self.heads == "maximum over heads":
            return ()
        named = [f"{token_words(name)} {tenths(share)}" for name, share in grouped(self.prefix).items()]
        return (*named, *([f"padding {tenths(self.padding)}"] if self.padding else []))

    @property
    def sentence(self) -> str:
        if self.is_off:
            return f"The cell in {place(self.of_cell)} looks nowhere: an intervention turned its attention off."
        top = self.row.value_range[1]
        rows, columns = self.of_grid_hw
        where = ""
        if self.window_hw is not None:
            where = f" within its window of {self.window_hw[0]} × {self.window_hw[1]} cells"
        share = f"{tenths(top)} of its attention" if self.heads != "maximum over heads" else f"at most {tenths(top)}"
        to = self.strongest_words if self.strongest_words == "itself" else f"the cell in {self.strongest_words}"
        said = (
            f"The cell in {place(self.of_cell)} of {rows} × {columns} looks most at {to}{where}: {share}, "
            f"where an even look would give {tenths(self.even)}"
        )
        if self.heads == "maximum over heads":
            return f"{said}."
        taken = [
            f"{token_words(name, 'the ')} {'take' if name == 'registers' else 'takes'} {tenths(part)}"
            for name, part in grouped(self.prefix).items()
        ]
        if self.padding:
            taken.append(f"padding outside the picture takes {tenths(self.padding)}")
        return f"{said}. {capital(' and '.join(taken))}." if taken else f"{said}."

    def to_dict(self) -> dict[str, Json]:
        return super().to_dict() | {
            "heads": self.heads,
            "strongest": {"cell": list(self.strongest), "share": self.row.value_range[1]},
            "prefix": {name: float(share) for name, share in self.prefix.items()},
            "padding": float(self.padding),
            "window": None if self.window_hw is None else list(self.window_hw),
        }


@dataclass(frozen=True, eq=False)
class PlaceAnswer(QueryAnswer):
    """The value that a gate over places has at the point, beside its values elsewhere.

    Attributes:
        values: the gate's map.
        of_cell: row and column of the cell under the point.
        of: what the values are.
    """

    values: AttentionMap
    of_cell: tuple[int, int]
    of: PlaceKind

    @property
    def kind(self) -> str:
        return self.of

    @property
    def attention_map(self) -> AttentionMap:
        return self.values

    @property
    def site(self) -> Site:
        return self.values.sites[0]

    @property
    def cell(self) -> tuple[int, int]:
        return self.of_cell

    @property
    def grid_hw(self) -> tuple[int, int]:
        return self.values.grid_hw

    @property
    def value(self) -> float:
        """The value at the point."""
        return float(self.values.values_hw[self.of_cell])

    @property
    def rank(self) -> int:
        """Place of the value among all cells: 1 for the highest; cells that are equal share the better place."""
        return 1 + int((self.values.values_hw > self.values.values_hw[self.of_cell]).sum())

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.values.values_hw.size)

    @property
    def short(self) -> str:
        if is_flat(self.values):
            return f"{self.kind} {self.value:.3g}, flat"
        return f"{self.kind} {self.value:.3g}, {ordinal(self.rank)} highest of {self.cells} cells"

    @property
    def sentence(self) -> str:
        low, high = self.values.value_range
        flat = " The gate is flat: it hardly tells places apart." if is_flat(self.values) else ""
        rows, columns = self.values.grid_hw
        here = f"{place(self.of_cell)} of {rows} × {columns}"
        ranked = f"{ordinal(self.rank)} highest of {self.cells} cells"
        if self.of == "class attention":
            return (
                f"In this layer only the class token looks. It gives the cell in {here} {tenths(self.value)} of its "
                f"attention, the {ranked}.{flat}"
            )
        return (
            f"No place looks at another here. The {self.of} {_MULTIPLIED[self.of]} {self.value:.3g} ({here}), the "
            f"{ranked}; its values run from {low:.3g} to {high:.3g}.{flat}"
        )

    def to_dict(self) -> dict[str, Json]:
        return super().to_dict() | {
            "value": self.value,
            "rank": self.rank,
            "cells": self.cells,
            "flat": is_flat(self.values),
        }


@dataclass(frozen=True, eq=False)
class NoAnswer(QueryAnswer):
    """Why a network has nothing to say about the point.

    Attributes:
        why: one of `NoKind`.
        said: the sentence.
        briefly: the same in a few words.
    """

    why: NoKind
    said: str
    briefly: str

    @property
    def kind(self) -> str:
        return self.why

    @property
    def short(self) -> str:
        return self.briefly

    @property
    def sentence(self) -> str:
        return self.said
