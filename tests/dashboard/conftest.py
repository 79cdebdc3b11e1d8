"""What the tests of the pages share: the app, a running server, and photographs made here."""

import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "dashboard" / "app.py"
SECONDS_TO_START = 120
CHECKABLE = ("--server.scriptHealthCheckEnabled", "true")
"""Lets a test ask the server to run the page and say whether that worked."""

SECONDS_A_RUN = 180  # the first run of a page loads five networks


FOCUS_PAGE = "views/focus.py"


@pytest.fixture
def app() -> AppTest:
    """The whole app, not yet run."""
    return AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN)


@pytest.fixture
def focus_page() -> AppTest:
    """The whole app at the page "Dog vs grass", not yet run."""
    return AppTest.from_file(str(APP), default_timeout=SECONDS_A_RUN).switch_page(FOCUS_PAGE)


def photograph(height: int = 120, width: int = 180, seed: int = 0, kind: str = "PNG") -> bytes:
    """A picture file: noise with a bright square left of the middle."""
    pixels = np.random.default_rng(seed).integers(0, 90, (height, width, 3), dtype=np.uint8)
    pixels[height // 3 : 2 * height // 3, width // 4 : width // 2] = (250, 240, 200)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def photo() -> bytes:
    """A PNG photograph, 120 high and 180 wide."""
    return photograph()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the dashboard, started as a user starts it: `streamlit run dashboard/app.py`, from another folder."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = shutil.which("streamlit", path=str(Path(sys.executable).parent))
    assert command, "the streamlit command must stand beside this Python; install requirements.txt"
    # without PYTHONPATH and from another folder, so that only what app.py does puts the repository on the path
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.Popen(
        [command, "run", str(APP), "--server.port", str(port), "--server.headless", "true", *CHECKABLE],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_healthy(address, process)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=30)


def wait_until_healthy(address: str, process: subprocess.Popen[str]) -> None:
    """Return once the server says that it is well; fail if it ends or takes too long."""
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        if process.poll() is not None:
            raise AssertionError(f"the dashboard ended with {process.returncode}: {process.communicate()[0]}")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"the dashboard did not answer within {SECONDS_TO_START} s")
