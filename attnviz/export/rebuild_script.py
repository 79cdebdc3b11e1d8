"""The command that makes a bundle's numbers again, as a script for a shell."""

import shlex
from collections.abc import Mapping

from attnviz._version import __version__
from attnviz.export.figure_source import FigureSource, Json


def rebuild_script(figures: Mapping[str, FigureSource], with_picture: bool) -> str:
    """A script that runs `python -m attnviz rebuild` on the manifest beside it.

    Args:
        figures: of the bundle; the commands that ask the same questions from the beginning stand in comments.
        with_picture: whether the pictures are in the bundle.
    """
    need = (
        "The pictures lie in the folder pictures."
        if with_picture
        else "Where the picture is not found, add: --picture PATH"
    )
    lines = [
        "#!/bin/sh",
        f"# Makes maps.npz and scores.csv again, and says what differs. Made with attnviz {__version__}.",
        f"# {need}",
        "set -eu",
        'exec "${PYTHON:-python3}" -m attnviz rebuild "$(dirname "$0")/manifest.json" "$@"',
    ]
    commands = {name: compare_command(source) for name, source in figures.items()}
    if any(commands.values()):
        lines += ["", "# From the beginning:"]
        lines += [f"# {command}" for command in dict.fromkeys(commands.values()) if command]
    return "\n".join(lines) + "\n"


def rebuild_command() -> str:
    """What to type in a bundle's folder."""
    return "python -m attnviz rebuild manifest.json"


def compare_command(source: FigureSource) -> str:
    """The command that asks the same of the same networks; empty where it cannot be asked from the command line."""
    told = source.provenance()
    request, drawing = told.get("request"), told.get("drawing")
    if not isinstance(request, dict) or not request:
        return ""
    words = ["python", "-m", "attnviz", "compare", _text(request, "picture", "name")]
    for model in _list(request, "models"):
        words += ["--model", _text(model, "name")]
    words += ["--map", _text(request, "map")]
    for region in _list(request, "regions"):
        words += ["--region", f"{_text(region, 'name')}={_place(region)}"]
    classes = {_text(model, "class") for model in _list(request, "models")} - {""}
    if len(classes) == 1:
        words += ["--target", *classes]
    if isinstance(drawing, dict):
        for option in ("scale", "style"):
            words += [f"--{option}", _text(drawing, option)]
    return f"{shlex.join(words)} --out DIR"


def _place(region: Json) -> str:
    box = region.get("box_xywh") if isinstance(region, dict) else None
    return "box:" + ",".join(str(edge) for edge in box) if isinstance(box, list) else "mask.png"


def _text(told: Json, *path: str) -> str:
    for key in path:
        told = told.get(key) if isinstance(told, dict) else None
    return told if isinstance(told, str) else ""


def _list(told: dict[str, Json], key: str) -> list[Json]:
    found = told.get(key)
    return found if isinstance(found, list) else []
