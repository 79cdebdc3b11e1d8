"""The files of a talk are made when asked for, tell how far they are, and can be stopped; then they are saved."""

import zipfile
from dataclasses import replace
from io import BytesIO

import pytest
from streamlit.testing.v1 import AppTest

from attnviz.export import bundle_zip, slides_pptx
from dashboard import state, tray, waiting
from dashboard.tray import Kept
from tests.dashboard.test_packed import tea


def _page() -> None:
    from dashboard import talk_panel
    from dashboard.looks import Look

    talk_panel.draw(Look("16:9", "light", False))


@pytest.fixture
def page() -> AppTest:
    """Two figures in the talk."""
    app = AppTest.from_function(_page, default_timeout=180)
    sources = [replace(tea(), title=f"Tea {number}") for number in range(2)]
    app.session_state[state.TRAY] = tuple(Kept(tray.identity(one), one.title, one) for one in sources)
    return app.run()


def shown(page: AppTest) -> list[str]:
    assert not page.exception
    kinds = page.get("button") + page.get("download_button")
    return [one.label for one in kinds if "PPTX" in one.label or "ZIP" in one.label]


@pytest.mark.parametrize(
    ("key", "label", "steps"),
    # two figures for slides; as PNG, SVG and PDF, so six files, and the first step says that none is made
    [("talk_pptx", "slides (PPTX)", 2), ("talk_zip", "everything (ZIP)", 7)],
)
def test_a_file_is_made_when_asked_for_and_tells_how_far_it_is(
    page: AppTest, key: str, label: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(page) == ["Make slides (PPTX)", "Make everything (ZIP)"]
    told: list[float] = []
    monkeypatch.setattr(waiting.Steps, "tell", lambda self, share, stage="": told.append(share))
    page.button(key=f"make_{key}").click().run()
    assert not page.exception
    of = steps if key == "talk_pptx" else steps - 1
    assert told == [0.0, *(number / of for number in range(steps))]  # the bar begins at nothing
    assert label.capitalize()[:6] in " ".join(one.label for one in page.get("download_button"))
    with zipfile.ZipFile(BytesIO(page.session_state[f"{state.TALK_FILES}_{key}"][1])) as archive:
        assert archive.testzip() is None
    page.run()
    assert f"Make {label}" not in shown(page)  # it is there as long as the talk stays as it is
    page.button(key=f"down_{page.session_state[state.TRAY][0].id}").click().run()
    assert f"Make {label}" in shown(page)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_stopped_file_is_not_there(page: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        pass

    def ends(self: waiting.Steps, share: float, stage: str = "") -> None:
        if stage == "1 of 2":
            raise Ended

    with monkeypatch.context() as patch:
        patch.setattr(waiting.Steps, "tell", ends)
        page.button(key="make_talk_pptx").click().run()
    page.button(key="stop_talk_pptx").click().run()
    assert shown(page) == ["Make slides (PPTX)", "Make everything (ZIP)"]
    assert f"{state.TALK_FILES}_talk_pptx" not in page.session_state


def test_what_is_told_does_not_change_the_file() -> None:
    figures = {"one": tea()}
    told: list[tuple[int, int]] = []
    assert bundle_zip(figures, formats=["png"], progress=lambda *how: told.append(how)) == bundle_zip(
        figures, formats=["png"]
    )
    assert told == [(0, 1), (1, 1)]
    told.clear()
    assert slides_pptx(figures, progress=lambda *how: told.append(how)) == slides_pptx(figures)
    assert told == [(0, 1)]
