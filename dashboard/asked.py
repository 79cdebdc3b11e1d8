"""What the networks answer about a point: made from traces that are there already, so that no network runs again.

Keyed as in `service`: by the picture's sha256, the network's name and the choice.
"""

from dataclasses import dataclass

import streamlit as st

from attnviz import querying
from attnviz.errors import AttnvizError
from attnviz.pictures import Picture
from attnviz.querying import AttentionAnswer, AttentionMatrix, HeadRows, PlaceAnswer, QueryAnswer
from attnviz.records import Trace
from dashboard import service, state
from dashboard.components.attention_canvas import (
    MOST_BYTES,
    BrowserPanel,
    Percent,
    attention_panel,
    place_panel,
    silent_panel,
)

Heads = querying.Heads

TOO_LARGE = "Its answer stands below, in words."


@dataclass(frozen=True, eq=False)
class Asked:
    """One network that can be asked: it ran, or was found to have run.

    Attributes:
        name: in the zoo.
        title: for people.
        trace: of the picture.
        layers: names of the layers that have a number for a point; empty where none has.
        attention: names of its self-attention layers whose layout is known.
    """

    name: str
    title: str
    trace: Trace
    layers: tuple[str, ...]
    attention: tuple[str, ...]

    def layer_at(self, depth: int) -> int | None:
        """Place among `layers` at a depth in percent: 0 is the first that can answer, 100 the last."""
        return round(depth / 100 * (len(self.layers) - 1)) if self.layers else None


def asked(picture: Picture, name: str) -> Asked:
    """Run a network, or find what it did.

    Raises:
        AttnvizError: the network cannot be had; the message says why.
    """
    trace = service.trace(picture, name)
    attention = tuple(record.site.layer for record in querying.attention_records(trace))
    return Asked(name, service.cards()[name].title, trace, querying.query_layers(trace), attention)


def answer(one: Asked, point_yx: tuple[float, float], depth: int) -> QueryAnswer:
    """What the network says about a point of the picture, in source pixels."""
    return querying.query(one.trace, point_yx, one.layer_at(depth), title=one.title)


@st.cache_resource(max_entries=120, show_spinner=False)
def matrix(sha256: str, name: str, layer: int, heads: Heads, _one: Asked) -> AttentionMatrix:
    """The matrix of a self-attention layer, small enough for the browser."""
    return querying.attention_matrix(_one.trace, layer, heads, most=MOST_BYTES, title=_one.title)


@st.cache_resource(max_entries=120, show_spinner=False)
def point_panel(sha256: str, name: str, layer: int | None, _one: Asked) -> BrowserPanel:
    """The network's panel in the browser, for any point."""
    geometry = _one.trace.geometry
    assert geometry is not None
    top, left, bottom, right = geometry.seen_box()
    found = querying.query(_one.trace, ((top + bottom) / 2, (left + right) / 2), layer, title=_one.title)
    if isinstance(found, AttentionAnswer):
        try:
            made = matrix(sha256, name, layer or 0, "mean", _one)
        except AttnvizError:  # windows that together are too large for the browser
            return silent_panel(_one.title, "It is too large to follow the pointer.", TOO_LARGE, geometry)
        return attention_panel(_one.title, about_attention(made, len(_heads_of(_one, layer or 0))), made)
    if isinstance(found, PlaceAnswer):
        rows, columns = found.grid_hw
        return place_panel(_one.title, f"{found.site.layer}, {rows} × {columns} cells", found)
    return silent_panel(_one.title, found.sentence, _capital(found.short) + ".", geometry)


@st.cache_resource(max_entries=120, show_spinner=False)
def matrix_panel(sha256: str, name: str, layer: int, heads: Heads, asks: int, _one: Asked) -> BrowserPanel:
    """One layer's panel in the browser, to stand beside its matrix."""
    made = matrix(sha256, name, layer, heads, _one)
    return attention_panel(f"{_one.title}, layer {layer + 1}, {made.heads}", "", made, asks)


@st.cache_resource(max_entries=60, show_spinner=False)
def head_means(sha256: str, name: str, layer: int, _one: Asked) -> tuple[str, ...]:
    """How spread each head is and how far it looks over all places, in words."""
    record = querying.attention_records(_one.trace)[layer]
    geometry = _one.trace.geometry
    assert geometry is not None
    spread, reach = querying.over_all_rows(record, geometry)
    told = zip(spread.tolist(), reach.tolist(), strict=True)
    return tuple(
        ""
        if one != one
        else f"over all places: spread {one:.0%}, {far:.0f} px away".replace("%", "\N{NO-BREAK SPACE}%")
        for one, far in told
    )


@st.cache_resource(max_entries=240, show_spinner=False)
def head_panel(sha256: str, name: str, layer: int, head: int, asks: int, about: str, _one: Asked) -> BrowserPanel:
    """One head's panel in the browser, for any point, or for a named query such as the class token."""
    made = matrix(sha256, name, layer, head, _one)
    return attention_panel(f"Head {head + 1}", about, made, asks, tells_spread=True)


@st.cache_resource(max_entries=60, show_spinner=False)
def heads_at(sha256: str, name: str, layer: int, point: Percent | None, _one: Asked) -> HeadRows:
    """All heads of a layer, from a point in percent of the picture, or from the class token."""
    geometry = _one.trace.geometry
    assert geometry is not None
    if point is None:
        return querying.head_rows(_one.trace, "class", layer, title=_one.title)
    return querying.head_rows(_one.trace, source_point(point, geometry.source_hw), layer, title=_one.title)


def about_attention(made: AttentionMatrix, heads: int) -> str:
    """Small print of a layer: its name, its heads, its grid and windows."""
    rows, columns = made.query_cells_hw
    parts = [made.site.layer, f"{made.heads} of {heads}" if heads > 1 else made.heads]
    if made.keys.windows > 1:
        grid_rows, grid_columns = made.keys.window_hw
        shift = ", shifted" if any(made.keys.shift_hw) else ""
        parts.append(f"window of {grid_rows} × {grid_columns} in {rows} × {columns} cells{shift}")
    else:
        parts.append(f"{rows} × {columns} cells")
    return ", ".join([*parts, *([made.note] if made.note else [])])


def point_now() -> Percent | None:
    """The point that is kept, (down, across) in percent; None where it was let go."""
    if st.session_state.get(state.ATTENTION_LOOSE):
        return None
    return int(st.session_state.get(state.POINT_Y, 50)), int(st.session_state.get(state.POINT_X, 50))


def source_point(point: Percent, source_hw: tuple[int, int]) -> tuple[float, float]:
    """A point in percent, in pixels of the source picture. The far edge belongs to no pixel."""
    down, across = (min(share / 100, 1 - 1e-6) for share in point)
    return down * source_hw[0], across * source_hw[1]


def _heads_of(one: Asked, layer: int) -> range:
    return range(querying.attention_records(one.trace)[layer].queries.shape[1])


def head_count(one: Asked, layer: int) -> int:
    """Number of heads of one of its self-attention layers."""
    return len(_heads_of(one, layer))


def class_query(one: Asked, layer: int) -> int | None:
    """Number of the class token among the layer's queries; None where there is none."""
    record = querying.attention_records(one.trace)[layer]
    return (record.query_tokens or record.tokens).class_token


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
