"""`dashboard`: the pages, in a browser."""

import argparse
import importlib.util
import signal
import subprocess
import sys
from pathlib import Path

from attnviz.cli.subparsers import Commands
from attnviz.errors import AssetError, AttnvizError


def add_to(commands: Commands) -> None:
    """Add the command."""
    dashboard = commands.add_parser("dashboard", help="start the dashboard in a browser; Ctrl+C ends it")
    dashboard.add_argument("--port", type=int, help="of the server (default: 8501, or the next free one)")
    dashboard.add_argument("--no-browser", action="store_true", help="only tell the address")
    dashboard.set_defaults(command=_dashboard)


def _dashboard(options: argparse.Namespace) -> None:
    if options.port is not None and not 1 <= options.port <= 65535:
        raise AttnvizError(f"--port must be in 1..65535; got {options.port}. 8501 is the usual one.")
    command = [sys.executable, str(app_file().with_name("__main__.py"))]  # loads the first screen while it starts
    if options.port is not None:
        command += ["--server.port", str(options.port)]
    command += ["--server.headless", str(options.no_browser).lower()]
    server = subprocess.Popen(command)
    stopped = False

    def stop(*_: object) -> None:  # whoever ends this program ends the server
        nonlocal stopped
        stopped = True
        server.terminate()

    before = signal.signal(signal.SIGTERM, stop)
    try:
        status = server.wait()
    except KeyboardInterrupt:  # Ctrl+C reaches the server too
        stopped = True
        status = server.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
    if status and not stopped:
        raise AssetError(f"the dashboard must run until it is stopped; it ended with status {status}.")


def app_file() -> Path:
    """The dashboard's script.

    Raises:
        AssetError: Streamlit or the dashboard is not installed.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise AssetError("streamlit must be installed for the dashboard; it is not. Run pip install streamlit.")
    spec = importlib.util.find_spec("dashboard")
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    own = Path(__file__).resolve().parents[2] / "dashboard"  # not on the path when run from another folder
    for folder in (own, *map(Path, folders)):
        if (folder / "app.py").is_file() and (folder / "sidebar.py").is_file():
            return folder / "app.py"
    raise AssetError("the dashboard must lie beside the library; it does not. Use a full checkout of the project.")
