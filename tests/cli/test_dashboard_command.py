"""`attnviz dashboard`: the pages are found and started from any folder."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from attnviz.cli import dashboard_command, main

ROOT = Path(__file__).resolve().parents[2]


def test_the_script_is_that_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert dashboard_command.app_file() == ROOT / "dashboard" / "app.py"


def test_streamlit_gets_the_port_and_its_end_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that cannot start ends at once, with a status of its own."""
    started: list[list[str]] = []

    def start(command: list[str]) -> subprocess.Popen[bytes]:
        started.append(command)
        return real([sys.executable, "-c", "raise SystemExit(7)"])

    real = subprocess.Popen
    monkeypatch.setattr(dashboard_command.subprocess, "Popen", start)
    assert main(["dashboard", "--port", "8999", "--no-browser"]) == 2
    assert "ended with status 7" in capsys.readouterr().err
    (command,) = started
    assert command[1] == str(ROOT / "dashboard" / "__main__.py")
    assert command[2:] == ["--server.port", "8999", "--server.headless", "true"]


def test_ctrl_c_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        waited = 0

        def wait(self) -> int:
            self.waited += 1
            if self.waited == 1:
                raise KeyboardInterrupt
            return -signal.SIGINT

    monkeypatch.setattr(dashboard_command.subprocess, "Popen", lambda _: Server())
    assert main(["dashboard", "--port", "8999", "--no-browser"]) == 0


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_a_port_that_cannot_be(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", f"--port={port}"]) == 2
    assert "--port must be in 1..65535" in capsys.readouterr().err


def test_the_server_ends_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is asked to end while it waits; its server then ends too, and that is no mistake."""

    class Server:
        ended = False

        def wait(self) -> int:
            signal.raise_signal(signal.SIGTERM)
            assert self.ended
            return -signal.SIGTERM

        def terminate(self) -> None:
            self.ended = True

    monkeypatch.setattr(dashboard_command.subprocess, "Popen", lambda _: Server())
    before = signal.getsignal(signal.SIGTERM)
    assert main(["dashboard", "--port", "8999", "--no-browser"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before
