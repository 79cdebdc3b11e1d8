"""`python dashboard [option ...]`: as `streamlit run dashboard/app.py [option ...]`, but ready sooner."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # a script has its own folder on the path, or nothing, and not the repository


def main(options: list[str]) -> None:
    """Serve the dashboard until it is stopped."""
    from dashboard import memory, warming

    memory.give_back()
    warming.start()
    from streamlit.web import cli

    app = str(Path(__file__).resolve().with_name("app.py"))
    cli.main(["run", app, *options], prog_name="streamlit")


if __name__ == "__main__":
    main(sys.argv[1:])
