"""What a page's networks answer about a picture: run what has not run yet, tell how far it is, and score the maps."""

from collections.abc import Hashable, Sequence

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.focus import FocusScore
from attnviz.regions import Region
from dashboard import service, state
from dashboard.service import Answers, MapChoice, Reading
from dashboard.sidebar import Entry
from dashboard.state import Selection
from dashboard.told_regions import ChosenRegion
from dashboard.words import contrast_headline, headline, plain

ByRegion = dict[str, dict[str, FocusScore]]


def ask(entry: Entry, selection: Selection, chosen: Sequence[ChosenRegion]) -> Answers:
    """Run what has not run yet, telling which network is at work. One that fails does not stop the others."""
    titles = {name: card.title for name, card in service.cards().items()}
    finished: set[Hashable] = st.session_state.setdefault(state.FINISHED, set())
    readings: list[Reading] = []
    runs: list[Hashable] = []
    failed: dict[str, str] = {}
    progress = st.empty()
    for number, name in enumerate(selection.networks, start=1):
        try:
            choice = choice_of(name, selection, entry, chosen[0].region if chosen else None)
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
    answers = Answers(tuple(readings), failed, runs=tuple(runs))
    if not chosen or not readings:
        return answers
    scores, unscored = scored(answers, chosen)
    in_focus = chosen[0].region.name
    return Answers(answers.readings, failed, scores.pop(in_focus), unscored, scores, answers.runs)


def scored(answers: Answers, chosen: Sequence[ChosenRegion], score: str = "share") -> tuple[ByRegion, dict[str, str]]:
    """One score of all maps in each region, by the region's name; and why a map has none. Nothing is scored twice."""
    scores: ByRegion = {}
    unscored: dict[str, str] = {}
    for place, one in enumerate(chosen):
        scores[one.region.name], reasons = state.remembered(
            f"{state.LAST_SCORES}_{score}_{place}",
            (one.key, answers.runs),
            lambda one=one: service.focus_rows(answers.readings, one.region, score),
        )
        unscored |= {title: reason for title, reason in reasons.items() if title not in unscored}
    return scores, unscored


def choice_of(name: str, selection: Selection, entry: Entry, region: Region | None) -> MapChoice:
    """The map that is asked of one network."""
    if selection.map_kind == "gradcam":
        return MapChoice("gradcam", target=service.class_index(name, selection.target))
    if selection.gaze == "point":
        (height, width), (down, across) = entry.picture.hw, selection.point_yx
        return MapChoice("own", point_yx=(down * height, across * width))
    if selection.gaze == "region" and region is not None:
        return MapChoice("own", point_yx=service.middle_of(region))
    return MapChoice("own")


def finding(entry: Entry, answers: Answers, regions: Sequence[Region]) -> str:
    """Draw the finding, or the picture's name while there is none. Returns the sentence."""
    sentence = sentence_of(answers, regions)
    st.markdown(f"### {plain(sentence or entry.title)}")
    for note in entry.picture.notes:
        st.caption(plain(note))
    return sentence


def sentence_of(answers: Answers, regions: Sequence[Region]) -> str:
    """The finding in one sentence; empty while there is none."""
    titles = [reading.title for reading in answers.readings if reading.is_attention]
    if len(regions) == 1:
        return headline(answers.scores, titles, regions[0].name)
    if regions:
        return contrast_headline({regions[0].name: answers.scores, **answers.others}, titles)
    return ""
