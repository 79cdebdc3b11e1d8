"""How far networks are, how long it will take, and the way to stop."""

import time
from collections.abc import Callable, Hashable

import streamlit as st

from dashboard import state

SOONEST_S = 1.0
"""Time left is told from here on: before, it would be a guess."""

LEAST_DONE = 0.02


class Progress:
    """A bar for several networks one after the other. It is drawn when something runs, and gone when it has ended.

    Each call to `tell` is a place where Streamlit can end the run: a click on anything stops what is computed.
    """

    def __init__(self, count: int, what: Hashable) -> None:
        self._count = count
        self._what = what
        self._number = 0
        self._title = ""
        self._began = time.monotonic()
        self._bar = st.empty()
        self._button = st.empty()
        self._shows_button = False
        self._is_stopped = st.session_state.get(state.STOPPED) == what

    def begin(self, number: int, title: str) -> None:
        """Tell which network comes, counted from 0."""
        self._number, self._title = number, title
        self._draw(0.0, "")

    def why_not(self, is_slow: bool) -> str:
        """Why a slow map is not made now; empty if it is. Draws the button that stops it, or that goes on."""
        if not is_slow:
            return ""
        if not self._shows_button:
            self._shows_button = True
            # a click ends the run that computes; in the next one the button says that it was pressed
            if not self._is_stopped and self._button.button("Stop", key="stop"):
                st.session_state[state.STOPPED] = self._what
                self._is_stopped = True
            if self._is_stopped:
                self._button.button("Go on", key="go_on", type="primary", on_click=_go_on)
        return "Stopped before it was made. Press Go on to make it." if self._is_stopped else ""

    def tell(self, done: int, total: int) -> None:
        """Told by a slow map: passes done and passes in all; two zeros where another session uses the network."""
        if total == 0:
            self._draw(0.0, ", waiting for another session")
        else:
            self._draw(done / total, "")

    def end(self) -> None:
        """Take the bar away. The way to go on stays."""
        self._bar.empty()
        if self._shows_button and not self._is_stopped:
            self._button.empty()

    def _draw(self, share_of_this: float, remark: str) -> None:
        share = (self._number + min(1.0, share_of_this)) / self._count
        left = time_left(time.monotonic() - self._began, share)
        of = f"{self._title}, {self._number + 1} of {self._count}"
        self._bar.progress(min(1.0, share), f"{of}{remark}{left}")


class Steps:
    """A bar for one piece of work, with a button that ends it.

    Each call to `tell` is a place where Streamlit can end the run: a click on Stop, or on anything else, ends the work.
    """

    def __init__(self, title: str, key: str, stop: Callable[..., None], *args: Hashable) -> None:
        """Draw the bar.

        Args:
            title: of the work.
            key: of the button.
            stop: called with `args` before the next run, when the button is pressed: the work must not begin again.
            args: for `stop`.
        """
        self._title = title
        self._stage = ""
        self._began = time.monotonic()
        self._bar = st.empty()
        self._button = st.empty()
        self._button.button("Stop", key=key, on_click=stop, args=args)
        self.tell(0.0)

    def tell(self, share: float, stage: str = "") -> None:
        """Tell how far the work is.

        Args:
            share: of the work, or of the stage, from 0 to 1.
            stage: what is done now.
        """
        words = ": ".join(filter(None, (self._title, stage)))
        self._bar.progress(min(1.0, share), f"{words}{time_left(time.monotonic() - self._began, share)}")

    def stage(self, stage: str, done: int, total: int) -> None:
        """Tell how far a stage is. The bar and the time left are those of the stage.

        Args:
            stage: what is done now.
            done: how much of it.
            total: how much there is of it; 0 where nobody knows.
        """
        if stage != self._stage:
            self._stage, self._began = stage, time.monotonic()
        self.tell(done / total if total else 0.0, stage)

    def end(self) -> None:
        """Take bar and button away."""
        self._bar.empty()
        self._button.empty()


def time_left(passed_s: float, share: float) -> str:
    """Such as ", about 12 s left", from the time that a share of the work took; empty while that is a guess."""
    if passed_s < SOONEST_S or share < LEAST_DONE:
        return ""
    left_s = passed_s * (1 - share) / share
    if left_s < 1:
        return ""
    return f", about {left_s:.0f} s left" if left_s < 90 else f", about {left_s / 60:.0f} min left"


def _go_on() -> None:
    st.session_state.pop(state.STOPPED, None)
