"""Which parts of one photograph do networks with different attention look at?"""

from collections.abc import Callable, Hashable

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.focus import FocusScore
from attnviz.regions import Region
from dashboard import (
    controls,
    downloads,
    evidence_panel,
    focus_panel,
    gate_effect_panel,
    health_panel,
    panels,
    region_panel,
    service,
    sidebar,
    state,
)
from dashboard.service import Answers, MapChoice, Reading
from dashboard.sidebar import Entry
from dashboard.state import Selection
from dashboard.told_regions import ChosenRegion
from dashboard.words import contrast_headline, headline, plain


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
        st.markdown("#### How much of each map lies in the regions")
        left, right = st.columns(2, gap="large")
    with left:
        chosen = region_panel.choose_regions(entry)
    regions = tuple(one.region for one in chosen)
    with finding:
        answers = _ask(entry, selection, chosen)
        sentence = _finding(entry, answers, regions)
    with maps:
        panels.draw(entry.picture, selection, answers, chosen)
    with right:
        focus_panel.draw(answers, chosen)
        if answers.readings:
            downloads.buttons(entry.picture, selection, answers, regions, sentence)
    _sections(entry, selection, answers, regions)


# Draws what one tab shows, given the regions with the one in focus first; there may be none. These two are comments:
# in a page's own file Streamlit draws every string that stands alone.
Section = Callable[[Entry, Selection, Answers, tuple[Region, ...]], None]

# Tabs below the scores, by what each tells. Only the open tab is drawn.
SECTIONS: dict[str, Section] = {
    "What the gates did": gate_effect_panel.draw,
    "Does it matter?": evidence_panel.draw_what_if,
    "Can I trust this map?": evidence_panel.draw_trust,
    "Gate health": health_panel.draw,
}


def _sections(entry: Entry, selection: Selection, answers: Answers, regions: tuple[Region, ...]) -> None:
    if not SECTIONS or not answers.readings:
        return
    for tab, draw in zip(st.tabs(list(SECTIONS), key=state.SECTION, on_change="rerun"), SECTIONS.values(), strict=True):
        if tab.open:
            with tab:
                draw(entry, selection, answers, regions)


def _ask(entry: Entry, selection: Selection, chosen: tuple[ChosenRegion, ...]) -> Answers:
    """Run what has not run yet, telling which network is at work. One that fails does not stop the others."""
    titles = {name: card.title for name, card in service.cards().items()}
    finished: set[Hashable] = st.session_state.setdefault(state.FINISHED, set())
    readings: list[Reading] = []
    runs: list[Hashable] = []
    failed: dict[str, str] = {}
    progress = st.empty()
    for number, name in enumerate(selection.networks, start=1):
        try:
            choice = _choice(name, selection, entry, chosen[0].region if chosen else None)
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
    if not chosen or not readings:
        return Answers(tuple(readings), failed)
    scores: dict[str, dict[str, FocusScore]] = {}
    unscored: dict[str, str] = {}
    for place, one in enumerate(chosen):
        scores[one.region.name], reasons = state.remembered(
            f"{state.LAST_SCORES}_{place}",
            (one.key, tuple(runs)),
            lambda one=one: service.focus_rows(readings, one.region),
        )
        unscored |= {title: reason for title, reason in reasons.items() if title not in unscored}
    in_focus = chosen[0].region.name
    return Answers(tuple(readings), failed, scores.pop(in_focus), unscored, scores)


def _choice(name: str, selection: Selection, entry: Entry, region: Region | None) -> MapChoice:
    if selection.map_kind == "gradcam":
        return MapChoice("gradcam", target=service.class_index(name, selection.target))
    if selection.gaze == "point":
        (height, width), (down, across) = entry.picture.hw, selection.point_yx
        return MapChoice("own", point_yx=(down * height, across * width))
    if selection.gaze == "region" and region is not None:
        return MapChoice("own", point_yx=service.middle_of(region))
    return MapChoice("own")


def _finding(entry: Entry, answers: Answers, regions: tuple[Region, ...]) -> str:
    """Draw the finding, or the picture's name while there is none. Returns the sentence."""
    titles = [reading.title for reading in answers.readings if reading.is_attention]
    sentence = ""
    if len(regions) == 1:
        sentence = headline(answers.scores, titles, regions[0].name)
    elif regions:
        sentence = contrast_headline({regions[0].name: answers.scores, **answers.others}, titles)
    st.markdown(f"### {plain(sentence or entry.title)}")
    if not regions:
        st.markdown("Draw a box around the object, below the maps, to measure how much of each map lies on it.")
    for note in entry.picture.notes:
        st.caption(plain(note))
    return sentence


if __name__ == "__main__":
    render()
