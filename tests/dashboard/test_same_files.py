"""The page's downloads and the files of the command line are the same bytes for the same choices."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from attnviz.cli import main
from dashboard import state

Downloads = dict[str, Callable[[], bytes]]


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> Downloads:
    """What makes each download of the page that ran last, by the file's name."""
    made: Downloads = {}

    def button(label: str, data: Callable[[], bytes], file_name: str, *args: object, **options: object) -> bool:
        made[file_name] = data
        return False

    monkeypatch.setattr(streamlit, "download_button", button)
    return made


def commanded(tmp_path: Path, *options: str) -> dict[str, bytes]:
    """The files that the command line writes."""
    assert main(["compare", "chelsea", *options, "--out", str(tmp_path / "talk"), "--quiet"]) == 0
    folder = tmp_path / "talk"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_the_first_page_shows(app: AppTest, downloads: Downloads, tmp_path: Path) -> None:
    app.session_state[state.NETWORKS] = ["se_resnet", "vit"]
    app.run()
    assert not app.exception
    files = commanded(tmp_path, "--model", "se_resnet", "--model", "vit")
    assert downloads["chelsea-attention.png"]() == files["chelsea-attention.png"]
    assert downloads["chelsea-attention.csv"]() == files["scores.csv"]

    next(one for one in app.button if one.label == "Add to talk").click().run()
    app.switch_page("views/export.py").run()
    assert not app.exception
    app.button(key="make_talk_zip").click().run()
    assert not app.exception
    _, packed = app.session_state[f"{state.TALK_FILES}_talk_zip"]
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_choices_that_are_not_the_usual_ones(app: AppTest, downloads: Downloads, tmp_path: Path) -> None:
    app.session_state[state.NETWORKS] = ["cbam_resnet", "aa_resnet"]
    for key, choice in (
        (state.MAP_KIND, "own"),
        (state.GAZE, "point"),
        (state.POINT_X, 40),
        (state.POINT_Y, 55),
        (state.STYLE, "spotlight"),
        (state.GRID, "smooth"),
        (state.SCALE, "rank"),
        (state.OPACITY, 0.6),
    ):
        app.session_state[key] = choice
    app.run()
    assert not app.exception
    options = "--map own --point 40%,55% --style spotlight --grid smooth --scale rank --opacity 0.6 --format png"
    files = commanded(tmp_path, "--model", "cbam_resnet", "--model", "aa_resnet", *options.split())
    assert downloads["chelsea-attention.csv"]() == files["scores.csv"]
    assert downloads["chelsea-attention.png"]() == files["chelsea-attention.png"]
    app.switch_page("views/export.py").run()
    assert not app.exception
    assert downloads["chelsea-maps.npz"]() == files["maps.npz"]
