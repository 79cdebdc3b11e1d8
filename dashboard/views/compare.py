"""Which parts of one photograph do networks with different attention look at?"""

import streamlit as st

from dashboard import asking, controls, downloads, links, panels, region_panel, sidebar
from dashboard.sidebar import Entry


def render() -> None:
    """Draw the page."""
    networks = sidebar.chosen_networks()
    if not networks:
        st.info("No network is chosen. Choose at least one in the sidebar.")
        return
    _compare(sidebar.chosen_entry(), networks)


@st.fragment
def _compare(entry: Entry, networks: tuple[str, ...]) -> None:
    """Everything beside the sidebar. A fragment: a control here does not run the sidebar again."""
    finding, choices, maps = (st.container() for _ in range(3))
    with choices:
        selection = controls.selection(networks)
    chosen = region_panel.regions_there(entry)
    regions = tuple(one.region for one in chosen)
    with finding:
        answers = asking.ask(entry, selection, chosen)
        sentence = asking.finding(entry, answers, regions)
    with maps:
        panels.draw(entry.picture, selection, answers, chosen)
    with st.container(horizontal=True, vertical_alignment="center"):
        if answers.readings:
            downloads.buttons(entry.picture, selection, answers, regions, sentence)
        links.to_page(links.FOCUS, "Draw a region: Dog vs grass")


if __name__ == "__main__":
    render()
