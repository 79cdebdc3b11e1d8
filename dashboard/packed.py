"""A figure as plain numbers and words, for a file, and back: nothing but the classes that are known here is made.

Figures are frozen dataclasses down to arrays, numbers and words. Their own type hints say what each field must be, and
a value of another type is refused. Photographs are left out and named by their hash, unless they are asked for.
"""

import importlib
import math
import operator
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from attnviz import export
from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.export import FigureSource, Json
from attnviz.export.lesson_figure import LessonFigure
from attnviz.pictures import Picture
from attnviz.render import lesson
from attnviz.render.lesson.drawing import DRAWINGS, Drawing, ToldDrawing

KIND = "is"
"""Key under which the name of a class stands."""

LARGEST_IN = 60.0
"""Inches: no figure is larger."""

_DTYPES = {np.dtype(kind).str: np.dtype(kind) for kind in ("?", "u1", "i1", "u2", "<i2", "<u4", "<i4", "<i8", "<u8",
                                                          "<f2", "<f4", "<f8")}  # fmt: skip
_NO_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_JSON = {str, int, float, bool, NoneType}
"""A type that allows all of these allows whatever JSON holds."""

_MOST_AXES = 6
_DEEPEST = 40

for _module in pkgutil.iter_modules(lesson.__path__, f"{lesson.__name__}."):
    importlib.import_module(_module.name)  # each tells of its drawings

FIGURES: dict[str, type] = {
    one.__name__: one
    for one in (*(getattr(export, name) for name in export.__all__), LessonFigure)
    if isinstance(one, type) and is_dataclass(one) and hasattr(one, "figure") and one is not export.FocusOverPictures
}
"""Every kind of figure that can be packed, by its name: all but that of studies, which shows no photograph."""


class PictureMissing(AttnvizError, LookupError):
    """A packed figure shows a photograph that is not there.

    Attributes:
        name: of its file.
        sha256: of its file.
    """

    def __init__(self, name: str, sha256: str) -> None:
        super().__init__(f"{name} must be here for the figure to be drawn; got no such photograph. Add it.")
        self.name = name
        self.sha256 = sha256


@dataclass(frozen=True, eq=False)
class Packed:
    """A figure as numbers and words.

    Attributes:
        id: as the tray calls it.
        name: in a few words.
        told: what JSON can hold; arrays are numbers of places in `arrays`.
        arrays: everything else.
    """

    id: str
    name: str
    told: Json
    arrays: tuple[np.ndarray, ...]


def pack(figure_id: str, name: str, source: FigureSource, holds: Callable[[Picture], bool]) -> Packed:
    """A figure as numbers and words.

    Args:
        figure_id: as the tray calls it.
        name: in a few words.
        source: the figure.
        holds: whether the pixels of a photograph are packed too.

    Raises:
        ValueRangeError: it holds something that is none of these.
    """
    if FIGURES.get(type(source).__name__) is not type(source):
        raise ValueRangeError(f"a figure must be one of attnviz to be saved; got {type(source).__name__}.")
    arrays: list[np.ndarray] = []
    return Packed(figure_id, name, _packed(source, arrays, holds), tuple(arrays))


def unpack(packed: Packed, picture_of: Callable[[str], Picture | None]) -> FigureSource:
    """The figure again, equal to what was packed.

    Args:
        packed: from a file, so nothing in it is trusted.
        picture_of: the photograph with a hash, if it is here.

    Raises:
        PictureMissing: it shows a photograph that is neither here nor packed.
        ValueRangeError: something in it is not what it must be.
    """
    if not isinstance(packed.told, dict) or packed.told.get(KIND) not in FIGURES:
        raise ValueRangeError("a figure in it is of a kind that is not known")
    reader = _Reader(packed.arrays, picture_of)
    made: FigureSource = reader.made(FIGURES[str(packed.told[KIND])], packed.told, 0)
    for length in (*getattr(made, "size", ()), *getattr(made, "board_wh", ())):
        if not 0 <= length <= LARGEST_IN:
            raise ValueRangeError(f"a figure in it must have at most {LARGEST_IN:g} inches; got {length!r}")
    return made


def _packed(value: object, arrays: list[np.ndarray], holds: Callable[[Picture], bool]) -> Json:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, int | np.integer):
        return operator.index(value)
    if isinstance(value, np.ndarray):
        if value.dtype.newbyteorder("<").str not in _DTYPES and value.dtype.str not in _DTYPES:
            raise ValueRangeError(f"arrays must hold numbers to be saved; got {value.dtype}.")
        arrays.append(value)
        return len(arrays) - 1
    if isinstance(value, Picture):
        pixels = _packed(value.rgb, arrays, holds) if holds(value) else None
        return {KIND: "Picture", "sha256": value.sha256, "name": value.name, "notes": [*value.notes], "rgb": pixels}
    if isinstance(value, ToldDrawing):
        given = {name: _packed(one, arrays, holds) for name, one in value.given.items()}
        return {KIND: "drawing", "name": value.name, "given": given}
    if is_dataclass(value) and not isinstance(value, type):
        told = {one.name: _packed(getattr(value, one.name), arrays, holds) for one in fields(value) if one.init}
        return {KIND: type(value).__name__, **told}
    if isinstance(value, Mapping):
        return {str(key): _packed(one, arrays, holds) for key, one in value.items()}
    if isinstance(value, Sequence):
        return [_packed(one, arrays, holds) for one in value]
    raise ValueRangeError(f"a figure must hold numbers and words to be saved; got {type(value).__name__}.")


@cache
def _hints(kind: object) -> dict[str, object]:
    return get_type_hints(kind)  # type: ignore[arg-type]


def _kinds(hint: type) -> Iterator[type]:
    yield hint
    for one in hint.__subclasses__():
        yield from _kinds(one)


@dataclass(frozen=True)
class _Reader:
    """Makes values of what a file tells, each of the type that its place asks for."""

    arrays: Sequence[np.ndarray]
    picture_of: Callable[[str], Picture | None]

    def made(self, hint: object, told: object, depth: int):  # type: ignore[no-untyped-def]
        """A value of a type, or ValueRangeError."""
        if depth > _DEEPEST:
            raise _wrong("nested less deeply", told)
        origin, of = get_origin(hint), get_args(hint)
        if hint == Drawing:
            return self._drawing(told, depth)
        if origin in (Union, UnionType):
            return told if set(of) >= _JSON else self._one_of(of, told, depth)
        if origin is Literal:
            if told not in of or isinstance(told, bool):
                raise _wrong(f"one of {of}", told)
            return told
        if hint is np.ndarray or origin is np.ndarray:
            return self._array(told)
        if origin is tuple and not (len(of) == 2 and of[1] is Ellipsis):
            if not isinstance(told, list) or len(told) != len(of):
                raise _wrong(f"{len(of)} values", told)
            return tuple(self.made(one, value, depth + 1) for one, value in zip(of, told, strict=True))
        if isinstance(origin, type) and issubclass(origin, Sequence):
            if not isinstance(told, list):
                raise _wrong("a list", told)
            values = [self.made(of[0], value, depth + 1) for value in told]
            return values if origin is list else tuple(values)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            if not isinstance(told, dict):
                raise _wrong("a mapping", told)
            return {key: self.made(of[1], value, depth + 1) for key, value in told.items()}
        return self._plain(hint, told, depth)

    def _plain(self, hint: object, told: object, depth: int) -> object:
        if hint is Picture:
            return self._picture(told)
        if isinstance(hint, type) and is_dataclass(hint):
            return self._dataclass(hint, told, depth)
        if hint is NoneType and told is None:
            return None
        if hint is bool and isinstance(told, bool):
            return told
        if hint is str and isinstance(told, str):
            return told
        if hint is int and isinstance(told, int) and not isinstance(told, bool):
            return told
        if hint is float and isinstance(told, int | float) and not isinstance(told, bool):
            return told
        if hint is float and isinstance(told, str) and told in _NO_NUMBERS:
            return _NO_NUMBERS[told]
        raise _wrong(str(getattr(hint, "__name__", hint)), told)

    def _one_of(self, hints: Sequence[object], told: object, depth: int) -> object:
        for hint in hints:
            try:
                return self.made(hint, told, depth + 1)
            except PictureMissing:
                raise
            except ValueRangeError:
                continue
        raise _wrong("of another type", told)

    def _array(self, told: object) -> np.ndarray:
        if not isinstance(told, int) or isinstance(told, bool) or not 0 <= told < len(self.arrays):
            raise _wrong("the number of an array", told)
        return self.arrays[told]

    def _picture(self, told: object) -> Picture:
        if not isinstance(told, dict) or set(told) != {KIND, "sha256", "name", "notes", "rgb"}:
            raise _wrong("a photograph", told)
        name, sha256 = self.made(str, told["name"], 0), self.made(str, told["sha256"], 0)
        notes = self.made(tuple[str, ...], told["notes"], 0)
        there = self.picture_of(sha256)
        if there is None and told["rgb"] is None:
            raise PictureMissing(name, sha256)
        return Picture(there.rgb if there is not None else self._array(told["rgb"]), sha256, name, notes)

    def _drawing(self, told: object, depth: int) -> Drawing:
        if not isinstance(told, dict) or set(told) != {KIND, "name", "given"} or not isinstance(told["given"], dict):
            raise _wrong("a drawing", told)
        make = DRAWINGS.get(str(told["name"]))
        if make is None:
            raise _wrong("a drawing that is known", told["name"])
        hints = _hints(make)
        given = {name: self.made(hints.get(name, NoneType), one, depth + 1) for name, one in told["given"].items()}
        return make(**given)

    def _dataclass(self, hint: type, told: object, depth: int) -> object:
        kind = next((one for one in _kinds(hint) if isinstance(told, dict) and told.get(KIND) == one.__name__), None)
        if kind is None or not isinstance(told, dict):
            raise _wrong(hint.__name__, told)
        known = {one.name: one for one in fields(kind) if one.init}
        if unknown := set(told) - set(known) - {KIND}:
            raise _wrong(f"{kind.__name__} without {sorted(unknown)[0]!r:.40}", told)
        needed = {name for name, one in known.items() if one.default is MISSING and one.default_factory is MISSING}
        if missing := needed - set(told):
            raise _wrong(f"{kind.__name__} with {sorted(missing)[0]}", told)
        hints = _hints(kind)
        return kind(**{name: self.made(hints[name], told[name], depth + 1) for name in known if name in told})


def array_of(dtype: object, shape: object, contents: memoryview) -> tuple[np.ndarray, int]:
    """The array that a file's bytes begin with, and how many bytes it takes.

    Raises:
        ValueRangeError: they are fewer, or it is no array of numbers.
    """
    kind = _DTYPES.get(dtype) if isinstance(dtype, str) else None
    if kind is None or not isinstance(shape, list) or len(shape) > _MOST_AXES:
        raise _wrong("an array of numbers", dtype)
    if not all(isinstance(side, int) and not isinstance(side, bool) and side >= 0 for side in shape):
        raise _wrong("an array with whole sides", shape)
    size = math.prod(shape) * kind.itemsize
    if size > len(contents):
        raise _wrong("an array that is whole", shape)
    return np.frombuffer(contents[:size], kind).reshape(shape), size


def _wrong(expected: str, value: object) -> ValueRangeError:
    got = repr(value)[:60] if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return ValueRangeError(f"a part of a figure in it must be {expected}; got {got}")
