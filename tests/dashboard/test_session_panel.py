"""Saving and opening a session in the app, without a browser."""

import ast
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from attnviz import open_picture, zoo
from attnviz.regions import Region
from dashboard import session_file, state
from dashboard.checks import Choice
from dashboard.session_file import KeptNetwork, KeptPicture
from tests.dashboard.conftest import photograph

COFFEE = "coffee"
MEADOW = "meadow.png"
ONE = ["vit"]


def square(contents: bytes) -> Region:
    inside = np.zeros(open_picture(contents).hw, dtype=bool)
    inside[40:80, 45:90] = True
    return Region("square", inside)


def meadow(contents: bytes, *, with_region: bool = True) -> KeptPicture:
    picture = open_picture(contents, name=MEADOW)
    return KeptPicture(picture.sha256[:16], picture, (square(contents),) if with_region else (), contents)


def open_session(app: AppTest, contents: bytes, name: str = "mine.zip") -> None:
    app.session_state[state.SESSION_MENU] = True
    app.run()
    app.file_uploader(key=state.SESSION_FILE).upload(name, contents, "application/zip").run()
    assert not app.exception


def said(app: AppTest) -> str:
    boxes = [*app.sidebar.success, *app.sidebar.warning, *app.sidebar.error]
    return " ".join(one.value for one in boxes).replace("\\", "")


@pytest.fixture
def small(app: AppTest) -> AppTest:
    """The app with one network on the second sample, which has no region."""
    app.query_params["networks"] = zoo.cards()["vit"].title
    app.query_params["picture"] = "A cup of espresso"
    return app.run()


class TestOpening:
    def test_choices_come_back_in_widgets_that_were_drawn_before(self, small: AppTest) -> None:
        file = session_file.write({state.STYLE: "spotlight", state.OPACITY: 0.25, state.PICTURE: "rocket"}, [], [])
        open_session(small, file)
        assert small.segmented_control(key=state.STYLE).value == "spotlight"
        assert small.slider(key=state.OPACITY).value == 0.25
        assert small.selectbox(key=state.PICTURE).value == "rocket"
        assert "mine.zip is open" in said(small)

    def test_choices_of_a_page_come_back_when_it_is_opened_later(self, app: AppTest) -> None:
        app.query_params["networks"] = zoo.cards()["vit"].title
        app.switch_page("views/networks.py").run()
        open_session(app, session_file.write({state.STYLE: "spotlight", state.OPACITY: 0.25}, [], []))
        app.switch_page("views/compare.py").run()
        assert app.segmented_control(key=state.STYLE).value == "spotlight"
        assert app.slider(key=state.OPACITY).value == 0.25

    def test_a_picture_in_the_file_is_shown_with_its_regions(self, small: AppTest, photo: bytes) -> None:
        kept = meadow(photo)
        file = session_file.write({state.PICTURE: kept.id}, [kept], [], with_pictures=True)
        open_session(small, file)
        assert small.selectbox(key=state.PICTURE).value == kept.id
        small.switch_page("views/focus.py").run()
        assert not small.exception
        (made,) = small.session_state[state.REGION_LISTS][kept.id].told
        assert made.name == "square"
        assert (made.fixed.mask_hw == square(photo).mask_hw).all()

    def test_a_missing_picture_is_named_and_its_regions_wait_for_it(self, small: AppTest, photo: bytes) -> None:
        file = session_file.write({state.STYLE: "spotlight"}, [meadow(photo)], [])
        open_session(small, file)
        assert f"{MEADOW} is not here" in said(small)
        assert small.selectbox(key=state.PICTURE).value == COFFEE
        small.file_uploader(key=state.UPLOADS).upload("other name.png", photo, "image/png").run()
        assert not small.exception
        entry_id = open_picture(photo).sha256[:16]
        assert [told.name for told in small.session_state[state.REGION_LISTS][entry_id].told] == ["square"]
        assert "its regions are back" in said(small)

    def test_another_picture_of_the_same_name_does_not_get_the_regions(self, small: AppTest, photo: bytes) -> None:
        small.file_uploader(key=state.UPLOADS).upload(MEADOW, photograph(seed=5), "image/png").run()
        open_session(small, session_file.write({}, [meadow(photo)], []))
        assert f"{MEADOW} is here with another content" in said(small)

    def test_networks_that_are_missing_or_others_are_named(self, small: AppTest) -> None:
        networks = [
            KeptNetwork("vit", "ViT", "0" * 64, True),
            KeptNetwork("mine 1234", "Mine", "ab" * 32, False),
            KeptNetwork("lost", "Lost", "cd" * 32, True),
        ]
        open_session(small, session_file.write({state.NETWORKS: ["vit", "mine 1234", "lost"]}, [], networks))
        assert small.pills(key=state.NETWORKS).value == ONE
        assert "ViT has other weights here" in said(small)
        assert "Mine is not here. Add it on the page Networks (its file's sha256 begins with abababababab)" in said(
            small
        )
        assert "Lost does not come along" in said(small)

    def test_a_class_that_no_network_here_knows_does_no_harm(self, small: AppTest) -> None:
        open_session(small, session_file.write({state.TARGET: "unicorn"}, [], []))
        assert not small.error

    @pytest.mark.parametrize("kind", ["foreign", "wrong value", "damaged regions", "too many regions"])
    def test_a_bad_file_changes_nothing(self, small: AppTest, photo: bytes, kind: str) -> None:
        small.segmented_control(key=state.STYLE).set_value("spotlight").run()
        small.file_uploader(key=state.UPLOADS).upload("first.png", photograph(seed=3), "image/png").run()
        before = small.session_state[state.PICTURE]
        good = session_file.write({state.STYLE: "heat", state.PICTURE: COFFEE}, [meadow(photo)], [], with_pictures=True)
        files = {
            "foreign": photo,
            "wrong value": session_file.write({state.STYLE: "neon", state.PICTURE: COFFEE}, [], []),
            "damaged regions": _with_regions(good, b"no zip"),
            "too many regions": session_file.write(
                {state.STYLE: "heat"}, [_with_many_regions(photo, 9)], [], with_pictures=True
            ),
        }
        open_session(small, files[kind])
        assert len(small.sidebar.error) == 1
        assert said(small).endswith("Nothing was changed.")
        assert small.session_state[state.PICTURE] == before
        assert small.segmented_control(key=state.STYLE).value == "spotlight"
        assert state.OPENED_PICTURES not in small.session_state


def _with_regions(contents: bytes, regions: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(contents)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, regions if name.startswith("regions") else old.read(name))
    return file.getvalue()


def _with_many_regions(contents: bytes, count: int) -> KeptPicture:
    picture = open_picture(contents, name=MEADOW)
    rows = []
    for number in range(count):
        inside = np.zeros(picture.hw, dtype=bool)
        inside[number] = True
        rows.append(Region(f"row {number}", inside))
    return KeptPicture(picture.sha256[:16], picture, tuple(rows), contents)


class TestSaving:
    def test_what_was_chosen_is_in_the_file_and_comes_back_in_a_new_session(
        self, small: AppTest, photo: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        small.segmented_control(key=state.STYLE).set_value("spotlight").run()
        small.slider(key=state.OPACITY).set_value(0.4).run()
        small.file_uploader(key=state.UPLOADS).upload(MEADOW, photo, "image/png").run()
        small.switch_page("views/networks.py").run()
        small.session_state[state.SESSION_MENU] = True
        written: list[bytes] = []
        original = session_file.write

        def noted(*args: object, **named: object) -> bytes:
            written.append(original(*args, **named))
            return written[-1]

        monkeypatch.setattr(session_file, "write", noted)
        _press_download_when_drawn(monkeypatch)
        small.run()
        session = session_file.read(written[-1], "mine.zip")
        assert session.choices[state.STYLE] == "spotlight"
        assert session.choices[state.OPACITY] == 0.4
        assert session.choices[state.NETWORKS] == ONE
        assert session.choices[state.PICTURE] == open_picture(photo).sha256[:16]
        assert [one.name for one in session.networks] == ONE
        assert [one.name for one in session.pictures] == [MEADOW]


def _press_download_when_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest cannot press a download button: make its file as soon as it is drawn."""
    monkeypatch.setattr(streamlit, "download_button", lambda _label, data, *_args, **_named: data())


@pytest.mark.parametrize("choice", state.CHOICES, ids=lambda choice: choice.key)
def test_a_declared_choice_survives_the_way_to_another_page_and_back(choice: Choice) -> None:
    """Read from the code: the widget of each declared key is bound to the address or persists in the session."""
    key = next(name for name, value in vars(state).items() if isinstance(value, str) and value == choice.key)
    folder = Path(state.__file__).parent
    calls = [text for file in folder.rglob("*.py") for text in _calls_with(file.read_text("utf-8"), f"key=state.{key}")]
    for call in calls:
        assert 'bind="query-params"' in call or 'persist_state="session"' in call, f"{choice.key}: {call[:80]}"
        if choice.linked:
            assert 'bind="query-params"' in call


def _calls_with(source: str, part: str) -> list[str]:
    return [
        text
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and any(isinstance(one, ast.keyword) and ast.unparse(one) == part for one in node.keywords)
        for text in [ast.unparse(node).replace("'", '"')]
    ]


def test_the_files_json_can_be_read_by_a_person(photo: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(session_file.write({state.STYLE: "heat"}, [meadow(photo)], []))) as archive:
        told = json.loads(archive.read("session.json"))
    assert told["choices"] == {"style": "heat"}
    assert told["pictures"][0]["name"] == MEADOW
