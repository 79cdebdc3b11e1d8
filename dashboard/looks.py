"""How the figures of an export look: for which page they are made, light or dark, and with which background."""

import io
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, TypeVar

import streamlit as st
from PIL import Image, ImageDraw

from attnviz.export import FigureSource, figure_png, restyled
from attnviz.export.slides import SlideSize
from attnviz.render import SIZES
from dashboard import state, tray

Source = TypeVar("Source", bound=FigureSource)

THEMES = {"light": "Light", "dark": "Dark"}
BACKGROUNDS = {"solid": "Solid", "transparent": "Transparent"}
SIZE_NAMES = {"16:9": "Slide 16:9", "4:3": "Slide 4:3", "one column": "Paper, one column", "two columns": "Paper, wide"}

_THUMBNAIL_PX = 800
_KEPT_THUMBNAILS = 40


@dataclass(frozen=True)
class Look:
    """What a figure is made for.

    Attributes:
        size: a name in `SIZES`.
        theme: "light" or "dark".
        transparent: leave the background out.
    """

    size: str
    theme: Literal["light", "dark"]
    transparent: bool

    @property
    def slide_size(self) -> SlideSize:
        """Of slides: figures for paper go on wide ones."""
        return "4:3" if self.size == "4:3" else "16:9"

    def of(self, source: Source) -> Source:
        """The same figure with this look."""
        return restyled(source, SIZES[self.size], self.theme, self.transparent)


def choose() -> Look:
    """Draw the controls and return what they say."""
    with st.container(horizontal=True, key="export_look"):
        size = st.segmented_control(
            "Made for",
            list(SIZES),
            default="16:9",
            required=True,
            format_func=lambda name: SIZE_NAMES.get(name, name),
            key=state.EXPORT_SIZE,
            bind="query-params",
            help="; ".join(
                f"{SIZE_NAMES[name]}: {width:.1f} x {height:.1f} inches" for name, (width, height) in SIZES.items()
            )
            + ". Text stays readable at each.",
        )
        theme: Literal["light", "dark"] = st.segmented_control(
            "Theme",
            list(THEMES),
            default="light",
            required=True,
            format_func=lambda name: THEMES.get(name, name),
            key=state.EXPORT_THEME,
            bind="query-params",
            help="Dark: light text, for dark slides.",
        )
        background = st.segmented_control(
            "Background",
            list(BACKGROUNDS),
            default="solid",
            required=True,
            format_func=lambda name: BACKGROUNDS.get(name, name),
            key=state.EXPORT_BACKGROUND,
            bind="query-params",
            help="Transparent: the slide's own colour shows through. Choose the theme that fits that colour.",
        )
    return Look(size, theme, background == "transparent")


def thumbnail(source: FigureSource) -> bytes:
    """A figure as a PNG that is small enough for the page; made once for each figure and look."""
    made: OrderedDict[str, bytes] = st.session_state.setdefault(state.THUMBNAILS, OrderedDict())
    key = f"{tray.identity(source)} {[getattr(source, name, None) for name in ('size', 'theme', 'transparent')]}"
    if key not in made:
        width = getattr(source, "size", SIZES["16:9"])[0]
        file = figure_png(source, dpi=min(300, max(50, round(_THUMBNAIL_PX / width))))
        image = Image.open(io.BytesIO(file)).convert("RGBA")
        paper = Image.new("RGBA", image.size, _PAPER[getattr(source, "theme", "light")])
        small = io.BytesIO()
        shown = Image.alpha_composite(paper, image).convert("RGB")
        ImageDraw.Draw(shown).rectangle((0, 0, shown.width - 1, shown.height - 1), outline=_EDGE)
        shown.save(small, "PNG")
        made[key] = small.getvalue()
    made.move_to_end(key)
    while len(made) > _KEPT_THUMBNAILS:
        made.popitem(last=False)
    return made[key]


_EDGE = "#9AA0AA"

_PAPER = {"light": "#FFFFFF", "dark": "#0E1117"}
"""What a transparent figure is shown on."""
