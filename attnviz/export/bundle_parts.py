"""Pictures and regions of figures, as the files of a bundle."""

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from attnviz.export.figure_source import FigureSource, Json
from attnviz.export.names import unique_slugs
from attnviz.pictures import Picture
from attnviz.regions import Region


@dataclass(frozen=True, eq=False)
class PicturePart:
    """A picture of a bundle: the name of its file, and a hash of its pixels, which the file keeps."""

    picture: Picture
    file: str

    @property
    def pixels_sha256(self) -> str:
        """Of the upright pixels, whatever file they came in."""
        return pixels_sha256(self.picture)


@dataclass(frozen=True, eq=False)
class RegionParts:
    """The regions of a bundle: a mask file for each that is no box."""

    files: Mapping[str, bytes]
    names: Mapping[str, str]

    def entry(self, region: Region) -> Json:
        """What the manifest says of a region: its name and area, and its box (top, left, bottom, right) or mask."""
        told: dict[str, Json] = {"name": region.name, "area": region.area}
        box = box_of(region)
        if box is not None:
            return told | {"box_yxyx": [*box]}
        return told | {"mask": self.names[_key(region)]}


def regions_of(source: FigureSource) -> list[Region]:
    """The regions that a figure speaks of, in order."""
    named = (getattr(source, "region", None), *_many(source, "others"), *_many(source, "regions"))
    return [region for region in named if isinstance(region, Region)]


def region_files(regions: Iterable[Region]) -> RegionParts:
    """A PNG for each region that is no box: white inside, black outside, at the picture's own size."""
    drawn = {_key(region): region for region in regions if box_of(region) is None}
    stems = unique_slugs([region.name for region in drawn.values()])
    names = {key: f"regions/{stem}.png" for key, stem in zip(drawn, stems, strict=True)}
    return RegionParts({names[key]: _mask_png(region) for key, region in drawn.items()}, names)


def pictures_of(sources: Iterable[FigureSource]) -> dict[str, PicturePart]:
    """The pictures that figures show, by sha256 of their files."""
    shown = [getattr(source, "picture", None) for source in sources]
    pictures = {picture.sha256: picture for picture in shown if isinstance(picture, Picture)}
    stems = unique_slugs([picture.name.rsplit(".", 1)[0] for picture in pictures.values()])
    return {
        sha256: PicturePart(picture, f"pictures/{stem}.png")
        for (sha256, picture), stem in zip(pictures.items(), stems, strict=True)
    }


def picture_file(picture: Picture) -> bytes:
    """The picture's pixels as a PNG: lossless, upright, and without what else its file told, such as the place."""
    return _png(picture.rgb)


def pixels_sha256(picture: Picture) -> str:
    """Of the shape and the upright pixels: a PNG of the same pixels has the same, whatever its bytes."""
    return Picture.from_array(picture.rgb).sha256


def box_of(region: Region) -> tuple[int, int, int, int] | None:
    """The box (top, left, bottom, right) in pixels that is exactly this region; None where there is none."""
    rows, columns = (np.flatnonzero(region.mask_hw.any(axis=axis)) for axis in (1, 0))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return (top, left, bottom, right) if region.mask_hw[top:bottom, left:right].all() else None


def _many(source: FigureSource, name: str) -> Sequence[object]:
    found = getattr(source, name, ())
    return found if isinstance(found, tuple | list) else ()


def _key(region: Region) -> str:
    return f"{region.name}\n{hashlib.sha256(np.packbits(region.mask_hw).tobytes()).hexdigest()}"


def _mask_png(region: Region) -> bytes:
    return _png(region.mask_hw.astype(np.uint8) * 255)


def _png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
