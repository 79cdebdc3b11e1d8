"""What the views call: networks, traces and maps, each made once, and small pure helpers. Knows no layout.

Caches are keyed by the picture's sha256, the network's name and the method, never by an array: Streamlit hashes large
arrays by a sample, so an edited picture could get the old picture's map.
"""

import hashlib
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from threading import Lock

import numpy as np
import streamlit as st
import torch

import attnviz
from attnviz import focus, maps, zoo
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.focus import FocusScore
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture, SamplePicture, open_picture, sample_pictures
from attnviz.records import SelfAttention, Trace
from attnviz.regions import Region
from attnviz.render import Panel
from dashboard import state
from dashboard.components.region_canvas import Box
from dashboard.state import MapKind

SHOWN_ANSWERS = 3
"""Classes a panel names, the most likely first."""


@dataclass(frozen=True, eq=False)
class Network:
    """A loaded network and the lock that whoever runs it must hold: all sessions share it."""

    loaded: zoo.Loaded
    lock: Lock


@dataclass(frozen=True)
class MapChoice:
    """Which map to make of one network.

    Attributes:
        kind: "gradcam" or "own".
        target: index of the class for Grad-CAM; None for the network's own top-1.
        point_yx: where self-attention without a class token looks from, in source pixels; None for the mean.
    """

    kind: MapKind
    target: int | None = None
    point_yx: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """One network's answer about one picture.

    Attributes:
        name: in the zoo.
        title: for people.
        attention_map: in raw units on the network's own grid.
        predictions: every class with its probability, the most likely first.
        what: what the map shows, a few words for the panel.
        explained: the class that the map speaks about; None for a map that knows no class.
        is_attention: False where a network without attention shows its activation in place of it.
    """

    name: str
    title: str
    attention_map: AttentionMap
    predictions: tuple[tuple[str, float], ...]
    what: str
    explained: str | None
    is_attention: bool = True


@dataclass(frozen=True, eq=False)
class Answers:
    """What the chosen networks say about one picture.

    Attributes:
        readings: of the networks that ran, in the order chosen.
        failed: title to what went wrong, for those that did not.
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


def network(name: str) -> Network:
    """The network and its lock: one of this session's own, or a bundled one, loaded once for all sessions.

    Raises:
        NotFoundError: no such network here, such as one of another session.
        AssetError: the weights are missing or damaged.
    """
    return added_networks().get(name) or _bundled(name)


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


@st.cache_resource(max_entries=24, show_spinner=False)
def opened(sha256: str, name: str, _contents: bytes) -> Picture:
    """An uploaded file as a picture; `sha256` is of the contents."""
    return open_picture(_contents, name=name)


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


def read(picture: Picture, name: str, choice: MapChoice) -> Reading:
    """Run one network on a picture, or find what it said before.

    Raises:
        AttnvizError: the network or the map cannot be had; the message says why.
    """
    card = network(name).loaded.card
    trace = _trace(picture.sha256, name, picture)
    attention_map = _map(picture.sha256, name, choice, picture)
    names = card.classes or tuple(f"output {number}" for number in range(len(trace.logits)))
    predictions = ranked(trace.logits, names)
    if choice.kind == "own":
        what = own_words(trace, choice.point_yx)
        return Reading(name, card.title, attention_map, predictions, what, None, is_attention=bool(trace.records))
    explained = predictions[0][0] if attention_map.target is None else names[attention_map.target]
    return Reading(name, card.title, attention_map, predictions, f"Grad-CAM for {explained}", explained)


def trace(picture: Picture, name: str) -> Trace:
    """What one network did with a picture, verified; run now, or found if it ran before.

    Raises:
        AttnvizError: the network cannot be had; the message says why.
    """
    return _trace(picture.sha256, name, picture)


def class_index(name: str, target: str | None) -> int | None:
    """Index of a class among the network's own; None if no class is asked for.

    Raises:
        NotFoundError: the network does not know the class.
    """
    if target is None:
        return None
    classes = network(name).loaded.card.classes
    if target not in classes:
        raise NotFoundError.among("class", target, classes, f"known to {name}")
    return classes.index(target)


@st.cache_resource(max_entries=60, show_spinner=False)
def _trace(sha256: str, name: str, _picture: Picture) -> Trace:
    shared = network(name)
    with shared.lock:
        # a network without attention still predicts
        return attnviz.trace(shared.loaded.model, shared.loaded.preprocess(_picture), verify=True, allow_empty=True)


@st.cache_resource(max_entries=240, show_spinner=False)
def _map(sha256: str, name: str, choice: MapChoice, _picture: Picture) -> AttentionMap:
    shared = network(name)
    layer = shared.loaded.card.cam_layer or None
    method: maps.ModelMethod = maps.GradCam(target=choice.target, layer=layer)
    if choice.kind == "own":
        trace = _trace(sha256, name, _picture)
        if trace.records:
            return own_method(trace, choice.point_yx)(trace)
        method = maps.Activation(layer=layer)
    with shared.lock:
        return attnviz.explain(shared.loaded.model, shared.loaded.preprocess(_picture), method)


def own_method(trace: Trace, point_yx: tuple[float, float] | None) -> maps.MapMethod:
    """The method that shows a network's own attention, as `attnviz.maps.native` chooses it.

    Args:
        trace: with at least one record.
        point_yx: for self-attention without a class token, the place that looks, in source pixels; None for all.

    Raises:
        ValueRangeError: the network did not see the point.
    """
    attention = [record for record in trace.records if isinstance(record, SelfAttention)]
    if point_yx is None or not attention or trace.geometry is None:
        return maps.native(trace)
    cell = trace.geometry.cell_at(point_yx, attention[-1].tokens.grid_hw)
    if cell is None:
        raise ValueRangeError(
            f"the point must lie where {trace.model} looked; got row {point_yx[0]:.0f}, column {point_yx[1]:.0f}. "
            "Choose a point outside the hatched part."
        )
    return maps.native(trace, cell)


def own_words(trace: Trace, point_yx: tuple[float, float] | None) -> str:
    """What is shown as a network's own attention, in a few words."""
    if not trace.records:
        return "No attention of its own: activation"
    method = own_method(trace, point_yx)
    if isinstance(method, maps.AttentionFrom) and isinstance(method.query, tuple):
        return f"Attention from row {method.query[0] + 1}, column {method.query[1] + 1}"
    return method.card.title


def ranked(logits: torch.Tensor, classes: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """Every class with its probability (softmax of the logits), the most likely first."""
    probabilities = torch.softmax(logits.double(), dim=0)
    order = torch.argsort(probabilities, descending=True, stable=True)
    return tuple((classes[index], float(probabilities[index])) for index in order.tolist())


def focus_rows(
    readings: Iterable[Reading], region: Region, score: str = "share"
) -> tuple[dict[str, FocusScore], dict[str, str]]:
    """Focus scores by the network's title, then by baseline; and why the networks that have none have none.

    A map that cannot be scored, such as one that is zero everywhere, does not cost the others their scores.
    """
    return focus.scorable({reading.title: reading.attention_map for reading in readings}, region, score=score)


def panel_of(
    reading: Reading, scores: Mapping[str, FocusScore], others: Mapping[str, Mapping[str, FocusScore]] | None = None
) -> Panel:
    """The network's column of the comparison; `others` are the scores in further regions, by the region's name."""
    return Panel(
        reading.title,
        reading.attention_map,
        reading.predictions[:SHOWN_ANSWERS],
        scores.get(reading.title),
        weights=network(reading.name).loaded.card.sha256,
        others=tuple(rows[reading.title] for rows in (others or {}).values() if reading.title in rows),
    )


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


def middle_of(region: Region) -> tuple[float, float]:
    """The place of the region nearest to its centre of mass, (row, column) in source pixels: always inside it."""
    rows, columns = np.nonzero(region.mask_hw)
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    return float(rows[nearest]) + 0.5, float(columns[nearest]) + 0.5
