"""What is studied: the pictures of a folder, each with its regions from mask files beside it or from a table of boxes.

A mask file is called as its picture, with the region's name before ".png": `rex.dog.png` is the region "dog" of
`rex.jpg`. `rex.mask.png` is the region "object".
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from attnviz.errors import PictureError, ValueRangeError
from attnviz.pictures import Picture, open_picture
from attnviz.regions import Region, told_box, told_numbers, uniquely_named

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
"""How names of pictures end, in upper or lower case."""

COLUMNS = ("picture", "region", "x", "y", "w", "h")
"""Of a table of boxes; further columns are not read."""

UNNAMED = "object"
"""The region of `NAME.mask.png`."""


@dataclass(frozen=True)
class Box:
    """A line of a table of boxes.

    Attributes:
        region: name of the region.
        xywh: left, top, width and height as they were typed.
        where: file and line, for messages.
    """

    region: str
    xywh: tuple[str, ...]
    where: str


@dataclass(frozen=True)
class Item:
    """A picture and where its regions are told.

    Attributes:
        name: the path below the folder, with slashes.
        path: of the file.
        masks: a mask file by the region's name.
        boxes: several of one region are one region together.
    """

    name: str
    path: Path
    masks: Mapping[str, Path]
    boxes: tuple[Box, ...] = ()

    def opened(self) -> tuple[Picture, tuple[Region, ...]]:
        """The picture and its regions.

        Raises:
            PictureError: a file is not there, or cannot be read.
            ValueRangeError: there is no region, or one holds nothing, or the whole picture.
        """
        if not self.path.is_file():
            raise PictureError(f"the file must lie in the folder; got {self.name}, which does not. Check its name.")
        picture = open_picture(self.path, name=self.name)
        regions = {name: Region.from_mask_file(name, path, picture.hw) for name, path in self.masks.items()}
        for box in self.boxes:
            one = told_box(box.region, box.xywh, picture.hw, box.where)
            known = regions.get(box.region)
            regions[box.region] = one if known is None else known.union(one, box.region)
        if not regions:
            stem = PurePosixPath(self.name).stem
            raise ValueRangeError(
                f"a region must be there to score in; got none. Add a mask called {stem}.NAME.png, or check its name."
            )
        return picture, uniquely_named(list(regions.values()))


def items_beside(folder: Path) -> tuple[Item, ...]:
    """The pictures of a folder, in the order of their names, with the mask files beside them.

    Raises:
        ValueRangeError: there is no picture, no mask at all, or a mask that belongs to two pictures.
    """
    files = [path for path in _files(folder) if path.suffix.lower() in SUFFIXES]
    pictures: dict[str, list[Path]] = {}
    masks: dict[str, dict[str, Path]] = {}
    for path in sorted(files, key=lambda one: len(one.stem)):  # a mask's name is longer than its picture's
        stem, _, region = path.stem.rpartition(".")
        if path.suffix.lower() == ".png" and stem in pictures and region.strip():
            masks.setdefault(stem, {})[UNNAMED if region.lower() == "mask" else region.strip()] = path
        else:
            pictures.setdefault(path.stem, []).append(path)
    _require(bool(files), folder)
    if not masks:
        raise ValueRangeError(
            f"{folder} must hold a mask for each picture, such as {next(iter(pictures))}.dog.png; got none. Add masks, "
            "or give a table of boxes."
        )
    for stem in masks:
        if len(pictures[stem]) > 1:
            names = " and ".join(sorted(path.name for path in pictures[stem]))
            raise ValueRangeError(f"a mask must belong to one picture; got {names} for those of {stem!r}. Rename one.")
    found = [
        Item(path.name, path, dict(sorted(masks.get(stem, {}).items())))
        for stem, paths in pictures.items()
        for path in paths
    ]
    return tuple(sorted(found, key=lambda item: item.name))


def items_of_boxes(folder: Path, table: Path) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """The pictures that a table of boxes names, and the names of the folder's other pictures, which are left out.

    Args:
        folder: of the pictures.
        table: a CSV file with a line of headings, `COLUMNS`. x, y, w, h are in pixels from the top left, or with % a
            share of the picture. Pictures are paths below the folder. Several boxes of one region add up.

    Raises:
        ValueRangeError: the file cannot be read, a column or a number is missing, or a path leads out of the folder.
    """
    there = [path.name for path in _files(folder) if path.suffix.lower() in SUFFIXES]
    found: dict[str, list[Box]] = {}
    spelling: dict[str, str] = {}
    for number, row in _lines(table):
        where = f"{table.name}, line {number}"
        name, region = row["picture"].strip().replace("\\", "/"), row["region"].strip()
        if not name or not region:
            raise ValueRangeError(f"{where}: picture and region must be named; got {name!r} and {region!r}. Fill them.")
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueRangeError(f"{where}: the picture must lie in the folder; got {name!r}. Give a path below it.")
        xywh = tuple(row[column].strip() for column in COLUMNS[2:])
        told_numbers(xywh, (100,) * 4, f"{where}: the box")  # what is no number need not wait for the picture
        name = str(PurePosixPath(name))
        found.setdefault(name, []).append(
            Box(spelling.setdefault(region.casefold(), region), xywh, f"{where}: the box")
        )
    items = tuple(Item(name, folder / name, {}, tuple(boxes)) for name, boxes in sorted(found.items()))
    return items, tuple(sorted(set(there) - set(found)))


def _lines(table: Path) -> Sequence[tuple[int, dict[str, str]]]:
    """Lines that are not empty, with their numbers."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="")
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise ValueRangeError(
                    f"{table}: the first line must be {','.join(COLUMNS)}; {missing[0]!r} is missing. Separate columns "
                    "by commas."
                )
            rows = [(reader.line_num, row) for row in reader if any(row[column].strip() for column in COLUMNS)]
    except OSError as error:
        raise ValueRangeError(
            f"the table of boxes must be a readable file; got {table} ({error.strerror}). Check it."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueRangeError(
            f"the table of boxes must be a CSV file in UTF-8; got {table}. Save it as one."
        ) from error
    if not rows:
        raise ValueRangeError(f"{table} must hold at least one box; got none. Add a line for each.")
    return rows


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueRangeError(f"the folder of pictures must exist; got {folder}. Check its name.")
    return [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]


def _require(some: bool, folder: Path) -> None:
    if not some:
        raise ValueRangeError(f"{folder} must hold pictures ({', '.join(SUFFIXES)}); got none. Choose another folder.")
