"""Two drawings of one picture in the browser, one over the other: a divider to move, or one after the other."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent

_swipe = st.components.v2.component(
    "attnviz_swipe",
    html=(HERE / "swipe.html").read_text(encoding="utf-8"),
    css=(HERE / "swipe.css").read_text(encoding="utf-8"),
    js=(HERE / "swipe.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Side:
    """One of the two drawings: what people read, the picture as a data URL, and the picture in words."""

    title: str
    picture: str
    alt: str


def swipe(key: str, *, left: Side, right: Side, size_hw: tuple[int, int]) -> None:
    """Show the two drawings. Nothing comes back: the divider stays in the browser.

    Args:
        key: Streamlit key.
        left: shown left of the divider, and first where they are shown one after the other.
        right: the other one.
        size_hw: height and width of the source picture in pixels; only their ratio counts.
    """
    _swipe(
        key=key,
        data={
            "left": {"title": left.title, "picture": left.picture, "alt": left.alt},
            "right": {"title": right.title, "picture": right.picture, "alt": right.alt},
            "height": size_hw[0],
            "width": size_hw[1],
        },
    )
