"""The figures of a talk in a session file: what they say as JSON, and all their arrays in another part.

Arrays that several figures share are kept once.
"""

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from attnviz.errors import ValueRangeError
from dashboard.checks import text, whole
from dashboard.packed import Packed, array_of
from dashboard.tray import check_room

MOST_ARRAY_MB = 64
LONGEST_NAME = 300

_TALK, _ARRAYS = "talk.json", "talk.bin"

PARTS = {_TALK: 2**25, _ARRAYS: MOST_ARRAY_MB * 2**20}
"""Names of the parts of the file, with the most bytes that each may have unpacked."""


def megabytes(talk: Sequence[Packed]) -> float:
    """How much the figures' arrays take; one that several share counts once."""
    arrays = {id(one): one.nbytes for figure in talk for one in figure.arrays}
    return sum(arrays.values()) / 2**20


def too_large(talk: Sequence[Packed]) -> str:
    """Why the figures cannot be saved, and what to do; empty if they can."""
    size = megabytes(talk)
    if size <= MOST_ARRAY_MB:
        return ""
    return (
        f"the figures of a talk must have at most {MOST_ARRAY_MB} MB to be saved; got {size:.0f} MB. "
        "Remove some on the page Export."
    )


def parts_of(talk: Sequence[Packed]) -> dict[str, bytes]:
    """Contents of the parts, by name."""
    places: dict[tuple[object, ...], int] = {}
    kinds: list[tuple[str, list[int]]] = []
    contents = bytearray()
    figures = []
    for one in talk:
        numbers = []
        for array in one.arrays:
            plain = np.asarray(array, array.dtype.newbyteorder("<"))
            raw = plain.tobytes()
            key = (plain.dtype.str, array.shape, hashlib.sha256(raw).digest())
            if key not in places:
                places[key] = len(kinds)
                kinds.append((plain.dtype.str, list(array.shape)))
                contents += raw
            numbers.append(places[key])
        figures.append({"id": one.id, "name": one.name, "arrays": numbers, "figure": one.told})
    told = json.dumps({"arrays": kinds, "figures": figures}, allow_nan=False)
    return {_TALK: told.encode(), _ARRAYS: bytes(contents)}


def figures_of(told_bytes: bytes, array_bytes: bytes) -> tuple[Packed, ...]:
    """The figures that the parts hold, still packed.

    Raises:
        ValueRangeError: they are too many, or a part of one is none.
        LookupError, TypeError, ValueError: the parts are of another kind.
    """
    told = json.loads(told_bytes)
    left = memoryview(array_bytes)
    arrays = []
    for dtype, shape in told["arrays"]:
        array, taken = array_of(dtype, shape, left)
        arrays.append(array)
        left = left[taken:]
    if left:
        raise ValueRangeError("it holds more numbers than it tells of")
    check_room(len(told["figures"]))
    found = tuple(
        Packed(
            str(text(60)(one["id"])),
            str(text(LONGEST_NAME)(one["name"])),
            one["figure"],
            tuple(arrays[whole(0, len(arrays) - 1)(number)] for number in one["arrays"]),
        )
        for one in told["figures"]
    )
    if len({one.id for one in found}) < len(found):
        raise ValueRangeError("it tells of one figure twice")
    return found
