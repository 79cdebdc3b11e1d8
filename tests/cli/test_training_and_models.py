import subprocess
import sys
from pathlib import Path

import pytest

from attnviz import zoo
from attnviz.cli import main


def test_models_lists_every_network_with_its_accuracy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for card in zoo.cards().values():
        (line,) = [line for line in lines if line.split()[0] == card.name]
        assert f"{card.top1:.1%}" in line
        assert f"{card.top5:.1%}" in line


def test_the_module_runs() -> None:
    ran = subprocess.run([sys.executable, "-m", "attnviz", "models"], capture_output=True, text=True, check=True)
    assert "cbam_resnet" in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "resnet_plane", "--data", "{folder}"], "network must be one of"),
        (["train", "vit", "--data", "{folder}", "--device", "abacus"], "device must be one that torch knows"),
        (["train", "--data", "{folder}"], "a network must be named"),
        (["train", "vit", "--evaluate", "--data", "{folder}"], "data folder must hold"),
    ],
)
def test_a_mistake_gets_one_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.txt").write_text("not the data set")
    assert main([argument.format(folder=tmp_path) for argument in arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_the_data_folder_has_a_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "other.txt").write_text("not the data set")
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--evaluate"]) == 2
    assert "got data with other files" in capsys.readouterr().err
