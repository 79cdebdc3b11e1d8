"""What commands say while they work: on stderr only, so that stdout holds nothing but results."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

WIDTH = 24
"""Places of the bar."""

SENTENCE = 60
"""A cell with more letters is a sentence."""

_LEFT_AFTER_S = 2.0
"""How long something must run before the time that is left is guessed."""


class Bar:
    """How far the work is: one line that changes in a terminal, elsewhere one plain line for each part.

    Args:
        stream: where it goes; None takes stderr.
        quiet: say nothing.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._began = time.monotonic()
        self._label = ""
        self._width = 0

    def __call__(self, share: float, label: str) -> None:
        """Show that a share of the work, 0 to 1, is done, and what is being done now."""
        if self._quiet:
            return
        if not self._stream.isatty():
            if label and label != self._label:
                self._stream.write(f"{label}\n")
                self._stream.flush()
            self._label = label
            return
        full = round(WIDTH * min(1.0, max(0.0, share)))
        line = f"[{'#' * full}{'.' * (WIDTH - full)}] {100 * share:3.0f} %  {label}{self._left(share)}"
        self._stream.write("\r" + line.ljust(self._width))
        self._stream.flush()
        self._width = len(line)

    def within(self, number: int, count: int, label: str) -> Callable[[int, int], None]:
        """What shows the progress of one of several parts; it is begun at once.

        Args:
            number: of the part, from 0.
            count: of all parts.
            label: what is being done.
        """
        self(number / count, label)
        return lambda done, total: self((number + done / max(1, total)) / count, label)

    def _left(self, share: float) -> str:
        passed = time.monotonic() - self._began
        if passed < _LEFT_AFTER_S or not 0 < share < 1:
            return ""
        return f", about {passed * (1 - share) / share:.0f} s left"

    def close(self) -> None:
        """Take the line away, so that what follows has one of its own."""
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0


def print_json(told: Mapping[str, object] | Sequence[object]) -> None:
    """Print plain values for a program. Numbers that JSON does not know are null."""
    print(json.dumps(_plain(told), indent=1, ensure_ascii=False, allow_nan=False))


def print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """Print rows below each other; numbers stand to the right, and columns of sentences last, but for the first."""
    if not rows:
        return
    columns = list(dict.fromkeys(name for row in rows for name in row))
    widths = {name: max(len(name), *(len(row.get(name, "")) for row in rows)) for name in columns}
    columns[1:] = sorted(columns[1:], key=lambda name: widths[name] > SENTENCE)
    right = {name for name in columns if all(_is_number(row.get(name, "")) for row in rows)}
    for row in ({name: name for name in columns}, *rows):
        cells = (
            row.get(name, "").rjust(widths[name]) if name in right else row.get(name, "").ljust(widths[name])
            for name in columns
        )
        print("  ".join(cells).rstrip())


def in_words(value: object) -> str:
    """A cell of a table: four digits of a number, and plain spaces."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("\N{NO-BREAK SPACE}", " ")


def _is_number(text: str) -> bool:
    return not text or text.strip("+-")[:1].isdigit() or text == "–"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return None
    return value
