"""The rooms of the house and who may import whom. A bad import is named with its file and line."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT: dict[str, set[str]] = {
    "_torchvision_ops": set(),
    "_version": set(),
    "errors": set(),
    "geometry": {"errors"},
    "layers": {"errors"},
    "models": {"errors", "layers"},
    "records": {"errors", "geometry"},
    "pictures": {"errors", "geometry"},
    "regions": {"errors", "geometry", "pictures"},
    "mechanisms": {"errors", "records", "layers"},
    "tracer": {"errors", "geometry", "records", "pictures", "mechanisms"},
    "zoo": {"errors", "geometry", "layers", "maps", "models", "pictures", "records", "tracer"},
    "maps": {"errors", "geometry", "records", "tracer"},
    "focus": {"errors", "geometry", "maps", "pictures", "regions"},
    "faithfulness": {"errors", "focus", "geometry", "maps", "pictures", "records", "regions", "tracer"},
    "gate_effect": {"errors", "geometry", "records", "regions"},
    "health": {"errors", "maps", "records", "tracer"},
    "lessons": {"errors", "folding", "layers", "mechanisms", "records"},
    "querying": {"errors", "geometry", "maps", "records"},
    "walking": {"errors", "geometry", "health", "maps", "pictures", "records", "tracer", "zoo"},
    "render": {"errors", "faithfulness", "focus", "gate_effect", "geometry", "health", "maps", "pictures"}
    | {"lessons", "querying", "records", "regions", "walking"},
    "export": {"errors", "faithfulness", "focus", "gate_effect", "geometry", "health", "maps", "pictures", "querying"}
    | {"records", "regions", "render", "walking"},
    "comparing": {"errors", "export", "focus", "geometry", "maps", "pictures", "records", "regions", "render"}
    | {"tracer", "zoo"},
    "counting": {"errors"},
    "tables": {"errors", "counting", "layers", "models"},
    "folding": {"errors"},
    "training": {"counting", "errors", "focus", "geometry", "health", "layers", "maps", "mechanisms", "models"}
    | {"pictures", "records", "render", "tracer", "zoo"},
}
"""Key: a room, that is a module or package directly in attnviz. Value: the other rooms it may import."""

EVERYWHERE = {"_version"}
"""Rooms that any room may import."""

MAY_IMPORT["study"] = set(MAY_IMPORT) - {"training", "_torchvision_ops"}
MAY_IMPORT["cli"] = set(MAY_IMPORT) - {"_torchvision_ops"}
MAY_IMPORT["__main__"] = {"cli"}
MAY_IMPORT["__init__"] = set(MAY_IMPORT) - {"__main__", "cli"}

NEVER: dict[str, set[str]] = {
    "attnviz": {"streamlit", "dashboard", "tests", "benchmarks"},
    "attnviz/render": {"torch"},
    "attnviz/export": {"torch"},
    "dashboard": {"tests", "benchmarks"},
}
"""Key: a folder. Value: what nothing below it imports. Drawings get arrays, so they never see a tensor on a device."""


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything imported, inside functions too; a relative import keeps its dots."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def room_of(path: Path) -> str:
    """`attnviz/maps/rollout.py` is in room maps, `attnviz/tracer.py` in room tracer."""
    return path.parts[1].removesuffix(".py")


def bad_imports(path: Path, source: str) -> list[str]:
    """One sentence for each import that `path`, relative to the repository, must not have."""
    found = []
    for line, name in imports(source):
        top, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        banned = [folder for folder, names in NEVER.items() if path.is_relative_to(folder) and top in names]
        if name.startswith("."):
            found.append(f"{path}:{line}: imports must be absolute; got '{name}'")
        elif banned:
            found.append(f"{path}:{line}: {banned[0]}/ must not import {top}; got '{name}'")
        elif path.is_relative_to("attnviz") and top == "attnviz":
            room = room_of(path)
            if target not in MAY_IMPORT:
                found.append(f"{path}:{line}: a room must import from rooms, not from attnviz itself; got '{name}'")
            elif target not in MAY_IMPORT.get(room, set()) | EVERYWHERE | {room}:
                allowed = ", ".join(sorted(MAY_IMPORT.get(room, set()))) or "no other room"
                found.append(f"{path}:{line}: room {room} may import {allowed}; got '{name}'")
    return found


SOURCES = sorted(path.relative_to(ROOT) for path in [*ROOT.glob("attnviz/**/*.py"), *ROOT.glob("dashboard/**/*.py")])


def test_imports_point_downwards_only() -> None:
    found = [sentence for path in SOURCES for sentence in bad_imports(path, (ROOT / path).read_text("utf-8"))]
    assert not found, "\n".join(found)


def test_every_room_stands_in_the_table() -> None:
    rooms = {room_of(path) for path in SOURCES if path.parts[0] == "attnviz"}
    assert rooms <= set(MAY_IMPORT), "a new room needs a line in MAY_IMPORT"


def test_the_table_has_no_circle() -> None:
    """Take away, again and again, the rooms that import only rooms already taken: none may be left over."""
    left = dict(MAY_IMPORT)
    while ready := [room for room, targets in left.items() if not targets & set(left)]:
        for room in ready:
            del left[room]
    assert not left


def test_streamlit_gets_no_folder_to_scan_by_itself() -> None:
    """A folder `pages/` beside the script is turned into pages by Streamlit; ours are declared in app.py."""
    assert not list(ROOT.glob("dashboard/**/pages")), "views live in dashboard/views"


@pytest.mark.parametrize(
    ("path", "source", "line", "rule"),
    [
        ("attnviz/maps/rollout.py", "import numpy\nimport streamlit as st\n", 2, "attnviz/ must not import streamlit"),
        (
            "attnviz/focus/score.py",
            "def f():\n    from dashboard import service\n",
            2,
            "attnviz/ must not import dashboard",
        ),
        ("attnviz/geometry.py", "from attnviz.maps import Rollout\n", 1, "room geometry may import errors"),
        ("attnviz/maps/base.py", "\n\nfrom attnviz import render\n", 3, "room maps may import errors"),
        ("attnviz/maps/base.py", "import attnviz.render\n", 1, "room maps may import errors"),
        ("attnviz/errors.py", "from attnviz import geometry\n", 1, "room errors may import no other room"),
        ("attnviz/errors.py", "from attnviz import trace\n", 1, "a room must import from rooms"),
        ("attnviz/errors.py", "import attnviz\n", 1, "a room must import from rooms"),
        ("attnviz/cli/main.py", "from . import tracer\n", 1, "imports must be absolute"),
        ("dashboard/app.py", "from .views import compare\n", 1, "imports must be absolute"),
        ("attnviz/export/png.py", "from torch import Tensor\n", 1, "attnviz/export/ must not import torch"),
    ],
)
def test_a_bad_import_is_named_with_file_and_line(path: str, source: str, line: int, rule: str) -> None:
    (sentence,) = bad_imports(Path(path), source)
    assert sentence.startswith(f"{path}:{line}: {rule}")


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("attnviz/maps/rollout.py", "import torch\nfrom attnviz.maps.base import AttentionMap\n"),
        ("attnviz/maps/rollout.py", "from attnviz import records\nfrom attnviz._version import __version__\n"),
        ("attnviz/__init__.py", "from attnviz.tracer import trace\nfrom attnviz import zoo\n"),
        ("dashboard/app.py", "import attnviz\nimport streamlit\nfrom dashboard import state\n"),
    ],
)
def test_good_imports_pass(path: str, source: str) -> None:
    assert bad_imports(Path(path), source) == []
