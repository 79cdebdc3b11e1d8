"""The mathematics of attention, on real numbers."""

import streamlit as st

from dashboard import sidebar, state
from dashboard.learn import batch_norm, cbam, dot_product, excite, positions, tables, tokens, windows
from dashboard.learn.lesson import Lesson, show
from dashboard.sidebar import Entry

LESSONS: dict[str, Lesson] = {
    one.LESSON.name: one.LESSON
    for one in (excite, cbam, dot_product, positions, windows, tokens, batch_norm, tables)
}  # fmt: skip


def render() -> None:
    """Draw the page. Only the lesson that is open is computed."""
    first = next(iter(LESSONS))
    name = st.segmented_control(
        "Lesson", list(LESSONS), default=first, required=True, key=state.LESSON, bind="query-params"
    )
    _lesson(sidebar.chosen_entry(), name or first)


@st.fragment
def _lesson(entry: Entry, name: str) -> None:
    show(LESSONS[name], entry)


if __name__ == "__main__":
    render()
