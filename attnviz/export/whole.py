"""Files and folders that appear under their name when they are complete, or not at all.

Everything is written under a hidden name beside the target, put on the disk, and then renamed. A process that is killed
leaves at most the hidden name behind; the next export to the same target takes it away.
"""

import ctypes
import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Literal

from attnviz.errors import AssetError, AttnvizError, ValueRangeError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None

Kind = Literal["folder", "file"]

UNFINISHED = ".unfinished"
"""How a hidden name ends while its contents are written."""

REPLACED = ".replaced"
"""How a hidden name ends that holds what stood under the target's name, until the new contents have that name."""

_NO_REPLACE, _EXCHANGE = 1, 2  # flags of Linux's renameat2
_HERE = -100  # its "relative to the working directory"
_UNKNOWN_TO_THE_SYSTEM = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_ABANDONED_S = 24 * 3600.0
"""Where there are no locks, a hidden name of this age belongs to nobody."""


@contextmanager
def whole_folder(
    target: Path, overwrite: bool = False, may_replace: Callable[[Path], str] = lambda _: ""
) -> Iterator[Path]:
    """A folder to fill, which gets the target's name when the block ends without an error.

    Args:
        target: must not exist, unless `overwrite`; its parent must.
        overwrite: replace a folder that is there. On Linux the two change places in one step.
        may_replace: tells of a folder that is there what speaks against replacing it; empty if nothing does.

    Yields:
        The hidden folder. If anything fails, it is removed, and what stood under the target's name still stands there.

    Raises:
        ValueRangeError: the target exists, or may not be replaced, or its parent is missing.
        AssetError: the disk is full, or the folder cannot be written.
    """
    with _told(target, "folder"):
        _check(target, overwrite, "folder", may_replace)
        tidy(target)
        hidden, lock = _new(target, os.mkdir)
        try:
            yield hidden
            _to_disk(hidden)
            _name_folder(hidden, target, overwrite)
            _sync(target.parent)
        finally:
            _close(lock)
            shutil.rmtree(hidden, ignore_errors=True)


@contextmanager
def whole_file(target: Path, overwrite: bool = False) -> Iterator[Path]:
    """A file to fill, which gets the target's name when the block ends without an error.

    Args:
        target: must not exist, unless `overwrite`; its parent must.
        overwrite: replace a file that is there, in one step.

    Yields:
        The hidden file, empty. If anything fails, it is removed, and what stood under the target's name still does.

    Raises:
        ValueRangeError: the target exists, or is a folder, or its parent is missing.
        AssetError: the disk is full, or the file cannot be written.
    """
    with _told(target, "file"):
        _check(target, overwrite, "file")
        tidy(target)
        hidden, lock = _new(target, lambda path: path.touch(exist_ok=False))
        try:
            yield hidden
            _sync(hidden)
            if overwrite:
                os.replace(hidden, target)
            else:
                _name_new(hidden, target)
            _sync(target.parent)
        finally:
            _close(lock)
            hidden.unlink(missing_ok=True)


def check_target(
    target: Path, overwrite: bool = False, kind: Kind = "folder", may_replace: Callable[[Path], str] = lambda _: ""
) -> None:
    """Refuse what `whole_folder` or `whole_file` would refuse, before anything is made for it. Nothing is left there.

    Args:
        target: of the folder or file.
        overwrite: whether one that is there is to be replaced.
        kind: "folder" or "file".
        may_replace: as for `whole_folder`.

    Raises:
        ValueRangeError: the target exists, or may not be replaced, or its parent is missing.
        AssetError: nothing can be written beside it.
    """
    with _told(target, kind):
        _check(target, overwrite, kind, may_replace)
        hidden, lock = _new(target, os.mkdir)
        try:
            hidden.rmdir()
        finally:
            _close(lock)


def tidy(target: Path) -> None:
    """Take away what killed processes left of this target. What another process writes just now stays."""
    for leftover in sorted(target.parent.glob(f"{_start(target)}*")):
        lock = _lock(leftover, wait=False)
        if lock is None:
            continue
        try:
            if leftover.name.endswith(REPLACED) and not target.exists():
                leftover.rename(target)
            elif leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
        finally:
            _close(lock)


def _check(target: Path, overwrite: bool, kind: Kind, may_replace: Callable[[Path], str] = lambda _: "") -> None:
    if not target.parent.is_dir():
        raise ValueRangeError(f"the {kind}'s parent must exist; got {target.parent}. Make it first.")
    if os.path.lexists(target) and not overwrite:
        raise _taken(target, kind)
    if overwrite and target.exists() and target.is_dir() != (kind == "folder"):
        other = "file" if kind == "folder" else "folder"
        raise ValueRangeError(f"the {kind} must not be a {other}; got {target}. Choose another name.")
    if kind == "folder" and target.is_dir() and (objection := may_replace(target)):
        raise ValueRangeError(
            f"the folder must be an export to be replaced; got {target}, {objection}. Choose another name."
        )


def _taken(target: Path, kind: str) -> ValueRangeError:
    return ValueRangeError(
        f"the {kind} must not exist yet; got {target}. Choose another name, remove it, or ask for it to be overwritten."
    )


@contextmanager
def _told(target: Path, kind: str) -> Iterator[None]:
    """The system's refusals as one sentence."""
    try:
        yield
    except AttnvizError:
        raise
    except OSError as error:
        raise AssetError(
            f"the {kind} must be written whole; {target} could not be ({error.strerror or error}), and nothing was "
            "left under its name. Make room, or choose another place."
        ) from error


def _start(target: Path) -> str:
    return f".attnviz-{hashlib.sha256(target.name.encode()).hexdigest()[:12]}-"


def _new(target: Path, make: Callable[[Path], None]) -> tuple[Path, int]:
    """A hidden name beside the target, which this process holds."""
    while True:
        hidden = target.parent / f"{_start(target)}{secrets.token_hex(4)}{UNFINISHED}"
        make(hidden)
        lock = _lock(hidden, wait=True)
        if hidden.exists():  # between the two steps another process may have taken it for a leftover
            return hidden, -1 if lock is None else lock
        _close(lock)


def _lock(path: Path, wait: bool) -> int | None:
    """A descriptor that holds the path as long as this process lives; None if another process does.

    -1 where the system has no locks and the path is old enough to belong to nobody.
    """
    try:
        if fcntl is None:
            return -1 if wait or time.time() - path.stat().st_mtime > _ABANDONED_S else None
        held = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def _close(lock: int | None) -> None:
    if lock is not None and lock >= 0:
        os.close(lock)


def _name_folder(hidden: Path, target: Path, overwrite: bool) -> None:
    if not overwrite or not target.exists():
        _name_new(hidden, target)
    elif not _renamed(hidden, target, _EXCHANGE):
        old = hidden.with_suffix(REPLACED)
        held = _lock(target, wait=True)
        try:
            target.rename(old)
            hidden.rename(target)
        finally:
            _close(held)
        shutil.rmtree(old, ignore_errors=True)


def _name_new(hidden: Path, target: Path) -> None:
    """Rename without ever replacing what appeared under the name in the meantime."""
    kind = "folder" if hidden.is_dir() else "file"
    try:
        if _renamed(hidden, target, _NO_REPLACE):
            return
        if os.path.lexists(target):
            raise _taken(target, kind)
        if kind == "folder":
            hidden.rename(target)  # fails over a folder that holds anything
        else:
            os.link(hidden, target)  # fails over any file
    except FileExistsError as error:
        raise _taken(target, kind) from error


def _renamed(source: Path, target: Path, flag: int) -> bool:
    """Rename in one step with a flag of Linux's renameat2. False where the system or the disk does not know it."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    if rename(_HERE, os.fsencode(source), _HERE, os.fsencode(target), flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNKNOWN_TO_THE_SYSTEM:
        return False
    raise OSError(code, os.strerror(code), str(target))


def _to_disk(folder: Path) -> None:
    """Everything in a folder, then the folder itself."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot open a folder
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
