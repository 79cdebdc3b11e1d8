"""Tables of numbers that a person edits. A bad cell costs nothing: one sentence, and the last good numbers stay."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from attnviz.errors import ValueRangeError
from dashboard.words import plain

Array = npt.NDArray[np.float64]

LARGEST = 100.0
"""Numbers go from minus this to this: enough for every lesson, and no figure is filled by digits."""

_NARROWEST_PX, _SIGN_PX, _LETTER_PX = 50, 34, 8
_GOOD, _BASE = "learn_good_", "learn_base_"


def side_by_side() -> DeltaGenerator:
    """Room for tables in one row; those that do not fit stand below."""
    return st.container(horizontal=True, gap="xsmall")


def as_wide_as_needed() -> DeltaGenerator:
    """Room for one table in such a row."""
    return st.container(width="content")


def numbers(
    key: str,
    label: str,
    start: npt.ArrayLike,
    rows: Sequence[str],
    columns: Sequence[str],
    help: str | None = None,
) -> Array:
    """An editable table, and the numbers in it.

    Args:
        key: of the table. The numbers last as long as the session, also while other pages are shown.
        label: above the table.
        start: (rows, columns), what stands there at first.
        rows: a name for each row.
        columns: a name for each column.
        help: beside the label.

    Returns:
        The numbers; where a cell is empty or no number from -100 to 100, the last good ones.
    """
    begin = np.asarray(start, dtype=np.float64)
    good: Array = st.session_state.get(_GOOD + key, begin)
    if good.shape != begin.shape:
        good = begin
    # an editor's edits are on top of what it was given: that stays the same as long as there are any
    edits = st.session_state.get(key)
    base: Array = st.session_state.get(_BASE + key, good)
    if not edits or not edits["edited_rows"] or base.shape != begin.shape:
        base = st.session_state[_BASE + key] = good
    words = label.replace("*", "").replace("$", "")
    st.markdown(label, help=help)
    edited = st.data_editor(
        pd.DataFrame(base, index=list(rows), columns=list(columns)),
        key=key,
        column_config={
            "_index": st.column_config.TextColumn("", disabled=True),
            **{
                name: st.column_config.NumberColumn(name, format="%.4g", step=0.01, width=_width(name))
                for name in columns
            },
        },
        width="content",
        alt=words,
    )
    try:
        values = checked(edited, words)
    except ValueRangeError as error:
        st.error(plain(f"{error} Until then the last good numbers are used."))
        return good
    st.session_state[_GOOD + key] = values
    return values


def _width(name: str) -> int:
    """Pixels of a column: room for its name and the sign that it can be edited, and for four digits."""
    return max(_NARROWEST_PX, _SIGN_PX + _LETTER_PX * len(name))


def forget(*keys: str) -> None:
    """Let tables begin again with what they start with."""
    for key in keys:
        for slot in (key, _GOOD + key, _BASE + key):
            st.session_state.pop(slot, None)


def drawn() -> dict[str, list[list[float]]]:
    """The good numbers of every table that this session has drawn, by the table's key."""
    return {
        str(key).removeprefix(_GOOD): np.asarray(values).tolist()
        for key, values in st.session_state.to_dict().items()
        if str(key).startswith(_GOOD)
    }


def put(tables: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Replace all tables, before they are drawn: these hold what is given, and every other one what it starts with.

    Args:
        tables: numbers by the table's key; where their shape is another than the table's, it starts again.
    """
    forget(*drawn())
    for key, rows in tables.items():
        st.session_state[_GOOD + key] = np.array(rows, dtype=np.float64)


def checked(table: pd.DataFrame, what: str) -> Array:
    """The table's numbers.

    Raises:
        ValueRangeError: a cell is empty, or no number from -100 to 100.
    """
    for name, column in table.items():
        for row, value in column.items():
            number = pd.to_numeric(value, errors="coerce")
            if not (pd.notna(number) and abs(number) <= LARGEST):
                got = "an empty cell" if value is None or value is pd.NA or value != value else f"{value!s:.20}"
                raise ValueRangeError(
                    f"{what}, row {row}, column {name} must be a number from -{LARGEST:g} to {LARGEST:g}; got {got}. "
                    "Type another one there."
                )
    return table.to_numpy(dtype=np.float64)
