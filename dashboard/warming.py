"""The first screen is made while the server starts, so that whoever comes first need not wait for it.

The libraries are imported beside the start of the server. As soon as it answers, the page is run once for nobody: that
loads the networks and makes the maps of the first picture, which all sessions share.
"""

import importlib
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress

LIBRARIES = ("torch", "attnviz", "torchvision.models.swin_transformer", "dashboard.sidebar", "dashboard.session_panel")
"""What the first screen needs and what takes longest to import, in the order of need; attnviz before torchvision."""

PATIENCE_S = 180
VISIT = "/_stcore/script-health-check"
"""Where Streamlit runs the page for nobody, if its option scriptHealthCheckEnabled is set."""


def start() -> threading.Thread:
    """Begin, in the background. Nothing depends on it: what it did not do is done when it is needed."""
    thread = threading.Thread(target=_warm, name="warming", daemon=True)
    thread.start()
    return thread


def _warm() -> None:
    for name in LIBRARIES:
        with suppress(ImportError):  # the page tells what is missing
            importlib.import_module(name)
    address = _address()
    if address:
        with suppress(OSError, urllib.error.URLError):
            _direct().open(address + VISIT, timeout=PATIENCE_S).read()


def _address() -> str:
    """Where this process serves; empty if it does not within the time."""
    from streamlit import config, runtime  # not before: Streamlit reads its options when it starts

    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if runtime.exists():
            address = f"http://127.0.0.1:{config.get_option('server.port')}"
            with suppress(OSError, urllib.error.URLError), _direct().open(f"{address}/_stcore/health", timeout=2):
                return address
        time.sleep(0.1)
    return ""


def _direct() -> urllib.request.OpenerDirector:
    """Opens addresses of this machine, whatever proxy is set."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
