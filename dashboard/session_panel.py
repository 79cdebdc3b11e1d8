"""Saving the session to a file, and the way to open one. Drawn in the sidebar, so on every page."""

from collections.abc import Sequence

import streamlit as st

from attnviz.errors import ValueRangeError
from attnviz.regions import Region
from dashboard import service, session_file, sidebar, state, told_regions, tray
from dashboard.learn import editor
from dashboard.packed import Packed, pack
from dashboard.session_file import KeptNetwork, KeptPicture
from dashboard.session_opening import Told, take_awaited
from dashboard.sidebar import Entry
from dashboard.words import plain


def render() -> None:
    """Draw the button, and what is to be said of the session that was opened last."""
    take_awaited()
    with st.sidebar:
        menu = st.popover("Session", key=state.SESSION_MENU, on_change="rerun", icon=":material/save:", width="stretch")
        if menu.open:
            with menu:
                _save()
                _open()
        told: Told | None = st.session_state.get(state.SESSION_TOLD)
        if told is not None:
            (st.success if told.opened else st.error)(plain(told.text))
            for note in told.notes:
                st.warning(plain(note))


def choices() -> dict[str, object]:
    """What was chosen in this session, by key: every declared choice that was made or shown."""
    chosen: dict[str, object] = {}
    for key, value in st.session_state.to_dict().items():
        choice = state.choice_of(str(key))
        if choice is None:
            continue
        try:
            chosen[str(key)] = choice.check(value)
        except ValueRangeError:
            continue  # such as a menu that is empty now; it would not be taken back
    return chosen


def pictures(entries: Sequence[Entry]) -> list[KeptPicture]:
    """The pictures of this session, with their regions; those that come along only if they have regions."""
    lists = st.session_state.get(state.REGION_LISTS, {})
    kept = []
    for entry in entries[: session_file.MOST_PICTURES]:
        regions: tuple[Region, ...] = ()
        if entry.id in lists:
            made = told_regions.made_of(entry, told_regions.regions_of(entry))
            regions = tuple(one.region for one in made.chosen)
        if entry.contents is not None or regions:
            kept.append(KeptPicture(entry.id, entry.picture, regions, entry.contents))
    return kept


def networks() -> list[KeptNetwork]:
    """The networks that are chosen, and all that this session added."""
    added = service.added_networks()
    chosen = [*sidebar.chosen_networks(), *added]
    cards = service.cards()
    return [
        KeptNetwork(name, cards[name].title, cards[name].sha256, name not in added) for name in dict.fromkeys(chosen)
    ]


def _save() -> None:
    # while this menu is open nothing else can be chosen, so what is collected here is what is on the page
    chosen, shown, used, edited = choices(), pictures(sidebar.entries()), networks(), editor.drawn()
    own = [one for one in shown if one.contents is not None]
    figures = tray.kept()
    with_pictures = st.checkbox(
        "With my photographs",
        key=state.SESSION_WITH_PICTURES,
        persist_state="session",
        disabled=not (own or figures),
        help="Otherwise the file holds only their names and hashes, and you add them again later.",
    )
    packed, left_out = talk(with_pictures)
    if problem := session_file.too_large(own if with_pictures else (), packed):
        st.warning(plain(problem))
        return
    if left_out:
        st.warning(plain(f"These figures of the talk cannot be saved: {', '.join(left_out)}."))
    st.download_button(
        "Save session",
        # made when the button is pressed, outside this session's run: it holds everything it needs
        lambda: session_file.write(chosen, shown, used, edited, packed, with_pictures=bool(with_pictures and own)),
        "attnviz-session.zip",
        "application/zip",
        key="save_session",
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
        help="What is chosen on every page, the regions, the numbers of the lessons, the talk, and the names and "
        "hashes of pictures and networks. Figures of the talk are saved with their maps, a layer's view of the picture "
        "among them.",
    )


def _open() -> None:
    st.file_uploader(
        "Open session",
        type=["zip"],
        max_upload_size=session_file.MOST_MB,
        key=state.SESSION_FILE,
        on_change=_opened,
        help="A file that was saved here. Your own pictures and networks stay; choices and regions are replaced.",
    )


def _opened() -> None:
    """Remember an uploaded file for the next run."""
    file = st.session_state.get(state.SESSION_FILE)
    if file is not None:
        st.session_state[state.SESSION_OPENING] = file.name, file.getvalue()


def talk(with_pictures: bool) -> tuple[list[Packed], list[str]]:
    """The figures of the talk as numbers, those that wait for their photograph among them; and names of the others.

    Args:
        with_pictures: whether the file will hold the photographs; those that the sidebar no longer has come along.
    """
    there = {entry.picture.sha256 for entry in sidebar.entries()}
    packed: list[Packed] = []
    left_out: list[str] = []
    for one in tray.kept():
        try:
            packed.append(pack(one.id, one.name, one.source, lambda shown: with_pictures and shown.sha256 not in there))
        except ValueRangeError:
            left_out.append(one.name)
    awaited, _ = st.session_state.get(state.AWAITED_FIGURES, ({}, []))
    room = tray.MOST_FIGURES - len(packed)
    return [*packed, *list(awaited.values())[:room]], left_out
