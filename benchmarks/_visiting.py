"""A dashboard that is started as people start it, and headless browsers that visit it; for measurements and figures."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_S = 240
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"


@dataclass(frozen=True)
class Served:
    """A running dashboard: its address, its process, and how long it took until it answered."""

    address: str
    process: subprocess.Popen[bytes]
    seconds_to_start: float

    def megabytes(self) -> float:
        """Memory of the server that is in use now (Linux)."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def served() -> Iterator[Served]:
    """The dashboard on a free port of this machine, stopped at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "dashboard"), "--server.port", str(port), "--server.headless", "true"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                    break
            except (urllib.error.URLError, OSError) as error:
                if process.poll() is not None or time.monotonic() > start + PATIENCE_S:
                    raise RuntimeError(f"the dashboard must answer at {address}; it did not.") from error
                time.sleep(0.05)
        yield Served(address, process, time.monotonic() - start)
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        raise RuntimeError(f"one of {', '.join(names)} must be on the path; none is. Install Chromium.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


def visitor(browser: Browser, width: int = 1280, height: int = 900, scheme: str = "light", scale: float = 1) -> Page:
    """A page of a browser of its own: no visitor shares anything with another."""
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=scale
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    return context.new_page()


def settle(page: Page) -> None:
    """Wait until the page has stayed idle for a while."""
    for _ in range(3):
        page.wait_for_selector(IDLE)
        page.wait_for_timeout(400)
