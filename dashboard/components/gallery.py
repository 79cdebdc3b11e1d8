"""Thumbnails in the browser to choose a picture from. The menu above them does the same without this component."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent

_gallery = st.components.v2.component(
    "attnviz_gallery",
    html='<div class="gallery" role="group" aria-label="Pictures"></div>',
    css=(HERE / "gallery.css").read_text(encoding="utf-8"),
    js=(HERE / "gallery.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True)
class Thumbnail:
    """One picture of the gallery: what is sent back, what people read, and a small picture as a data URL."""

    id: str
    title: str
    thumbnail: str


def gallery(key: str, pictures: Sequence[Thumbnail], chosen: str, on_pick: Callable[[str], None]) -> None:
    """Show the thumbnails.

    Args:
        key: Streamlit key.
        pictures: in the order shown.
        chosen: id of the picture that is shown now.
        on_pick: called before the next run with the id of another picture. Ids that are not shown are ignored.
    """

    def picked() -> None:
        one = st.session_state[key].picked
        if one in {picture.id for picture in pictures}:
            on_pick(one)

    _gallery(
        key=key,
        data={"pictures": [asdict(picture) for picture in pictures], "chosen": chosen},
        on_picked_change=picked,
    )
