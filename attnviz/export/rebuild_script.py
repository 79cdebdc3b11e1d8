"""The command that makes a bundle's numbers again, as a script for a shell."""

import shlex
from collections.abc import Mapping

from attnviz._version import __version__
from attnviz.export.bundle_parts import RegionParts, region_files, regions_of
from attnviz.export.figure_source import FigureSource, Json
from attnviz.render.sizes import SIZES


def rebuild_script(figures: Mapping[str, FigureSource], with_picture: bool, masks: RegionParts) -> str:
    """A script that runs `python -m attnviz rebuild` on the manifest beside it.

    Args:
        figures: of the bundle; the commands that ask the same questions from the beginning stand in comments.
        with_picture: whether the pictures are in the bundle.
        masks: the regions of the bundle.
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
    commands = {name: compare_command(source, masks) for name, source in figures.items()}
    if any(commands.values()):
        lines += ["", "# From the beginning:"]
        # a name with a line break in it must not end the comment: what follows would be run
        lines += [f"# {' '.join(command.split())}" for command in dict.fromkeys(commands.values()) if command]
    return "\n".join(lines) + "\n"


def rebuild_command() -> str:
    """What to type in a bundle's folder."""
    return "python -m attnviz rebuild manifest.json"


def compare_command(source: FigureSource, masks: RegionParts | None = None) -> str:
    """The command that asks the same of the same networks; empty where it cannot be asked from the command line.

    Args:
        source: a figure.
        masks: of the bundle that the figure is in; None for a figure alone.
    """
    told = source.provenance()
    request, drawing = told.get("request"), told.get("drawing")
    if not isinstance(request, dict) or not request or not isinstance(drawing, dict):
        return ""
    models = _list(request, "models")
    if any(_text(model, "origin") == "file" for model in models):
        return ""  # only a script can load these
    words = ["python", "-m", "attnviz", "compare", _text(request, "picture", "name")]
    for model in models:
        words += ["--model", _text(model, "name")]
    words += ["--map", _text(request, "map")]
    for name in dict.fromkeys(_text(model, "class") for model in models):
        words += ["--class", name] if name else []
    point = _list(request, "point_yx")
    if len(point) == 2:
        words += ["--point", f"{point[1]},{point[0]}"]
    if layer := _text(request, "layer"):
        words += ["--layer", layer]
    drawn = regions_of(source)
    files = region_files(drawn) if masks is None else masks
    named = {region.name: files.entry(region) for region in drawn}
    for region in _list(request, "regions"):
        name = _text(region, "name")
        words += ["--region", f"{name}={_place(region, named.get(name))}"]
    for option, key in (("--scale", "scale"), ("--style", "style"), ("--grid", "interpolation"), ("--theme", "theme")):
        words += [option, _text(drawing, key)]
    words += ["--opacity", str(drawing.get("opacity"))]
    size = next((name for name, size in SIZES.items() if [*size] == drawing.get("size")), "")
    words += ["--size", size] if size else []
    words += ["--transparent"] if drawing.get("transparent") is True else []
    return f"{shlex.join([*words, '--heading', _text(drawing, 'heading')])} --out DIR"


def _place(region: Json, entry: Json) -> str:
    box = region.get("box_xywh") if isinstance(region, dict) else None
    return "box:" + ",".join(str(edge) for edge in box) if isinstance(box, list) else _text(entry, "mask")


def _text(told: Json, *path: str) -> str:
    for key in path:
        told = told.get(key) if isinstance(told, dict) else None
    return told if isinstance(told, str) else ""


def _list(told: dict[str, Json], key: str) -> list[Json]:
    found = told.get(key)
    return found if isinstance(found, list) else []
