"""The folder of downloaded weights, and what is written down about each file in it."""

import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from attnviz.errors import AssetError
from attnviz.zoo.pretrained.entries import Pretrained

CACHE_VARIABLE = "ATTNVIZ_CACHE"
"""The environment variable that sets the folder of downloaded weights."""


@dataclass(frozen=True)
class Note:
    """What was found when a file was downloaded. It lies beside the file.

    Attributes:
        sha256: of the whole file.
        checked: what the sha256 was compared with, in words.
        address: where the file came from.
    """

    sha256: str
    checked: str
    address: str


def cache_folder() -> Path:
    """Where downloaded weights lie: `ATTNVIZ_CACHE`, or the system's place for files that can be had again."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "attnviz"


def path_of(entry: Pretrained, cache: Path | None) -> Path:
    """Where the file of a network lies or would lie."""
    return (cache or cache_folder()) / entry.file_name


def is_downloaded(entry: Pretrained, cache: Path | None = None) -> bool:
    """Whether the network's file lies in the cache. Its content is checked when it is loaded, not here."""
    path = path_of(entry, cache)
    return path.is_file() and _note_path(path).is_file()


def write_note(path: Path, note: Note) -> None:
    """Write down what is known of the file at `path`, all or nothing."""
    part = _note_path(path).with_suffix(".json.part")
    part.write_text(json.dumps(asdict(note), indent=1) + "\n", encoding="utf-8")
    part.replace(_note_path(path))


def read_note(path: Path) -> Note | None:
    """What was written down of the file at `path`; None if nothing that can be read."""
    try:
        return Note(**json.loads(_note_path(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def checked_with(path: Path) -> str:
    """What the sha256 of a downloaded file was compared with, in words; empty for a file that was not downloaded."""
    note = read_note(path)
    return "" if note is None else note.checked


def checked_content(path: Path) -> tuple[bytes, Note]:
    """The bytes of a downloaded file, which are those that were downloaded.

    Raises:
        AssetError: the file or its note is missing, or the file was changed.
    """
    note = read_note(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssetError(f"{path} must be a file that can be read; got '{error}'. Download it again.") from error
    found = hashlib.sha256(content).hexdigest()
    if note is None or found != note.sha256:
        known = "no record of it" if note is None else f"{found[:12]}…"
        expected = "known" if note is None else f"{note.sha256[:12]}… as when it was downloaded"
        raise AssetError(f"{path}: sha256 must be {expected}; got {known}. Delete the file and download it again.")
    return content, note


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _note_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")
