"""What is looked at: the pictures and the networks. Drawn by the entry point, so that uploads survive a page change."""

import hashlib
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from attnviz import zoo
from attnviz.errors import AttnvizError
from attnviz.pictures import Picture, open_picture
from attnviz.regions import Region
from attnviz.render import MOST_PANELS
from dashboard import address, drawing, service, state
from dashboard.components.gallery import Thumbnail, gallery
from dashboard.words import plain

FILE_TYPES = ["jpg", "jpeg", "png", "webp", "avif", "bmp", "gif", "tif", "tiff"]
MOST_UPLOADS = 12
UPLOAD_MB = 20
MOST_KEPT = 40
"""Pictures that one session keeps ready, the latest read: its uploads and those of an opened session file."""

UPLOAD_ID_CHARACTERS = 16


@dataclass(frozen=True, eq=False)
class Entry:
    """A picture to choose.

    Attributes:
        id: name of a sample, or the start of an upload's sha256.
        title: for people.
        picture: the pixels.
        region: the region that comes with a sample, if there is one.
        contents: the file of a picture that does not come along.
    """

    id: str
    title: str
    picture: Picture
    region: Region | None = None
    contents: bytes | None = field(default=None, repr=False)


def render() -> None:
    """Draw the sidebar. The chosen picture and networks are then found by `chosen_entry` and `chosen_networks`."""
    with st.sidebar:
        st.markdown("### attnviz", help="Which parts of a photograph do networks with different attention look at?")
        own = _uploads()
        entries = [*_samples(), *own, *_opened(own)]
        st.session_state[state.ENTRIES] = entries
        _choose_picture(entries)
        _choose_networks()


def chosen_entry() -> Entry:
    """The picture to show: the one chosen in this session, else the first sample."""
    chosen = st.session_state.get(state.ENTRY)
    return chosen if isinstance(chosen, Entry) else _samples()[0]


def entries() -> list[Entry]:
    """The pictures to choose from, as last drawn."""
    return st.session_state.get(state.ENTRIES, [])


def chosen_networks() -> tuple[str, ...]:
    """Names of the networks to show, in the order of the menu; the first of them unless the person chose some."""
    names = list(service.cards())
    chosen = st.session_state.get(state.NETWORKS, names[:MOST_PANELS])
    return tuple(name for name in names if name in chosen)[:MOST_PANELS]


def _samples() -> list[Entry]:
    return [
        Entry(sample.name, sample.title, service.opened_sample(sample.name), service.sample_region(sample.name))
        for sample in service.samples()
    ]


def _uploads() -> list[Entry]:
    """The uploaded pictures. A file that cannot be read gets one sentence and costs the others nothing."""
    files = st.file_uploader(
        "Add photographs",
        type=FILE_TYPES,
        accept_multiple_files=True,
        max_upload_size=UPLOAD_MB,
        key=state.UPLOADS,
        help="They stay on this computer and in this session.",
    )
    if len(files) > MOST_UPLOADS:
        st.warning(f"Only the first {MOST_UPLOADS} of {len(files)} pictures are used. Remove some to see the others.")
    entries: dict[str, Entry] = {}
    for file in files[:MOST_UPLOADS]:
        try:
            picture = _picture(_sha256(file), file.name, file.getvalue())
        except AttnvizError as error:
            st.error(plain(str(error)))
            continue
        entry = Entry(picture.sha256[:UPLOAD_ID_CHARACTERS], file.name, picture, contents=file.getvalue())
        entries.setdefault(entry.id, entry)
    _show_newest(list(entries))
    return list(entries.values())


def _opened(own: list[Entry]) -> list[Entry]:
    """The pictures that came with a session file, but for those that were uploaded as well."""
    known = {entry.id for entry in own}
    opened: dict[str, tuple[str, bytes]] = st.session_state.get(state.OPENED_PICTURES, {})
    return [
        Entry(sha256[:UPLOAD_ID_CHARACTERS], name, _picture(sha256, name, contents), contents=contents)
        for sha256, (name, contents) in opened.items()
        if sha256[:UPLOAD_ID_CHARACTERS] not in known
    ]


def _picture(sha256: str, name: str, contents: bytes) -> Picture:
    """A file as a picture, read once. It is kept by this session alone, and so it is gone when the person has left."""
    kept: dict[tuple[str, str], Picture] = st.session_state.setdefault(state.PICTURES, {})
    if (sha256, name) not in kept:
        kept[sha256, name] = open_picture(contents, name=name)
        while len(kept) > MOST_KEPT:
            del kept[next(iter(kept))]
    return kept[sha256, name]


def _sha256(file: UploadedFile) -> str:
    """Hash of an upload, computed once for each file and not once for each run."""
    known = st.session_state.setdefault(state.UPLOAD_HASHES, {})
    if file.file_id not in known:
        known[file.file_id] = hashlib.sha256(file.getvalue()).hexdigest()
    return known[file.file_id]


def _show_newest(ids: list[str]) -> None:
    """Show the first picture of what was just uploaded."""
    seen = st.session_state.setdefault(state.SEEN_UPLOADS, set())
    new = [one for one in ids if one not in seen]
    if new:
        st.session_state[state.PICTURE] = new[0]
    seen.clear()
    seen.update(ids)


def _choose_picture(entries: list[Entry]) -> None:
    by_id = {entry.id: entry for entry in entries}
    if st.session_state.get(state.PICTURE) not in by_id:
        st.session_state.pop(state.PICTURE, None)
    elif address.lost(state.PICTURE, default=next(iter(by_id))):
        st.session_state[state.PICTURE] = st.session_state[state.PICTURE]
    chosen = st.selectbox(
        "Picture",
        list(by_id),
        format_func=lambda one: by_id[one].title if one in by_id else str(one),
        key=state.PICTURE,
        bind="query-params",
    )
    st.session_state[state.ENTRY] = by_id[chosen]
    thumbnails = [
        Thumbnail(
            entry.id,
            entry.title,
            drawing.data_url(entry.picture.sha256, drawing.THUMBNAIL_PIXELS, entry.picture),
        )
        for entry in entries
    ]
    gallery(state.GALLERY, thumbnails, chosen, _show)


def _show(entry_id: str) -> None:
    st.session_state[state.PICTURE] = entry_id


def _choose_networks() -> None:
    cards = service.cards()
    told = _choose_added(list(cards))
    chosen = st.pills(
        "Networks",
        list(cards),
        selection_mode="multi",
        default=None if told else list(zoo.cards())[:MOST_PANELS],
        format_func=lambda name: cards[name].title if name in cards else str(name),
        key=state.NETWORKS,
        bind="query-params",
        help="The bundled ones were trained by the same recipe on the same fifty classes; only their attention "
        "differs. Others can be added on the page Networks.",
    )
    if len(chosen) > MOST_PANELS:
        st.warning(
            f"Only the first {MOST_PANELS} of {len(chosen)} networks are shown. Take some away to see the others."
        )


def _choose_added(names: list[str]) -> bool:
    """Choose what was just added, in place of the last of the others where there is no room; forget what is gone.

    Returns whether the choice was set: the widget then takes no default beside it.
    """
    new = st.session_state.pop(state.NEWLY_ADDED, None)
    chosen = st.session_state.get(state.NETWORKS)
    if chosen is None:
        chosen = list(zoo.cards())[:MOST_PANELS]
    kept = [name for name in names if name in chosen]
    if new in names and new not in kept:
        kept = [*kept[: MOST_PANELS - 1], new]
    lost = address.lost(state.NETWORKS, default=list(zoo.cards())[:MOST_PANELS])
    if (kept == chosen and not lost) or not (new or state.NETWORKS in st.session_state):
        return False
    st.session_state[state.NETWORKS] = kept
    return True
