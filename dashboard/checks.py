"""Checks of what a file or an address says: each gives the value as a widget takes it, or says what is wrong."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

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
        check: of a value from a file or from the address.
        family: whether `key` only begins the keys, such as one for each network: "layer_" stands for "layer_vit", too.
        linked: whether it stands in the address on every page, so that a link or a reload on one page keeps what was
            chosen on another. Its widget, if it has one, has `bind="query-params"`.
        default: value that the address need not name.
        labels: what the address says for a value, as the widget's `format_func` does; other values say themselves.
    """

    key: str
    check: Check
    family: bool = False
    linked: bool = False
    default: object = None
    labels: Mapping[str, str] = field(default_factory=dict)

    def covers(self, key: str) -> bool:
        """Whether a key is this choice's."""
        return len(key) > len(self.key) and key.startswith(self.key) if self.family else key == self.key

    def to_address(self, value: object) -> list[str]:
        """What the address says for a value: nothing for the default, several words for a list."""
        if value == self.default:
            return []
        return [self._word(one) for one in value] if isinstance(value, list) else [self._word(value)]

    def from_address(self, words: Sequence[str]) -> object:
        """The value that the address tells.

        Raises:
            ValueRangeError: it tells none that the check allows.
        """
        values = {label: value for value, label in self.labels.items()}
        named = [values.get(word, word) for word in words]
        for read in (lambda: named[-1], lambda: named, *(lambda kind=kind: kind(words[-1]) for kind in _FROM_TEXT)):
            try:
                return self.check(read())
            except (ValueError, LookupError):  # ValueRangeError is one, too
                continue
        raise _wrong("something that this page knows", ", ".join(words))

    def _word(self, value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, tuple):
            return ",".join(map(self._word, value))
        if isinstance(value, float):
            return f"{value:.6g}"
        return self.labels.get(value, value) if isinstance(value, str) else str(value)


_FROM_TEXT: tuple[Callable[[str], object], ...] = (
    int,
    float,
    {"true": True, "false": False}.__getitem__,
    lambda text: tuple(map(float, text.split(","))),
)


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


def table(most_rows: int, most_columns: int, largest: float) -> Check:
    """Rows of numbers from -largest to largest, all rows equally long, none empty."""
    one = number(-largest, largest)

    def check(value: object) -> list[list[object]]:
        lists = isinstance(value, list) and all(isinstance(row, list) for row in value)
        if not lists or not 1 <= len(value) <= most_rows or not 1 <= len(value[0]) <= most_columns:
            raise _wrong(f"a table of at most {most_rows} rows and {most_columns} columns", value)
        if any(len(row) != len(value[0]) for row in value):
            raise _wrong("a table whose rows are equally long", value)
        return [[one(cell) for cell in row] for row in value]

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
