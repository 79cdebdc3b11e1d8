"""Lessons in a session file: edited tables and moved sliders come back, and a bad one changes nothing."""

import ast
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from dashboard import learn, session_file, state
from dashboard.learn import editor
from tests.dashboard.test_learn import alts, edited, page
from tests.dashboard.test_session_panel import open_session, said

WIDGETS = {"segmented_control", "slider", "select_slider", "selectbox", "toggle"}
TEA_LIKE = "tea_x_0"


def saved(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The session's file, made on another page than that of the lessons."""
    written: list[bytes] = []
    with monkeypatch.context() as patch:
        patch.setattr(streamlit, "download_button", lambda _label, data, *_, **__: written.append(data()))
        app.switch_page("views/networks.py")
        app.session_state[state.SESSION_MENU] = True
        app.run()
    assert not app.exception
    return written[0]


def test_what_was_edited_and_moved_comes_back_in_a_new_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """X of I becomes [0, 0, 0, 1], so its query is zero and gives every word a third; the windows are of 3 cells."""
    first = edited(page("Self-attention"), TEA_LIKE, 0, "2", 0)
    first.toggle(key="tea_scaled").set_value(False).run()
    tea = alts(first)
    assert "I gives 33% to I, 33% to love, 33% to tea" in tea[0]
    first.session_state[state.LESSON] = "Shifted windows"
    first.run()
    first.slider(key="swin_window").set_value(3).run()
    first.slider(key="swin_shift_3").set_value(2).run()
    windows = alts(first)

    second = page("Shifted windows")
    assert alts(second) != windows
    open_session(second, saved(first, monkeypatch))
    assert "mine.zip is open" in said(second)
    assert second.slider(key="swin_window").value == 3
    assert second.slider(key="swin_shift_3").value == 2
    assert alts(second) == windows
    second.session_state[state.LESSON] = "Self-attention"
    second.run()
    assert not second.exception
    assert second.toggle(key="tea_scaled").value is False
    assert alts(second) == tea


def test_an_edit_that_the_file_does_not_have_is_gone() -> None:
    app = edited(page("Self-attention"), TEA_LIKE, 0, "2", 0)
    open_session(app, session_file.write({}, [], [], {}))
    assert "I gives 39% to I" in alts(app)[0]


def test_a_file_of_a_version_that_kept_no_lessons_leaves_them_alone() -> None:
    app = edited(page("Self-attention"), TEA_LIKE, 0, "2", 0)
    open_session(app, _changed(session_file.write({}, [], []), lambda told: told.pop("lessons")))
    assert "mine.zip is open" in said(app)
    assert "I gives 33% to I" in alts(app)[0]


@pytest.mark.parametrize(
    "rows",
    [
        [[1.0, "tea"]],
        [[1.0, 101.0]],
        [[1.0, float("nan")]],
        [[1.0], [1.0, 2.0]],
        [[True]],
        [[]],
        [],
        "tea",
        [[1.0] * 65],
        [1.0],
    ],
)
def test_a_bad_table_changes_nothing(rows: object) -> None:
    file = _changed(session_file.write({}, [], []), lambda told: told["lessons"].update({TEA_LIKE: rows}))
    with pytest.raises(session_file.SessionFileError, match=f"its table '{TEA_LIKE}' must be .*Nothing was changed"):
        session_file.read(file, "bad.zip")


def test_a_table_of_another_shape_and_a_slider_beyond_its_end_do_no_harm() -> None:
    app = page("Self-attention")
    choices = {state.LESSON: "Shifted windows", "swin_window": 9999, "swin_layers": "none such", "tea_start": "mine"}
    open_session(app, session_file.write(choices, [], [], {TEA_LIKE: [[1.0]]}))
    assert not app.error
    assert app.slider(key="swin_window").value == 4  # what it starts with
    app.session_state[state.LESSON] = "Self-attention"
    app.run()
    assert not app.exception
    assert "I gives 39% to I" in alts(app)[0]


def _changed(contents: bytes, change) -> bytes:  # type: ignore[no-untyped-def]
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(contents)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "session.json":
                told = json.loads(part)
                change(told)
                part = json.dumps(told).encode()
            new.writestr(name, part)
    return file.getvalue()


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(Path(learn.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield file.name, node


def _begin(key: ast.expr) -> str:
    """A key, or the part of it that is always the same."""
    if isinstance(key, ast.JoinedStr):
        key = key.values[0]
    assert isinstance(key, ast.Constant)
    return str(key.value)


def test_every_control_of_a_lesson_is_kept() -> None:
    """Read from the code: each persists, drops what it does not offer, and is declared with a check."""
    count = 0
    for file, call in _calls():
        if call.func.attr not in WIDGETS:  # type: ignore[attr-defined]
            continue
        count += 1
        named = {one.arg: one.value for one in call.keywords}
        text = f"{file}: {ast.unparse(call)[:80]}"
        assert ast.unparse(named.get("persist_state", ast.Constant(None))) == "'session'", text
        key = named["key"]
        assert isinstance(key, ast.Call), text
        assert ast.unparse(key.func) == "fitting", text
        begin = _begin(key.args[0])
        whole = isinstance(key.args[0], ast.Constant)
        assert state.choice_of(begin if whole else f"{begin}7") is not None, text
    assert count >= 25


def test_no_table_is_taken_for_a_control() -> None:
    """A session file could otherwise put a number where Streamlit keeps the edits of a table."""
    tables = [
        _begin(call.args[0])
        for file, call in _calls()
        if ast.unparse(call.func) == "editor.numbers" and not isinstance(call.args[0], ast.Name | ast.Subscript)
    ]
    assert len(tables) >= 8
    assert [key for key in tables if state.choice_of(f"{key}7") is not None] == []
    assert state.choice_of(editor._GOOD + TEA_LIKE) is None
