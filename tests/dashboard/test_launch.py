"""The real command, as a user types it."""

import socket
import urllib.request
from urllib.parse import urlsplit

import pytest

from tests.dashboard.conftest import SECONDS_A_RUN


def test_the_real_command_answers(server: str) -> None:
    with urllib.request.urlopen(server, timeout=10) as page:
        assert page.status == 200
        assert b"<title>" in page.read()


def test_the_page_itself_runs(server: str) -> None:
    # the page above is the same whatever the script does; this one runs it
    with urllib.request.urlopen(f"{server}/_stcore/script-health-check", timeout=SECONDS_A_RUN) as answer:
        assert answer.status == 200
        assert answer.read() == b"ok"


def test_nobody_else_on_the_network_can_reach_it(server: str) -> None:
    # 127.0.0.2 is this machine too, but not the one address that the configuration binds
    port = urlsplit(server).port
    assert port is not None
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=2):
        pass
