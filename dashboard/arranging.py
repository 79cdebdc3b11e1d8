"""What Compare shows beside the chosen picture: more pictures, and a network pinned as the reference."""

from dataclasses import dataclass

import streamlit as st

from attnviz.focus.difference import By
from dashboard import pair_panel, service, sidebar, state
from dashboard.sidebar import Entry

MOST_BESIDE = 3
NONE = "None"


@dataclass(frozen=True, eq=False)
class Arrangement:
    """How the panels are arranged.

    Attributes:
        beside: pictures below the chosen one, a row each.
        reference: title of the network that the others are compared with; empty for none.
        by: what a difference to it counts; None without a reference.
    """

    beside: tuple[Entry, ...]
    reference: str
    by: By | None


def choose(entry: Entry, networks: tuple[str, ...]) -> Arrangement:
    """Draw the controls, into a row of others, and return what they say."""
    entries = {one.id: one for one in sidebar.entries()}
    titles = [NONE, *(service.cards()[name].title for name in networks)]
    if st.session_state.get(state.REFERENCE) not in titles:
        st.session_state.pop(state.REFERENCE, None)
    kept = [one for one in st.session_state.get(state.BESIDE, []) if one in entries]
    if kept != st.session_state.get(state.BESIDE, []):
        st.session_state[state.BESIDE] = kept
    by: By | None = None
    beside = st.multiselect(
        "More pictures",
        [one for one in entries if one != entry.id or one in kept],
        format_func=lambda one: entries[one].title if one in entries else str(one),
        max_selections=MOST_BESIDE,
        key=state.BESIDE,
        bind="query-params",
        placeholder="None",
        width=180,
        help="Each gets a row of its own below the chosen picture, with the same networks and the same colours.",
    )
    reference = st.selectbox(
        "Pinned reference",
        titles,
        key=state.REFERENCE,
        bind="query-params",
        width=150,
        help="Shows every other network as its difference to this one.",
    )
    if reference != NONE:
        by = pair_panel.choose_by()
    return Arrangement(
        tuple(entries[one] for one in beside if one != entry.id), "" if reference == NONE else reference, by
    )
