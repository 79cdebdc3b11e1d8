"""The figures kept for a talk: their order, and all of them as slides or files."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from attnviz.errors import AttnvizError
from attnviz.export import FigureSource, bundle_zip, slides_pptx
from dashboard import downloads, looks, state, tray
from dashboard.figure_toolbar import toolbar
from dashboard.looks import Look
from dashboard.tray import Kept
from dashboard.waiting import Steps
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


@dataclass(frozen=True)
class Product:
    """A file that all figures become.

    Attributes:
        key: of its buttons.
        label: on them.
        make: makes it, and tells how many of its parts are made, and how many there are.
        file_name: that it is saved under.
        mime: its type.
        use: what it is good for.
        icon: on the button.
    """

    key: str
    label: str
    make: Callable[[Callable[[int, int], object]], bytes]
    file_name: str
    mime: str
    use: str
    icon: str


def _all(figures: tuple[Kept, ...], look: Look) -> None:
    named = _named(figures, look)
    products = (
        Product(
            "talk_pptx",
            "Slides (PPTX)",
            lambda tell: slides_pptx(named, title=TITLE, size=look.slide_size, theme=look.theme, progress=tell),
            "attnviz-talk.pptx",
            downloads.PPTX,
            f"One slide a figure, {look.slide_size}, with titles, captions, tables and notes that can be edited.",
            "slideshow",
        ),
        Product(
            "talk_zip",
            "Everything (ZIP)",
            lambda tell: bundle_zip(named, progress=tell),
            "attnviz-figures.zip",
            "application/zip",
            "All figures as PNG, SVG and PDF, their numbers, the raw maps, and how each was made.",
            "folder_zip",
        ),
    )
    of = tuple((one.id, one.name) for one in figures), look
    with st.container(horizontal=True, key="talk_files"):
        asked = [(one, slot) for one in products for slot in [st.empty()] if _button_of(one, of, slot)]
        st.button("Remove all", key="talk_clear", on_click=tray.clear, type="tertiary", icon=":material/delete:")
    for one, slot in asked:
        _make(one, of, slot)


def _button_of(product: Product, of: Hashable, slot: DeltaGenerator) -> bool:
    """Draw the button that saves a file which is made, or that makes it. Returns whether it shall be made."""
    made = st.session_state.get(f"{state.TALK_FILES}_{product.key}")
    if made is None or made[0] != of:
        return slot.button(
            f"Make {product.label[0].lower()}{product.label[1:]}",
            key=f"make_{product.key}",
            help=product.use,
            icon=f":material/{product.icon}:",
        )
    slot.download_button(
        product.label,
        made[1],
        product.file_name,
        product.mime,
        key=product.key,
        help=product.use,
        on_click="ignore",
        icon=":material/download:",
        type="primary",
    )
    return False


def _make(product: Product, of: Hashable, slot: DeltaGenerator) -> None:
    # a press on Stop ends this run, and in the next one the button that makes the file is not pressed
    steps = Steps(product.label, f"stop_{product.key}", lambda: None)
    try:
        contents = product.make(lambda done, count: steps.tell(done / max(1, count), f"{done} of {count}"))
    except AttnvizError as error:
        steps.end()
        st.error(plain(str(error)))
        return
    steps.end()
    st.session_state[f"{state.TALK_FILES}_{product.key}"] = of, contents
    _button_of(product, of, slot)


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
