"""A line of a terminal that shows how far a download is."""

from typing import TextIO

WIDTH = 30


class ProgressLine:
    """Shows a download in one line of a terminal; elsewhere, such as in a log, only its beginning and its end.

    Args:
        what: what is downloaded.
        stream: where the line goes, such as `sys.stderr`.
    """

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what = what
        self._stream = stream
        self._shown = ""

    def __call__(self, done: int, total: int | None) -> None:
        """Show that so many bytes of so many are there (None where nobody knows)."""
        at_an_end = not self._shown or done == total
        if not (self._stream.isatty() or at_an_end):
            return
        line = f"{self._what}  {_bar(done, total)}"
        if line == self._shown:
            return
        if self._stream.isatty():
            self._stream.write("\r" + line.ljust(len(self._shown)))
        else:
            self._stream.write(line + "\n")
        self._stream.flush()
        self._shown = line

    def close(self) -> None:
        """End the line, so that what follows has one of its own."""
        if self._shown and self._stream.isatty():
            self._stream.write("\n")


def _bar(done: int, total: int | None) -> str:
    if not total:
        return f"{done / 2**20:.1f} MB"
    full = WIDTH * done // total
    bar = "#" * full + "." * (WIDTH - full)
    return f"[{bar}] {100 * done // total:3d} %  {done / 2**20:.1f} of {total / 2**20:.1f} MB"
