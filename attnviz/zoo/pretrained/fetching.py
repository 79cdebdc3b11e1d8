"""Downloads of one file: with progress, resumed where it can be, checked before it gets its name.

What is checked. torchvision's file names hold the first eight digits of their sha256. timm's hub reports all digits of
a file's sha256 in the header `X-Linked-Etag`. Either way the whole file is hashed before it gets its final name. A
server that reports neither, such as a plain mirror, gives nothing to compare with: then only the length is checked, and
the note beside the file says so. A hash that comes from the server that also gives the file protects from damage on
the way, not from that server.
"""

import contextlib
import http.client
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from attnviz._version import __version__
from attnviz.errors import AssetError
from attnviz.zoo.cards import names
from attnviz.zoo.pretrained.cache import Note, read_note, sha256_of, write_note

try:
    import fcntl
except ImportError:  # Windows: two downloads of one file at once may spoil each other, and then fail the hash
    fcntl = None  # type: ignore[assignment]

Progress = Callable[[int, int | None], None]
"""Called with the bytes there are and the bytes there will be (None where the server does not say)."""

MIRROR_VARIABLE = "ATTNVIZ_MIRROR"
"""The environment variable that holds the base address of a mirror, such as https://mirror.example/models: the path of
the original address is put behind it."""

WAIT_S = 30.0
"""Seconds without a byte after which a server counts as gone."""

PIECE = 2**18
"""Bytes between two calls of the progress function."""

_SHA256 = re.compile(r'^(?:W/)?"?([0-9a-f]{64})"?$')


class _Server(urllib.request.HTTPRedirectHandler):
    """Follows redirects, never from https to http, and keeps the sha256 that the hub reports before it redirects."""

    def __init__(self) -> None:
        self.sha256 = ""

    def redirect_request(  # type: ignore[no-untyped-def]
        self, req, fp, code, msg, headers, newurl
    ) -> urllib.request.Request | None:
        self.look(headers)
        if urlsplit(req.full_url).scheme == "https" and urlsplit(newurl).scheme != "https":
            raise urllib.error.URLError("it leads away from https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def look(self, headers: http.client.HTTPMessage) -> None:
        found = _SHA256.match(headers.get("X-Linked-Etag", ""))
        if found and not self.sha256:
            self.sha256 = found[1]


def fetch(what: str, address: str, path: Path, sha256_prefix: str = "", progress: Progress | None = None) -> Note:
    """Download a file.

    Args:
        what: what it is, for messages.
        address: where it comes from. `ATTNVIZ_MIRROR` replaces all of it but the path.
        path: where to put it; what is there already stays. Nothing is there before the file is whole and checked. What
            a broken download got stays beside it, and the next one goes on from there, if there is a hash to check the
            whole against.
        sha256_prefix: first digits that its sha256 must have; empty takes those that the server reports, if it does.
        progress: called after each piece. What it raises ends the download.

    Raises:
        AssetError: no connection, no such file, a broken connection, a wrong hash, or a folder that cannot be written.
    """
    address = _mirrored(address)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            note = read_note(path)
            if note is not None and path.is_file():  # somebody else was quicker
                return note
            return _fetch(what, address, path, part, sha256_prefix, progress)
    except _ANSWERED as error:
        raise _no_answer(what, address, error) from error
    except OSError as error:
        if isinstance(error, AssetError):
            raise
        raise AssetError(
            f"the folder of downloaded weights must be one that can be written; got '{error}'. "
            "Free some space, or set ATTNVIZ_CACHE to another folder."
        ) from error


_ANSWERED = (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError)


def _fetch(what: str, address: str, path: Path, part: Path, sha256_prefix: str, progress: Progress | None) -> Note:
    server = _Server()
    have = part.stat().st_size if part.exists() else 0
    response, have = _answer(server, address, have)
    with response:
        server.look(response.headers)
        published = sha256_prefix or server.sha256
        if have and not published:  # two versions of the file may have met in it, and nothing would tell
            response.close()
            part.unlink()
            return _fetch(what, address, path, part, sha256_prefix, progress)
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        _room_for(part, total, have)
        with part.open("ab" if have else "wb") as file:
            got = _copy(response, file, have, total, progress)
    if total is not None and got < total:
        if not published:
            part.unlink()
        raise AssetError(
            f"{what}: {address} must give {total:,} bytes; got {got:,}: the connection was cut. "
            f"Try again{': it goes on from there' if published else ''}."
        )
    found = sha256_of(part)
    if not found.startswith(published):
        part.unlink()
        raise AssetError(
            f"{what}: sha256 of {address} must begin with {published[:12]}, as {_publisher(sha256_prefix)}; "
            f"got {found[:12]}…. The file was thrown away: try again, or through another network."
        )
    note = Note(found, _checked(sha256_prefix, server.sha256), address)
    write_note(path, note)
    part.replace(path)
    return note


def _answer(server: _Server, address: str, have: int) -> tuple[http.client.HTTPResponse, int]:
    """The response, and from which byte on it is: from the first, if the server does not go on from `have`."""
    headers = {"User-Agent": f"attnviz/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    opener = urllib.request.build_opener(server)
    try:
        response = opener.open(urllib.request.Request(address, headers=headers), timeout=WAIT_S)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # nothing lies behind what there is
            return _answer(server, address, 0)
        raise
    goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    return response, have if goes_on else 0


def _copy(
    response: http.client.HTTPResponse, file: IO[bytes], have: int, total: int | None, progress: Progress | None
) -> int:
    """Copy what comes, and return how many bytes the file has then. A broken connection is an end like any other."""
    while True:
        if progress:
            progress(have, total)
        try:
            piece = response.read(PIECE)
        except (http.client.IncompleteRead, ConnectionError, TimeoutError):
            if total is None:
                raise
            return have
        if not piece:
            return have
        file.write(piece)
        have += len(piece)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until nobody else downloads this file."""
    with path.with_name(path.name + ".lock").open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _room_for(part: Path, total: int | None, have: int) -> None:
    if total is not None and shutil.disk_usage(part.parent).free < total - have:
        raise AssetError(
            f"{part.parent} must have room for {(total - have) / 2**20:.0f} MB; got less. "
            "Free some space, or set ATTNVIZ_CACHE to another folder."
        )


def _mirrored(address: str) -> str:
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    if not mirror:
        return address
    if urlsplit(mirror).scheme not in ("http", "https"):
        raise AssetError(
            f"{MIRROR_VARIABLE} must be an address that begins with https:// or http://; got {mirror!r}. "
            "Correct or unset the variable."
        )
    base, parts = urlsplit(mirror), urlsplit(address)
    return urlunsplit((base.scheme, base.netloc, base.path + parts.path, parts.query, ""))


def _publisher(sha256_prefix: str) -> str:
    return "its name says" if sha256_prefix else "the server itself reports"


def _checked(sha256_prefix: str, reported: str) -> str:
    if sha256_prefix:
        return f"the first {len(sha256_prefix)} digits of its sha256 are those in the file's name"
    return "its sha256 is the one that the hub reports" if reported else "only its length: no sha256 is published"


def _no_answer(what: str, address: str, error: Exception) -> AssetError:
    """One sentence about a server that does not answer as it should, and what there is without it."""
    bundled = f"The bundled networks need no network connection: {', '.join(names())}."
    if isinstance(error, urllib.error.HTTPError):
        return AssetError(
            f"{what}: {address} must be there; got {error.code} {error.reason}. It may have moved: try again later, or "
            f"update the library that names it. {bundled}"
        )
    reason = getattr(error, "reason", None) or error or type(error).__name__
    return AssetError(
        f"{what} must come from {address}; got no answer ({reason}). Check the network connection. {bundled}"
    )
