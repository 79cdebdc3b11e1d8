"""What was chosen on one page stays in the address while another page is shown.

Streamlit keeps the value of a widget that is bound to the address while its page is left, and takes it out of the
address. A reload on the other page, or a link that names both, would lose it. So the entry point reads the choices of
every page from the address before anything is drawn, and writes those of the other pages back at the end.
"""

from contextlib import suppress

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx

from attnviz.errors import ValueRangeError
from dashboard import state

FOLLOW = "follow"
"""In the address of a link within the app: its choices count, and the network of this name is shown with the others."""


def read() -> None:
    """Take over what the address says and this session does not know yet. What it says wrongly is left to the pages.

    A link within the app, which says `FOLLOW`, is taken over also where this session knew another choice.
    """
    followed = FOLLOW in st.query_params
    if followed:
        st.session_state[state.NEWLY_ADDED] = st.query_params[FOLLOW]
        del st.query_params[FOLLOW]
    for key in st.query_params:
        choice = state.choice_of(key)
        if choice is not None and choice.linked and (followed or key not in st.session_state):
            with suppress(ValueRangeError):
                st.session_state[key] = choice.from_address(st.query_params.get_all(key))


def lost(key: str, default: object) -> bool:
    """Whether this session's choice left the address: it is another than the default, and the address does not say it.

    A browser that is slow may leave a page before the sidebar is there again, and then it drops what is bound to the
    sidebar. A choice that is set anew before its widget is drawn comes back. Where the person goes back to an address
    without it, it is rightly gone.
    """
    context = get_script_run_ctx()
    back = context is not None and context.is_history_navigation
    chosen = st.session_state.get(key, default)
    return not back and chosen != default and key not in st.query_params


def write() -> None:
    """Let the address say every linked choice that is not the default."""
    changed: dict[str, list[str]] = {}
    for key, value in st.session_state.to_dict().items():
        choice = state.choice_of(str(key))
        if choice is None or not choice.linked:
            continue
        said = choice.to_address(value)
        if said != st.query_params.get_all(key):
            changed[key] = said
    said_now = {key: said for key, said in changed.items() if said}
    try:
        st.query_params.update(said_now)  # at once: each change is a step of the browser's history
    except StreamlitAPIException:
        for key, said in said_now.items():
            with suppress(StreamlitAPIException):  # its widget is on this page and writes the address itself
                st.query_params[key] = said
    for key in changed.keys() - said_now.keys():
        with suppress(StreamlitAPIException):  # as above
            del st.query_params[key]
