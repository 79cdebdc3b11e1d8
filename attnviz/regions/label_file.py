"""Label pictures: several regions in one file, each painted in a value of its own."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from attnviz.errors import PictureError, ValueRangeError
from attnviz.pictures.reading import PictureFile, decode, read_file
from attnviz.regions.mask_file import fitted
from attnviz.regions.region import Region

MOST_LABELS = 64
"""Values above 0 that a label picture may hold. More means that it is a photograph."""

BORDER_LABEL = 255
"""In palette pictures of the VOC kind this value marks the border between objects: it belongs to none of them."""


def regions_from_label_file(
    file: PictureFile, source_hw: tuple[int, int], names: Mapping[int, str] | None = None
) -> tuple[Region, ...]:
    """Several regions from a label picture: each value above 0 is one region, 0 is none.

    Args:
        file: a palette or grey picture, such as a PNG; its EXIF rotation is applied.
        source_hw: height and width of the picture; the labels are resized to it by nearest neighbour.
        names: a name by value; values that are not in it are left out. Without it each region is called "label 1" by
            its value, and 255 in a palette picture is left out as the border between objects, as the VOC data set
            has it.

    Returns:
        The regions, by rising value. They do not overlap.

    Raises:
        PictureError: the file cannot be read, has colours in place of labels, another aspect ratio, or too many values.
        ValueRangeError: no region is left, or one covers the whole picture.
    """
    contents, file_name = read_file(file)
    image, notes = decode(contents, file_name)
    if image.mode not in ("P", "L", "1") and not image.mode.startswith("I"):
        raise PictureError(
            f"{file_name}: a label picture must be a palette or grey PNG; got colour mode {image.mode}. "
            "Save it as a palette PNG, or give each region a mask file of its own."
        )
    stored = np.asarray(image)
    values = _values(stored)
    if len(values) > MOST_LABELS:
        raise PictureError(
            f"{file_name}: a label picture must hold at most {MOST_LABELS} values above 0; got {len(values)}. "
            "Is it a photograph, or labels saved as JPEG? Save labels as PNG."
        )
    if names is not None:
        wanted = [value for value in values if value in names]
    else:
        wanted = [value for value in values if not (image.mode == "P" and value == BORDER_LABEL)]
    if not wanted:
        asked = "of the given names" if names is not None else "above 0 for each region"
        raise ValueRangeError(
            f"{file_name}: a label picture must hold a value {asked}; got {', '.join(map(str, values)) or 'only 0'}. "
            "Paint each region in a value of its own."
        )
    places = np.zeros(stored.shape, dtype=np.uint8)
    for place, value in enumerate(wanted, start=1):
        places[stored == value] = place
    labels = np.asarray(fitted(places, image, notes, file_name, source_hw))
    return tuple(
        Region(names[value] if names is not None else f"label {value}", labels == place)
        for place, value in enumerate(wanted, start=1)
    )


def _values(stored: npt.NDArray[np.generic]) -> list[int]:
    """The values above 0 that occur."""
    if stored.dtype in (np.dtype(bool), np.dtype(np.uint8)):
        found = np.flatnonzero(np.bincount(stored.ravel()))  # many times faster than sorting the pixels
    else:
        found = np.unique(stored)
    return [int(value) for value in found if value > 0]
