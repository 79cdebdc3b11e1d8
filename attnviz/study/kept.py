"""What a study keeps on the disk while it runs: its settings, and the numbers of each picture that is done.

Each picture's numbers are one file, which is there whole or not at all. A study that was killed goes on from them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

from attnviz.errors import AssetError, ValueRangeError
from attnviz.export import Json, Row, slug
from attnviz.export.whole import check_target, whole_file
from attnviz.focus import FocusScore

SETTINGS, PICTURES = "study.json", "pictures"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Failure:
    """Something that could not be measured.

    Attributes:
        picture: its name.
        reason: a sentence.
        network: title of the network that has no number; empty where it is the picture's fault.
        region: name of the region likewise; empty for all.
    """

    picture: str
    reason: str
    network: str = ""
    region: str = ""

    @property
    def sentence(self) -> str:
        """Where, and why."""
        where = ", ".join(filter(None, (self.picture, self.network, self.region)))
        return f"{where}: {self.reason.removeprefix(f'{self.picture}: ')}"


@dataclass(frozen=True, eq=False)
class Measured:
    """The numbers of one picture.

    Attributes:
        name: of the picture.
        sha256: of its file.
        hw: its height and width in pixels.
        regions_sha256: of all its regions, so that a changed one is measured again.
        rows: as in `scores.csv`.
        scores: by the region's name, by the network's title, the baselines last.
        problems: networks or regions without a number.
    """

    name: str
    sha256: str
    hw: tuple[int, int]
    regions_sha256: str
    rows: tuple[Row, ...]
    scores: Mapping[str, Mapping[str, FocusScore]]
    problems: tuple[Failure, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Plain values, from which `from_json` makes the same."""
        scores: dict[str, Json] = {
            region: {title: cast(Json, asdict(one)) for title, one in found.items()}
            for region, found in self.scores.items()
        }
        return {
            "schema": SCHEMA_VERSION,
            "picture": {"name": self.name, "sha256": self.sha256, "hw": [*self.hw]},
            "regions_sha256": self.regions_sha256,
            "rows": [{**row} for row in self.rows],
            "scores": scores,
            "problems": [cast(Json, asdict(one)) for one in self.problems],
        }

    @classmethod
    def from_json(cls, told: Mapping) -> "Measured":  # type: ignore[type-arg]  # of a file: anything may stand in it
        """The numbers of a file.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: they are no such numbers.
        """
        picture = told["picture"]
        height, width = picture["hw"]
        scores = {
            region: {title: FocusScore(**one) for title, one in found.items()}
            for region, found in told["scores"].items()
        }
        problems = tuple(Failure(**one) for one in told["problems"])
        rows = tuple(dict(row) for row in told["rows"])
        return cls(picture["name"], picture["sha256"], (height, width), told["regions_sha256"], rows, scores, problems)


def check_place(out: Path) -> None:
    """Refuse a folder that no study can have, before its networks are loaded.

    Raises:
        ValueRangeError: the folder holds something else than a study, or its parent is missing.
        AssetError: nothing can be written there.
    """
    if not out.absolute().parent.is_dir():
        raise ValueRangeError(f"the folder around the study's must exist; got {out.parent}. Make it first.")
    if out.exists() and not out.is_dir():
        raise ValueRangeError(f"the study's folder must be a folder; got the file {out}. Choose another name.")
    if not (out / SETTINGS).is_file() and out.is_dir() and any(not path.name.startswith(".") for path in out.iterdir()):
        raise ValueRangeError(
            f"the study's folder must be new, or hold a study; got {out}, which holds something else. Choose another."
        )
    check_target((out / SETTINGS) if out.is_dir() else out, overwrite=True, kind="file" if out.is_dir() else "folder")


def begin(out: Path, settings: Mapping[str, Json]) -> None:
    """Begin a study in a new folder, or go on with the one that is there.

    Raises:
        ValueRangeError: the folder holds something else, or a study with other settings, or its parent is missing.
        AssetError: it cannot be written.
    """
    check_place(out)
    file = out / SETTINGS
    if file.is_file():
        _check_same(out, file, settings)
    try:
        out.mkdir(exist_ok=True)
        if not file.is_file():
            write(file, (json.dumps(settings, indent=2, ensure_ascii=False) + "\n").encode())
        (out / PICTURES).mkdir(exist_ok=True)
    except OSError as error:
        raise AssetError(
            f"the study's folder must be writable; got {out} ({error.strerror}). Choose another."
        ) from error


def done(out: Path, name: str, sha256: str, regions_sha256: str) -> Measured | None:
    """The numbers of a picture that was measured before; None where it was not, or another picture or region was."""
    try:
        kept = Measured.from_json(json.loads(_file(out, name).read_text("utf-8")))
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None
    same = (kept.name, kept.sha256, kept.regions_sha256) == (name, sha256, regions_sha256)
    return kept if same else None


def keep(out: Path, measured: Measured) -> None:
    """Write the numbers of a picture, whole or not at all.

    Raises:
        AssetError: the disk is full, or the file cannot be written.
    """
    write(_file(out, measured.name), (json.dumps(measured.to_json(), allow_nan=False) + "\n").encode())


def write(path: Path, contents: bytes) -> None:
    """Write a file, whole or not at all, over an earlier one."""
    with whole_file(path, overwrite=True) as hidden:
        hidden.write_bytes(contents)


def _file(out: Path, name: str) -> Path:
    return out / PICTURES / f"{slug(name)[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}.json"


def _check_same(out: Path, file: Path, settings: Mapping[str, Json]) -> None:
    try:
        before = dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise ValueRangeError(
            f"{file} must be the settings of a study; it cannot be read. Choose another folder."
        ) from (error)
    for key in dict.fromkeys([*settings, *before]):
        if before.get(key) != settings.get(key):
            raise ValueRangeError(
                f"the settings must be those with which the study in {out} was begun, {key} {_said(before.get(key))}; "
                f"got {_said(settings.get(key))}. Choose another folder for a new study."
            )


def _said(value: Json) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(
            f"{one['title']} ({str(one['sha256'])[:8]})" if isinstance(one, Mapping) else str(one) for one in value
        )
    return "none" if value is None else repr(value) if isinstance(value, str) else str(value)
