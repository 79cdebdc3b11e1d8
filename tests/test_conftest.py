"""The rule of tests/conftest.py that a green run in CI means driven pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

THREE_TESTS = """
import pytest

@pytest.mark.browser
def test_page():
    pytest.skip("no Chromium on the path")

@pytest.mark.slow
def test_weights():
    pytest.skip("no weights")

def test_other():
    pass
"""


@pytest.mark.parametrize(
    ("ci", "exit_code", "closing"), [("true", 1, "1 failed, 1 passed, 1 skipped"), ("", 0, "1 passed, 2 skipped")]
)
def test_a_skipped_browser_test_fails_in_ci_and_only_there(
    tmp_path: Path, ci: str, exit_code: int, closing: str
) -> None:
    (tmp_path / "test_three.py").write_text(THREE_TESTS)
    command = [sys.executable, "-m", "pytest", str(tmp_path), "-p", "tests.conftest", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "CI": ci},
        capture_output=True,
        text=True,
    )
    assert result.returncode == exit_code, result.stdout
    assert closing in result.stdout
