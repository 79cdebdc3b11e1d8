"""Figures for slides and papers: what is on screen now, what was kept for a talk, and all of it as files."""

import streamlit as st

from dashboard import downloads, links, looks, sidebar, talk_panel
from dashboard.figure_toolbar import toolbar
from dashboard.sidebar import Entry
from dashboard.words import plain


def render() -> None:
    """Draw the page."""
    networks = sidebar.chosen_networks()
    _export(sidebar.chosen_entry(), networks)


@st.fragment
def _export(entry: Entry, networks: tuple[str, ...]) -> None:
    """Everything beside the sidebar. A fragment: a control here does not run the sidebar again."""
    st.markdown("### Figures for slides and papers")
    look = looks.choose()
    left, right = st.columns([2, 3], gap="large")
    with right:
        talk_panel.draw(look)
    with left:
        _on_screen(entry, networks, look)


def _on_screen(entry: Entry, networks: tuple[str, ...], look: looks.Look) -> None:
    st.markdown("#### On screen now")
    if not networks:
        st.info("No network is chosen. Choose at least one in the sidebar.")
        return
    comparison = downloads.on_screen(entry, networks)
    if comparison is None:
        st.info("None of the chosen networks has a map of this picture. The page Compare says why.")
        return
    drawn = look.of(comparison)
    with st.spinner("Drawing the comparison"):
        st.image(looks.thumbnail(drawn), alt=drawn.alt, width="stretch")
    st.caption(plain(drawn.title))
    name = downloads.name_of(entry.picture)
    toolbar("on_screen", f"{name} attention", lambda: drawn)
    downloads.files(drawn, name, "on_screen", look.slide_size)
    links.to_page(links.COMPARE, "Change it on the page Compare")


if __name__ == "__main__":
    render()
