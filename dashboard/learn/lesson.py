"""What all lessons share: their frame, their figures, their way to the same thing on the person's own picture."""

import json
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from attnviz.errors import AttnvizError
from attnviz.export import Json, figure_png
from attnviz.export.lesson_figure import LessonFigure
from attnviz.records import Trace
from attnviz.render import NOT_EXPLANATION
from dashboard import service, state
from dashboard.address import FOLLOW
from dashboard.figure_toolbar import toolbar
from dashboard.sidebar import Entry
from dashboard.words import plain

COMPARE, FOCUS, LAYERS = "views/compare.py", "views/focus.py", "views/layers.py"
ATTENTION, NETWORKS = "views/self_attention.py", "views/networks.py"

SCREEN_DPI = 120
SCREEN_IN = 12.0
SCREEN_PX = 1150
"""Widest on the page: larger, its letters would be larger than the page's. `page.css` has the narrowest."""


@dataclass(frozen=True)
class Paper:
    """Where something is defined.

    Attributes:
        who: authors and year.
        arxiv: its number.
        where: section or equation.
    """

    who: str
    arxiv: str
    where: str = ""

    @property
    def link(self) -> str:
        """Markdown."""
        where = f", {self.where}" if self.where else ""
        return f"{self.who}, [arXiv:{self.arxiv}](https://arxiv.org/abs/{self.arxiv}){where}"


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Attributes:
        name: in the menu and in the address.
        title: above the lesson.
        idea: in one sentence.
        formulas: LaTeX, the exact definition; each short enough for a narrow page.
        symbols: Markdown: what the letters are.
        papers: where it is defined.
        notice: what to notice, a sentence each.
        question: to think about.
        answer: to it.
        draw: draws the steps.
    """

    name: str
    title: str
    idea: str
    formulas: tuple[str, ...]
    symbols: str
    papers: tuple[Paper, ...]
    notice: tuple[str, ...]
    question: str
    answer: str
    draw: Callable[[Entry], None]


def show(lesson: Lesson, entry: Entry) -> None:
    """Draw a lesson: its idea and formula, its steps, what to notice, and a question."""
    st.markdown(f"## {lesson.title}")
    st.markdown(f"**{lesson.idea}**")
    with st.container(horizontal=True, horizontal_alignment="center", vertical_alignment="center", gap="medium"):
        for formula in lesson.formulas:
            st.latex(formula, width="content")
    with st.popover("Exact definition"):
        st.markdown(lesson.symbols)
        st.markdown("\n".join(f"- {paper.link}" for paper in lesson.papers))
    lesson.draw(entry)
    st.markdown("### What to notice")
    st.markdown("\n".join(f"- {sentence}" for sentence in lesson.notice))
    st.markdown(f"**Question.** {lesson.question}")
    with st.expander("Answer"):
        st.markdown(lesson.answer)


def step(title: str, words: str = "") -> None:
    """The heading of one step, and a sentence about it."""
    st.markdown(f"### {title}")
    if words:
        st.markdown(words)


def figure(key: str, source: LessonFigure) -> None:
    """Draw a figure as wide as the page, with buttons to save it."""
    on_screen = replace(source, size=(SCREEN_IN, 0.0), theme=theme(), transparent=True, bare=True)
    # a figure follows from its settings: where another part of the lesson changed, it is not drawn again
    told = json.dumps([on_screen.theme, source.alt, source.provenance()])
    png = state.remembered(f"learn_drawn_{key}", told, lambda: figure_png(on_screen, SCREEN_DPI))
    with st.container(key=f"lesson_figure_{key}"):
        st.image(png, width=SCREEN_PX, alt=source.alt)
    with st.container(key=f"lesson_wider_{key}"):  # page.css shows it where it is so
        st.caption("Wider than the page: move it sideways, or close the sidebar.")
    toolbar(f"learn_{key}", source.title, lambda: source)


def fitting(key: str, offered: Container[object]) -> str:
    """A widget's key. A value that the widget does not offer here, such as one from a session file, is dropped."""
    if key in st.session_state and st.session_state[key] not in offered:
        del st.session_state[key]
    return key


def theme() -> Literal["light", "dark"]:
    """The theme of the page."""
    return "dark" if st.context.theme.type == "dark" else "light"


def attempt(draw: Callable[[], None]) -> None:
    """Draw a part; what it cannot have is said in one sentence, and the rest of the lesson stays."""
    try:
        draw()
    except AttnvizError as error:
        st.error(plain(str(error)))


def own_picture(page: str, label: str, network: str = "", **choices: str) -> None:
    """A link to the same thing on the person's own picture: the address says what is chosen there.

    Args:
        page: file of the page.
        label: of the link.
        network: name in the zoo of one that joins those that are shown; none if empty.
        choices: what is chosen on the page: session key and value.
    """
    asked: dict[str, str | list[str]] = {FOLLOW: network}
    for key, value in choices.items():
        choice = state.choice_of(key)
        asked[key] = choice.to_address(value) if choice else value
    with suppress(StreamlitPageNotFoundError):  # the page runs alone, and there is no other
        st.page_link(page, label=label, icon=":material/arrow_forward:", icon_position="right", query_params=asked)


def traced(entry: Entry, name: str) -> Trace:
    """What a bundled network did with the picture; run now, or found if it ran before."""
    with st.spinner(f"{service.cards()[name].title} reads the picture"):
        return service.trace(entry.picture, name)


def origin(entry: Entry, name: str, layer: str) -> dict[str, Json]:
    """What a figure of a real layer says of its origin."""
    card = service.network(name).loaded.card
    return {
        "network": card.title,
        "weights": card.sha256,
        "layer": layer,
        "picture": {"name": entry.picture.name, "sha256": entry.picture.sha256},
        "note": NOT_EXPLANATION,
    }


def small_print(entry: Entry, name: str, layer: str, colours: str) -> str:
    """Caption of a figure of a real layer."""
    card = service.network(name).loaded.card
    return (
        f"{card.title}, weights {card.sha256[:8]}, {layer}, on {entry.title}. {colours} {NOT_EXPLANATION}"
    )  # fmt: skip
