"""Waiting for what a page will show. A server draws it, so a single look at it may come too early."""

import time
from collections.abc import Callable
from typing import TypeVar

from playwright.sync_api import Page, expect

PATIENCE_MS = 120_000
LOOKS_MS = 100

Seen = TypeVar("Seen")

expect.set_options(timeout=PATIENCE_MS)


def comes_to(page: Page, read: Callable[[], Seen], holds: Callable[[Seen], bool]) -> Seen:
    """Look until `read` gives something of which `holds` is true, and return it; fail with what it gave last."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while not holds(seen := read()):
        assert time.monotonic() < until, f"this is not what was waited for: {seen!r}"
        page.wait_for_timeout(LOOKS_MS)
    return seen


def becomes(page: Page, read: Callable[[], Seen], expected: Seen) -> None:
    """Look until `read` gives what is expected; fail with what it gave last."""
    comes_to(page, read, lambda seen: bool(seen == expected))
