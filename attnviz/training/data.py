"""Tiny ImageNet: where it lies, how it is fetched, and its pictures as one array.

The data set: 200 classes, 500 training and 50 validation pictures each, 64 x 64 pixels, with one box per picture.
Tiny ImageNet Visual Recognition Challenge, Stanford CS231n.
"""

import os
import shutil
import sys
import urllib.request
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import numpy as np
from PIL import Image

from attnviz.errors import AssetError
from attnviz.training.classes import FIFTY

ARCHIVE_URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
SIDE_PX = 64


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures of one split, class after class.

    pictures: (n, 64, 64, 3) uint8, memory-mapped. labels: (n,) index into `wnids`. boxes_yxyx: (n, 4) pixels, top,
    left, bottom and right edge of the object, the lower and right ones exclusive.
    """

    pictures: np.ndarray
    labels: np.ndarray
    boxes_yxyx: np.ndarray
    wnids: tuple[str, ...]

    def only(self, wnids: Sequence[str]) -> "Split":
        """The pictures of these classes, labelled in this order. Copies them into memory."""
        kept = [self.wnids.index(wnid) for wnid in wnids]
        rows = np.concatenate([np.flatnonzero(self.labels == label) for label in kept])
        renumbered = np.concatenate([np.full((self.labels == label).sum(), new) for new, label in enumerate(kept)])
        return Split(np.asarray(self.pictures[rows]), renumbered, self.boxes_yxyx[rows], tuple(wnids))


def open_splits(folder: Path, classes: Sequence[str] | None = tuple(FIFTY)) -> tuple[Split, Split]:
    """Training and validation split.

    Args:
        folder: holds `tiny-imagenet-200`, or is it. When it is empty, the official archive is downloaded into it.
        classes: WordNet ids to keep, in label order; None keeps all 200.

    Raises:
        AssetError: the data are neither there nor to be had.
    """
    root = _find_or_download(Path(folder))
    splits = tuple(_open_split(root, name) for name in ("train", "val"))
    if classes is not None:
        splits = tuple(split.only(classes) for split in splits)
    return splits[0], splits[1]


def open_validation(folder: Path, classes: Sequence[str]) -> Split:
    """The validation pictures of these classes, labelled in this order; the training pictures are not looked at.

    Args:
        folder: as for `open_splits`.
        classes: WordNet ids to keep.

    Raises:
        AssetError: the data are neither there nor to be had.
    """
    return _open_split(_find_or_download(Path(folder)), "val").only(classes)


def _find_or_download(folder: Path) -> Path:
    for root in (folder, folder / "tiny-imagenet-200"):
        if (root / "wnids.txt").exists():
            return root
    if folder.exists() and any(folder.iterdir()):
        raise AssetError(
            f"data folder must hold tiny-imagenet-200 or be empty; got {folder} with other files. "
            "Name an empty folder to download the data set (237 MB)."
        )
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "tiny-imagenet-200.zip.part"
    unpacked = folder / "unpacked.part"
    try:
        with urllib.request.urlopen(ARCHIVE_URL, timeout=60) as answer, archive.open("wb") as file:
            total = int(answer.headers.get("Content-Length", 0))
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                print(f"\rdownloading {file.tell() >> 20} of {total >> 20} MiB", end="", file=sys.stderr)
        print(file=sys.stderr)
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(unpacked)
        # Last, so that a folder of this name is always whole.
        os.replace(unpacked / "tiny-imagenet-200", folder / "tiny-imagenet-200")
    except (URLError, OSError, zipfile.BadZipFile) as error:
        raise AssetError(
            f"Tiny ImageNet must be in {folder} or downloadable; got '{error}' from {ARCHIVE_URL}. "
            "Download the archive elsewhere and unpack it there."
        ) from error
    finally:
        archive.unlink(missing_ok=True)
        shutil.rmtree(unpacked, ignore_errors=True)
    return folder / "tiny-imagenet-200"


def _open_split(root: Path, name: str) -> Split:
    wnids = tuple(sorted((root / "wnids.txt").read_text().split()))
    cache = root / f"attnviz_{name}.npy"
    facts = root / f"attnviz_{name}_labels.npz"
    if not (cache.exists() and facts.exists()):
        _decode_split(root, name, wnids, cache, facts)
    with np.load(facts) as stored:
        labels, boxes = stored["labels"], stored["boxes_yxyx"]
    return Split(np.load(cache, mmap_mode="r"), labels, boxes, wnids)


def _decode_split(root: Path, name: str, wnids: tuple[str, ...], cache: Path, facts: Path) -> None:
    """Decode every JPEG once; later runs open the array in milliseconds."""
    listed = sorted(_listed(root, name, wnids), key=lambda row: (row[1], row[0].name))
    pictures = np.empty((len(listed), SIDE_PX, SIDE_PX, 3), np.uint8)
    for row, (path, _, _) in enumerate(listed):
        with Image.open(path) as picture:
            pictures[row] = np.asarray(picture.convert("RGB"))
        if row % 5000 == 0:
            print(f"\rdecoding {name}: {row} of {len(listed)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    partial = cache.with_suffix(".part.npy")
    np.save(partial, pictures)
    np.savez(
        facts,
        labels=np.array([label for _, label, _ in listed]),
        boxes_yxyx=np.array([box for _, _, box in listed]),
    )
    os.replace(partial, cache)


def _listed(root: Path, name: str, wnids: tuple[str, ...]) -> list[tuple[Path, int, tuple[int, int, int, int]]]:
    """(picture file, label, box) of every picture. The files give x0, y0, x1, y1, the last two inclusive."""
    rows = []
    tables: list[tuple[Path, str | None]]
    if name == "train":
        tables = [(root / "train" / wnid / f"{wnid}_boxes.txt", wnid) for wnid in wnids]
    else:
        tables = [(root / "val" / "val_annotations.txt", None)]
    for table, folder_wnid in tables:
        for line in table.read_text().splitlines():
            file, *rest = line.split("\t")
            wnid = folder_wnid or rest.pop(0)
            x0, y0, x1, y1 = (int(part) for part in rest)
            rows.append((table.parent / "images" / file, wnids.index(wnid), (y0, x0, y1 + 1, x1 + 1)))
    return rows
