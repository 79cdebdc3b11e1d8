"""Several people at once, each with a picture of their own: does everyone see only their own results, and is the memory
of the server given back when they leave?

First each of them is alone on a server, one after the other; then all are there at once on a new one. What they see
must be the same, to the pixel: the address of a picture on the page is a hash of its pixels. The memory is taken after
one person came, looked and left, and again after all left, when the server has ended their sessions.
"""

import argparse
import io
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page

from attnviz.pictures import sample_pictures
from benchmarks._visiting import Served, chromium, served, settle, visitor

MOST_MORE = 0.2
"""Share of the memory that the server may keep more than after one person."""

ENDED_S = 240
"""Streamlit ends a session about two minutes after its browser has gone."""

BREATH_S = 5

UPLOAD = "[data-testid=stSidebar] input[type=file]"
MAPS = "img[alt*='Grad-CAM']"


@dataclass(frozen=True)
class Seen:
    """What one person saw: the alternative text of each map, and the hash of its pixels."""

    texts: tuple[str, ...]
    pixels: tuple[str, ...]


@dataclass(frozen=True)
class Memory:
    """Of the server, in MB: after one person had come and left, with all of them there, and after they left."""

    before: float
    together: float
    after: float

    @property
    def more(self) -> float:
        """Share that is kept."""
        return self.after / self.before - 1


def pictures(count: int) -> list[bytes]:
    """Different photographs as PNG files: pieces of the samples."""
    files = []
    for number in range(count):
        samples = sample_pictures()
        rgb = samples[number % len(samples)].open().rgb
        height, width = rgb.shape[:2]
        shift = 10 * (number // len(samples))
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(rgb[shift : height - 40 + shift, shift : width - 40 + shift])).save(
            file, "PNG"
        )
        files.append(file.getvalue())
    return files


def arrive(browser: Browser, server: Served, query: str) -> Page:
    page = visitor(browser)
    page.goto(f"{server.address}/?{query}")
    page.locator(MAPS).first.wait_for()
    settle(page)
    return page


def add(page: Page, number: int, picture: bytes) -> None:
    """Upload a picture; returns at once."""
    page.locator(UPLOAD).first.set_input_files(
        {"name": f"person {number}.png", "mimeType": "image/png", "buffer": picture}
    )


def look(page: Page, number: int) -> Seen:
    """What is on the page once the person's own picture is."""
    page.get_by_role("heading", name=f"person {number}.png").wait_for()
    settle(page)
    maps = page.locator(MAPS).all()
    texts = tuple(one.get_attribute("alt") or "" for one in maps)
    return Seen(texts, tuple((one.get_attribute("src") or "").rsplit("/", 1)[-1] for one in maps))


def alone(files: Sequence[bytes], query: str) -> list[Seen]:
    """Each person alone, one after the other."""
    seen = []
    with chromium() as browser, served() as server:
        for number, file in enumerate(files):
            page = arrive(browser, server, query)
            add(page, number, file)
            seen.append(look(page, number))
            page.context.close()
    return seen


def together(files: Sequence[bytes], query: str, ended_s: float = ENDED_S) -> tuple[list[Seen], Memory]:
    """All at once, on a server that one person had used before."""
    with chromium() as browser, served() as server:
        first = arrive(browser, server, query)
        add(first, len(files), pictures(len(files) + 1)[-1])
        look(first, len(files))
        first.context.close()
        time.sleep(BREATH_S)
        before = server.megabytes()
        pages = [arrive(browser, server, query) for _ in files]
        for number, (page, file) in enumerate(zip(pages, files, strict=True)):
            add(page, number, file)
        seen = [look(page, number) for number, page in enumerate(pages)]
        most = server.megabytes()
        for page in pages:
            page.context.close()
        until = time.monotonic() + ended_s
        while time.monotonic() < until and server.megabytes() > before * (1 + MOST_MORE):
            time.sleep(1)
        return seen, Memory(before, most, server.megabytes())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--query", default="", help="of the address, such as networks=ViT")
    options = parser.parse_args()
    files = pictures(options.people)
    expected = alone(files, options.query)
    seen, memory = together(files, options.query)
    same = [one == other for one, other in zip(seen, expected, strict=True)]
    print(f"{sum(same)} of {len(same)} saw exactly what they see alone; {len(set(seen))} different results")
    print(
        f"server: {memory.before:.0f} MB after one person, {memory.together:.0f} MB with {len(same)}, "
        f"{memory.after:.0f} MB after they left ({memory.more:+.0%}; allowed: {MOST_MORE:+.0%})"
    )
    return 0 if all(same) and len(set(seen)) == len(same) and memory.more <= MOST_MORE else 1


if __name__ == "__main__":
    sys.exit(main())
