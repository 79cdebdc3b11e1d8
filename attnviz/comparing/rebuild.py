"""The numbers of an export made again from its manifest, and held against what was written then."""

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from attnviz import zoo
from attnviz.comparing.choice import MapChoice
from attnviz.comparing.compare import Progress, comparison_of
from attnviz.comparing.kept_export import DAMAGED, KeptExport, KeptFigure
from attnviz.comparing.reading import read
from attnviz.comparing.request import region_from_words
from attnviz.errors import AssetError, AttnvizError, NotFoundError, PictureError, ValueRangeError
from attnviz.export import Comparison, FigureSource, bundle, scores_csv
from attnviz.export.bundle import MAPS, SCORES, check_bundle, stems_of
from attnviz.export.bundle_parts import pixels_sha256
from attnviz.export.maps_file import maps_of_all
from attnviz.pictures import Picture, open_picture, sample_pictures
from attnviz.pictures.reading import PictureFile
from attnviz.regions import Region
from attnviz.zoo import Loaded


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """An export's numbers, made again.

    Attributes:
        comparisons: by the figures' names.
        maps: contents of maps.npz.
        scores: contents of scores.csv.
        differs: what is not as it was, one sentence each; empty where both files are the same, byte for byte.
        notes: what is known to be different and need not matter: versions of libraries, figures that are no comparison.
        out: where the files were written; None if nowhere.
    """

    comparisons: Mapping[str, Comparison]
    maps: bytes
    scores: bytes
    differs: tuple[str, ...]
    notes: tuple[str, ...]
    out: Path | None = None

    @property
    def same(self) -> bool:
        """Whether maps.npz is the same bit for bit and scores.csv byte for byte."""
        return not self.differs


def rebuild(
    manifest: str | os.PathLike[str],
    picture: PictureFile | Sequence[PictureFile] | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    networks: Sequence[Loaded] = (),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Rebuilt:
    """Make the maps and scores of an export again, and say what differs.

    The sha256 of picture and weights are checked before anything runs. On the same machine with the same versions of
    the libraries, maps.npz comes out the same bit for bit and scores.csv byte for byte. Other processors, other numbers
    of threads and other versions round differently: the maps then agree to about six digits, and `differs` says by how
    much they do not.

    Args:
        manifest: of an export of `attnviz.export.bundle`: `manifest.json`, its folder, or the ZIP.
        picture: the photograph, or several where the export is of several. None looks in the export, among the sample
            pictures, beside the manifest and in the working folder.
        out: a new folder, or a name that ends in ".zip", for the export made again, with the formats of the first; None
            writes nothing.
        networks: those that are neither bundled nor pretrained, such as checkpoints, as `zoo.load_checkpoint` loads
            them. They are told apart by the sha256 of their files.
        overwrite: replace an earlier export at `out`.
        progress: told before each network.

    Returns:
        The comparisons, both files, and what differs.

    Raises:
        ValueRangeError: the manifest is none, or holds no comparison that can be made again.
        PictureError: a picture is not found, or is another one.
        AssetError: weights are missing or are others.
        AttnvizError: `out` cannot be written.
    """
    if out is not None:
        check_bundle(out, overwrite)  # a refusal should not wait for the maps
    kept = KeptExport.opened(Path(manifest))
    figures = kept.comparisons()
    pictures = _pictures(kept, figures, picture)
    regions = {figure.name: _regions(figure, pictures[figure.picture_sha256]) for figure in figures}
    loaded = _networks(figures, networks)
    count = sum(len(one.models) for one in figures)
    made: dict[str, Comparison] = {}
    done = 0
    for figure in figures:
        shown = pictures[figure.picture_sha256]
        readings = []
        for model in figure.models:
            network = loaded[model.sha256]
            network = replace(network, card=replace(network.card, name=model.name, title=model.title))
            if progress is not None:
                progress(done / count, network.card.title)
            readings.append(read(network, shown, MapChoice(figure.map, model.target, figure.point_yx, figure.layer)))
            done += 1
        made[figure.name] = comparison_of(shown, readings, regions[figure.name], None, **figure.drawing())
    if progress is not None:
        progress(1.0, "done")
    stems = dict(zip(kept.names, stems_of(kept.names), strict=True))
    maps = maps_of_all({stems[name]: one for name, one in made.items()})
    scores = scores_csv(list(made.values()))
    assert maps is not None  # a comparison has at least one map
    notes = kept.notes()
    place = None
    if out is not None:
        drawn: dict[str, FigureSource] = {**made}
        place = bundle(drawn, out, formats=kept.formats, dpi=kept.dpi, overwrite=overwrite)
    return Rebuilt(made, maps, scores, _differences(kept, maps, scores, notes), notes, place)


def _pictures(
    kept: KeptExport, figures: Sequence[KeptFigure], given: PictureFile | Sequence[PictureFile] | None
) -> dict[str, Picture]:
    """The picture of each figure, by the sha256 that the manifest names."""
    if given is None:
        offered = None
    elif isinstance(given, list | tuple):
        offered = [open_picture(one) for one in given]
    else:
        offered = [open_picture(given)]  # type: ignore[arg-type]  # a path, bytes or an open file
    found: dict[str, Picture] = {}
    for figure in figures:
        sha256 = figure.picture_sha256
        if sha256 in found:
            continue
        candidates = offered if offered is not None else _nearby(kept, figure)
        for one in candidates:
            if one.sha256 == sha256 or pixels_sha256(one) == figure.pixels_sha256:
                found[sha256] = Picture(one.rgb, sha256, figure.picture_name)
                break
        else:
            if offered is None:
                raise PictureError(
                    f"the picture {figure.picture_name!r} (sha256 {sha256[:12]}…) must be there to make its maps again;"
                    " it is not in the export, beside the manifest or here. Give its path."
                )
            raise PictureError(
                f"the picture must be {figure.picture_name!r} (sha256 {sha256[:12]}…); got {offered[0].name!r} "
                f"(sha256 {offered[0].sha256[:12]}…), whose pixels are others. Give the file that was exported."
            )
    return found


def _nearby(kept: KeptExport, figure: KeptFigure) -> list[Picture]:
    """Pictures that may be the one: in the export, a sample, or a file of that name."""
    found = []
    contents = kept.file(figure.picture_file) if figure.picture_file else None
    if contents is not None:
        found.append(open_picture(contents, name=figure.picture_name))
    for place in (kept.path.parent, Path.cwd()):
        path = place / figure.picture_name
        if path.is_file() and path.parent.resolve() == place.resolve():
            try:
                found.append(open_picture(path))
            except PictureError:
                continue  # a file of that name which is no picture is not the one
    try:
        samples = [sample for sample in sample_pictures() if sample.path.name == figure.picture_name]
    except AssetError:  # the sample pictures are another package's
        samples = []
    return [*found, *(sample.open() for sample in samples)]


def _regions(figure: KeptFigure, picture: Picture) -> list[Region]:
    """The regions of a figure, in order."""
    try:
        return [region_from_words(words, picture.hw) for words in figure.regions]
    except AttnvizError:
        raise
    except DAMAGED as error:
        raise ValueRangeError(
            f"the manifest must be as it was written; got a region of {figure.name!r} that is not "
            f"({type(error).__name__}: {error}). Restore it."
        ) from error


def _networks(figures: Sequence[KeptFigure], given: Sequence[Loaded]) -> dict[str, Loaded]:
    """Every network of the figures, by the sha256 of its weights."""
    offered = {one.card.sha256: one for one in given}
    found: dict[str, Loaded] = {}
    for model in (model for figure in figures for model in figure.models):
        if model.sha256 in found:
            continue
        if model.sha256 in offered:
            found[model.sha256] = offered[model.sha256]
            continue
        if model.origin == "attnviz":
            try:
                one = zoo.load(model.name)
            except NotFoundError as error:
                raise AssetError(f"the network {model.name!r} of the export must be bundled; {error}") from error
        elif model.origin in ("torchvision", "timm"):
            one = zoo.load_pretrained(model.name)
        else:
            raise AssetError(
                f"the weights {model.file or model.name!r} (sha256 {model.sha256[:12]}…) must be given: they come from "
                "a file of the user's own. Load it with zoo.load_checkpoint and pass it as networks=[...]."
            )
        if one.card.sha256 != model.sha256:
            raise AssetError(
                f"the weights of {model.title!r} must have sha256 {model.sha256[:12]}…; got {one.card.sha256[:12]}…, "
                "other weights. Use the version of attnviz that made the export."
            )
        found[model.sha256] = one
    return found


def _differences(kept: KeptExport, maps: bytes, scores: bytes, notes: Sequence[str]) -> tuple[str, ...]:
    """A sentence for each of the two files that is not as it was, or that was changed since it was written."""
    said = []
    why = f" {notes[0]}" if notes else ""
    for name, new, difference in ((MAPS, maps, _map_difference), (SCORES, scores, _line_difference)):
        old, written = kept.file(name), kept.sha256_of(name)
        if _sha256(new) != written:
            said.append(f"{name} differs: {difference(old, new)}.{why}")
        elif old is not None and _sha256(old) != written:
            said.append(f"{name} of the export was changed after it was written: {difference(old, new)}.")
    return tuple(said)


def _map_difference(old: bytes | None, new: bytes) -> str:
    """How far the maps lie from those that were written."""
    if old is None:
        return "its bytes are others, and the file of the export is not there to be compared"
    try:
        return _array_difference(old, new)
    except DAMAGED:
        return "its bytes are others, and the file of the export cannot be read"


def _array_difference(old: bytes, new: bytes) -> str:
    worst, where, missing = 0.0, "", []
    with np.load(io.BytesIO(old)) as before, np.load(io.BytesIO(new)) as now:
        names = [name for name in before.files if name != "provenance"]
        for name in names:
            if name not in now.files:
                missing.append(name)
            elif before[name].shape != now[name].shape:
                return f"{name} has {now[name].shape} cells and had {before[name].shape}"
            elif not np.array_equal(before[name], now[name], equal_nan=True):
                apart = np.nanmax(np.abs(before[name].astype(np.float64) - now[name]))
                share = float(apart) / max(1e-300, float(np.nanmax(np.abs(before[name]))))
                worst, where = max((worst, where), (share, name))
    if where:
        return f"{where} is off by up to {worst:.2g} of its largest value"
    if missing:
        return f"{len(missing)} arrays of figures that are no comparison are not made again; the maps are the same"
    return "all maps are the same, and what is told beside them is not"


def _line_difference(old: bytes | None, new: bytes) -> str:
    if old is None:
        return "its bytes are others, and the file of the export is not there to be compared"
    before, now = old.decode("utf-8", "replace").splitlines(), new.decode().splitlines()
    if len(before) != len(now):
        return f"{len(now)} lines where {len(before)} were"
    number = next((place for place, (one, other) in enumerate(zip(before, now, strict=True)) if one != other), 0)
    return f"line {number + 1} is another"


def _sha256(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()
