"""The first screen is made while the server starts, so that whoever comes first need not wait for it.

Beside the start of the server the libraries are imported that the first screen needs, and its numbers are read from
their file. The networks run once the first page is drawn, or after a while if nobody comes; their own answers then
take the place of those from the file.
"""

import importlib
import threading
import time
from contextlib import suppress

SOON = ("torch", "attnviz", "dashboard.sidebar", "dashboard.session_panel", "dashboard.views.compare")
"""What the first screen needs and what takes longest to import, in the order of need."""

LATER = ("torchvision.models.swin_transformer",)
"""What the networks need besides; it can only be imported after attnviz."""

NOBODY_S = 8.0
"""How long the first visitor is waited for before the networks run."""

BREATH_S = 3.0
"""What the first visitor's browser needs to draw the page, on the same processor."""

_drawn = threading.Event()


def start() -> threading.Thread:
    """Begin, in the background. Nothing depends on it: what it did not do is done when it is needed."""
    thread = threading.Thread(target=_warm, name="warming", daemon=True)
    thread.start()
    return thread


def page_is_drawn() -> None:
    """Told by every run of a page at its end."""
    _drawn.set()


def _warm() -> None:
    with suppress(ImportError):  # the page tells what is missing
        for name in SOON:
            importlib.import_module(name)
        _first_screen()
        if _drawn.wait(NOBODY_S):
            time.sleep(BREATH_S)
        for name in LATER:
            importlib.import_module(name)
        _networks()


def _first_screen() -> None:
    """The numbers, and the pictures that come along."""
    from attnviz.errors import AttnvizError
    from dashboard import drawing, first_screen, service

    with suppress(AttnvizError):
        samples = [service.opened_sample(sample.name) for sample in service.samples()]
        service.lend(first_screen.stored(samples[0]))
        for picture in samples:
            drawing.data_url(picture.sha256, drawing.THUMBNAIL_PIXELS, picture)
        drawing.on_screen(samples[0].sha256, samples[0])


def _networks() -> None:
    from attnviz.errors import AttnvizError
    from dashboard import first_screen, service

    with suppress(AttnvizError):
        picture = service.opened_sample(service.samples()[0].name)
        for name in first_screen.names():
            with suppress(AttnvizError):  # the page tells it where the network is shown
                service.renew(picture, name)
