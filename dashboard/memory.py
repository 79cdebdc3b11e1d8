"""Memory that nobody uses any more goes back to the system; C libraries other than glibc do so by themselves."""

import ctypes
import sys
import threading
import time

M_ARENA_MAX = -8
"""The number of this option in glibc's malloc.h."""

ARENAS = 2
"""Each session runs in threads of its own, and glibc gives threads arenas of their own: each keeps what it freed."""

EVERY_S = 20.0


def give_back() -> threading.Thread | None:
    """Begin, in the background, before there are other threads. None where the C library is not glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    if not (hasattr(library, "mallopt") and hasattr(library, "malloc_trim")):
        return None
    library.mallopt(M_ARENA_MAX, ARENAS)
    thread = threading.Thread(target=_trim, args=(library,), name="memory", daemon=True)
    thread.start()
    return thread


def _trim(library: ctypes.CDLL) -> None:
    while True:
        time.sleep(EVERY_S)
        library.malloc_trim(0)
