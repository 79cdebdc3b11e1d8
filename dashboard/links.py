"""Links from one page to another."""

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

COMPARE, FOCUS = "views/compare.py", "views/focus.py"


def to_page(page: str, label: str) -> None:
    """Draw a link to another page; nothing where a page runs alone and there is no other."""
    try:
        st.page_link(page, label=label, icon=":material/arrow_forward:", icon_position="right")
    except StreamlitPageNotFoundError:
        return
