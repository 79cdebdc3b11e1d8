"""How long computations tell how far they are, and how they are stopped."""

from collections.abc import Callable

from attnviz.errors import AttnvizError

Progress = Callable[[int, int], object]
"""Called with the steps done and the steps in all. Returning False, or raising, ends the computation."""


class StoppedError(AttnvizError):
    """A computation was stopped by its progress callback. The model is as it was."""


class Steps:
    """Counts steps and tells them to a callback.

    Attributes:
        done: steps so far.
        total: steps in all.
    """

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done = 0
        self.total = total
        self._progress = progress
        self._tell()

    def step(self, count: int = 1) -> None:
        """So many more steps are done.

        Raises:
            StoppedError: the callback returned False.
        """
        self.done += count
        self._tell()

    def part(self) -> Progress:
        """A callback for a computation that is a part of this one, which counts its steps on."""
        before = self.done

        def tell(done: int, _total: int) -> None:
            self.step(before + done - self.done)

        return tell

    def _tell(self) -> None:
        if self._progress is not None and self._progress(self.done, self.total) is False:
            raise StoppedError(
                f"the computation must run to its end; got a stop after {self.done} of {self.total} steps. Start it "
                "again to get the result."
            )
