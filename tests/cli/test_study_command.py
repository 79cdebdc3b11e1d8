"""`attnviz study`: a folder in, tables and figures out."""

import json
from pathlib import Path

import pytest

from attnviz.cli import main, study_command
from tests.study.studying import folder_of, mask

OPTIONS = ["--model", "se_resnet", "--model", "resnet_plain", "--format", "png", "--dpi", "50"]


def test_a_folder_becomes_tables_and_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = folder_of(tmp_path / "pictures"), tmp_path / "out"
    assert main(["study", str(folder), *OPTIONS, "--map", "activation", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    assert printed.out.count("| left half | SE-ResNet |") == 1
    assert "| left half | SE-ResNet − ResNet | 2 |" in printed.out
    assert printed.err.splitlines()[:2] == ["a.png", "b.png"]
    assert {path.name for path in out.iterdir()} == {
        "pictures",
        "study.json",
        "scores.csv",
        "summary.csv",
        "differences.csv",
        "failed.csv",
        "shares.png",
        "lifts.png",
    }
    assert main(["study", str(folder), *OPTIONS, "--map", "activation", "--out", str(out), "--json", "--quiet"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    told = json.loads(printed.out)
    assert [row["network"] for row in told["summary"]] == ["SE-ResNet", "ResNet", "uniform", "centred Gaussian"]
    assert main(["study", str(folder), *OPTIONS, "--out", str(out)]) == 2
    assert "map 'activation'; got 'gradcam'" in capsys.readouterr().err


def test_more_bars_than_can_be_read_are_a_figure_for_each_region(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two networks and two regions are four bars."""
    folder = folder_of(tmp_path / "pictures", 1)
    mask(folder / "a.mask.png")
    words = ["study", str(folder), *OPTIONS, "--map", "activation", "--out", str(tmp_path / "out"), "--quiet"]
    for most, names in ((4, {"shares.png", "lifts.png"}), (3, {"shares-object.png", "lifts-left-half.png"})):
        monkeypatch.setattr(study_command, "MOST_ROWS", most)
        assert main(words) == 0
        assert names <= {path.name for path in (tmp_path / "out").iterdir()}


def test_failures_are_named_and_give_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of(tmp_path / "pictures", 1)
    (folder / "broken.jpg").write_text("no picture")
    assert main(["study", str(folder), *OPTIONS, "--map", "activation", "--out", str(tmp_path / "out"), "--quiet"]) == 1
    printed = capsys.readouterr()
    assert "| left half | ResNet | 1 |" in printed.out
    head, sentence = printed.err.splitlines()
    assert head.startswith("1 picture could not be measured")
    assert sentence.startswith("broken.jpg: the file must be JPEG")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--boxes", "nowhere.csv"], "nowhere.csv"),
        (["--map", "activation", "--class", "goose"], "Leave the class out"),
        (["--format", "gif"], "format 'gif'"),
        (["--dpi", "9"], "--dpi must be in 50..600"),
        (["--model", "vitt"], "nearest: 'vit'"),
        (["--map", "own", "--point", "40,60"], "--point must be a share of every picture"),
        (["--map", "own", "--point", "40%,100%"], "--point must be a share of every picture"),
        (["--map", "own", "--point", "middle"], "--point middle must have 2 numbers"),
        (["--point", "40%,60%"], "a point must be given to a map that looks from one"),
        (["--out", "/"], "which holds something else"),
        (["--out", "nowhere/out"], "the folder around the study's must exist"),
    ],
)
def test_a_mistake_gets_one_sentence_and_status_2(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(tmp_path / "pictures", 1)
    assert main(["study", str(folder), "--model", "resnet_plain", "--out", str(tmp_path / "out"), *options]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert (printed.out, len(printed.err.splitlines())) == ("", 1)
    assert not (tmp_path / "out").exists()


def test_a_point_is_the_same_share_of_every_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = folder_of(tmp_path / "pictures", 1), tmp_path / "out"
    words = ["study", str(folder), "--model", "aa_resnet", "--map", "own", "--format", "png", "--dpi", "50", "--quiet"]
    assert main([*words, "--point", "25%,75%", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["map"] == "Own attention from 25 % across, 75 % down"
    assert json.loads((out / "study.json").read_text("utf-8"))["point"] == [0.75, 0.25]  # down, across
