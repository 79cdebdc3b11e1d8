"""The README says what is true: its code runs, its table is that of the cards, its links lead somewhere."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data as samples

from attnviz import zoo
from attnviz.cli.main import parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
CODE_BLOCKS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_there_is_code_to_run() -> None:
    assert CODE_BLOCKS


@pytest.mark.parametrize("code", CODE_BLOCKS)
def test_the_code_runs_as_printed(code: str, tmp_path: Path) -> None:
    """In a folder that holds a photograph under the name that the code opens."""
    for name in re.findall(r'(?:open_picture|compare)\("(.+?)"', code):
        Image.fromarray(samples.chelsea()).save(tmp_path / name)
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout


def test_the_table_of_networks_is_that_of_the_cards() -> None:
    rows = [
        f"| `{card.name}` | {card.mechanism} | {card.parameters / 1e6:.1f} M | {card.preprocessing.short_side} px "
        f"| {card.top1:.1%} | {card.top5:.1%} |"
        for card in zoo.cards().values()
    ]
    missing = [row for row in rows if row not in README.splitlines()]
    assert not missing, "README.md must have these rows:\n" + "\n".join(missing)


COMMANDS = re.findall(r"python -m attnviz (.+?)(?:  |`|$)", README, flags=re.MULTILINE)


def test_there_are_commands_to_read() -> None:
    assert {command.split()[0] for command in COMMANDS} >= {"compare", "rebuild", "models", "checkpoint", "train"}


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"COMMAND --help"}))
def test_the_commands_are_those_of_attnviz(command: str) -> None:
    """argparse ends the program where it does not know a word."""
    assert parser().parse_args(shlex.split(command))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_to_files_lead_to_files(page: str) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)]+)\)", (ROOT / page).read_text("utf-8"))
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_the_commands_are_those_of_run_py() -> None:
    """Every `python3 run.py WORD` that the pages tell a reader to type is a command."""
    import run

    pages = README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    told = set(re.findall(r"python3 run\.py ([a-z]+)", pages))
    assert told == set(run.COMMANDS)
