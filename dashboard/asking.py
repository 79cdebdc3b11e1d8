"""What a page's networks answer about a picture: run what has not run yet, tell how far it is, and score the maps."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

import streamlit as st

from attnviz import comparing, maps
from attnviz.errors import AttnvizError
from attnviz.focus import FocusScore
from attnviz.pictures import Picture
from attnviz.regions import Region
from dashboard import service, state
from dashboard.service import Answers, MapChoice, Reading
from dashboard.sidebar import Entry
from dashboard.state import Selection
from dashboard.told_regions import ChosenRegion
from dashboard.waiting import Progress
from dashboard.words import contrast_headline, headline, plain

ByRegion = dict[str, dict[str, FocusScore]]

LOOKING_FROM = ("own", "attention_from")
"""Maps of self-attention that may look from a place."""

NEEDS: dict[str, str] = {
    "spatial_gate": "a gate with a factor for each place, as in CBAM",
    "feature_mask": "a gate with a factor for every feature, as in a residual attention network",
    "gate_difference": "a gate",
    "gated_activation": "a gate",
    "attention_from": "self-attention",
    "received": "self-attention",
    "rollout": "self-attention over the whole picture in every layer, as in ViT",
    "relevance": "self-attention over the whole picture in every layer, as in ViT",
    "le_grad": "self-attention over the whole picture in every layer, as in ViT",
}
"""What a map method needs of a network, in words, by its name."""


def ask(entry: Entry, selection: Selection, chosen: Sequence[ChosenRegion]) -> Answers:
    """Run what has not run yet, telling how far it is. One network that fails does not stop the others."""
    titles = {name: card.title for name, card in service.cards().items()}
    readings: list[Reading] = []
    runs: list[Hashable] = []
    failed: dict[str, str] = {}
    missing: dict[str, str] = {}
    progress = Progress(len(selection.networks), (entry.picture.sha256, selection.map_kind, selection.target))
    try:
        for number, name in enumerate(selection.networks):
            title = titles[name]
            try:
                choice = choice_of(name, selection, entry, chosen[0].region if chosen else None)
                if not service.is_read(entry.picture, name, choice):
                    progress.begin(number, title)
                    why = _not_to_be_had(entry, name, choice) or progress.why_not(service.is_slow(choice.kind))
                    if why:
                        missing[title] = why
                        continue
                readings.append(service.read(entry.picture, name, choice, progress.tell))
                runs.append((entry.picture.sha256, name, choice))
            except AttnvizError as error:
                failed[title] = str(error)
    finally:
        progress.end()
    answers = Answers(tuple(readings), failed, runs=tuple(runs), missing=missing)
    if not chosen or not readings:
        return answers
    scores, unscored = scored(answers, chosen)
    in_focus = chosen[0].region.name
    return replace(answers, scores=scores.pop(in_focus), unscored=unscored, others=scores)


def _not_to_be_had(entry: Entry, name: str, choice: MapChoice) -> str:
    """Why a network has no such map, and which it has; empty if it has one."""
    if choice.kind in ("own", "gradcam"):
        return ""
    cards = maps.available(service.trace(entry.picture, name))
    if choice.method_name in {card.name for card in cards}:
        return ""
    needs = NEEDS.get(choice.method_name, maps.METHODS[choice.method_name].card.needs)
    others = ", ".join(card.title for card in cards)
    return f"{choice.title} needs {needs}. This network can show: {others}."


def scored(
    answers: Answers, chosen: Sequence[ChosenRegion], score: str = "share", picture: Picture | None = None
) -> tuple[ByRegion, dict[str, str]]:
    """One score of all maps in each region, by the region's name; and why a map has none. Nothing is scored twice.

    With the picture, its edge map is scored as well.
    """
    with_edges = "" if picture is None else "_with_edges"
    scores: ByRegion = {}
    unscored: dict[str, str] = {}
    for place, one in enumerate(chosen):
        scores[one.region.name], reasons = state.remembered(
            f"{state.LAST_SCORES}_{score}{with_edges}_{place}",
            (one.key, answers.runs),
            lambda one=one: service.focus_rows(answers.readings, one.region, score, picture),
        )
        unscored |= {title: reason for title, reason in reasons.items() if title not in unscored}
    return scores, unscored


def choice_of(name: str, selection: Selection, entry: Entry, region: Region | None) -> MapChoice:
    """The map that is asked of one network."""
    choice = MapChoice(selection.map_kind)
    if choice.class_dependent:
        return replace(choice, target=service.class_index(name, selection.target))
    if selection.map_kind not in LOOKING_FROM:
        return choice
    if selection.gaze == "point":
        (height, width), (down, across) = entry.picture.hw, selection.point_yx
        return replace(choice, point_yx=(down * height, across * width))
    if selection.gaze == "region" and region is not None:
        return replace(choice, point_yx=comparing.middle_of(region))
    return choice


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
