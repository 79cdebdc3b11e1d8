"""Completing in a shell, asked of the shells themselves."""

import shutil
import subprocess

import pytest

from attnviz import zoo
from attnviz.cli import completion
from attnviz.cli.main import parser

BASH = shutil.which("bash")


@pytest.fixture(scope="module")
def bash_script() -> str:
    return completion.script(parser(), "bash")


def completed(script: str, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    typed = " ".join(f"'{word}'" for word in words)
    code = (
        f"{script}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _attnviz; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    ran = subprocess.run([str(BASH), "-c", code], capture_output=True, text=True, check=True)
    return [line for line in ran.stdout.splitlines() if line]


@pytest.mark.skipif(BASH is None, reason="needs bash")
class TestBash:
    def test_commands(self, bash_script: str) -> None:
        assert completed(bash_script, "attnviz", "comp") == ["compare", "completion"]

    def test_networks(self, bash_script: str) -> None:
        assert sorted(completed(bash_script, "attnviz", "compare", "--model", "")) == sorted(zoo.names())

    def test_options_of_the_command_alone(self, bash_script: str) -> None:
        assert completed(bash_script, "attnviz", "rebuild", "--p") == ["--picture"]
        assert "--region" in completed(bash_script, "attnviz", "compare", "--")

    def test_a_value_of_two_words_is_one_value(self, bash_script: str) -> None:
        assert completed(bash_script, "attnviz", "compare", "--size", "t") == [r"two\ columns"]

    def test_shells(self, bash_script: str) -> None:
        assert completed(bash_script, "attnviz", "completion", "f") == ["fish"]

    def test_files_where_nobody_knows_better(self, bash_script: str, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.mktemp("pictures")
        (folder / "my dog.jpg").touch()
        (offered,) = completed(bash_script, "attnviz", "compare", f"{folder}/my")
        assert offered == f"{folder}/my\\ dog.jpg"


@pytest.mark.parametrize("shell", [shell for shell in ("zsh", "fish") if shutil.which(shell)])
def test_the_other_shells_can_read_theirs(shell: str) -> None:
    script = completion.script(parser(), shell)
    subprocess.run([shell, "-n", "-c", script], check=True, capture_output=True)


def test_fish_has_a_line_for_every_option() -> None:
    script = completion.script(parser(), "fish")
    assert "-l region" in script
    assert r"\'two columns\'" in script, "a value of two words is quoted within the list of values"
    assert all(line.startswith("complete -c attnviz ") for line in script.splitlines())
