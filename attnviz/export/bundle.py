"""Everything about some figures in one folder or one ZIP, or nothing at all."""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from attnviz._version import __version__
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.export.bundle_parts import picture_file, pictures_of, region_files, regions_of
from attnviz.export.comparison import Comparison
from attnviz.export.deck import Template
from attnviz.export.figure_files import PNG_DPI, figure_pdf, figure_png, figure_svg
from attnviz.export.figure_source import FigureSource, HasRows, Json
from attnviz.export.maps_file import maps_of_all
from attnviz.export.names import unique_slugs
from attnviz.export.rebuild_script import rebuild_script
from attnviz.export.slides import check_template, talk_of
from attnviz.export.tables import rows_csv, scores_csv
from attnviz.export.whole import check_target, whole_file, whole_folder
from attnviz.render import NOT_EXPLANATION

SCHEMA_VERSION = 2
"""Of manifest.json. It grows when a reader of older manifests would go wrong."""

FORMATS = ("png", "svg", "pdf")
"""Kinds of figure files, in the order in which they are listed."""

MAPS, SCORES, MANIFEST, REBUILD, TALK = "maps.npz", "scores.csv", "manifest.json", "rebuild.sh", "talk.pptx"

_LIBRARIES = ("torch", "torchvision", "timm", "captum", "matplotlib", "numpy", "pillow", "python-pptx")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same figures make the same bytes
_LEFT_BY_SYSTEMS = {".DS_Store", "Thumbs.db", "desktop.ini"}

Figures = Mapping[str, FigureSource]
"""Figures by name; file names are made from the names."""


def bundle(
    figures: Figures,
    folder: str | os.PathLike[str],
    *,
    formats: Sequence[str] = FORMATS,
    dpi: int = PNG_DPI,
    with_picture: bool = False,
    with_talk: bool = False,
    template: Template | None = None,
    overwrite: bool = False,
) -> Path:
    """Write figures, raw maps, scores, a manifest and the command that makes them again: as a folder, or as one ZIP.

    The files are `NAME.png`, `.svg` and `.pdf` of each figure, `maps.npz` with all raw values on their native grids,
    `scores.csv` with the numbers of all comparisons (other figures have a table of their own, `NAME.csv`), the masks of
    regions that are no boxes, `rebuild.sh`, and `manifest.json`, which lists every file with its size and sha256, the
    versions of the libraries, and how each figure was made. The same figures give the same bytes.

    All or nothing: everything is written under a hidden name beside it, which gets its name once it is complete
    and on the disk. What fails or is killed on the way leaves nothing under that name.

    Args:
        figures: figures by name, such as comparisons.
        folder: a new folder, or a new file whose name ends in ".zip". Its parent must exist.
        formats: of the figures, any of "png", "svg" and "pdf".
        dpi: of the PNG files.
        with_picture: add each picture as a PNG with the same pixels and without EXIF data, so that the maps can be made
            again without the file. Leave it out where the picture must not travel.
        with_talk: add `talk.pptx`, a talk of the first comparison and the other figures.
        template: of that talk, a .pptx or .potx file with the user's own layouts.
        overwrite: replace an earlier export of that name. A folder that holds anything else is never replaced.

    Returns:
        The folder or file.

    Raises:
        ValueRangeError: no figure, the folder or file exists, its parent does not, it may not be replaced, or the
            template cannot be used.
        NotFoundError: an unknown format.
        AssetError: the disk is full, or it cannot be written.
    """
    place = Path(folder)
    if with_talk and template is not None:
        check_template(template)
    files = bundle_files(
        figures, formats=formats, dpi=dpi, with_picture=with_picture, with_talk=with_talk, template=template
    )  # nothing is made before the first is asked for
    if _is_zip(place):
        with whole_file(place, overwrite) as hidden:
            _write_zip(hidden, files)
    else:
        with whole_folder(place, overwrite, _objection) as hidden:
            for name, contents in files:
                path = hidden / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(contents)
                if name == REBUILD:
                    path.chmod(0o755)
    return place


def check_bundle(folder: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Refuse a folder or file that `bundle` could not write, before its figures are made.

    Raises:
        ValueRangeError: it exists, its parent does not, or it may not be replaced.
        AssetError: nothing can be written there.
    """
    place = Path(folder)
    check_target(place, overwrite, "file" if _is_zip(place) else "folder", _objection)


def bundle_zip(
    figures: Figures,
    *,
    formats: Sequence[str] = FORMATS,
    dpi: int = PNG_DPI,
    with_picture: bool = False,
    with_talk: bool = False,
    progress: Callable[[int, int], object] | None = None,
) -> bytes:
    """The ZIP that `bundle` writes, as bytes, for a download. The same figures give the same bytes.

    `progress` is told how many figure files are made, and how many there will be; what it raises ends the work.
    """
    file = io.BytesIO()
    files = bundle_files(figures, formats=formats, dpi=dpi, with_picture=with_picture, with_talk=with_talk)
    if progress is not None:
        names = {f"{stem}.{kind}" for stem in stems_of(list(figures)) for kind in formats}
        files = _told(files, names, progress)
    _write_zip(file, files)
    return file.getvalue()


def _told(
    files: Iterator[tuple[str, bytes]], names: Collection[str], progress: Callable[[int, int], object]
) -> Iterator[tuple[str, bytes]]:
    done = 0
    progress(done, len(names))
    for name, contents in files:
        yield name, contents
        if name in names:
            done += 1
            progress(done, len(names))


def bundle_files(
    figures: Figures,
    *,
    formats: Sequence[str] = FORMATS,
    dpi: int = PNG_DPI,
    with_picture: bool = False,
    with_talk: bool = False,
    template: Template | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Name and contents of each file of a bundle, made one after the other; the manifest is the last.

    Raises:
        ValueRangeError: no figure, or no format.
        NotFoundError: an unknown format.
    """
    if not figures:
        raise ValueRangeError("figures must hold at least one figure; got none. Choose a picture.")
    kinds = _checked(formats)
    listed: list[Json] = []
    entries: list[Json] = []
    for name, contents, entry in _made(figures, kinds, dpi, with_picture, with_talk, template):
        if entry is not None:
            entries.append(entry)
            continue
        listed.append({"name": name, "bytes": len(contents), "sha256": hashlib.sha256(contents).hexdigest()})
        yield name, contents
    manifest: dict[str, Json] = {
        "schema_version": SCHEMA_VERSION,
        "attnviz": __version__,
        "python": python_version(),
        "libraries": _versions(),
        "note": NOT_EXPLANATION,
        "settings": {"formats": list(kinds), "dpi": dpi, "with_picture": with_picture, "with_talk": with_talk},
        "figures": entries,
        "files": sorted(listed, key=lambda file: str(file["name"]) if isinstance(file, dict) else ""),
    }
    yield MANIFEST, (json.dumps(manifest, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _made(
    figures: Figures,
    formats: Sequence[str],
    dpi: int,
    with_picture: bool,
    with_talk: bool,
    template: Template | None,
) -> Iterator[tuple[str, bytes, Json]]:
    """Every file but the manifest, and, with an empty name, the manifest's entry of each figure."""
    stems = stems_of(list(figures))
    masks = region_files([region for source in figures.values() for region in regions_of(source)])
    pictures = pictures_of(figures.values()) if with_picture else {}
    for name, contents in masks.files.items():
        yield name, contents, None
    for picture in pictures.values():
        yield picture.file, picture_file(picture.picture), None
    for (name, source), stem in zip(figures.items(), stems, strict=True):
        files = []
        for kind in formats:
            files.append(f"{stem}.{kind}")
            yield files[-1], _figure(source, kind, dpi), None
        if isinstance(source, HasRows) and not isinstance(source, Comparison):
            files.append(f"{stem}.csv")
            yield files[-1], rows_csv(source.rows()), None
        entry: dict[str, Json] = {"name": name, "title": source.title, "alt": source.alt, "files": list(files)}
        entry["regions"] = [masks.entry(region) for region in regions_of(source)]
        shown = pictures_of([source])
        entry["picture_file"] = next((pictures[sha].file for sha in shown if sha in pictures), None)
        entry["pixels_sha256"] = next((one.pixels_sha256 for one in shown.values()), None)
        yield "", b"", entry | source.provenance()
    named = dict(zip(stems, figures.values(), strict=True))
    if (maps := maps_of_all(named)) is not None:
        yield MAPS, maps, None
    if comparisons := [source for source in figures.values() if isinstance(source, Comparison)]:
        yield SCORES, scores_csv(comparisons), None
    if with_talk:
        yield TALK, talk_of(figures, template), None
    yield REBUILD, rebuild_script(figures, bool(pictures), masks).encode(), None


def stems_of(names: Sequence[str]) -> list[str]:
    """The names of the figures' files, without what tells their kind."""
    return unique_slugs(names, taken={Path(name).stem for name in (MAPS, SCORES, MANIFEST, REBUILD, TALK)})


def _figure(source: FigureSource, kind: str, dpi: int) -> bytes:
    if kind == "png":
        return figure_png(source, dpi)
    return figure_svg(source) if kind == "svg" else figure_pdf(source)


def _is_zip(place: Path) -> bool:
    return place.suffix.lower() == ".zip"


def _checked(formats: Sequence[str]) -> tuple[str, ...]:
    if not formats:
        raise ValueRangeError(f"formats must hold at least one of {', '.join(FORMATS)}; got none. Choose PNG.")
    for kind in formats:
        if kind not in FORMATS:
            raise NotFoundError.among("format", kind, FORMATS, "a kind of figure file")
    return tuple(kind for kind in FORMATS if kind in formats)


def _write_zip(file: Path | io.BytesIO, files: Iterator[tuple[str, bytes]]) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in files:
            member = zipfile.ZipInfo(name, _EPOCH)
            member.create_system = 3  # the bits of the next line are those of Unix, on any system
            member.external_attr = (0o100755 if name == REBUILD else 0o100644) << 16
            packed = name.endswith((".png", ".npz", ".pptx"))  # these are compressed already
            member.compress_type = zipfile.ZIP_STORED if packed else zipfile.ZIP_DEFLATED
            archive.writestr(member, contents)


def _objection(folder: Path) -> str:
    """What speaks against replacing a folder: files in it that are not of an export."""
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if not path.is_dir() and path.name not in _LEFT_BY_SYSTEMS
    }
    if not found:
        return ""
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
        own = {MANIFEST, *(str(file["name"]) for file in manifest["files"])}
    except (OSError, ValueError, KeyError, TypeError):
        return "which has no manifest of an export"
    strangers = sorted(found - own)
    return f"which also holds {strangers[0]}" if strangers else ""


def _versions() -> Json:
    found: dict[str, Json] = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
