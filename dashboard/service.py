"""What the views call: networks, traces and maps, each made once, and small pure helpers. Knows no layout.

Caches are keyed by the picture's sha256, the network's name and the method, never by an array: Streamlit hashes large
arrays by a sample, so an edited picture could get the old picture's map.
"""

import copy
import hashlib
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import reduce
from threading import Lock
from weakref import WeakValueDictionary

import streamlit as st

import attnviz
from attnviz import comparing, focus, maps, zoo
from attnviz.errors import ValueRangeError
from attnviz.focus import FocusScore
from attnviz.pictures import Picture, SamplePicture, sample_pictures
from attnviz.records import Trace
from attnviz.regions import Region
from attnviz.render import Panel
from attnviz.zoo import Loaded
from dashboard import first_screen, state
from dashboard.components.region_canvas import Box
from dashboard.first_screen import Answer
from dashboard.kept import Store

Tell = Callable[[int, int], object]
"""Told how far something is: passes done, and passes in all."""

WAITING_S = 0.25
"""How long a session waits for a network before it tells so; it can be stopped then."""

KEPT = 240
"""Readings kept for all sessions, the latest used."""

KEPT_BY_SESSION = 60
"""Traces of a person's own pictures that the session keeps, the latest used. One takes up to some MB."""

MapChoice, Reading = comparing.MapChoice, comparing.Reading


@dataclass(frozen=True, eq=False)
class Network:
    """A loaded network and the lock that whoever runs it must hold: all sessions share it."""

    loaded: zoo.Loaded
    lock: Lock


@dataclass(frozen=True, eq=False)
class Answers:
    """What the chosen networks say about one picture.

    Attributes:
        readings: of the networks that ran, in the order chosen.
        failed: title to what went wrong, for those that did not.
        missing: title to why a network has no such map, or why it was not made yet.
        scores: focus scores by title in the region in focus, the baselines last; empty without a region.
        unscored: title to why its map has no score.
        others: the same scores for each further region, by its name.
        runs: what was run for each reading, equal for equal readings.
    """

    readings: tuple[Reading, ...]
    failed: Mapping[str, str]
    scores: Mapping[str, FocusScore] = field(default_factory=dict)
    unscored: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, Mapping[str, FocusScore]] = field(default_factory=dict)
    runs: tuple[Hashable, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)


def network(name: str) -> Network:
    """The network and its lock: one of this session's own, or a bundled one, loaded once for all sessions.

    Raises:
        NotFoundError: no such network here, such as one of another session.
        AssetError: the weights are missing or damaged.
    """
    return _bundled(name) if name in _bundled_names() else added_networks().get(name) or _bundled(name)


@st.cache_resource(max_entries=1, show_spinner=False)
def _bundled_names() -> tuple[str, ...]:
    return zoo.names()


@st.cache_resource(max_entries=24, show_spinner=False)
def _bundled(name: str) -> Network:
    return Network(attnviz.load(name), Lock())


def added_networks() -> dict[str, Network]:
    """What this session added to the bundled networks, by name. Other sessions neither see nor run them."""
    added: dict[str, Network] = st.session_state.setdefault(state.ADDED_NETWORKS, {})
    return added


def cards() -> dict[str, zoo.Card]:
    """Cards of the networks that this session may compare: the bundled ones, then its own."""
    return zoo.cards() | {name: one.loaded.card for name, one in added_networks().items()}


@st.cache_resource(max_entries=4, show_spinner=False)
def pretrained(name: str) -> Network:
    """A network of torchvision or timm whose weights were downloaded.

    Raises:
        AssetError: they were not, or are damaged.
    """
    return Network(zoo.load_pretrained(name), Lock())


def add(one: Network, told: str = "") -> str:
    """Let this session compare a network. Returns its name, under which traces and maps are kept too.

    Args:
        one: the network; its title is made one that no other network has.
        told: what, beside the file, decided what the network is, such as the class names.
    """
    card = one.loaded.card
    name = f"{card.name} {hashlib.sha256(told.encode()).hexdigest()[:8]}"
    taken = {other.title for key, other in cards().items() if key != name}
    if card.title in taken:
        card = replace(card, title=f"{card.title} {name[-8:]}")
    added_networks()[name] = replace(one, loaded=replace(one.loaded, card=replace(card, name=name)))
    return name


def remove(name: str) -> None:
    """Take a network that this session added away from it."""
    added_networks().pop(name, None)


@st.cache_resource(max_entries=1, show_spinner=False)
def samples() -> tuple[SamplePicture, ...]:
    """The pictures that come along."""
    return sample_pictures()


@st.cache_resource(max_entries=8, show_spinner=False)
def opened_sample(name: str) -> Picture:
    """A picture that comes along."""
    return next(sample for sample in samples() if sample.name == name).open()


@st.cache_resource(max_entries=8, show_spinner=False)
def sample_region(name: str) -> Region | None:
    """The region that comes with a sample picture, if there is one."""
    sample = next(sample for sample in samples() if sample.name == name)
    if sample.mask_path is None or sample.region_name is None:
        return None
    return Region.from_mask_file(sample.region_name, sample.mask_path, opened_sample(name).hw)


def read(picture: Picture, name: str, choice: MapChoice, tell: Tell | None = None) -> Reading:
    """Run one network on a picture, or find what it said before.

    Args:
        picture: the source picture.
        name: of the network.
        choice: which map.
        tell: told how far a slow map is, and once in a while that another session uses the network, with two zeros.
            What it raises ends the work; the network is then free for others.

    Raises:
        AttnvizError: the network or the map cannot be had; the message says why.
    """
    return _readings().get((picture.sha256, name, choice)) or _run(picture, name, choice, tell)


def _run(picture: Picture, name: str, choice: MapChoice, tell: Tell | None) -> Reading:
    key = (picture.sha256, name, choice)
    known = trace(picture, name)
    if is_slow(choice.kind):  # nobody else should wait for it
        found = comparing.read(copied(name), picture, choice, known, tell)
    else:
        with running(name, tell) as shared:
            found = _made_here(key) or comparing.read(shared.loaded, picture, choice, known)
    _readings().keep(key, found)
    return found


@st.cache_resource(show_spinner=False)
def _readings() -> Store[Reading]:
    return Store(KEPT)


@st.cache_resource(show_spinner=False)
def _lent() -> Store[Answer]:
    return Store(KEPT)


def _made_here(key: Hashable) -> Reading | None:
    """The reading kept under a key, unless it is a lent one."""
    found, lent = _readings().get(key), _lent().get(key)
    return None if lent is not None and found is lent.reading else found


def lend(answers: Iterable[Answer]) -> None:
    """Take answers that were made elsewhere, until `renew` has made them here."""
    for one in answers:
        key = (one.picture_sha256, one.reading.name, first_screen.CHOICE)
        if _readings().get(key) is None:
            _lent().keep(key, one)
            _readings().keep(key, one.reading)


def renew(picture: Picture, name: str) -> None:
    """Run a network whose answer was lent, so that its own takes the place."""
    if _made_here((picture.sha256, name, first_screen.CHOICE)) is None:
        _run(picture, name, first_screen.CHOICE, None)


def lent_flat(picture: Picture, name: str) -> str | None:
    """Which gates a lent answer calls flat, in words; None where the network has run here, or nothing was lent."""
    key = (picture.sha256, name, first_screen.CHOICE)
    lent = _lent().get(key)
    return None if lent is None or _readings().get(key) is not lent.reading else lent.flat


def is_slow(kind: str) -> bool:
    """Whether a map takes so many passes that its method tells how far it is."""
    method = maps.METHODS.get(kind)
    return method is not None and "progress" in {one.name for one in fields(method)}


def is_read(picture: Picture, name: str, choice: MapChoice) -> bool:
    """Whether a reading is there already."""
    return _readings().get((picture.sha256, name, choice)) is not None


@contextmanager
def running(name: str, tell: Tell | None = None) -> Iterator[Network]:
    """A network that nobody else runs meanwhile; `tell` is called now and then while others have it."""
    shared = network(name)
    while not shared.lock.acquire(timeout=WAITING_S):
        if tell is not None:
            tell(0, 0)
    try:
        yield shared
    finally:
        shared.lock.release()


def copied(name: str) -> Loaded:
    """A network of one's own: nobody waits for a long computation, and it waits for nobody."""
    with running(name) as shared:
        return replace(shared.loaded, model=copy.deepcopy(shared.loaded.model))


def trace(picture: Picture, name: str) -> Trace:
    """What one network did with a picture, verified; run now, or found if it ran before.

    Raises:
        AttnvizError: the network cannot be had; the message says why.
    """
    if picture.sha256 in _sample_hashes():
        return _trace(picture.sha256, name, picture)
    own: Store[Trace] = st.session_state.setdefault(state.OWN_TRACES, Store(KEPT_BY_SESSION))
    key = (picture.sha256, name)
    found = own.get(key) or _in_use().get(key)
    if found is None:
        with running(name) as shared:
            found = _in_use().get(key) or comparing.traced(shared.loaded, picture)
        _in_use()[key] = found
    own.keep(key, found)
    return found


@st.cache_resource(max_entries=1, show_spinner=False)
def _sample_hashes() -> frozenset[str]:
    return frozenset(opened_sample(sample.name).sha256 for sample in samples())


@st.cache_resource(max_entries=1, show_spinner=False)
def _in_use() -> WeakValueDictionary[Hashable, Trace]:
    """Traces of people's own pictures. Their sessions hold them, so they are gone when the people have left."""
    return WeakValueDictionary()


def class_index(name: str, target: str | None) -> int | None:
    """Index of a class among the network's own; None if no class is asked for.

    Raises:
        NotFoundError: the network does not know the class.
    """
    return None if target is None else comparing.class_index(network(name).loaded.card, target)


@st.cache_resource(max_entries=60, show_spinner=False)
def _trace(sha256: str, name: str, _picture: Picture) -> Trace:
    with running(name) as shared:
        return comparing.traced(shared.loaded, _picture)


def focus_rows(
    readings: Iterable[Reading], region: Region, score: str = "share", picture: Picture | None = None
) -> tuple[dict[str, FocusScore], dict[str, str]]:
    """Focus scores by the network's title, then by baseline; and why the networks that have none have none.

    A map that cannot be scored, such as one that is zero everywhere, does not cost the others their scores. With the
    picture, its edge map is scored as well.
    """
    maps_of = {reading.title: reading.attention_map for reading in readings}
    return focus.scorable(maps_of, region, score=score, picture=picture)


def panel_of(
    reading: Reading, scores: Mapping[str, FocusScore], others: Mapping[str, Mapping[str, FocusScore]] | None = None
) -> Panel:
    """The network's column of the comparison; `others` are the scores in further regions, by the region's name."""
    return comparing.panel_of(reading, {"": scores, **(others or {})})


def region_of_boxes(name: str, boxes: Sequence[Box], source_hw: tuple[int, int]) -> Region:
    """The union of boxes given in shares of the picture.

    Raises:
        ValueRangeError: there is no box, or one holds no pixel's centre, or together they hold the whole picture.
    """
    if not boxes:
        raise ValueRangeError("the region must have at least one box; got none. Draw one around the object.")
    height, width = source_hw
    regions = [
        Region.from_box(name, (top * height, left * width, bottom * height, right * width), source_hw)
        for top, left, bottom, right in boxes
    ]
    return reduce(lambda one, other: one.union(other, name), regions)
