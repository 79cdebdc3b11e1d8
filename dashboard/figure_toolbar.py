"""The same small row of buttons under every figure: save it as PNG, SVG or PDF, or keep it for the talk."""

from collections.abc import Callable, Iterable

import streamlit as st

from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.export import FigureSource, HasRows, figure_pdf, figure_png, figure_svg, slug
from attnviz.export.tables import rows_csv
from dashboard import state, tray
from dashboard.words import plain

Make = Callable[[], FigureSource]


def _csv(source: FigureSource) -> bytes:
    if not isinstance(source, HasRows):
        raise ValueRangeError(f"a figure must have numbers for a CSV file; got none in {source.title!r}.")
    return rows_csv(source.rows())


FORMATS: dict[str, tuple[str, Callable[[FigureSource], bytes], str]] = {
    "PNG": ("image/png", figure_png, "Picture for slides, 300 dots per inch"),
    "SVG": ("image/svg+xml", figure_svg, "Drawing whose text can be edited"),
    "PDF": ("application/pdf", figure_pdf, "Drawing for papers, with its fonts"),
    "CSV": ("text/csv", _csv, "The numbers, for a spreadsheet"),
}
"""Label to mime type, writer, and what it is good for."""

DRAWN = ("PNG", "SVG", "PDF")
"""The formats that every figure has; CSV needs numbers."""


def toolbar(key: str, name: str, make: Make, *, formats: Iterable[str] = DRAWN, talk: bool = True) -> None:
    """Draw the buttons. Nothing is drawn or written before one of them is pressed.

    Args:
        key: of this toolbar, unique on the page.
        name: of the figure in a few words, such as "Gate effect of SE-ResNet"; file names are made from it.
        make: gives the figure when a button is pressed. It may run outside this session's run, so it holds all it
            needs and does not ask the session for anything.
        formats: of `FORMATS`, those that are offered.
        talk: whether the figure can be added to the talk.
    """
    with st.container(horizontal=True, gap="small", key=f"toolbar_{key}"):
        for label in formats:
            mime, write, use = FORMATS[label]
            st.download_button(
                label,
                lambda write=write: write(make()),
                f"{slug(name)}.{label.lower()}",
                mime,
                key=f"{key}_{label.lower()}",
                help=f"{use}: {plain(name)}",
                on_click="ignore",
                icon=":material/download:",
                type="tertiary",
            )
        if talk:
            st.button(
                "Add to talk",
                key=f"{key}_talk",
                help=f"Keep this figure for slides, on the page Export: {plain(name)}",
                on_click=_add,
                args=(key, name, make),
                icon=":material/add_to_photos:",
                type="tertiary",
            )
            _tell(key)


def _add(key: str, name: str, make: Make) -> None:
    try:
        is_new = tray.add(name, make())
    except AttnvizError as error:
        st.session_state[state.TOLD] = (key, str(error))
        return
    count = len(tray.kept())
    held = f"The talk has {count} figure{'s' if count > 1 else ''}, on the page Export."
    st.session_state[state.TOLD] = (key, f"{name}: {'added' if is_new else 'was there already'}. {held}")


def _tell(key: str) -> None:
    """Say what became of a press. A callback must not: what it draws lands at the top of the page."""
    told = st.session_state.get(state.TOLD)
    if told is not None and told[0] == key:
        del st.session_state[state.TOLD]
        st.toast(plain(told[1]), icon=":material/add_to_photos:")
