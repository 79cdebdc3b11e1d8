"""Which parts of one photograph do networks with different attention look at?"""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from attnviz.export import Comparison, ComparisonGrid
from dashboard import (
    arranging,
    asking,
    controls,
    downloads,
    links,
    pair_panel,
    panels,
    reference,
    region_panel,
    sidebar,
)
from dashboard.figure_toolbar import DRAWN, toolbar
from dashboard.panels import Row
from dashboard.sidebar import Entry
from dashboard.state import Selection
from dashboard.words import plain


def render() -> None:
    """Draw the page."""
    networks = sidebar.chosen_networks()
    if not networks:
        st.info("No network is chosen. Choose at least one in the sidebar.")
        return
    _compare(sidebar.chosen_entry(), networks)


def _compare(entry: Entry, networks: tuple[str, ...]) -> None:
    """Everything beside the sidebar. No fragment: a click inside of one would not end a run that computes."""
    finding, choices, maps, buttons = (st.container() for _ in range(4))
    with choices:
        selection, arrangement = controls.selection_and(networks, lambda: arranging.choose(entry, networks))
    with finding:
        row = _row(entry, selection)
        regions = tuple(one.region for one in row.chosen)
        sentence = asking.finding(entry, row.answers, regions)
    with maps:
        rows = [row, *(_row(other, selection) for other in arrangement.beside)]
        notes = []
        if arrangement.by:
            rows = [
                replace(one, answers=reference.against(one.answers, arrangement.reference, arrangement.by))
                for one in rows
            ]
            notes = reference.notes(arrangement.reference, arrangement.by)
        drawn_as = reference.with_signs(selection) if arrangement.by else selection
        if drawn_as is not selection:
            notes = [*notes, "Ranks have no sign, so the differences are drawn with a colour scale per map."]
        panels.draw(rows, drawn_as, notes)
    with buttons, st.container(horizontal=True, vertical_alignment="center"):
        shown = rows[0].answers
        if shown.readings:
            downloads.buttons(entry.picture, drawn_as, shown, regions, sentence)
        links.to_page(links.FOCUS, "Draw a region: Dog vs grass")
    with buttons:
        for place, other in enumerate(rows[1:], start=1):
            _files_of(place, other, drawn_as)
        _files_of_all(rows, drawn_as)
    pair_panel.draw(row, selection, arrangement.by)


def _files_of(place: int, row: Row, selection: Selection) -> None:
    """The buttons of a picture below the first."""
    if not row.answers.readings:
        return
    comparison = _comparison(row, selection)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(plain(row.title), width="content")
        toolbar(f"row_{place}", f"{row.title} attention", lambda: comparison)


def _files_of_all(rows: Sequence[Row], selection: Selection) -> None:
    """The buttons of the whole grid, where there is more than one picture with a map."""
    comparisons = [_comparison(row, selection) for row in rows if row.answers.readings]
    if len(comparisons) < 2:
        return
    grid = ComparisonGrid(comparisons=tuple(comparisons))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**All pictures in one figure**", width="content")
        toolbar("grid", grid.title, lambda: grid, formats=(*DRAWN, "CSV"))


def _comparison(row: Row, selection: Selection) -> Comparison:
    regions = tuple(one.region for one in row.chosen)
    sentence = asking.sentence_of(row.answers, regions)
    return downloads.comparison_of(row.picture, selection, row.answers, regions, sentence)


def _row(entry: Entry, selection: Selection) -> Row:
    chosen = region_panel.regions_there(entry)
    return Row(entry.title, entry.picture, asking.ask(entry, selection, chosen), chosen)


if __name__ == "__main__":
    render()
