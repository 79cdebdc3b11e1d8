"""A session in a file, and back: a zip of `session.json`, the regions of each picture, and the pictures if wanted.

Nothing is unpacked to disk, and nothing in a file is trusted: every part has a limit, and every value its check.
"""

import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import cast

import attnviz
from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.pictures import MAX_BYTES, Picture, open_picture
from attnviz.regions import Region, region_file
from dashboard import state, talk_file
from dashboard.checks import flag, table, text, whole
from dashboard.learn.editor import LARGEST
from dashboard.packed import Packed

FORMAT = "attnviz session"
VERSION = 2
"""Of files with figures of a talk; those without are of version 1, which older versions of the dashboard open."""
MOST_MB = 100
MOST_PICTURES = 24
MOST_NETWORKS = 60
MOST_CHOICES = 1000
MOST_TABLES = 400
"""Edited tables of lessons; one of them is another for each picture."""
_TABLE = table(64, 64, LARGEST)
MOST_JSON_BYTES = 2**20
MOST_REGION_BYTES = 2**22
LONGEST_NAME = 200
_JSON = "session.json"
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Ways to pack that are read: zipfile unpacks the others without a limit."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same session makes the same bytes
_HASH = re.compile(r"[0-9a-f]{64}")
_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")

# what zipfile, json and the look into their contents raise on a file that is none of ours
UNREADABLE = (
    AttnvizError,  # a picture or a check refused its part
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,  # encrypted, or nested too deeply
    LookupError,
    TypeError,
    AttributeError,
    ValueError,
    EOFError,
    ArithmeticError,
    MemoryError,
    OSError,
)


Tables = Mapping[str, list[list[float]]]
Tell = Callable[[int, int], object]


class SessionFileError(AttnvizError, ValueError):
    """A file is no session of this dashboard, or a damaged one."""


@dataclass(frozen=True, eq=False)
class KeptPicture:
    """A picture of the session that is saved.

    Attributes:
        id: as the sidebar calls it.
        picture: the pixels, of which only name, size and hash are kept.
        regions: drawn on it, the one in focus first.
        contents: the uploaded file; None for a picture that comes along.
    """

    id: str
    picture: Picture
    regions: tuple[Region, ...] = ()
    contents: bytes | None = None


@dataclass(frozen=True)
class KeptNetwork:
    """A network of the session: only by name and hash, whatever its file holds.

    Attributes:
        name: as the sidebar calls it.
        title: for people.
        sha256: of its weights.
        bundled: whether it comes along.
    """

    name: str
    title: str
    sha256: str
    bundled: bool


@dataclass(frozen=True, eq=False)
class OpenedPicture:
    """A picture that a file tells of.

    Attributes:
        id: as the sidebar called it.
        name: of its file.
        sha256: of its file.
        picture: the pixels, if the file holds them.
        contents: the picture's file, if it is held.
        regions: a file of its regions, if it had some.
    """

    id: str
    name: str
    sha256: str
    picture: Picture | None
    contents: bytes | None
    regions: bytes | None


@dataclass(frozen=True, eq=False)
class OpenedSession:
    """What a file holds, checked.

    Attributes:
        choices: by session key; each has passed its check.
        pictures: in the order saved.
        networks: that were chosen or added.
        unknown: how many choices it holds that this version does not know.
        talk: figures chosen for it, in order; their parts are not looked at yet.
        tables: what was edited in the lessons, by the table's key; None in a file of a version that did not keep it.
    """

    choices: Mapping[str, object]
    pictures: tuple[OpenedPicture, ...]
    networks: tuple[KeptNetwork, ...]
    unknown: int
    talk: tuple[Packed, ...] = ()
    tables: Tables | None = None


def write(
    choices: Mapping[str, object],
    pictures: Sequence[KeptPicture],
    networks: Sequence[KeptNetwork],
    tables: Tables | None = None,
    talk: Sequence[Packed] = (),
    *,
    with_pictures: bool = False,
) -> bytes:
    """The contents of a session file.

    Args:
        choices: by session key.
        pictures: with their regions.
        networks: that were chosen or added.
        tables: what was edited in the lessons, by the table's key.
        talk: figures chosen for it.
        with_pictures: put the uploaded pictures into the file, too.

    Raises:
        ValueRangeError: the pictures or figures are larger than a file may be, or regions cannot be saved.
    """
    if problem := too_large(pictures if with_pictures else (), talk):
        raise ValueRangeError(problem)
    parts: dict[str, bytes] = {}
    told = []
    for number, one in enumerate(pictures, start=1):
        entry: dict[str, object] = {
            "id": one.id,
            "name": one.picture.name,
            "sha256": one.picture.sha256,
            "height": one.picture.hw[0],
            "width": one.picture.hw[1],
        }
        if one.regions:
            entry["regions"] = f"regions/{number}.zip"
            parts[f"regions/{number}.zip"] = region_file(one.regions, one.picture)
        if with_pictures and one.contents is not None:
            suffix = PurePath(one.picture.name).suffix.lower()
            file = f"pictures/{number}{suffix if _SUFFIX.fullmatch(suffix) else ''}"
            entry["file"], parts[file] = file, one.contents
        told.append(entry)
    document = {
        "format": FORMAT,
        "version": VERSION if talk else 1,
        "attnviz": attnviz.__version__,
        "choices": dict(sorted(choices.items())),
        "pictures": told,
        "networks": [
            {"name": one.name, "title": one.title, "sha256": one.sha256, "bundled": one.bundled} for one in networks
        ],
        "lessons": {**(tables or {})},
        "figures": len(talk),
    }
    if talk:
        parts |= talk_file.parts_of(talk)
    file_bytes = io.BytesIO()
    with zipfile.ZipFile(file_bytes, "w") as archive:
        for name, contents in {_JSON: json.dumps(document, indent=1).encode(), **parts}.items():
            # the others are packed already
            how = zipfile.ZIP_DEFLATED if name in talk_file.PARTS else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), contents, how)
    return file_bytes.getvalue()


def too_large(pictures: Sequence[KeptPicture], talk: Sequence[Packed]) -> str:
    """What is too large to be saved, and what to do; empty if nothing is.

    Args:
        pictures: whose files would be saved.
        talk: figures that would be saved.
    """
    if problem := talk_file.too_large(talk):
        return problem
    size = talk_file.megabytes(talk) + sum(len(one.contents or b"") for one in pictures) / 2**20
    if size > MOST_MB:
        return (
            f"the photographs and figures of a session must have at most {MOST_MB} MB together; got {size:.0f} MB. "
            "Save it without the photographs, or take some away."
        )
    return ""


def read(contents: bytes, name: str, tell: Tell = lambda done, steps: None) -> OpenedSession:
    """What a session file holds.

    Args:
        contents: of the file.
        name: of the file, for messages.
        tell: told how many of the pictures and figures are read, and how many there are; the figures are unpacked
            later. What it raises ends the work.

    Raises:
        SessionFileError: it is something else, damaged, too large, of a newer version, or a value in it cannot be.
    """
    if len(contents) > (MOST_MB + 10) * 2**20:
        raise SessionFileError(
            f"{name}: a session must have at most {MOST_MB} MB; got {len(contents) / 2**20:.0f} MB. "
            "Save it without its pictures."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(contents)) as archive:
            return _opened(archive, name, tell)
    except UNREADABLE as error:
        raise damaged(name, error) from error


def _opened(archive: zipfile.ZipFile, name: str, tell: Tell) -> OpenedSession:
    parts = archive.infolist()
    if len(parts) > 3 + 2 * MOST_PICTURES or len({part.filename for part in parts}) < len(parts):
        raise ValueRangeError(f"it holds {len(parts)} parts, or one twice")
    told = json.loads(_part(archive, _JSON, MOST_JSON_BYTES))
    if told["format"] != FORMAT:
        raise ValueRangeError("it is of another kind")
    if told["version"] not in (1, VERSION):
        version = text(40)(str(told.get("attnviz", "")))
        raise SessionFileError(
            f"{name}: the session must be of version {VERSION} or older; got one that attnviz {version} saved. "
            "Open it with that version."
        )
    pictures, networks, given = told["pictures"], told["networks"], told["choices"]
    if len(pictures) > MOST_PICTURES or len(networks) > MOST_NETWORKS or len(given) > MOST_CHOICES:
        raise ValueRangeError("it holds more than a session may")
    expected = {_JSON, *(one[kind] for one in pictures for kind in ("file", "regions") if kind in one)}
    if told.get("figures"):
        expected |= set(talk_file.PARTS)
    if expected != {part.filename for part in parts}:
        raise ValueRangeError("its parts are not those that it tells of")
    choices, unknown = _choices(given)
    tables = _tables(told["lessons"]) if "lessons" in told else None
    talk: tuple[Packed, ...] = ()
    if told.get("figures"):
        talk = talk_file.figures_of(*(_part(archive, part, most) for part, most in talk_file.PARTS.items()))
    steps = len(pictures) + len(talk)
    opened = _pictures(archive, pictures, lambda done: tell(done, steps))
    return OpenedSession(choices, opened, tuple(map(_network, networks)), unknown, talk, tables)


def _choices(given: Mapping[str, object]) -> tuple[dict[str, object], int]:
    """The choices that are known here, and how many are not."""
    choices: dict[str, object] = {}
    for key, value in given.items():
        choice = state.choice_of(key)
        if choice is None:
            continue
        try:
            choices[text(LONGEST_NAME)(key)] = choice.check(value)
        except ValueRangeError as error:
            raise ValueRangeError(f"its {key[:40]!r} {error}") from error
    return choices, len(given) - len(choices)


def _tables(told: Mapping[str, object]) -> Tables:
    """The tables of the lessons."""
    if len(told) > MOST_TABLES:
        raise ValueRangeError("it holds more than a session may")
    found = {}
    for key, rows in told.items():
        try:
            found[str(text(LONGEST_NAME)(key))] = cast(list[list[float]], _TABLE(rows))
        except ValueRangeError as error:
            raise ValueRangeError(f"its table {key[:40]!r} {error}") from error
    return found


def _pictures(
    archive: zipfile.ZipFile, told: Sequence[Mapping[str, object]], tell: Callable[[int], object]
) -> tuple[OpenedPicture, ...]:
    left = MOST_MB * 2**20
    found = []
    for number, one in enumerate(told):
        tell(number)
        sha256, shown = _sha256(one["sha256"]), str(text(LONGEST_NAME)(one["name"]))
        hw = whole(1, 10**6)(one["height"]), whole(1, 10**6)(one["width"])
        contents = picture = None
        if "file" in one:
            contents = _part(archive, str(one["file"]), min(left, MAX_BYTES))
            left -= len(contents)
            picture = open_picture(contents, name=shown)
            if picture.sha256 != sha256 or picture.hw != hw:
                raise ValueRangeError(f"{shown} is not the picture that was saved: its hash or its size differs")
        regions = _part(archive, str(one["regions"]), MOST_REGION_BYTES) if "regions" in one else None
        found.append(OpenedPicture(str(text(60)(one["id"])), shown, sha256, picture, contents, regions))
    if len({one.sha256 for one in found}) < len(found):
        raise ValueRangeError("it tells of one picture twice")
    return tuple(found)


def _network(told: Mapping[str, object]) -> KeptNetwork:
    word = text(LONGEST_NAME)
    sha256 = _sha256(told["sha256"]) if told["sha256"] else ""
    return KeptNetwork(str(word(told["name"])), str(word(told["title"])), sha256, bool(flag()(told["bundled"])))


def _sha256(value: object) -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise ValueRangeError("a hash in it is none")
    return value


def _part(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """One part, never more of it than the limit; what the header says of its size is not trusted."""
    if archive.getinfo(name).compress_type not in _PACKED:
        raise ValueRangeError("it is packed in another way than stored or deflated")
    with archive.open(name) as part:
        contents = part.read(most + 1)
    if len(contents) > most:
        raise ValueRangeError(f"a part of it has more than {most / 2**20:.0f} MB")
    return contents


def damaged(name: str, error: BaseException) -> SessionFileError:
    """The sentence for a file in which something cannot be: a check's own words, or what Python called it."""
    if isinstance(error, SessionFileError):
        return error
    what = str(error).rstrip(".") if isinstance(error, AttnvizError) else type(error).__name__
    return SessionFileError(
        f"{name}: the file must be a session that this dashboard saved; got something else or a damaged file ({what}). "
        "Nothing was changed."
    )
