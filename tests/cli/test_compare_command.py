"""`attnviz compare` and its neighbours: files, numbers on stdout, one sentence for what cannot be."""

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pptx import Presentation

from attnviz import comparing
from attnviz.cli import main
from attnviz.focus import BASELINES, SCORES
from attnviz.models import build
from attnviz.regions import Region

BOX = "dog=box:20,10,30,20"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """60 high, 90 wide: noise with a bright box at x 20, y 10."""
    pixels = np.random.default_rng(0).integers(0, 90, (60, 90, 3), dtype=np.uint8)
    pixels[10:30, 20:50] = 240
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "loaded_networks", lambda *_: pytest.fail("a network was loaded"))


def test_one_picture_becomes_figures_maps_and_scores(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "talk"
    options = ["--model", "se_resnet", "--region", BOX, "--format", "png", "--dpi", "50", "--size", "4:3"]
    assert main(["compare", str(photo), *options, "--out", str(out), "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert told["out"] == str(out)
    assert {path.name for path in out.iterdir()} == {
        "photo-attention.png",
        "maps.npz",
        "scores.csv",
        "manifest.json",
        "rebuild.sh",
    }
    assert Image.open(out / "photo-attention.png").size == (500, 375)  # 10 x 7.5 inches, 50 dots each
    (row,) = csv.DictReader(io.StringIO((out / "scores.csv").read_text("utf-8")))
    (network,) = told["comparisons"][0]["networks"]
    (score,) = network["scores"]
    assert score["area"] == pytest.approx(30 * 20 / (90 * 60))
    assert float(row["share"]) == score["share"]
    assert row["network"] == network["network"]
    # stdout holds the result alone; what is being done goes to stderr
    assert "photo.png: SE-ResNet" in printed.err.splitlines()
    assert "writing the files" in printed.err.splitlines()

    assert main(["rebuild", str(out / "manifest.json"), "--picture", str(photo), "--quiet"]) == 0
    printed = capsys.readouterr()
    assert "maps.npz is the same bit for bit, scores.csv byte for byte." in printed.out
    assert printed.err == ""


def test_two_pictures_of_one_name_are_two_figures(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / "photo.png"
    Image.open(photo).rotate(180).save(other)
    out = tmp_path / "talk"
    options = ["--model", "resnet_plain", "--format", "png", "--dpi", "50", "--zip", "--out", str(out)]
    assert main(["compare", str(photo), str(other), *options]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == f"{out}.zip"
    names = zipfile.ZipFile(f"{out}.zip").namelist()
    assert {"photo-attention.png", "photo-attention-2.png"} <= set(names)
    # both in one figure, whose maps are written once, so that all is made again bit for bit
    assert {"all-pictures-attention.png", "all-pictures-attention.csv"} <= set(names)
    assert comparing.rebuild(f"{out}.zip", [photo, other]).same


def test_focus_prints_what_the_library_scores(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["focus", str(photo), "--model", "resnet_plain", "--region", BOX, "--json", "--quiet"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    told = json.loads(printed.out)
    comparison = comparing.compare(photo, "resnet_plain", regions=Region.from_box("dog", (10, 20, 30, 50), (60, 90)))
    focus = comparison.panels[0].focus
    assert focus is not None
    assert told["scores"]["dog"]["ResNet"]["value"] == focus.value
    assert told["finding"] == comparison.heading


@pytest.mark.parametrize("score", ["pointing", "entropy"])
def test_focus_draws_and_writes_any_score(
    score: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "focus"
    options = ["--model", "resnet_plain", "--region", BOX, "--score", score, "--format", "png", "--dpi", "50"]
    assert main(["focus", str(photo), *options, "--out", str(out), "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)["scores"]["dog"]["ResNet"]
    rows = list(csv.DictReader(io.StringIO((out / "photo-focus.csv").read_text("utf-8"))))
    assert [row["network"] for row in rows] == ["ResNet", *BASELINES]
    assert float(rows[0]["value"]) == told["value"]
    assert float(rows[0]["baseline: edge map"]) == told["baseline: edge map"]
    (figure,) = json.loads((out / "manifest.json").read_text("utf-8"))["figures"]
    assert (figure["score"], told["unit"]) == (score, SCORES[score].unit)
    assert (out / "photo-focus.png").is_file()


def test_shares_of_the_picture_are_written_with_a_percent_sign(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of 90 x 60 pixels, 20% and 25% from the corner are x 18 and y 15, 50% and 40% of it are 45 x 24 pixels."""
    out = tmp_path / "talk"
    options = ["--model", "se_resnet", "--region", "dog=box:20%,25%,50%,40%", "--format", "png", "--dpi", "50"]
    assert main(["compare", str(photo), *options, "--out", str(out), "--quiet"]) == 0
    (figure,) = json.loads((out / "manifest.json").read_text("utf-8"))["figures"]
    assert figure["request"]["regions"] == [{"name": "dog", "box_xywh": [18, 15, 45, 24]}]
    assert main(["rebuild", str(out / "manifest.json"), "--picture", str(photo), "--quiet"]) == 0
    assert "maps.npz is the same bit for bit, scores.csv byte for byte." in capsys.readouterr().out


@pytest.mark.parametrize(("command", "option"), [("compare", "--region"), ("compare", "--point"), ("query", "--at")])
def test_the_help_tells_of_shares(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = capsys.readouterr().out.partition("options:")[2].partition(f"  {option} ")[2].partition("  --")[0]
    assert "%," in told


def test_layers_and_query_print_rows(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", str(photo), "--model", "se_resnet", "--json", "--quiet"]) == 0
    (walk,) = json.loads(capsys.readouterr().out)["figures"]
    assert [row["mechanism"] for row in walk["rows"]] == ["SE"] * len(walk["rows"])
    assert main(["query", str(photo), "--at", "50%,50%", "--model", "vit", "--json", "--quiet"]) == 0
    (panel,) = json.loads(capsys.readouterr().out)["figures"]
    (row,) = panel["rows"]
    assert (row["network"], row["kind"]) == ("ViT", "self-attention")


def test_a_point_that_is_none_is_told_with_its_own_option(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", str(photo), "--at", "x"]) == 2
    assert capsys.readouterr().err.startswith("--at x must have 2 numbers")


def test_whatif_has_a_row_for_each_change(photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--model", "se_resnet", "--region", BOX, "--controls", "1", "--map", "own", "--class", "goose"]
    assert main(["whatif", str(photo), *options, "--json", "--quiet"]) == 0
    (table,) = json.loads(capsys.readouterr().out)["networks"]
    assert table["rows"][0]["change"] == "as it is"
    assert {row["class"] for row in table["rows"]} == {"goose"}
    assert {"all gates off", "dog blurred"} <= {row["change"] for row in table["rows"]}


def test_a_comparison_takes_its_what_ifs_along(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same table as `whatif` prints, a figure of it, a slide with a native chart; rebuild is not led astray."""
    what = [str(photo), "--model", "se_resnet", "--region", BOX, "--controls", "1", "--json", "--quiet"]
    assert main(["whatif", *what]) == 0
    (alone,) = json.loads(capsys.readouterr().out)["networks"]
    out = tmp_path / "talk"
    assert main(["compare", *what, "--whatif", "--pptx", "--format", "png", "--dpi", "50", "--out", str(out)]) == 0
    (told,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert told["what_ifs"] == [alone]
    assert {"photo-attention.png", "photo-what-if-se-resnet.png", "photo-what-if-se-resnet.csv"} <= {
        path.name for path in out.iterdir()
    }
    slides = Presentation(str(out / "talk.pptx")).slides
    (shown,) = [slide for slide in slides if slide.shapes.title.text.startswith(alone["finding"][:40])]
    assert any(shape.has_chart for shape in shown.shapes)
    assert main(["rebuild", str(out), "--picture", str(photo), "--quiet"]) == 0


@pytest.mark.parametrize(
    ("command", "figure"),
    [
        (["focus", "--region", BOX], "photo-focus"),
        (["whatif", "--region", BOX, "--controls", "0"], "photo-what-if-se-resnet"),
        (["layers"], "photo-layers-of-se-resnet"),
        (["query", "--at", "1,2"], "photo-point-1-2"),
    ],
)
def test_every_command_can_write_its_figure(
    command: list[str], figure: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = [command[0], str(photo), *command[1:], "--model", "se_resnet", "--quiet"]
    assert main([*words, "--out", str(out), "--format", "png", "--dpi", "50"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out)
    assert {f"{figure}.png", f"{figure}.csv", "manifest.json"} <= {path.name for path in out.iterdir()}


@pytest.mark.parametrize("option", ["--zip", "--pptx", "--force", "--with-picture"])
def test_options_of_files_need_a_place_for_them(option: str, photo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", str(photo), option]) == 2
    assert "--out must be given" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_runs")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--region", "dog"], "--region must be NAME=box:x,y,w,h or NAME=mask.png; got 'dog'"),
        (["--region", "dog=box:1,2,3"], "must have 4 numbers"),
        (["--region", "dog=box:1,2,3,x"], "must have 4 numbers"),
        (["--region", "dog=box:1,2,inf,3"], "finite"),
        (["--region", "dog=box:1,2,-3,4"], "a width and a height above 0"),
        # shares that were meant as shares: 0.8 x 0.9 pixels, where 0.3 would hold one pixel's centre
        (["--region", "dog=box:0.12,0.05,0.8,0.9"], "12%,5%,80%,90%"),
        (["--region", "dog=box:10,10,20,0.9"], "at least one pixel wide and high; got 20 x 0.9 pixels"),
        (["--region", "dog=nowhere.png"], "nowhere.png"),
        (["--point", "90,10", "--map", "own"], "the point must lie in the picture, 90 wide and 60 high"),
        (["--point", "region", "--map", "own"], "--point region must have a region"),
        (["--format", "gif"], "format 'gif'"),
        (["--format", ","], "at least one of png, svg, pdf"),
        (["--dpi", "9"], "--dpi must be in 50..600"),
        (["--out", "{folder}"], "which exists"),
        (["--out", ".", "--zip"], "--out must name a new folder"),
        (["--out", "/"], "--out must name a new folder"),
        (["--out", "{folder}/no/where"], "the folder of --out must exist"),
        (["--out", "{folder}", "--force"], "which has no manifest of an export"),
        (["--template", "{folder}/missing.pptx", "--pptx"], "the template must be a PowerPoint file"),
        (["--template", "{folder}/photo.png", "--pptx"], "the template must be a .pptx or .potx file"),
        (["--template", "{folder}/photo.png"], "--template must go with --pptx"),
    ],
)
def test_a_mistake_gets_one_sentence_and_status_2(
    options: list[str], sentence: str, photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [option.format(folder=tmp_path) for option in options]
    status = main(["compare", str(photo), "--out", str(tmp_path / "talk"), *asked])
    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert sentence in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not (tmp_path / "talk").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["compare"], "the following arguments are required"),
        (["compare", "x.png", "--out", "y", "--map", "loud"], "invalid choice: 'loud'"),
        (["paint"], "invalid choice: 'paint'"),
        ([], "required: COMMAND"),
    ],
)
def test_what_the_parser_refuses_is_one_sentence_too(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert sentence in printed.err
    assert "--help" in printed.err
    assert len(printed.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("picture", "sentence"), [("nowhere.jpg", "nowhere.jpg"), ("{folder}/text.jpg", "something else, or a damaged")]
)
def test_a_file_that_is_no_picture(
    picture: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.jpg").write_text("not a picture")
    assert main(["compare", picture.format(folder=tmp_path), "--out", str(tmp_path / "talk")]) == 2
    assert sentence in capsys.readouterr().err


def test_an_unknown_network_gets_the_nearest(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(photo), "--model", "vitt", "--out", str(tmp_path / "talk")]) == 2
    assert "nearest: 'vit'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "near"),
    [("ResNet50", "'resnet50'"), ("swin_tny", "'swin_t'"), ("deit", "'deit_tiny_patch16_224.fb_in1k'")],
)
def test_an_unknown_network_gets_the_nearest_pretrained_ones_too(
    name: str, near: str, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["focus", str(photo), "--model", name, "--region", BOX]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"network '{name}' is neither bundled nor pretrained")
    assert near in sentence.partition("nearest pretrained: ")[2].partition(". Bundled: ")[0]
    assert "cbam_resnet" in sentence.partition(". Bundled: ")[2]
    assert "`python -m attnviz models` lists all." in sentence


def test_a_checkpoint_is_named_by_its_file(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of tensors is recognised, asked beside a bundled network, and taken again by rebuild."""
    file, out = tmp_path / "mine.pt", tmp_path / "out"
    torch.save(build("vit", 3).state_dict(), file)
    options = ["--model", str(file), "--model", "resnet_plain", "--format", "png", "--dpi", "50", "--quiet", "--json"]
    assert main(["compare", str(photo), *options, "--out", str(out)]) == 0
    (comparison,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert [one["network"] for one in comparison["networks"]] == ["mine (vit)", "ResNet"]
    assert comparison["networks"][0]["weights"] == hashlib.sha256(file.read_bytes()).hexdigest()
    again = ["rebuild", str(out / "manifest.json"), "--picture", str(photo), "--quiet"]
    assert main([*again, "--checkpoint", str(file)]) == 0
    file.write_bytes(file.read_bytes()[:1000])
    assert main(["compare", str(photo), "--model", str(file), "--out", str(tmp_path / "none")]) == 2
    assert "cut off" in capsys.readouterr().err
