"""The figures kept for a talk: their order, and all of them as slides or files."""

from collections.abc import Callable

import streamlit as st

from attnviz.errors import AttnvizError
from attnviz.export import FigureSource, bundle_zip, slides_pptx
from dashboard import downloads, looks, tray
from dashboard.figure_toolbar import toolbar
from dashboard.looks import Look
from dashboard.tray import Kept
from dashboard.words import plain

TITLE = "What networks attend to"
"""On the first slide; it can be edited there."""


def draw(look: Look) -> None:
    """Draw the list, or say how figures come into it."""
    figures = tray.kept()
    st.markdown("#### The talk")
    if not figures:
        st.info(
            'No figure yet. Every figure on these pages has a button "Add to talk". Those that you choose come together'
            " here, can be put in order, and become slides or a ZIP with one click."
        )
        return
    _all(figures, look)
    for number, one in enumerate(figures):
        _row(one, number, len(figures), look)


def _all(figures: tuple[Kept, ...], look: Look) -> None:
    named = _named(figures, look)
    with st.container(horizontal=True, key="talk_files"):
        st.download_button(
            "Slides (PPTX)",
            lambda: slides_pptx(named, title=TITLE, size=look.slide_size, theme=look.theme),
            "attnviz-talk.pptx",
            downloads.PPTX,
            key="talk_pptx",
            help=f"One slide a figure, {look.slide_size}, with titles, captions, tables and notes that can be edited.",
            on_click="ignore",
            icon=":material/slideshow:",
        )
        st.download_button(
            "Everything (ZIP)",
            lambda: bundle_zip(named),
            "attnviz-figures.zip",
            "application/zip",
            key="talk_zip",
            help="All figures as PNG, SVG and PDF, their numbers, the raw maps, and how each was made.",
            on_click="ignore",
            icon=":material/folder_zip:",
        )
        st.button("Remove all", key="talk_clear", on_click=tray.clear, type="tertiary", icon=":material/delete:")


def _named(figures: tuple[Kept, ...], look: Look) -> dict[str, FigureSource]:
    """The figures by names that tell them apart, in order."""
    named: dict[str, FigureSource] = {}
    for one in figures:
        name, number = one.name, 2
        while name in named:
            name, number = f"{one.name} {number}", number + 1
        named[name] = look.of(one.source)
    return named


def _row(one: Kept, number: int, count: int, look: Look) -> None:
    drawn = look.of(one.source)
    with st.container(border=True, key=f"talk_{one.id}"):
        picture, words = st.columns([2, 3], vertical_alignment="center")
        with picture:
            try:
                st.image(looks.thumbnail(drawn), alt=drawn.alt, width="stretch")
            except AttnvizError as error:
                st.error(plain(str(error)))
        with words:
            st.markdown(f"**{number + 1}. {plain(one.name)}**  \n{plain(drawn.title)}")
            with st.container(horizontal=True, gap="small"):
                _button("Up", one, "arrow_upward", tray.move, (one.id, -1), disabled=number == 0)
                _button("Down", one, "arrow_downward", tray.move, (one.id, 1), disabled=number == count - 1)
                _button("Remove", one, "close", tray.remove, (one.id,))
            toolbar(f"talk_{one.id}", one.name, lambda: drawn, talk=False)


def _button(
    label: str,
    one: Kept,
    icon: str,
    on_click: Callable[..., None],
    args: tuple[str | int, ...],
    disabled: bool = False,
) -> None:
    st.button(
        label,
        key=f"{label.lower()}_{one.id}",
        help=f"{label}: {plain(one.name)}",
        on_click=on_click,
        args=args,
        icon=f":material/{icon}:",
        type="tertiary",
        disabled=disabled,
    )
