"""One point of the photograph, asked of every chosen network: the picture to click, and what each of them says."""

from collections.abc import Sequence

import streamlit as st

from attnviz import querying
from attnviz.export import QueryPanel
from attnviz.querying import QueryAnswer
from attnviz.render import MEANINGLESS, NOT_EXPLANATION, UNPROVEN
from dashboard import asked, drawing, service, state
from dashboard.asked import Asked
from dashboard.components.attention_canvas import Percent, attention_canvas
from dashboard.figure_toolbar import toolbar
from dashboard.sidebar import Entry
from dashboard.words import plain

CANVAS = "attention_networks"
GROUP = "attention"
CANVAS_PIXELS = 640
NARROWEST_PX = 190
OPACITY = 0.85

HOW_TO_READ = (
    "Colours run from zero, or from a gate's smallest value, to the number at the end of each bar, so each picture has "
    "a scale of its own.",
    "White frames: the cell that is asked, and the border of what it may look at. Hatched: out of its sight, or never "
    "seen by the network.",
)


def start_over() -> None:
    """Let the browser take the point from Python: the page, the picture or the networks are new."""
    st.session_state.pop(state.ATTENTION_KNOWN, None)


def draw(entry: Entry, networks: Sequence[Asked]) -> None:
    """Draw the pictures, and the answers in words."""
    heading, controls, canvas = (st.container() for _ in range(3))
    with controls:
        depth = _controls()
    point = asked.point_now()
    revision, seed = revision_of(entry, point)
    answers = _answers(entry, networks, point, depth)
    with heading:
        st.markdown(f"### {plain(querying.finding(answers)) if answers else 'Choose a point of the picture'}")
    with canvas:
        attention_canvas(
            CANVAS,
            picture_url=drawing.data_url(entry.picture.sha256, CANVAS_PIXELS, entry.picture),
            size_hw=entry.picture.hw,
            panels=[asked.point_panel(entry.picture.sha256, one.name, one.layer_at(depth), one) for one in networks],
            revision=revision,
            point=seed,
            group=GROUP,
            label=f"{entry.title}. Choose a point: every network answers for the same place.",
            on_choose=keep,
            source="Picture",
            shows_keys=True,
            narrowest_px=NARROWEST_PX,
            opacity=OPACITY,
        )
    _warn(networks)
    _in_words(answers)
    if point is not None:
        weights = {one.title: service.cards()[one.name].sha256 for one in networks}
        made = QueryPanel(entry.picture, asked.source_point(point, entry.picture.hw), answers, weights, opacity=OPACITY)
        toolbar("query_panel", f"One point of {entry.title} asked of the networks", lambda: made)
    st.html(drawing.small_print([*HOW_TO_READ, NOT_EXPLANATION], in_columns=True))


def _warn(networks: Sequence[Asked]) -> None:
    for one in networks:
        if one.trace.untrained:
            st.warning(plain(f"{one.title}: {one.trace.untrained}; {MEANINGLESS}."))
        if any(record.proven is False for record in one.trace.records):
            st.warning(plain(f"{one.title} is {UNPROVEN}."))


def _controls() -> int:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.number_input(
            "From the left, %", 0, 100, 50, 1, key=state.POINT_X, bind="query-params", width=150, on_change=_caught
        )
        st.number_input(
            "From the top, %", 0, 100, 50, 1, key=state.POINT_Y, bind="query-params", width=150, on_change=_caught
        )
        return st.slider(
            "Depth",
            0,
            100,
            100,
            10,
            format="%d %%",
            key=state.DEPTH,
            bind="query-params",
            width=260,
            help="Which layer of each network is asked: 0 % is the first that has self-attention or a gate over "
            "places, 100 % the last.",
        )


def _caught() -> None:
    st.session_state[state.ATTENTION_LOOSE] = False


def keep(point: Percent | None) -> None:
    """What a person chose in the browser: a point, or none."""
    st.session_state[state.ATTENTION_LOOSE] = point is None
    if point is not None:
        st.session_state[state.POINT_Y], st.session_state[state.POINT_X] = point
    known = st.session_state.get(state.ATTENTION_KNOWN)
    if known is not None:
        st.session_state[state.ATTENTION_KNOWN] = (known[0], asked.point_now())


def revision_of(entry: Entry, point: Percent | None) -> tuple[str, Percent | None]:
    """The revision of the point that all canvases of the page start with, and that point.

    Both stay while a person only chooses points in the browser: then nothing is sent there again.
    """
    session = st.session_state
    if session.get(state.ATTENTION_KNOWN) != (entry.picture.sha256, point):
        count = session.get(state.ATTENTION_SEED, (0, None))[0] + 1
        session[state.ATTENTION_SEED] = (count, point)
        session[state.ATTENTION_KNOWN] = (entry.picture.sha256, point)
    count, seed = session[state.ATTENTION_SEED]
    return f"{entry.picture.sha256[:8]}-{count}", seed


def _answers(entry: Entry, networks: Sequence[Asked], point: Percent | None, depth: int) -> tuple[QueryAnswer, ...]:
    if point is None:
        return ()
    point_yx = asked.source_point(point, entry.picture.hw)
    return tuple(asked.answer(one, point_yx, depth) for one in networks)


def _in_words(answers: Sequence[QueryAnswer]) -> None:
    with st.expander("The answers in words"):
        if not answers:
            st.markdown("No point is kept. Click a place of a picture.")
        st.markdown("\n".join(f"- **{plain(one.model)}**: {plain(one.sentence)}" for one in answers))
