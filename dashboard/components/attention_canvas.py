"""A photograph in the browser on which a point is chosen, and what networks or heads look at from it.

Hovering shows the attention of the place under the pointer without the server: the matrices go to the browser once, a
byte a weight. What comes back is one point, and it is not trusted.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
import numpy.typing as npt
import streamlit as st

from attnviz.geometry import Geometry
from attnviz.maps import is_flat
from attnviz.querying import AttentionMatrix, PlaceAnswer
from attnviz.records import Site, TokenGrid
from attnviz.render.columns import badge_of
from attnviz.render.scale import SEQUENTIAL
from attnviz.render.sheet import BADGE_COLOUR

HERE = Path(__file__).parent
MOST_BYTES = 700_000
"""Weights of one panel in the browser. Larger matrices are asked for in blocks of cells."""

HIDDEN = 255
MOST_BYTE = 254
"""Weights are sent as shares of the largest of their row, in this many steps. `HIDDEN` is out of the query's sight."""

Percent = tuple[int, int]
"""(down, across) in whole percent of the picture, 0 to 100."""

_canvas = st.components.v2.component(
    "attnviz_attention_canvas",
    html=(HERE / "attention_canvas.html").read_text(encoding="utf-8"),
    css=(HERE / "attention_canvas.css").read_text(encoding="utf-8"),
    js=(HERE / "attention_canvas.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class BrowserPanel:
    """One picture of the component, as the browser has it.

    Attributes:
        title: above the picture.
        about: below what it says, such as the layer.
        kind: "attention", "place" or "none".
        content: what the kind needs; see `attention_canvas.js`.
    """

    title: str
    about: str
    kind: Literal["attention", "place", "none"]
    content: dict[str, object]

    def for_browser(self) -> dict[str, object]:
        """All of it as plain values."""
        return {"title": self.title, "about": self.about, "kind": self.kind, **self.content}


def attention_panel(
    title: str, about: str, matrix: AttentionMatrix, asks: int = -1, *, tells_spread: bool = False
) -> BrowserPanel:
    """A panel that shows the row of the token under the point.

    Args:
        title: of the panel.
        about: small print.
        matrix: of the layer.
        asks: number of a query without a place, such as the class token, that is asked in place of the point.
        tells_spread: say how spread the row is and how far it reaches, in place of where it is strongest.
    """
    prefix = matrix.keys.prefix
    named, patches = matrix.weights[..., :prefix], matrix.weights[..., prefix:]
    hidden = np.isnan(patches)
    tops = np.where(hidden, 0, patches).max(axis=-1, initial=0)
    steps = np.rint(np.where(hidden, 0, patches) / np.where(tops > 0, tops, 1)[..., None] * MOST_BYTE)
    content: dict[str, object] = {
        "windows": matrix.keys.windows,
        "queries": _grid(matrix.queries, matrix, matrix.box_yxyx(matrix.queries)),
        "keys": _grid(matrix.keys, matrix, matrix.box_yxyx(matrix.keys)),
        "weights": _text(np.where(hidden, HIDDEN, steps).astype(np.uint8)),
        "tops": _text(tops.astype("<f4")),
        "named": _text(named.astype("<f4")),
        "badge": badge_of(warnings_of(matrix.site)),
        "asks": asks,
        "spread": tells_spread,
        "seen": _seen(matrix.geometry),
    }
    return BrowserPanel(title, about, "attention", content)


def place_panel(title: str, about: str, answer: PlaceAnswer) -> BrowserPanel:
    """A panel that shows a gate's values and reads the one under the point."""
    one = answer.attention_map
    assert one.geometry is not None
    low, high = one.value_range
    content: dict[str, object] = {
        "badge": badge_of(warnings_of(answer.site)),
        "rows": one.grid_hw[0],
        "columns": one.grid_hw[1],
        "box": _shares(_input_box(one.geometry), one.geometry),
        "seen": _seen(one.geometry),
        "values": _text(one.values_hw.astype("<f4")),
        "low": 0.0 if answer.of == "class attention" else low,
        "high": high,
        "flat": is_flat(one),
        "what": answer.kind,
        "share": answer.of == "class attention",
    }
    return BrowserPanel(title, about, "place", content)


def warnings_of(site: Site) -> tuple[str, ...]:
    """What must stand on the picture itself: what is untrained, "unproven", "intervention"."""
    told = (site.untrained, "unproven" if site.proven is False else "", "intervention" if site.edit else "")
    return tuple(word for word in told if word)


def silent_panel(title: str, about: str, message: str, geometry: Geometry | None) -> BrowserPanel:
    """A panel of a network that has nothing to say about a point."""
    return BrowserPanel(title, about, "none", {"message": message, "seen": _seen(geometry) if geometry else None})


def attention_canvas(
    key: str,
    *,
    picture_url: str,
    size_hw: tuple[int, int],
    panels: Sequence[BrowserPanel],
    revision: str,
    point: Percent | None,
    group: str,
    label: str,
    on_choose: Callable[[Percent | None], None],
    source: str = "",
    matrix: str = "",
    shared_scale: bool = False,
    narrowest_px: int = 200,
    opacity: float = 0.85,
    shows_keys: bool = False,
) -> None:
    """Show the panels.

    Args:
        key: Streamlit key; the component's state lies under it.
        picture_url: the picture as a data URL, at most about a thousand pixels a side.
        size_hw: height and width of the source picture in pixels; only their ratio counts.
        panels: one for each network or head.
        revision: changes when Python wants its own `point` shown. While it stays, `point` must stay too, or everything
            is sent to the browser again.
        point: that this revision starts with; None for none.
        group: components of one group on a page move together.
        label: name of the first picture for screen readers.
        on_choose: called before the next run with the point that a person kept, or None for having let go.
        source: title of the picture itself, shown first; empty leaves it out.
        matrix: small print of the first panel's whole matrix, shown beside it; empty leaves the matrix out.
        shared_scale: one colour scale for all panels, up to the largest value of their rows.
        narrowest_px: panels that would become narrower go to the next row.
        opacity: of the highest value over the picture.
        shows_keys: show how pointer and keys are used; otherwise only screen readers are told.
    """

    def chosen() -> None:
        sent = st.session_state[key].get("chosen")
        found = checked_point(sent, revision)
        if found is not None:
            on_choose(found[0])

    data: dict[str, object] = {
        "picture": picture_url,
        "height": size_hw[0],
        "width": size_hw[1],
        "panels": [panel.for_browser() for panel in panels],
        "group": group,
        "label": label,
        "source": source,
        "matrix": matrix,
        "scale": "shared" if shared_scale else "row",
        "narrowest": narrowest_px,
        "opacity": opacity,
        "shows_keys": shows_keys,
        "colours": _colours(),
        "badge_colour": BADGE_COLOUR,
    }
    contents = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
    across_down = None if point is None else [point[1], point[0]]
    sent = {"revision": revision, "contents": contents, "point": across_down, **data}
    _canvas(key=key, data=sent, default={"chosen": None}, on_chosen_change=chosen)


def checked_point(sent: object, revision: str) -> tuple[Percent | None] | None:
    """The point that a browser sent, (down, across), in a tuple; None inside it where it let go of the point.

    None where what was sent is no point inside the picture, or belongs to another revision.
    """
    if not hasattr(sent, "get") or sent.get("revision") != revision:
        return None
    point = sent.get("point")
    if point is None:
        return (None,)
    if not isinstance(point, list) or len(point) != 2:
        return None
    if not all(isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= 100 for one in point):
        return None
    across, down = point
    return ((down, across),)


def _grid(grid: TokenGrid, matrix: AttentionMatrix, box: tuple[float, float, float, float]) -> dict[str, object]:
    cells = grid.cells().numpy() if grid.patches else np.zeros((grid.windows, 0))
    return {
        "rows": grid.grid_hw[0],
        "columns": grid.grid_hw[1],
        "names": list(grid.prefix_names),
        "cells": _text(cells.astype("<i4")),
        "box": _shares(box, matrix.geometry),
    }


def _input_box(geometry: Geometry) -> tuple[float, float, float, float]:
    (top, left), (bottom, right) = geometry.to_source([(0.0, 0.0), geometry.input_hw])
    return float(top), float(left), float(bottom), float(right)


def _seen(geometry: Geometry) -> list[float]:
    return _shares(geometry.seen_box(), geometry)


def _shares(box_yxyx: tuple[float, float, float, float], geometry: Geometry) -> list[float]:
    """Left, top, right, bottom in shares of the picture."""
    top, left, bottom, right = box_yxyx
    height, width = geometry.source_hw
    return [left / width, top / height, right / width, bottom / height]


def _text(array: npt.NDArray[np.generic]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")


@lru_cache(maxsize=1)
def _colours() -> str:
    """256 colours of the library's palette for values that start at zero, as bytes."""
    palette = matplotlib.colormaps[SEQUENTIAL](np.linspace(0, 1, 256))[:, :3]
    return _text(np.rint(palette * 255).astype(np.uint8))


__all__ = [
    "MOST_BYTES",
    "BrowserPanel",
    "Percent",
    "attention_canvas",
    "attention_panel",
    "checked_point",
    "place_panel",
    "silent_panel",
    "warnings_of",
]
