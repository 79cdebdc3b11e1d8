"""`python -m attnviz models`: what it prints, what it returns, and what it does not import."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from attnviz.cli import main
from attnviz.zoo.pretrained import ProgressLine, catalogue
from attnviz.zoo.pretrained.entries import Pretrained
from tests.zoo.pretrained.file_server import Server

NAME = "mobilenet_v3_small"
PATH = "/models/mobilenet_v3_small-047dcff4.pth"


def test_all_networks_stand_in_one_table(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    for entry in catalogue():
        assert entry.licence in lines[entry.name]
        assert lines[entry.name].endswith(f"{entry.origin:11}  to download")


def test_json_holds_what_the_filters_leave(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json", "--origin", "torchvision", "--attention", "windowed"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == ["swin_t", "swin_s", "swin_v2_t"]
    assert rows[0]["paper"] == "arXiv:2103.14030"


def test_a_download_is_said_to_be_checked_and_then_listed(
    server: Server, cache: Path, change_entry: Callable[..., Pretrained], capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = server.put(PATH, bytes(3 * 2**20))
    change_entry(NAME, sha256_prefix=sha256[:8])
    assert main(["models", "--download", NAME]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        str(cache / "mobilenet_v3_small-047dcff4.pth"),
        "checked: the first 8 digits of its sha256 are those in the file's name",
    ]
    assert printed.err.splitlines()[-1] == f"{NAME}  [{'#' * 30}] 100 %  3.0 of 3.0 MB"
    assert main(["models", "--downloaded", "--origin", "torchvision"]) == 0
    (_, line) = capsys.readouterr().out.splitlines()
    assert line.split()[0] == NAME


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--download", "mobilenet_v3_smal"], "nearest: 'mobilenet_v3_small'"),
        (["--download", NAME], "got 404 Not Found"),
        (["--origin", "keras"], "All: attnviz, timm, torchvision."),
        (["--search", "no such words"], "the filters must leave at least one"),
        (["--downloaded", "--origin", "timm"], "the filters must leave at least one"),
    ],
)
def test_a_mistake_gets_one_sentence(
    server: Server, cache: Path, arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert len(printed.err.splitlines()) == 1


def test_listing_imports_no_more_than_the_library_does(cache: Path) -> None:
    """timm takes seconds to import, and the catalogue needs neither it nor torchvision."""
    code = (
        "import sys, attnviz; before = set(sys.modules)\n"
        "from attnviz.cli import main; main(['models'])\n"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert NAME in ran.stdout
    added = set(ran.stderr.split())
    assert "attnviz" in added  # attnviz.cli: the check sees what is imported
    assert not added & {"timm", "torch", "torchvision", "transformers", "huggingface_hub"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_line_that_grows() -> None:
    """Half of 30 places is 15."""
    stream = Terminal()
    line = ProgressLine("net", stream)
    for done in (0, 2**20, 2**21):
        line(done, 2**21)
    line.close()
    shown = stream.getvalue().split("\r")[1:]
    assert shown[1] == f"net  [{'#' * 15}{'.' * 15}]  50 %  1.0 of 2.0 MB"
    assert shown[2] == f"net  [{'#' * 30}] 100 %  2.0 of 2.0 MB\n"


def test_a_log_gets_the_beginning_and_the_end_only() -> None:
    stream = io.StringIO()
    line = ProgressLine("net", stream)
    for done in range(0, 101, 10):
        line(done, 100)
    line.close()
    assert [text.split("]")[1].split()[0] for text in stream.getvalue().splitlines()] == ["0", "100"]


def test_an_unknown_length_is_shown_without_a_share() -> None:
    stream = Terminal()
    line = ProgressLine("net", stream)
    line(3 * 2**19, None)
    assert stream.getvalue() == "\rnet  1.5 MB"
