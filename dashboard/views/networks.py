"""Which networks there are, and what is known of them; and how to bring one's own."""

import hashlib
import tempfile
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from attnviz import zoo
from attnviz.errors import AttnvizError
from attnviz.zoo import Card, KeyMatch, MatchError
from attnviz.zoo.checkpoint_file import MOST_BYTES, Progress
from dashboard import card_facts, drawing, service, state
from dashboard.service import Network
from dashboard.waiting import Steps
from dashboard.words import plain

MOST_ADDED = 4
FIND_IT = "Find it from the file"
CARDS_IN_A_ROW = 3


@dataclass(frozen=True)
class Attempt:
    """What came of a checkpoint.

    Attributes:
        name: of the network that was added; empty if none was.
        problem: why not.
        match: which tensors fitted, as far as that was found out.
    """

    name: str = ""
    problem: str = ""
    match: KeyMatch | None = None


def render() -> None:
    """Draw the page."""
    st.markdown("### Networks")
    own, library = st.columns(2, gap="large")
    with own:
        _own_checkpoint()
    with library:
        _pretrained()
    added, bundled = service.added_networks(), zoo.cards()
    if added:
        st.markdown("#### Added in this session")
        _cards([one.loaded.card for one in added.values()])
    st.markdown("#### Bundled with attnviz")
    _cards(list(bundled.values()))
    _measured([*(one.loaded.card for one in added.values()), *bundled.values()])
    rows = card_facts.focus_rows(bundled.values())
    if rows:
        st.markdown("#### Do they look at the object?")
        st.html(
            drawing.small_print(
                [
                    "How much of each map lies in the boxes of the validation pictures' objects: mean, and its "
                    "interval of 95 %. Lift: that share beside the objects' share of the picture; a map that is the "
                    "same everywhere has 1. Peak inside: how often the map's highest cell lies on an object. The last "
                    "column is the paired difference from a blob in the middle, which knows no picture."
                ]
            )
        )
        st.table(rows, hide_index=True, alt="How much of each network's maps lies on the objects")


def _own_checkpoint() -> None:
    st.markdown("#### Your own checkpoint")
    file = st.file_uploader(
        "Checkpoint",
        type=["safetensors", "pt", "pth", "ckpt", "bin", "tar"],
        max_upload_size=MOST_BYTES >> 20,
        key=f"{state.CHECKPOINT}_{st.session_state.get(state.CHECKPOINT_COUNT, 0)}",
        help="A state dict, as safetensors or as torch.save writes it. Nothing in it is run. "
        "It stays on this computer and in this session.",
    )
    left, right = st.columns(2)
    with left:
        chosen = st.selectbox(
            "Architecture",
            [FIND_IT, *zoo.architectures()],
            key=state.CHECKPOINT_ARCHITECTURE,
            persist_state="session",
            help="Type to search. Networks that have the same tensors and compute different things must be named.",
        )
    with right:
        listed = st.file_uploader(
            "Class names (optional)",
            type=["txt"],
            max_upload_size=1,
            key=f"{state.CHECKPOINT_CLASSES}_{st.session_state.get(state.CHECKPOINT_COUNT, 0)}",
            help="A text file with the name of one class on each line, in the order of the network's outputs.",
        )
    imagenet = st.checkbox(
        "Its classes are ImageNet's 1,000",
        key=state.CHECKPOINT_IMAGENET,
        persist_state="session",
        disabled=bool(listed),
    )
    partial = st.checkbox(
        "Use it although parts are untrained",
        key=state.CHECKPOINT_PARTIAL,
        persist_state="session",
        help="Loads what fits. Every map and every file then says which share of the network is untrained.",
    )
    if file is None:
        return
    architecture = None if chosen == FIND_IT else chosen
    names = listed.getvalue() if listed else b"imagenet" if imagenet else b""
    _show(_attempt(file, architecture, names, imagenet and not listed, partial))


def _attempt(file: UploadedFile, architecture: str | None, names: bytes, imagenet: bool, partial: bool) -> Attempt:
    """What comes of the file as it is told now; tried once, and not at every run of the page."""
    key = (file.file_id, architecture, names, imagenet, partial)
    kept = st.session_state.get(state.LAST_CHECKPOINT)
    if kept is not None and kept[0] == key:
        return kept[1]
    if st.session_state.get(state.STOPPED_CHECKPOINT) == key:
        st.info(plain(f"{file.name} was not read: it was stopped."))
        st.button("Go on", key="go_on_checkpoint", type="primary", on_click=_stop, args=(None,))
        return Attempt()
    steps = Steps(f"Reading {plain(file.name)}", "stop_checkpoint", _stop, key)
    attempt = _load(file, architecture, names, imagenet, partial, steps.stage)
    steps.end()
    st.session_state[state.LAST_CHECKPOINT] = key, attempt
    if attempt.name:
        st.session_state[state.NEWLY_ADDED] = attempt.name
        st.rerun()  # the sidebar is above this page and shall show it
    return attempt


def _stop(what: Hashable) -> None:
    st.session_state[state.STOPPED_CHECKPOINT] = what


def _load(
    file: UploadedFile, architecture: str | None, names: bytes, imagenet: bool, partial: bool, tell: Progress
) -> Attempt:
    if len(service.added_networks()) >= MOST_ADDED:
        return Attempt(problem=f"At most {MOST_ADDED} networks can be added. Take one away first.")
    try:
        with tempfile.TemporaryDirectory() as folder:
            # the name's last part: a browser may send any text
            path = Path(folder) / Path(file.name.replace("\\", "/")).name
            with path.open("wb") as copy:
                copy.write(file.getbuffer())
            classes: Path | str | None = zoo.checkpoint.IMAGENET if imagenet else None
            if names and not imagenet:
                classes = Path(folder) / "class names.txt"
                classes.write_bytes(names)
            loaded = zoo.load_checkpoint(path, architecture, classes, partial, tell)
    except MatchError as error:
        return Attempt(problem=str(error), match=error.match)
    except AttnvizError as error:
        return Attempt(problem=str(error))
    told = f"{loaded.card.architecture} {hashlib.sha256(names).hexdigest()} {partial}"
    return Attempt(service.add(Network(loaded, Lock()), told), match=loaded.match)


def _show(attempt: Attempt) -> None:
    if attempt.problem:
        st.error(plain(attempt.problem))
    elif attempt.name in service.added_networks():
        card = service.added_networks()[attempt.name].loaded.card
        st.success(f"{plain(card.title)} is now among the networks to compare.")
        if card.untrained:
            st.warning(f"{card.untrained.upper()}: its maps say nothing about a picture.")
    if attempt.match is not None:
        with st.expander(f"Which tensors fit: {int(100 * attempt.match.share)} %", expanded=not attempt.match.complete):
            st.code(attempt.match.text(), language=None, wrap_lines=True, height=240)


def _pretrained() -> None:
    st.markdown("#### Pretrained networks of torchvision and timm")
    entries = {entry.name: entry for entry in zoo.pretrained.catalogue()}

    def words(name: str) -> str:
        entry = entries[name]
        where = "here" if zoo.pretrained.is_downloaded(entry) else f"{entry.megabytes:.0f} MB"
        return f"{entry.title}, {entry.mechanism} ({entry.origin}, {where})"

    name = st.selectbox("Network", list(entries), format_func=words, key=state.PRETRAINED, persist_state="session")
    entry = entries[name]
    top1 = "" if entry.top1 is None else f" · {entry.top1:.1%} right on ImageNet"
    st.html(
        drawing.small_print(
            [f"{entry.paper} · {entry.parameters:,} parameters{top1} · licence {entry.licence}. {entry.note}"]
        )
    )
    if any(card.card.architecture == name for card in _loaded_of_library()):
        st.success(f"{plain(entry.title)} is among the networks to compare.")
    elif st.button("Add it" if zoo.pretrained.is_downloaded(entry) else "Download and add it", key="add_pretrained"):
        _add_pretrained(name, entry.title)


def _loaded_of_library() -> list[zoo.Loaded]:
    return [one.loaded for one in service.added_networks().values() if one.loaded.card.origin != "file"]


def _add_pretrained(name: str, title: str) -> None:
    if len(service.added_networks()) >= MOST_ADDED:
        st.error(f"At most {MOST_ADDED} networks can be added. Take one away first.")
        return
    # whatever is pressed, the next run does not download: the button that asked for it is not pressed then
    steps = Steps(plain(title), "stop_download", lambda: None)

    def progress(have: int, whole: int | None) -> None:
        share = min(1.0, have / whole) if whole else 0.0
        steps.tell(share, f"downloading, {have / 2**20:.0f} MB{f' of {whole / 2**20:.0f}' if whole else ''}")

    try:
        zoo.pretrained.download(name, progress=progress)
        steps.tell(1.0, "reading")
        added = service.add(service.pretrained(name))
    except AttnvizError as error:
        steps.end()
        st.error(plain(str(error)))
        return
    steps.end()
    st.session_state[state.NEWLY_ADDED] = added
    st.rerun()


def _cards(cards: list[Card]) -> None:
    for start in range(0, len(cards), CARDS_IN_A_ROW):
        for column, card in zip(st.columns(CARDS_IN_A_ROW), cards[start : start + CARDS_IN_A_ROW], strict=False):
            with column, st.container(border=True, height="stretch"):
                _card(card)


def _measured(cards: list[Card]) -> None:
    """All numbers of one card: too many, and too wide, for the card itself."""
    found = {card.name: card for card in cards if card.measured or card.top1_by_short_side}
    if not found:
        return
    with st.expander("Everything that was measured"):
        name = st.selectbox(
            "Network",
            list(found),
            format_func=lambda name: found[name].title,
            key=state.MEASURED_OF,
            persist_state="session",
        )
        st.table(
            [{"What": what, "Value": value} for what, value in card_facts.measured_facts(found[name])],
            hide_index=True,
            alt=f"Everything that was measured of {found[name].title}",
        )


def _card(card: Card) -> None:
    st.markdown(f"**{plain(card.title)}**")
    if card.untrained:
        st.warning(card.untrained.upper())
    st.table(dict(card_facts.main_facts(card)), border="horizontal")
    if card.name in service.added_networks():
        with st.expander("Its file"):
            st.code(f"sha256 {card.sha256}\narchitecture {card.architecture}", language=None, wrap_lines=True)
        st.button("Take it away", key=f"remove {card.name}", on_click=service.remove, args=(card.name,))


if __name__ == "__main__":
    render()
