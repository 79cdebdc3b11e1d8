"""`python -m attnviz checkpoint`."""

from pathlib import Path

import pytest
import torch

from attnviz.cli import main
from attnviz.models import build


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(build("vit", 2).state_dict(), tmp_path / "net.pt")
    return tmp_path / "net.pt"


def test_what_fits_is_printed(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    assert main(["checkpoint", str(file), "--architecture", "vit", "--classes", str(tmp_path / "names.txt")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "share         100 %" in lines
    assert "classes       2: cat, dog" in lines
    assert not any("WARNING" in line for line in lines)


def test_what_does_not_fit_is_printed_before_the_sentence(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = torch.load(file, weights_only=True)
    del state["head.bias"]
    torch.save(state, file)
    assert main(["checkpoint", str(file), "--architecture", "vit"]) == 2
    printed = capsys.readouterr()
    assert "missing       head.bias" in printed.out.splitlines()
    assert len(printed.err.splitlines()) == 1
    assert main(["checkpoint", str(file), "--architecture", "vit", "--allow-partial"]) == 0
    assert "WARNING       UNTRAINED PARTS: 1 OF " in capsys.readouterr().out


def test_a_bad_file_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["checkpoint", str(tmp_path / "nowhere.pt")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
