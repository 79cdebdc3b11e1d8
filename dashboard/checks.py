"""Checks of values that come from a file: each gives the value as a widget takes it, or says what is wrong with it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from attnviz.errors import ValueRangeError

Check = Callable[[object], object]
"""Returns the value as a widget takes it. Raises ValueRangeError, without the name of what is checked."""

SHOWN = 60
"""Characters of a wrong value that a message repeats."""


@dataclass(frozen=True)
class Choice:
    """A choice that a person makes and that a session file keeps.

    Attributes:
        key: of the widget, or of the session's own value.
        check: of a value from a file.
        family: whether `key` only begins the keys, such as one for each network: "layer_" stands for "layer_vit", too.
    """

    key: str
    check: Check
    family: bool = False

    def covers(self, key: str) -> bool:
        """Whether a key is this choice's."""
        return len(key) > len(self.key) and key.startswith(self.key) if self.family else key == self.key


def one_of(allowed: Collection[str]) -> Check:
    """Exactly one of these words."""

    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise _wrong(f"one of {', '.join(allowed)}", value)
        return value

    return check


def some_of(allowed: Collection[str]) -> Check:
    """A list of these words, each at most once."""
    word = one_of(allowed)

    def check(value: object) -> list[object]:
        return _each(value, word, len(allowed))

    return check


def text(longest: int) -> Check:
    """Words of at most so many characters, without line breaks."""

    def check(value: object) -> str:
        if not isinstance(value, str) or len(value) > longest or not value.isprintable():
            raise _wrong(f"text of at most {longest} characters", value)
        return value

    return check


def names(most: int, longest: int) -> Check:
    """A list of at most `most` different texts."""
    word = text(longest)

    def check(value: object) -> list[object]:
        return _each(value, word, most)

    return check


def flag() -> Check:
    """True or false."""

    def check(value: object) -> bool:
        if not isinstance(value, bool):
            raise _wrong("true or false", value)
        return value

    return check


def whole(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _wrong(f"a whole number from {low} to {high}", value)
        return value

    return check


def number(low: float, high: float) -> Check:
    """A number from `low` to `high`, given to the widget as a float."""

    def check(value: object) -> float:
        # what is not a number or has no end is no more between the two than what is too large
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
            raise _wrong(f"a number from {low:g} to {high:g}", value)
        return float(value)

    return check


def numbers(count: int, low: float, high: float) -> Check:
    """Exactly so many numbers, such as a place in the picture; a tuple."""
    one = number(low, high)

    def check(value: object) -> tuple[object, ...]:
        if not isinstance(value, list | tuple) or len(value) != count:
            raise _wrong(f"{count} numbers", value)
        return tuple(map(one, value))

    return check


def optional(check: Check) -> Check:
    """Nothing, or what another check allows."""
    return lambda value: None if value is None else check(value)


def _each(value: object, word: Check, most: int) -> list[object]:
    if not isinstance(value, list | tuple) or len(value) > most:
        raise _wrong(f"a list of at most {most}", value)
    checked = [word(one) for one in value]
    if len(set(checked)) < len(checked):
        raise _wrong("a list without repetitions", value)
    return checked


def _wrong(expected: str, value: object) -> ValueRangeError:
    # only the beginning: a foreign file may hold megabytes, or lists within lists
    got = repr(value)[:SHOWN] if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return ValueRangeError(f"must be {expected}; got {got}.")
