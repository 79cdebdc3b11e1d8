"""Dog vs grass: how much of each map lies on regions of the picture, and whether that can be trusted."""

from collections.abc import Callable

import streamlit as st

from attnviz.regions import Region
from dashboard import (
    asking,
    controls,
    evidence_panel,
    focus_panel,
    gate_effect_panel,
    health_panel,
    panels,
    region_panel,
    sidebar,
    state,
)
from dashboard.panels import Row
from dashboard.service import Answers
from dashboard.sidebar import Entry
from dashboard.state import Selection


def render() -> None:
    """Draw the page."""
    networks = sidebar.chosen_networks()
    if not networks:
        st.info("No network is chosen. Choose at least one in the sidebar.")
        return
    _focus(sidebar.chosen_entry(), networks)


def _focus(entry: Entry, networks: tuple[str, ...]) -> None:
    """Everything beside the sidebar. No fragment: a click inside of one would not end a run that computes."""
    finding, top, choices, maps = (st.container() for _ in range(4))
    with top:
        left, right = st.columns(2, gap="large")
    with left:
        chosen = region_panel.choose_regions(entry)
    with choices:
        selection = controls.selection(networks)
    regions = tuple(one.region for one in chosen)
    with finding:
        answers = asking.ask(entry, selection, chosen)
        asking.finding(entry, answers, regions)
    with right:
        focus_panel.draw(entry, answers, chosen)
    with maps:
        panels.draw([Row(entry.title, entry.picture, answers, chosen)], selection)
    _sections(entry, selection, answers, regions)


# Draws what one tab shows, given the regions with the one in focus first; there may be none. These two are comments:
# in a page's own file Streamlit draws every string that stands alone.
Section = Callable[[Entry, Selection, Answers, tuple[Region, ...]], None]

# Tabs below the maps, by what each tells. Only the open tab is drawn.
SECTIONS: dict[str, Section] = {
    "What the gates did": gate_effect_panel.draw,
    "Does it matter?": evidence_panel.draw_what_if,
    "Can I trust this map?": evidence_panel.draw_trust,
    "Gate health": health_panel.draw,
}


def _sections(entry: Entry, selection: Selection, answers: Answers, regions: tuple[Region, ...]) -> None:
    if not answers.readings:
        return
    for tab, draw in zip(st.tabs(list(SECTIONS), key=state.SECTION, on_change="rerun"), SECTIONS.values(), strict=True):
        if tab.open:
            with tab:
                draw(entry, selection, answers, regions)


if __name__ == "__main__":
    render()
