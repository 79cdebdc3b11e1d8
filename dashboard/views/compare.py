"""Which parts of one photograph do networks with different attention look at?"""

from collections.abc import Hashable

import streamlit as st

from attnviz import zoo
from attnviz.errors import AttnvizError
from attnviz.regions import Region
from dashboard import controls, downloads, focus_panel, panels, region_panel, service, sidebar, state
from dashboard.region_panel import ChosenRegion
from dashboard.service import Answers, MapChoice, Reading
from dashboard.sidebar import Entry
from dashboard.state import Selection
from dashboard.words import headline, plain


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
    finding, choices, maps, focus = (st.container() for _ in range(4))
    with choices:
        selection = controls.selection(networks)
    with focus:
        st.markdown("#### How much of each map lies in the region")
        left, right = st.columns(2, gap="large")
    with left:
        chosen = region_panel.choose_region(entry)
    region = chosen.region if chosen else None
    with finding:
        answers = _ask(entry, selection, chosen)
        sentence = _finding(entry, answers, region)
    with maps:
        panels.draw(entry.picture, selection, answers, chosen)
    with right:
        focus_panel.draw(answers, region)
        if answers.readings:
            downloads.buttons(entry.picture, selection, answers, region, sentence)


def _ask(entry: Entry, selection: Selection, chosen: ChosenRegion | None) -> Answers:
    """Run what has not run yet, telling which network is at work. One that fails does not stop the others."""
    titles = {name: card.title for name, card in zoo.cards().items()}
    finished: set[Hashable] = st.session_state.setdefault(state.FINISHED, set())
    readings: list[Reading] = []
    runs: list[Hashable] = []
    failed: dict[str, str] = {}
    progress = st.empty()
    for number, name in enumerate(selection.networks, start=1):
        try:
            choice = _choice(name, selection, entry, chosen.region if chosen else None)
            run = (entry.picture.sha256, name, choice)
            if run not in finished:
                share_done = (number - 1) / len(selection.networks)
                progress.progress(share_done, f"{titles[name]}, {number} of {len(selection.networks)}")
            readings.append(service.read(entry.picture, name, choice))
            finished.add(run)
            runs.append(run)
        except AttnvizError as error:
            failed[titles[name]] = str(error)
    progress.empty()
    if chosen is None or not readings:
        return Answers(tuple(readings), failed)
    scores, unscored = state.remembered(
        state.LAST_SCORES, (chosen.key, tuple(runs)), lambda: service.focus_rows(readings, chosen.region)
    )
    return Answers(tuple(readings), failed, scores, unscored)


def _choice(name: str, selection: Selection, entry: Entry, region: Region | None) -> MapChoice:
    if selection.map_kind == "gradcam":
        return MapChoice("gradcam", target=service.class_index(name, selection.target))
    if selection.gaze == "point":
        (height, width), (down, across) = entry.picture.hw, selection.point_yx
        return MapChoice("own", point_yx=(down * height, across * width))
    if selection.gaze == "region" and region is not None:
        return MapChoice("own", point_yx=service.middle_of(region))
    return MapChoice("own")


def _finding(entry: Entry, answers: Answers, region: Region | None) -> str:
    """Draw the finding, or the picture's name while there is none. Returns the sentence."""
    titles = [reading.title for reading in answers.readings if reading.is_attention]
    sentence = headline(answers.scores, titles, region.name) if region else ""
    st.markdown(f"### {plain(sentence or entry.title)}")
    if region is None:
        st.markdown("Draw a box around the object, below the maps, to measure how much of each map lies on it.")
    for note in entry.picture.notes:
        st.caption(plain(note))
    return sentence


if __name__ == "__main__":
    render()
