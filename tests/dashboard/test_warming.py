"""The first screen is made before anyone looks at it."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from attnviz.render import MOST_PANELS
from tests.dashboard.conftest import APP, SECONDS_A_RUN, wait_until_healthy

TRACED = re.compile(r'cache_memory_bytes\{cache_type="st_cache_resource",cache="dashboard\.service\._trace"\} (\d+)')
"""How many traces the server keeps, as it tells about its caches."""


def test_the_networks_have_run_before_anyone_has_come(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    process = subprocess.Popen(
        [sys.executable, "-P", str(APP.with_name("__main__.py")), "--server.port", str(port), "--server.headless=true"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until_healthy(address, process)
        until, traced = time.monotonic() + SECONDS_A_RUN, 0
        while time.monotonic() < until and traced < MOST_PANELS:
            with urllib.request.urlopen(f"{address}/_stcore/metrics", timeout=60) as answer:
                found = TRACED.search(answer.read().decode())
            traced = int(found[1]) if found else 0
            time.sleep(0.5)
        assert traced == MOST_PANELS  # nobody has opened a page
    finally:
        process.terminate()
        process.communicate(timeout=30)
