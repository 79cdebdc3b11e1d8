"""Opening a session file.

A file is read and checked whole before anything of it is taken over, and it is taken over before the page is drawn:
widgets take a value only before they are made.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from attnviz.errors import AttnvizError, PictureError, ValueRangeError
from attnviz.export import figure_png
from attnviz.pictures import Picture
from attnviz.regions import Region, load_regions
from dashboard import service, session_file, sidebar, state, told_regions, tray
from dashboard.learn import editor
from dashboard.packed import Packed, PictureMissing, unpack
from dashboard.session_file import KeptNetwork, OpenedPicture, OpenedSession
from dashboard.sidebar import Entry
from dashboard.told_regions import MOST_REGIONS
from dashboard.tray import Kept
from dashboard.waiting import Steps
from dashboard.words import plain

_TRIAL_DPI = 50
"""Fine enough to see that a figure can be drawn."""

HASH_SHOWN = 12
"""Characters of a hash that a sentence shows."""


@dataclass(frozen=True)
class Told:
    """What is said of a session that was opened: it worked, or the problem; and what is missing, a sentence each."""

    opened: bool
    text: str
    notes: tuple[str, ...] = ()


def open_given() -> None:
    """Take over the file that was just given. To be called before any widget is made: they take a value only then."""
    if state.SESSION_OPENING not in st.session_state:
        return
    name, contents = st.session_state[state.SESSION_OPENING]
    steps = Steps(f"Opening {plain(name)}", "stop_opening", _stop_opening, name)

    def tell(done: int, count: int) -> None:
        steps.tell(done / max(1, count), f"{min(done + 1, count)} of {count}" if count else "")

    try:
        told = take_over(session_file.read(contents, name, tell), name, tell)
    except AttnvizError as error:
        told = Told(False, str(error))
    st.session_state[state.SESSION_TOLD] = told
    del st.session_state[state.SESSION_OPENING]
    steps.end()


def _stop_opening(name: Hashable) -> None:
    st.session_state.pop(state.SESSION_OPENING, None)
    st.session_state[state.SESSION_TOLD] = Told(False, f"{name} was not opened: it was stopped. Nothing was changed.")


def take_over(session: OpenedSession, name: str, tell: session_file.Tell = lambda done, steps: None) -> Told:
    """Put everything of a session file in its place. Nothing is changed if a part of it cannot be used.

    Args:
        session: what the file holds.
        name: of the file.
        tell: told how many of the pictures and figures are looked at, and how many there are.

    Raises:
        SessionFileError: regions or figures in it are damaged or too many.
    """
    here = {entry.picture.sha256: entry for entry in sidebar.entries()}
    arriving = {one.sha256: one for one in session.pictures if one.picture is not None and one.sha256 not in here}
    loaded: list[tuple[Entry, tuple[Region, ...]]] = []
    awaited: dict[str, bytes] = {}
    notes: list[str] = []
    for one in session.pictures:
        if one.sha256 not in here and one.picture is None:
            notes.append(_missing_picture(one, here.values()))
            if one.regions is not None:
                awaited[one.sha256] = one.regions
        elif one.regions is not None:
            picture = one.picture if one.picture is not None else here[one.sha256].picture
            entry = here.get(one.sha256) or _entry(one.sha256, one.name, picture)
            loaded.append((entry, _regions(one.regions, picture, name)))
    chosen = dict(session.choices)
    network_names, network_notes = _networks(session.networks, chosen.get(state.NETWORKS))
    if network_names:
        chosen[state.NETWORKS] = network_names
    else:
        chosen.pop(state.NETWORKS, None)
    known = {entry.id for entry in here.values()} | {sha256[: sidebar.UPLOAD_ID_CHARACTERS] for sha256 in arriving}
    if chosen.get(state.PICTURE) not in known:
        chosen.pop(state.PICTURE, None)
    photographs = {sha256: entry.picture for sha256, entry in here.items()}
    photographs |= {sha256: one.picture for sha256, one in arriving.items() if one.picture is not None}
    figures, waiting = _figures(session, name, photographs, tell)
    if waiting:
        notes.append(_missing_figures(waiting))
    if session.unknown:
        notes.append(f"{session.unknown} of its settings are not known to this version and were left out.")

    # from here on nothing can fail
    opened = st.session_state.setdefault(state.OPENED_PICTURES, {})
    opened |= {sha256: (one.name, one.contents) for sha256, one in arriving.items()}
    st.session_state[state.AWAITED_REGIONS] = awaited
    tray.join(figures)
    st.session_state[state.AWAITED_FIGURES] = {one.id: one for one, _ in waiting}, [one.id for one in session.talk]
    for entry, regions in loaded:
        _replace_regions(entry, regions)
    for key, value in chosen.items():
        st.session_state[key] = value
    if session.tables is not None:
        editor.put(session.tables)
    return Told(True, f"{name} is open.", (*notes, *network_notes))


def _figures(
    session: OpenedSession, name: str, photographs: Mapping[str, Picture], tell: session_file.Tell
) -> tuple[list[Kept], list[tuple[Packed, str]]]:
    """The figures of its talk, each drawn once to see that it can be; and those whose photograph is missing.

    Raises:
        SessionFileError: one is damaged, or they are too many for the tray.
    """
    found: list[Kept] = []
    waiting: list[tuple[Packed, str]] = []
    for number, one in enumerate(session.talk, start=len(session.pictures)):
        tell(number, len(session.pictures) + len(session.talk))
        try:
            found.append(_figure(one, photographs))
        except PictureMissing as error:
            waiting.append((one, error.name))
        except session_file.UNREADABLE as error:
            raise session_file.damaged(name, error) from error
    ids = {one.id for one in session.talk}
    try:
        tray.check_room(len(session.talk) + sum(one.id not in ids for one in tray.kept()))
    except ValueRangeError as error:
        raise session_file.SessionFileError(f"{name}: {error} Nothing was changed.") from error
    return found, waiting


def _figure(packed: Packed, photographs: Mapping[str, Picture]) -> Kept:
    source = unpack(packed, photographs.get)
    figure_png(source, _TRIAL_DPI)
    return Kept(packed.id, packed.name, source)


def _missing_figures(waiting: Sequence[tuple[Packed, str]]) -> str:
    named = ", ".join(dict.fromkeys(name for _, name in waiting))
    if len(waiting) == 1:
        return f"A figure of the talk waits for a photograph: {named}. Add it, and the figure comes back."
    return f"{len(waiting)} figures of the talk wait for photographs: {named}. Add them, and the figures come back."


def _missing_picture(one: OpenedPicture, here: Sequence[Entry]) -> str:
    back = "its regions come back" if one.regions is not None else "it is shown"
    if any(entry.picture.name == one.name for entry in here):
        return f"{one.name} is here with another content (hash). Add the one that was used, and {back}."
    return f"{one.name} is not here. Add that photograph, and {back}."


def _networks(saved: Sequence[KeptNetwork], chosen: object) -> tuple[list[str], list[str]]:
    """The chosen networks by the names that they have here, and what to say of those that are not or are others."""
    cards = service.cards()
    by_hash = {card.sha256: name for name, card in cards.items() if card.sha256}
    names: dict[str, str] = {}
    notes = []
    for one in saved:
        if one.name in cards and cards[one.name].sha256 == one.sha256:
            names[one.name] = one.name
        elif one.bundled and one.name in cards:
            names[one.name] = one.name
            notes.append(f"{one.title} has other weights here than the session had: its maps may differ.")
        elif one.sha256 in by_hash:
            names[one.name] = by_hash[one.sha256]
        elif one.bundled:
            notes.append(f"{one.title} does not come along with this version.")
        else:
            notes.append(
                f"{one.title} is not here. Add it on the page Networks (its file's sha256 begins with "
                f"{one.sha256[:HASH_SHOWN]})."
            )
    wanted = chosen if isinstance(chosen, list) else []
    return [names[one] for one in wanted if one in names], notes


def _regions(contents: bytes, picture: Picture, name: str) -> tuple[Region, ...]:
    try:
        regions = load_regions(contents, picture)
    except PictureError as error:
        raise session_file.SessionFileError(
            f"{name}: the regions of {picture.name} must be as they were saved; got a damaged part. "
            "Nothing was changed."
        ) from error
    if len(regions) > MOST_REGIONS:
        raise session_file.SessionFileError(
            f"{name}: {picture.name} must have at most {MOST_REGIONS} regions; got {len(regions)}. Nothing was changed."
        )
    return regions


def _entry(sha256: str, name: str, picture: Picture) -> Entry:
    return Entry(sha256[: sidebar.UPLOAD_ID_CHARACTERS], name, picture)


def _replace_regions(entry: Entry, regions: Sequence[Region]) -> None:
    """Put these regions in place of a picture's; what is the same already stays as it was told."""
    listed = told_regions.regions_of(entry)
    there = [one.region for one in told_regions.made_of(entry, listed).chosen]
    if [one.name for one in there] == [one.name for one in regions] and all(
        (one.mask_hw == other.mask_hw).all() for one, other in zip(there, regions, strict=True)
    ):
        return
    listed.told = []
    for region in regions:
        told_regions.add(entry, region.name, region)


def take_awaited() -> None:
    """Take over what waited for a photograph that is here now."""
    _take_awaited_regions()
    _take_awaited_figures()


def _take_awaited_figures() -> None:
    """Put figures of an opened session into the tray whose photograph was missing then and is here now."""
    awaited, order = st.session_state.get(state.AWAITED_FIGURES, ({}, []))
    if not awaited:
        return
    photographs = {entry.picture.sha256: entry.picture for entry in sidebar.entries()}
    back = 0
    for one in list(awaited.values()):
        try:
            tray.put_back(_figure(one, photographs), order)
            back += 1
        except PictureMissing:
            continue
        except session_file.UNREADABLE as error:
            said = str(error) if isinstance(error, AttnvizError) else "it is damaged."
            st.session_state[state.SESSION_TOLD] = Told(False, f"{one.name} is not back in the talk: {said}")
        del awaited[one.id]
    if back:
        count = f"{back} figure{'s are' if back > 1 else ' is'}"
        st.session_state[state.SESSION_TOLD] = Told(True, f"{count} back in the talk, on the page Export.")


def _take_awaited_regions() -> None:
    """Put the regions of an opened session on a picture that was missing then and is here now."""
    awaited: dict[str, bytes] = st.session_state.get(state.AWAITED_REGIONS, {})
    for entry in sidebar.entries():
        contents = awaited.pop(entry.picture.sha256, None)
        if contents is None:
            continue
        try:
            _replace_regions(entry, _regions(contents, entry.picture, "The session"))
            st.session_state[state.SESSION_TOLD] = Told(True, f"{entry.title} is here, and its regions are back.")
        except AttnvizError as error:
            st.session_state[state.SESSION_TOLD] = Told(False, str(error))
