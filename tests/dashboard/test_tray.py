"""The tray keeps each figure once, in the order in which a person put it; the toolbar fills it."""

import pytest
from matplotlib.figure import Figure
from streamlit.testing.v1 import AppTest


class Words:
    """A figure of one line."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.alt = title

    def figure(self) -> Figure:
        figure = Figure(figsize=(2, 1))
        figure.text(0, 0.5, self.title)
        return figure

    def provenance(self):
        return {"said": self.title}


def _page() -> None:
    import streamlit as st

    from dashboard import tray
    from dashboard.figure_toolbar import toolbar
    from tests.dashboard.test_tray import Words

    for name in st.session_state.get("names", ("one", "two", "three")):
        toolbar(f"bar_{name}", f"Figure {name}", lambda name=name: Words(name))
    st.text(" ".join(one.source.title for one in tray.kept()))


@pytest.fixture
def page() -> AppTest:
    return AppTest.from_function(_page, default_timeout=60).run()


def kept(page: AppTest) -> str:
    assert not page.exception
    return page.text[0].value


def test_figures_are_kept_once_and_in_order(page: AppTest) -> None:
    assert kept(page) == ""
    for name in ("two", "one", "two"):
        page.button(key=f"bar_{name}_talk").click().run()
    assert kept(page) == "two one"
    assert "was there already" in page.toast[0].value


def test_every_format_is_offered(page: AppTest) -> None:
    labels = [one.label for one in page.get("download_button")]
    assert labels == ["PNG", "SVG", "PDF"] * 3


def _moved() -> None:
    import streamlit as st

    from dashboard import tray
    from tests.dashboard.test_tray import Words

    for name in "abcd":
        tray.add(name, Words(name))
    ids = {one.name: one.id for one in tray.kept()}
    tray.move(ids["a"], 1)  # b a c d
    tray.move(ids["d"], -2)  # b d a c
    tray.move(ids["b"], -1)  # the first stays where it is
    tray.move(ids["c"], 5)  # and so does the last
    st.text("".join(one.name for one in tray.kept()))
    tray.remove(ids["a"])
    st.text("".join(one.name for one in tray.kept()))
    tray.clear()
    st.text("".join(one.name for one in tray.kept()))


def test_figures_move_and_leave() -> None:
    page = AppTest.from_function(_moved, default_timeout=60).run()
    assert not page.exception
    assert [one.value for one in page.text] == ["bdac", "bdc", ""]


def test_a_full_tray_says_so(page: AppTest) -> None:
    from dashboard.tray import MOST_FIGURES

    names = [f"n{number}" for number in range(MOST_FIGURES + 1)]
    page.session_state["names"] = names
    page.run()
    from dashboard import state
    from dashboard.tray import Kept

    page.session_state[state.TRAY] = tuple(Kept(name, name, Words(name)) for name in names[:-1])
    page.button(key=f"bar_{names[-1]}_talk").click().run()
    assert f"at most {MOST_FIGURES} figures" in page.toast[0].value.replace("\\", "")
    assert len(kept(page).split()) == MOST_FIGURES
