"""Everything about some figures in one folder, or nothing at all."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from attnviz._version import __version__
from attnviz.errors import ValueRangeError
from attnviz.export.comparison import Comparison, Json
from attnviz.export.figure_files import comparison_pdf, comparison_png, comparison_svg
from attnviz.export.names import unique_slugs
from attnviz.export.tables import maps_npz, scores_csv
from attnviz.render import NOT_EXPLANATION

SCHEMA_VERSION = 1
"""Of manifest.json. It grows when a reader of older manifests would go wrong."""

_WRITERS: dict[str, Callable[[Comparison], bytes]] = {
    "png": comparison_png,
    "svg": comparison_svg,
    "pdf": comparison_pdf,
    "npz": maps_npz,
}
_LIBRARIES = ("torch", "captum", "matplotlib", "numpy", "pillow")


def bundle(figures: Mapping[str, Comparison], folder: str | os.PathLike[str]) -> Path:
    """Write each figure as PNG, SVG, PDF and raw maps, one table of all scores, and a manifest.

    Files are written to a folder of another name beside the target, the manifest last; the folder gets its name once
    it is complete. If anything fails, nothing is left.

    Args:
        figures: comparisons by name; file names are made from the names.
        folder: must not exist yet. Its parent must.

    Returns:
        The folder. `manifest.json` in it lists every other file with its size and sha256, and how each figure was
        made.

    Raises:
        ValueRangeError: no figure, or the folder exists, or its parent does not.
    """
    target = Path(folder)
    if not figures:
        raise ValueRangeError("figures must hold at least one comparison; got none. Choose a picture.")
    if target.exists():
        raise ValueRangeError(f"the folder must not exist yet; got {target}. Choose another name, or remove it.")
    if not target.parent.is_dir():
        raise ValueRangeError(f"the folder's parent must exist; got {target.parent}. Make it first.")
    with ExitStack() as undo:
        partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        undo.callback(shutil.rmtree, partial, ignore_errors=True)
        entries: list[Json] = []
        for name, stem in zip(figures, unique_slugs(list(figures), taken={"manifest", "scores"}), strict=True):
            comparison = figures[name]
            files = {kind: f"{stem}.{kind}" for kind in _WRITERS}
            for kind, write in _WRITERS.items():
                (partial / files[kind]).write_bytes(write(comparison))
            entries.append(
                {"name": name, "alt": comparison.alt, "files": list(files.values()), **comparison.provenance()}
            )
        (partial / "scores.csv").write_bytes(scores_csv(list(figures.values())))
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "attnviz": __version__,
            "libraries": _versions(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "note": NOT_EXPLANATION,
            "figures": entries,
            "files": [_file(path) for path in sorted(partial.iterdir())],
        }
        text = json.dumps(manifest, indent=2, allow_nan=False, ensure_ascii=False)
        (partial / "manifest.json").write_text(text + "\n", encoding="utf-8")
        partial.chmod(0o755)
        partial.rename(target)
        undo.pop_all()
    return target


def _file(path: Path) -> Json:
    content = path.read_bytes()
    return {"name": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _versions() -> Json:
    found: dict[str, Json] = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
