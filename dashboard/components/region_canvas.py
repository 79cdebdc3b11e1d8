"""A picture in the browser on which boxes are drawn, by pointer, touch or keyboard.

What comes back from the browser is not trusted: every number is checked here.
"""

import math
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
MOST_BOXES = 20
COLOUR = "#FFB000"
"""Outline of the region: orange, told apart from the map's colours by people of every colour vision."""

Box = tuple[float, float, float, float]
"""(top, left, bottom, right) in shares of the picture, 0 to 1."""

_canvas = st.components.v2.component(
    "attnviz_region_canvas",
    html=(HERE / "region_canvas.html").read_text(encoding="utf-8"),
    css=(HERE / "region_canvas.css").read_text(encoding="utf-8"),
    js=(HERE / "region_canvas.js").read_text(encoding="utf-8"),
)


def region_canvas(
    key: str,
    *,
    picture_url: str,
    size_hw: tuple[int, int],
    revision: str,
    boxes: tuple[Box, ...],
    name: str,
    label: str,
) -> tuple[Box, ...]:
    """Show the picture and return the boxes drawn on it.

    Args:
        key: Streamlit key; the component's state lies under it.
        picture_url: the picture as a data URL, at most about a thousand pixels a side.
        size_hw: height and width of the source picture in pixels; only their ratio counts.
        revision: changes when Python wants its own `boxes` shown, such as for another picture. While it stays, `boxes`
            must stay too, or the whole picture is sent to the browser again.
        boxes: boxes to start this revision with.
        name: what the boxes are drawn around, for the spoken messages.
        label: name of the canvas for screen readers.

    Returns:
        The boxes on the canvas now.
    """
    drawn = _canvas(
        key=key,
        data={
            "revision": revision,
            "picture": picture_url,
            "height": size_hw[0],
            "width": size_hw[1],
            "boxes": [[left, top, right, bottom] for top, left, bottom, right in boxes],
            "name": name,
            "label": label,
            "colour": COLOUR,
        },
        default={"drawn": None},
        on_drawn_change=lambda: None,
    ).drawn
    if not isinstance(drawn, dict) or drawn.get("revision") != revision:
        return boxes
    return checked_boxes(drawn.get("boxes"))


def checked_boxes(drawn: object) -> tuple[Box, ...]:
    """Boxes sent by a browser as [left, top, right, bottom] shares; whatever is not such a box is dropped.

    Returns:
        At most `MOST_BOXES` boxes as (top, left, bottom, right), inside the picture and with some area.
    """
    if not isinstance(drawn, list):
        return ()
    return tuple(box for box in map(_box, drawn[:MOST_BOXES]) if box is not None)


def _box(corners: object) -> Box | None:
    if not isinstance(corners, list) or len(corners) != 4:
        return None
    if not all(isinstance(share, int | float) and math.isfinite(share) and 0 <= share <= 1 for share in corners):
        return None
    left, top, right, bottom = map(float, corners)
    return (top, left, bottom, right) if top < bottom and left < right else None
