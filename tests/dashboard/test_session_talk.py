"""The talk in a session file: its figures come back byte for byte, and a bad one costs nothing."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from attnviz import open_picture, zoo
from attnviz.export import figure_png
from dashboard import session_file, session_opening, state, tray
from dashboard.packed import pack
from dashboard.tray import MOST_FIGURES, Kept
from tests.dashboard.conftest import APP, SECONDS_A_RUN, photograph
from tests.dashboard.test_packed import cut, tea
from tests.dashboard.test_session_lessons import saved
from tests.dashboard.test_session_panel import meadow, open_session, said


def at_networks() -> AppTest:
    """A page that runs no network."""
    app = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN)
    app.query_params["networks"] = zoo.cards()["vit"].title
    app.query_params["picture"] = "A cup of espresso"
    return app.switch_page("views/networks.py").run()


def kept(app: AppTest) -> list[Kept]:
    return list(app.session_state[state.TRAY]) if state.TRAY in app.session_state else []


def names(app: AppTest) -> list[str]:
    return [one.name for one in kept(app)]


def numbered(count: int, start: int = 0) -> tuple[Kept, ...]:
    """Figures of no picture, each with a title of its own."""
    sources = [replace(tea(), title=f"Tea {number}") for number in range(start, start + count)]
    return tuple(Kept(tray.identity(one), one.title, one) for one in sources)


def of_photo(contents: bytes, name: str = "meadow.png") -> Kept:
    """A figure that shows a photograph."""
    drawing = cut().drawing
    picture = open_picture(contents, name=name)
    source = replace(cut(), title=f"Cut {name}", drawing=_cut_of(picture, drawing))
    return Kept(tray.identity(source), source.title, source)


def _cut_of(picture, drawing):  # type: ignore[no-untyped-def]
    from attnviz.render.lesson.tokens import cut_drawing

    return cut_drawing(**{**drawing.given, "picture": picture})


def file_of(*figures: Kept, holds: bool = False, **more: object) -> bytes:
    packed = [pack(one.id, one.name, one.source, lambda _: holds) for one in figures]
    return session_file.write({}, [], [], None, packed, **more)  # type: ignore[arg-type]


def test_figures_of_the_pages_come_back_byte_for_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """A comparison, a layer, a point's answers, and a lesson's figure, each put into the talk by its own button."""
    app = AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN)
    app.query_params["networks"] = zoo.cards()["vit"].title
    app.query_params["picture"] = "A cup of espresso"
    app.query_params["lesson"] = "SE"
    for page, button in (
        ("", "comparison_talk"),
        ("views/layers.py", "layer_talk"),
        ("views/self_attention.py", "query_panel_talk"),
        ("views/self_attention.py", "head_grid_talk"),
        ("views/learn.py", "learn_se_real_talk"),
    ):
        if page:
            app.switch_page(page)
        app.run()
        app.button(key=button).click().run()
        assert not app.exception
    before = kept(app)
    assert len(before) == 5
    files = [figure_png(one.source, 70) for one in before]

    other = at_networks()
    open_session(other, saved(app, monkeypatch))
    assert "mine.zip is open" in said(other)
    assert [(one.id, one.name) for one in kept(other)] == [(one.id, one.name) for one in before]
    assert [figure_png(one.source, 70) for one in kept(other)] == files
    other.switch_page("views/export.py").run()
    assert not other.exception
    assert not other.error
    assert any("5. " in one.value for one in other.markdown)


class TestPhotographs:
    def test_a_figure_waits_for_its_photograph_and_then_stands_in_its_place(self, photo: bytes) -> None:
        one, two = numbered(2)
        shown = of_photo(photo)
        app = at_networks()
        open_session(app, file_of(one, shown, two))
        assert names(app) == [one.name, two.name]
        assert "A figure of the talk waits for a photograph: meadow.png" in said(app)
        app.file_uploader(key=state.UPLOADS).upload("other name.png", photo, "image/png").run()
        assert not app.exception
        assert names(app) == [one.name, shown.name, two.name]
        assert "1 figure is back in the talk" in said(app)
        assert figure_png(kept(app)[1].source, 60) == figure_png(shown.source, 60)

    def test_one_that_waits_is_saved_again(self, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        shown = of_photo(photo)
        app = at_networks()
        open_session(app, file_of(shown))
        assert names(app) == []
        again = session_file.read(saved(app, monkeypatch), "again.zip")
        assert [one.name for one in again.talk] == [shown.name]

    def test_it_comes_with_a_file_that_holds_the_photograph(self, photo: bytes) -> None:
        shown = of_photo(photo)
        packed = [pack(shown.id, shown.name, shown.source, lambda _: False)]
        file = session_file.write({}, [meadow(photo)], [], None, packed, with_pictures=True)
        app = at_networks()
        open_session(app, file)
        assert names(app) == [shown.name]
        assert figure_png(kept(app)[0].source, 60) == figure_png(shown.source, 60)

    @pytest.mark.parametrize("with_pictures", [True, False])
    def test_one_that_left_the_sidebar_is_saved_only_if_photographs_are(
        self, photo: bytes, with_pictures: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = at_networks()
        app.session_state[state.TRAY] = (of_photo(photo),)
        app.session_state[state.SESSION_MENU] = True
        app.run()
        app.checkbox(key=state.SESSION_WITH_PICTURES).set_value(with_pictures).run()
        other = at_networks()
        open_session(other, saved(app, monkeypatch))
        assert names(other) == (["Cut meadow.png"] if with_pictures else [])


class TestWhatIsThere:
    def test_figures_that_are_here_stay_behind_those_of_the_file(self) -> None:
        both = numbered(3)
        app = at_networks()
        app.session_state[state.TRAY] = (both[0], both[2])
        open_session(app, file_of(both[1], both[2]))
        assert names(app) == ["Tea 1", "Tea 2", "Tea 0"]

    def test_a_file_without_a_talk_leaves_the_talk_alone(self) -> None:
        app = at_networks()
        app.session_state[state.TRAY] = numbered(1)
        open_session(app, session_file.write({}, [], []))
        assert names(app) == ["Tea 0"]

    def test_such_a_file_opens_in_older_versions_too(self) -> None:
        import io
        import json
        import zipfile

        def version(contents: bytes) -> int:
            with zipfile.ZipFile(io.BytesIO(contents)) as archive:
                return json.loads(archive.read("session.json"))["version"]

        assert version(session_file.write({}, [], [])) == 1
        assert version(file_of(*numbered(1))) == 2

    @pytest.mark.parametrize("kind", ["damaged", "no figure", "cannot be drawn", "too many"])
    def test_a_bad_talk_changes_nothing(self, kind: str) -> None:
        app = at_networks()
        app.session_state[state.TRAY] = numbered(2)
        app.session_state[state.STYLE] = "spotlight"
        figures = numbered(3, start=10)
        packed = [pack(one.id, one.name, one.source, lambda _: False) for one in figures]
        if kind == "no figure":
            packed[1] = replace(packed[1], told={"is": "Popen"})
        if kind == "cannot be drawn":  # tables that hold nothing
            empty = tuple(array[:0] for array in packed[1].arrays)
            packed[1] = replace(packed[1], arrays=empty)
        if kind == "too many":
            app.session_state[state.TRAY] = numbered(MOST_FIGURES - 2, start=100)
        before = [one.id for one in app.session_state[state.TRAY]]
        file = session_file.write({state.STYLE: "heat"}, [], [], None, packed)
        open_session(app, file[: len(file) // 2] + b"x" + file[len(file) // 2 + 1 :] if kind == "damaged" else file)
        assert len(app.sidebar.error) == 1
        assert said(app).endswith("Nothing was changed.")
        assert [one.id for one in kept(app)] == before
        assert app.session_state[state.STYLE] == "spotlight"


class TestOpening:
    def test_how_far_it_is_is_told(self, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
        """A picture and two figures are three steps; the figures are drawn to see that they can be."""
        told: list[tuple[float, str]] = []
        monkeypatch.setattr(session_opening.Steps, "tell", lambda self, share, stage="": told.append((share, stage)))
        app = at_networks()
        shown = [pack(one.id, one.name, one.source, lambda _: False) for one in numbered(2)]
        open_session(app, session_file.write({}, [meadow(photo)], [], None, shown, with_pictures=True))
        assert told == [(0.0, ""), (0.0, "1 of 3"), (1 / 3, "2 of 3"), (2 / 3, "3 of 3")]
        assert not app.main.get("progress")

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_stop_leaves_everything_as_it_was(self) -> None:
        """The button is pressed while a figure is drawn: the run ends there, and the next one opens nothing."""
        app = at_networks()
        app.session_state[state.TRAY] = numbered(1)
        app.session_state[state.SESSION_OPENING] = ("mine.zip", file_of(*numbered(2, start=5)))
        import attnviz.export

        stopped = pytest.MonkeyPatch()

        class Ended(BaseException):
            """As Streamlit ends a run."""

        def ends(*_: object) -> bytes:
            raise Ended

        assert attnviz.export.figure_png is session_opening.figure_png
        stopped.setattr(session_opening, "figure_png", ends)
        try:
            app.run()
        except Ended:
            pass
        finally:
            stopped.undo()
        assert names(app) == ["Tea 0"]
        app.button(key="stop_opening").click().run()
        assert not app.exception
        assert names(app) == ["Tea 0"]
        assert "mine.zip was not opened: it was stopped. Nothing was changed." in said(app)
        assert state.SESSION_OPENING not in app.session_state


def test_what_is_too_large_is_told_before_it_is_saved(photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard import talk_file

    app = at_networks()
    app.session_state[state.TRAY] = numbered(1)
    app.session_state[state.SESSION_MENU] = True
    monkeypatch.setattr(talk_file, "MOST_ARRAY_MB", 0)
    app.run()
    assert "Remove some on the page Export" in said(app)
    assert photograph() == photo
