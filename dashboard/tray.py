"""The figures that this session has chosen for a talk, in the order in which they will be shown."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from attnviz.errors import ValueRangeError
from attnviz.export import FigureSource
from dashboard import state

MOST_FIGURES = 40


@dataclass(frozen=True, eq=False)
class Kept:
    """A chosen figure.

    Attributes:
        id: equal for figures that were made alike.
        name: in a few words; file names are made from it.
        source: the figure itself.
    """

    id: str
    name: str
    source: FigureSource


def kept() -> tuple[Kept, ...]:
    """The chosen figures, in order."""
    return st.session_state.get(state.TRAY, ())


def add(name: str, source: FigureSource) -> bool:
    """Put a figure at the end. Returns False if one made alike is there already.

    Raises:
        ValueRangeError: the tray is full.
    """
    one = Kept(identity(source), name, source)
    figures = kept()
    if any(other.id == one.id for other in figures):
        return False
    if len(figures) >= MOST_FIGURES:
        raise ValueRangeError(
            f"a talk must have at most {MOST_FIGURES} figures; got one more. Remove one on the page Export."
        )
    _set([*figures, one])
    return True


def join(figures: Sequence[Kept]) -> None:
    """Put these figures first, in their order; what was there and is none of them stays behind them.

    Raises:
        ValueRangeError: together they are too many; nothing is changed.
    """
    ids = {one.id for one in figures}
    joined = [*figures, *(one for one in kept() if one.id not in ids)]
    check_room(len(joined))
    _set(joined)


def check_room(count: int) -> None:
    """Raises ValueRangeError where so many figures are too many for a talk."""
    if count > MOST_FIGURES:
        raise ValueRangeError(
            f"a talk must have at most {MOST_FIGURES} figures; got {count}. Remove some on the page Export."
        )


def put_back(figure: Kept, order: Sequence[str]) -> None:
    """Put a figure behind those that stand before it in an order of ids; at the end if none of them is there.

    Raises:
        ValueRangeError: the tray is full.
    """
    figures = [one for one in kept() if one.id != figure.id]
    check_room(len(figures) + 1)
    before = set(order[: order.index(figure.id)])
    place = max((number for number, one in enumerate(figures, start=1) if one.id in before), default=0)
    _set([*figures[:place], figure, *figures[place:]])


def remove(figure_id: str) -> None:
    """Take a figure out."""
    _set([one for one in kept() if one.id != figure_id])


def move(figure_id: str, steps: int) -> None:
    """Move a figure towards the end by some places, or with a negative number towards the start."""
    figures = list(kept())
    places = [place for place, one in enumerate(figures) if one.id == figure_id]
    for place in places:
        one = figures.pop(place)
        figures.insert(min(max(0, place + steps), len(figures)), one)
    _set(figures)


def clear() -> None:
    """Take all figures out."""
    _set([])


def identity(source: FigureSource) -> str:
    """A short hash of what a figure shows and how it was made."""
    told = json.dumps([type(source).__name__, source.title, source.alt, source.provenance()], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _set(figures: Sequence[Kept]) -> None:
    st.session_state[state.TRAY] = tuple(figures)
