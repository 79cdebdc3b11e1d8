"""What every command refuses: one sentence, exit status 2, nothing on stdout, and before a network is asked."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from attnviz import comparing
from attnviz.cli import main
from attnviz.models import build

MODEL = ["--model", "se_resnet"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a picture, a mask, and files that are none."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)).save("p.png")
    Path("empty.jpg").touch()
    Path("text.jpg").write_text("hello")
    Path("folder.jpg").mkdir()
    return tmp_path


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "traced", lambda *_: pytest.fail("a network was asked"))
    monkeypatch.setattr(comparing, "loaded_networks", lambda *_: pytest.fail("a network was loaded"))


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    status = main(words)
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    (sentence,) = printed.err.splitlines()
    return sentence


@pytest.mark.usefixtures("folder", "nothing_runs")
@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        ("nowhere.jpg", "got nowhere.jpg: No such file"),
        ("folder.jpg", "got folder.jpg: Is a directory"),
        ("empty.jpg", "empty.jpg: the file must hold a picture; got an empty file"),
        ("text.jpg", "text.jpg: the file must be JPEG, PNG"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        ["compare", "--out", "out"],
        ["focus", "--region", "dog=box:1,1,5,5"],
        ["whatif"],
        ["layers"],
        ["query", "--at", "1,1"],
    ],
)
def test_pictures_that_are_none(
    command: list[str], picture: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in refused([command[0], picture, *command[1:], *MODEL], capsys)


@pytest.mark.usefixtures("folder", "nothing_runs")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["focus", "--region", "d=nowhere.png"],
            "d=nowhere.png must name a file; got nowhere.png, which is none",
        ),
        (["focus", "--region", "d=folder.jpg"], "got folder.jpg, which is a folder"),
        (["focus", "--regions", "nowhere.zip"], "--regions nowhere.zip must name a file"),
        (["focus", "--region", "d=box:100,100,5,5"], "inside the picture"),
        (
            ["focus", "--region", "d=box:1,1,5,5", "--region", "D=box:2,2,5,5"],
            "different names; got 'D' twice",
        ),
        (["whatif", "--region", "d=box:1,1,5,5", "--region", "d=box:2,2,5,5"], "must have different names"),
        (["whatif", "--controls", "-1"], "controls must be 0 to 1000; got -1"),
        (["compare", "--whatif", "--controls", "1001", "--out", "out"], "controls must be 0 to 1000; got 1001"),
        (["compare", "--whatif", "--seed", "-1", "--out", "out"], "seed must be 0 or more"),
        (["compare", "--out", "x" * 300], "File name too long"),
        (["compare", "--out", "p.png", "--force"], "the folder must not be a file"),
        (["query", "--at", "60,1"], "the point must lie in the picture, 60 wide and 40 high"),
    ],
)
def test_what_can_be_known_beforehand(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sentence in refused([words[0], "p.png", *words[1:], *MODEL], capsys)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rebuild", "nowhere.json"], "got nowhere.json, which is not there"),
        (["rebuild", "folder.jpg"], "manifest.json, which is not there"),
        (["rebuild", "p.png"], "got p.png, which is none, or is damaged"),
        (["rebuild", "nowhere.json", "--out", "folder.jpg"], "the folder must not exist yet; got folder.jpg"),
        (["models", "--download", "vit"], "got 'vit', which is bundled"),
        (["train", "vit", "--threads", "0"], "--threads must be at least 1; got 0"),
        (["train", "--evaluate", "--data", "p.png"], "p.png: Not a directory"),
        (["checkpoint", "folder.jpg", "--json"], "folder.jpg"),
    ],
)
def test_other_commands(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sentence in refused(words, capsys)


@pytest.mark.usefixtures("folder")
def test_a_disk_that_fails_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from attnviz.cli import asked

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "out")

    monkeypatch.setattr(asked, "models_of", full)
    sentence = refused(["query", "p.png", "--at", "1,1"], capsys)
    assert sentence == "what was asked cannot be done with out: No space left on device."


def test_a_checkpoint_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = build("vit", 2).state_dict()
    torch.save(state, tmp_path / "net.pt")
    words = ["checkpoint", str(tmp_path / "net.pt"), "--architecture", "vit", "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["complete"], told["share"], told["missing"]) == (True, 1.0, [])
    assert len(told["network"]["classes"]) == 2
    assert told["network"]["parameters"] == sum(one.numel() for one in build("vit", 2).parameters())
    del state["head.bias"]
    torch.save(state, tmp_path / "net.pt")
    assert main(words) == 2
    told = json.loads(capsys.readouterr().out)  # what does not fit, so that a program knows why
    assert (told["complete"], told["missing"], told["network"]) == (False, ["head.bias"], None)


def test_tables_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from attnviz import tables

    some = tables.rows()[:2]
    monkeypatch.setattr(tables, "rows", lambda: some)
    assert main(["tables", "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)["rows"]
    assert [one["network"] for one in told] == [row.network for row in some]
    for one, row in zip(told, some, strict=True):
        assert one["parameters"] == sum(tensor.numel() for tensor in row.build().parameters())
        assert one["printed_million_parameters"] == (row.parameters and row.parameters.printed)
        assert one["wrong"] == []
    assert printed.err.splitlines() == [f"{row.table}: {row.network}" for row in some]


@pytest.mark.usefixtures("folder")
def test_ctrl_c_leaves_no_files_and_one_word(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 130 is what shells give a program that Ctrl+C ended."""
    before = sorted(path.name for path in folder.iterdir())

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    module = sys.modules["attnviz.export.bundle"]  # `attnviz.export.bundle` is its function
    monkeypatch.setattr(module, "_figure", stopped)  # in the middle of the writing
    words = ["compare", "p.png", *MODEL, "--out", "out", "--quiet", "--json"]
    assert main(words) == 130
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "stopped\n")
    assert sorted(path.name for path in folder.iterdir()) == before
