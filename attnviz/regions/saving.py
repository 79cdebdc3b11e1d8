"""Regions in a file, and back: a small zip of `regions.json` and `regions.png`, bound to its picture.

The PNG holds one value for each combination of regions that occurs: 0 where there is none, and where regions do not
overlap, a value of its own for each. The JSON names the regions, and for each of them the values that belong to it.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from attnviz.errors import PictureError, ShapeError, ValueRangeError
from attnviz.pictures.reading import MAX_BYTES, Picture, PictureFile, decode, read_file
from attnviz.regions.naming import uniquely_named
from attnviz.regions.region import Region

FORMAT = "attnviz regions"
VERSION = 1
MOST_REGIONS = 32
"""Regions that one file may hold."""

MOST_JSON_BYTES = 2**20
LONGEST_NAME = 200
_JSON, _PNG = "regions.json", "regions.png"
_MOST_VALUES = 2**16
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Ways to pack that are read: zipfile unpacks the others without a limit, a few kilobytes into gigabytes."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same regions make the same bytes
_COLOURS = ((255, 176, 0), (86, 180, 233), (204, 121, 167), (0, 158, 115), (240, 228, 66), (213, 94, 0), (0, 114, 178))

# what zipfile, json and the look into their contents raise on a file that is none of ours
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    KeyError,
    TypeError,
    ValueError,
    EOFError,
    OverflowError,
)

Labels = npt.NDArray[np.uint16]


def region_file(regions: Sequence[Region], picture: Picture) -> bytes:
    """The contents of a file with regions of a picture, as `save_regions` writes it.

    Args:
        regions: 1 to 32, with different names, in the order to keep.
        picture: the picture that they were drawn on.

    Raises:
        ValueRangeError: there is no region, there are too many, or two have one name, or a name is blank or longer
            than 200 characters.
        ShapeError: a region was drawn on a picture of another size.
    """
    checked = uniquely_named(regions)
    if len(checked) > MOST_REGIONS:
        raise ValueRangeError(f"one file may hold {MOST_REGIONS} regions; got {len(checked)}. Save some elsewhere.")
    for region in checked:
        if not 0 < len(region.name.strip()) <= LONGEST_NAME:
            raise ValueRangeError(
                f"a region's name must have 1 to {LONGEST_NAME} characters; got {len(region.name.strip())}. Rename it."
            )
    if checked[0].source_hw != picture.hw:
        raise ShapeError(
            f"the regions must be drawn on the picture of {picture.hw} (height, width); got {checked[0].source_hw}. "
            "Save them with their own picture."
        )
    labels, members = _labels_of(checked)
    told = {
        "format": FORMAT,
        "version": VERSION,
        "picture": {"name": picture.name, "sha256": picture.sha256, "height": picture.hw[0], "width": picture.hw[1]},
        "regions": [
            {"name": region.name, "values": [value for value, one in enumerate(members) if place in one]}
            for place, region in enumerate(checked)
        ],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(_JSON, _EPOCH), json.dumps(told, indent=1, ensure_ascii=False).encode())
        archive.writestr(zipfile.ZipInfo(_PNG, _EPOCH), _png(labels, len(members)))
    return file.getvalue()


def save_regions(regions: Sequence[Region], path: str | Path, picture: Picture) -> Path:
    """Write regions of a picture to a file: a small zip of a JSON and a PNG, which `load_regions` reads again.

    Args:
        regions: 1 to 32, with different names, in the order to keep. They may overlap.
        path: of the file, such as "dog.regions.zip". A file that is there is replaced.
        picture: the picture that they were drawn on; the file keeps its hash and size.

    Returns:
        The path.

    Raises:
        ValueRangeError: there is no region, there are too many, or a name is double, blank or too long.
        ShapeError: a region was drawn on a picture of another size.
        OSError: the file cannot be written.
    """
    contents = region_file(regions, picture)  # complete before the file is touched
    target = Path(path)
    target.write_bytes(contents)
    return target


def load_regions(file: PictureFile, picture: Picture, *, force: bool = False) -> tuple[Region, ...]:
    """Read regions that were saved with a picture.

    Args:
        file: the path, bytes or open file of what `save_regions` wrote.
        picture: the picture to use them on.
        force: use them on another picture of the same size, too, such as another copy of the photograph.

    Returns:
        The regions, exactly as they were saved.

    Raises:
        PictureError: the file is no such file, damaged, larger than 20 MB, or belongs to another picture.
    """
    contents, file_name = read_file(file)
    try:
        told, png = _unpacked(contents)
        saved = told["picture"]
        sha256, hw = str(saved["sha256"]), (int(saved["height"]), int(saved["width"]))
        names_and_values = [(str(one["name"]), [int(value) for value in one["values"]]) for one in told["regions"]]
    except _UNREADABLE as error:
        raise _damaged(file_name, f"{type(error).__name__}: {error}") from error
    if hw != picture.hw:
        raise PictureError(
            f"{file_name}: the regions must belong to this picture of {picture.hw[0]} x {picture.hw[1]} pixels; got "
            f"regions of {saved.get('name')!r} with {hw[0]} x {hw[1]}. Open that picture first."
        )
    if sha256 != picture.sha256 and not force:
        raise PictureError(
            f"{file_name}: the regions must belong to this picture; got regions of {saved.get('name')!r}, another file "
            "of the same size. Open that picture, or load them with force=True."
        )
    if not 1 <= len(names_and_values) <= MOST_REGIONS:
        raise _damaged(file_name, f"it names {len(names_and_values)} regions")
    labels = _decoded(png, file_name, picture.hw)
    found = []
    for name, values in names_and_values:
        if not 0 < len(name.strip()) <= LONGEST_NAME or not all(0 < value < _MOST_VALUES for value in values):
            raise _damaged(file_name, "a region has no name or a value that cannot be")
        belongs = np.zeros(_MOST_VALUES, dtype=bool)
        belongs[values] = True
        try:
            found.append(Region(name, belongs[labels]))
        except ValueRangeError as error:
            raise _damaged(file_name, str(error)) from error
    try:
        return uniquely_named(found)
    except ValueRangeError as error:
        raise _damaged(file_name, str(error)) from error


def _labels_of(regions: Sequence[Region]) -> tuple[Labels, list[tuple[int, ...]]]:
    """A value for each pixel, and by value the places of the regions that it lies in; value 0 lies in none."""
    members: list[tuple[int, ...]] = [()]
    labels = np.zeros(regions[0].source_hw, dtype=np.int32)
    for place, region in enumerate(regions):
        # each value so far, once without the region and once with it; then only those that occur are kept
        paired = 2 * labels + region.mask_hw
        both = [one + added for one in members for added in ((), (place,))]
        occurs = np.bincount(paired.ravel(), minlength=len(both)) > 0
        occurs[0] = True  # outside everything stays 0
        kept = [one for one, there in zip(both, occurs, strict=True) if there]
        ordered = sorted(kept, key=lambda one: (len(one), one))
        if len(ordered) > _MOST_VALUES:
            raise ValueRangeError(
                f"regions must overlap in fewer than {_MOST_VALUES} ways; got {len(ordered)}. Save fewer of them."
            )
        value_of = {one: value for value, one in enumerate(ordered)}
        new_value = np.array([value_of.get(one, 0) for one in both], dtype=np.int32)
        labels, members = new_value[paired], ordered
    return labels.astype(np.uint16), members


def _png(labels: Labels, values: int) -> bytes:
    file = io.BytesIO()
    if values <= 256:
        image = Image.fromarray(labels.astype(np.uint8)).convert("L")
        image.putpalette([0, 0, 0] + [part for value in range(255) for part in _COLOURS[value % len(_COLOURS)]])
    else:
        image = Image.fromarray(labels)
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _unpacked(contents: bytes) -> tuple[dict, bytes]:
    """The two parts of the file, never more of them than the limits allow."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        parts = []
        for name, most in ((_JSON, MOST_JSON_BYTES), (_PNG, MAX_BYTES)):
            if archive.getinfo(name).compress_type not in _PACKED:
                raise ValueError(f"{name} is packed in another way than stored or deflated")
            with archive.open(name) as part:
                read = part.read(most + 1)  # what the header says of the size is not trusted
            if len(read) > most:
                raise ValueError(f"{name} has more than {most} bytes")
            parts.append(read)
    told = json.loads(parts[0])
    if told["format"] != FORMAT or told["version"] != VERSION:
        raise ValueError(f"format {told['format']!r}, version {told['version']!r}")
    return told, parts[1]


def _decoded(png: bytes, file_name: str, hw: tuple[int, int]) -> npt.NDArray[np.integer]:
    """The values of the PNG, which has the picture's size; the header is held against it before decoding."""
    image, _ = decode(png, file_name, max_pixels=hw[0] * hw[1])
    if (image.height, image.width) != hw or not (image.mode in ("P", "L") or image.mode.startswith("I")):
        raise _damaged(file_name, f"its PNG is {image.height} x {image.width}, mode {image.mode}")
    values = np.asarray(image)
    if values.min() < 0 or values.max() >= _MOST_VALUES:
        raise _damaged(file_name, "its PNG has values that cannot be")
    return values


def _damaged(file_name: str, what: str) -> PictureError:
    return PictureError(
        f"{file_name}: the file must hold regions as save_regions writes them; got something else or a damaged file "
        f"({what}). Save the regions again."
    )
