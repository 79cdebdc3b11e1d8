"""An export that was written before: its manifest, checked, and its other files."""

import json
import platform
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, TypedDict, cast

from attnviz._version import __version__
from attnviz.comparing.compare import check_drawing
from attnviz.errors import ValueRangeError
from attnviz.export import Json
from attnviz.export.bundle import FORMATS, MANIFEST, SCHEMA_VERSION
from attnviz.geometry import Interpolation
from attnviz.render import Scale, Style

MOST_BYTES = 512 * 2**20
"""Of one file in a ZIP: a small one may unpack to anything."""

DAMAGED = (OSError, ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""What Python raises over a manifest or a file that somebody changed."""

MOST_INCHES = 60
"""Of a figure's side: at 600 dots an inch it is 36000 pixels long."""

_THAT_COUNT = ("torch", "torchvision", "timm", "captum", "numpy", "pillow")
"""Libraries whose version may change the last digits."""


class Drawing(TypedDict):
    """What `comparison_of` is told beside the readings."""

    scale: Scale
    style: Style
    interpolation: Interpolation
    opacity: float
    heading: str
    size: tuple[float, float]
    theme: Literal["light", "dark"]
    transparent: bool


@dataclass(frozen=True)
class KeptModel:
    """A network of an export: how to load it again, and the class that was asked for."""

    name: str
    title: str
    origin: str
    file: str
    sha256: str
    target: int | None


@dataclass(frozen=True, eq=False)
class KeptFigure:
    """A comparison of an export: what was asked about which picture."""

    name: str
    picture_name: str
    picture_sha256: str
    pixels_sha256: str
    picture_file: str
    map: str
    layer: str | None
    point_yx: tuple[float, float] | None
    models: tuple[KeptModel, ...]
    regions: tuple[Mapping[str, Json], ...]
    drawn: Mapping[str, Json]

    def drawing(self) -> Drawing:
        """How it was drawn.

        Raises:
            TypeError, ValueError, KeyError: it is not told, or told wrongly.
            ValueRangeError: a setting is unknown.
        """
        told, size = self.drawn, self.drawn["size"]
        if not isinstance(size, list) or len(size) != 2:
            raise TypeError("size must be width and height")
        width, height = (float(str(side)) for side in size)
        if not (0 < width <= MOST_INCHES and 0 < height <= MOST_INCHES):
            raise ValueError(f"size must be above 0 and at most {MOST_INCHES} inches")
        opacity = float(str(told["opacity"]))
        names = [str(told[key]) for key in ("scale", "style", "interpolation", "theme")]
        scale, style, interpolation, theme = names
        check_drawing(scale, style, interpolation, opacity, theme)
        return Drawing(
            scale=cast(Scale, scale),
            style=cast(Style, style),
            interpolation=cast(Interpolation, interpolation),
            opacity=opacity,
            heading=str(told["heading"]),
            size=(width, height),
            theme=cast(Literal["light", "dark"], theme),
            transparent=bool(told["transparent"]),
        )


@dataclass(frozen=True, eq=False)
class KeptExport:
    """A folder or ZIP that `attnviz.export.bundle` wrote.

    Attributes:
        path: of the manifest, or of the ZIP.
        manifest: its contents.
    """

    path: Path
    manifest: Mapping[str, Json]

    @classmethod
    def opened(cls, path: Path) -> "KeptExport":
        """The export at a path: its manifest, its folder or its ZIP.

        Raises:
            ValueRangeError: there is no manifest, it is damaged, or it is of a later version.
        """
        where = path / MANIFEST if path.is_dir() else path
        try:
            contents = _of_zip(where, MANIFEST) if zipfile.is_zipfile(where) else where.read_bytes()
            told = json.loads(contents or b"")
            if (
                not isinstance(told, dict)
                or not isinstance(told["figures"], list)
                or not isinstance(told["files"], list)
            ):
                raise TypeError("it tells of no figures and files")
            schema = int(told["schema_version"])
        except DAMAGED as error:
            found = "is not there" if not where.exists() else "is none, or is damaged"
            raise ValueRangeError(
                f"the manifest must be the {MANIFEST} of an export, its folder or its ZIP; got {where}, which {found}. "
                "Give the path of an export."
            ) from error
        if schema > SCHEMA_VERSION:
            raise ValueRangeError(
                f"the manifest must have a schema version of at most {SCHEMA_VERSION}; got {schema}, of attnviz "
                f"{told.get('attnviz')}. Update attnviz."
            )
        return cls(where, told)

    @property
    def names(self) -> list[str]:
        """Names of all figures, in order."""
        return [str(figure["name"]) for figure in self._figures]

    @property
    def formats(self) -> tuple[str, ...]:
        """Kinds of figure files that were written."""
        asked = self._settings.get("formats")
        kinds = tuple(kind for kind in FORMATS if isinstance(asked, list) and kind in asked)
        return kinds or FORMATS

    @property
    def dpi(self) -> int:
        """Of the PNG files."""
        dpi = self._settings.get("dpi")
        return dpi if isinstance(dpi, int) and 50 <= dpi <= 600 else 300

    def comparisons(self) -> tuple[KeptFigure, ...]:
        """The figures that can be made again.

        Raises:
            ValueRangeError: there is none, or one of them is damaged.
        """
        try:
            found = tuple(_figure(figure) for figure in self._figures if figure.get("request"))
        except DAMAGED as error:
            raise ValueRangeError(
                f"the manifest must be as it was written; got a figure that is not ({type(error).__name__}: {error}). "
                "Restore it."
            ) from error
        if not found:
            raise ValueRangeError(
                f"the manifest must hold a comparison that can be made again; got none in {self.path}. Export one that "
                "attnviz.compare made."
            )
        return found

    def file(self, name: str) -> bytes | None:
        """Contents of a file of the export; None where it is missing or cannot be read."""
        try:
            if zipfile.is_zipfile(self.path):
                return _of_zip(self.path, name)
            path = self.path.parent / name
            inside = path.resolve().is_relative_to(self.path.parent.resolve())  # a manifest may say anything
            return path.read_bytes() if inside and path.is_file() else None
        except DAMAGED:
            return None

    def sha256_of(self, name: str) -> str:
        """What the manifest says of a file; empty where it says nothing."""
        files = self.manifest["files"]
        for file in files if isinstance(files, list) else []:
            if isinstance(file, dict) and file.get("name") == name:
                return str(file.get("sha256"))
        return ""

    def notes(self) -> tuple[str, ...]:
        """What is known to be different from then."""
        said = []
        then = {"attnviz": self.manifest.get("attnviz"), "python": self.manifest.get("python")}
        libraries = self.manifest.get("libraries")
        if isinstance(libraries, dict):
            then |= {name: libraries.get(name) for name in _THAT_COUNT}
        now = {"attnviz": __version__, "python": platform.python_version()} | {n: _version(n) for n in _THAT_COUNT}
        other = [f"{name} {now[name]} where {told} was" for name, told in then.items() if told and told != now[name]]
        if other:
            said.append(f"Other versions: {', '.join(other)}.")
        left = [str(figure["name"]) for figure in self._figures if not figure.get("request")]
        if left:
            said.append(f"Not made again, for want of a comparison: {', '.join(left)}.")
        return tuple(said)

    @property
    def _figures(self) -> Sequence[dict[str, Json]]:
        figures = self.manifest["figures"]
        return [figure for figure in figures if isinstance(figure, dict)] if isinstance(figures, list) else []

    @property
    def _settings(self) -> Mapping[str, Json]:
        settings = self.manifest.get("settings")
        return settings if isinstance(settings, dict) else {}


def _figure(told: dict[str, Json]) -> KeptFigure:
    request, drawn, picture = told["request"], told["drawing"], told["picture"]
    if not isinstance(request, dict) or not isinstance(drawn, dict) or not isinstance(picture, dict):
        raise TypeError("request, drawing and picture must be there")
    models, regions, point = request["models"], request["regions"], request["point_yx"]
    if not isinstance(models, list) or not isinstance(regions, list) or not models:
        raise TypeError("models and regions must be lists")
    if point is not None and not (isinstance(point, list) and len(point) == 2):
        raise TypeError("point_yx must be row and column")
    figure = KeptFigure(
        name=str(told["name"]),
        picture_name=Path(str(picture["name"])).name,
        picture_sha256=str(picture["sha256"]),
        pixels_sha256=str(told.get("pixels_sha256") or ""),
        picture_file=str(told.get("picture_file") or ""),
        map=str(request["map"]),
        layer=None if request["layer"] is None else str(request["layer"]),
        point_yx=(float(point[0]), float(point[1])) if isinstance(point, list) else None,  # type: ignore[arg-type]
        models=tuple(_model(model) for model in models),
        regions=tuple(_region(region) for region in regions),
        drawn=drawn,
    )
    figure.drawing()  # so that what is missing there is found before a network runs
    return figure


def _region(told: Json) -> Mapping[str, Json]:
    if not isinstance(told, dict):
        raise TypeError("a region must be told as a mapping")
    return told


def _model(told: Json) -> KeptModel:
    if not isinstance(told, dict):
        raise TypeError("a model must be told as a mapping")
    target = told["target"]
    return KeptModel(
        name=str(told["name"]),
        title=str(told["title"]),
        origin=str(told["origin"]),
        file=str(told.get("file") or ""),
        sha256=str(told["sha256"]),
        target=None if target is None else int(target),  # type: ignore[arg-type]
    )


def _of_zip(path: Path, name: str) -> bytes | None:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(name).file_size > MOST_BYTES:
                return None
            return archive.read(name)
    except KeyError:
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
