"""A picture in the browser on which a region is drawn: boxes, corners, freehand, and marks for cutting it out.

What comes back from the browser is not trusted: every number is checked here.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
MOST_SHAPES = 20
MOST_CORNERS = 400
MOST_MARKS = 60

Box = tuple[float, float, float, float]
"""(top, left, bottom, right) in shares of the picture, 0 to 1."""

Point = tuple[float, float]
"""(down, across) in shares of the picture, 0 to 1."""


@dataclass(frozen=True)
class Drawing:
    """What is drawn for one region.

    Attributes:
        boxes: each counts as inside.
        polygons: corners in order; what they hold counts as inside.
        inside: points marked as belonging to the object.
        outside: points marked as not belonging to it.
        cut: whether the object is to be cut out of the shapes by its colours.
    """

    boxes: tuple[Box, ...] = ()
    polygons: tuple[tuple[Point, ...], ...] = ()
    inside: tuple[Point, ...] = ()
    outside: tuple[Point, ...] = ()
    cut: bool = False

    @property
    def has_shapes(self) -> bool:
        """Whether there is anything to make a region of."""
        return bool(self.boxes or self.polygons)

    def for_browser(self) -> dict[str, object]:
        """The same with x before y, as the browser has it."""
        return {
            "boxes": [[left, top, right, bottom] for top, left, bottom, right in self.boxes],
            "polygons": [_flipped(points) for points in self.polygons],
            "inside": _flipped(self.inside),
            "outside": _flipped(self.outside),
            "cut": self.cut,
        }


_canvas = st.components.v2.component(
    "attnviz_region_canvas",
    html=(HERE / "region_canvas.html").read_text(encoding="utf-8"),
    css=(HERE / "region_canvas.css").read_text(encoding="utf-8"),
    js=(HERE / "region_canvas.js").read_text(encoding="utf-8"),
)


def drawing_on(key: str, revision: str, seed: Drawing) -> Drawing:
    """What is on the canvas now, known before the canvas is shown in this run.

    Args:
        key: Streamlit key of the canvas.
        revision: as the canvas is shown with; a drawing of another revision is not taken.
        seed: what this revision started with.
    """
    state = st.session_state.get(key)
    drawn = state.get("drawn") if state is not None else None
    # the state of a component is a mapping, and what lies in it too
    if not hasattr(drawn, "get") or drawn.get("revision") != revision:
        return seed
    return checked_drawing(drawn)


def region_canvas(
    key: str,
    *,
    picture_url: str,
    overlay_url: str,
    size_hw: tuple[int, int],
    revision: str,
    seed: Drawing,
    name: str,
    label: str,
    colour: str,
    dashed: bool,
) -> None:
    """Show the picture to draw on. `drawing_on` tells what was drawn.

    Args:
        key: Streamlit key; the component's state lies under it.
        picture_url: the picture as a data URL, at most about a thousand pixels a side.
        overlay_url: outlines of other regions, and of what was cut out, as a transparent PNG; empty for none.
        size_hw: height and width of the source picture in pixels; only their ratio counts.
        revision: changes when Python wants its own `seed` shown, such as for another picture. While it stays, `seed`
            must stay too, or the whole picture is sent to the browser again.
        seed: what this revision starts with.
        name: what is drawn around, for the spoken messages.
        label: name of the canvas for screen readers.
        colour: of the lines.
        dashed: whether what is drawn is not the region itself, which is in the overlay then.
    """
    _canvas(
        key=key,
        data={
            "revision": revision,
            "picture": picture_url,
            "overlay": overlay_url,
            "height": size_hw[0],
            "width": size_hw[1],
            "drawing": seed.for_browser(),
            "name": name,
            "label": label,
            "colour": colour,
            "dashed": dashed,
        },
        default={"drawn": None},
        on_drawn_change=lambda: None,
    )


def checked_drawing(drawn: object) -> Drawing:
    """A drawing sent by a browser; whatever in it is no box, outline or mark inside the picture is dropped.

    Boxes come as [left, top, right, bottom] and points as [across, down], in shares of the picture.
    """
    if not hasattr(drawn, "get"):
        return Drawing()
    boxes = tuple(box for box in map(_box, _list(drawn.get("boxes"))[:MOST_SHAPES]) if box is not None)
    polygons = tuple(
        points for points in map(_points, _list(drawn.get("polygons"))[: MOST_SHAPES - len(boxes)]) if len(points) > 2
    )
    inside = _points(drawn.get("inside"))[:MOST_MARKS]
    outside = _points(drawn.get("outside"))[:MOST_MARKS]
    return Drawing(boxes, polygons, inside, outside, drawn.get("cut") is True)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _shares(value: object, count: int) -> tuple[float, ...] | None:
    """So many numbers from 0 to 1, or None."""
    if not isinstance(value, list) or len(value) != count:
        return None
    if not all(
        isinstance(share, int | float) and not isinstance(share, bool) and math.isfinite(share) and 0 <= share <= 1
        for share in value
    ):
        return None
    return tuple(map(float, value))


def _box(corners: object) -> Box | None:
    shares = _shares(corners, 4)
    if shares is None:
        return None
    left, top, right, bottom = shares
    return (top, left, bottom, right) if top < bottom and left < right else None


def _points(sent: object) -> tuple[Point, ...]:
    """The points of a list, (down, across); one that is none costs the others nothing."""
    found = (_shares(point, 2) for point in _list(sent)[:MOST_CORNERS])
    return tuple((point[1], point[0]) for point in found if point is not None)


def _flipped(points: tuple[Point, ...]) -> list[list[float]]:
    return [[across, down] for down, across in points]
