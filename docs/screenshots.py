"""The README's pictures of the dashboard, taken from the running pages in a headless Chromium.

python -m docs.screenshots               writes docs/screenshots/*.png
python -m docs.screenshots --all FOLDER  writes every page there, light and dark, in its full height, to look at

Only photographs that come with scikit-image are shown.
"""

import argparse
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from benchmarks._visiting import chromium, served, settle, visitor

FOLDER = Path(__file__).with_name("screenshots")
WIDTH, HEIGHT = 1440, 960
TALL = 3000
TO_TOP = "() => document.querySelector('[data-testid=stMain]').scrollTo(0, 0)"


@dataclass(frozen=True)
class Shot:
    """A picture of one page.

    Attributes:
        file: its name without the suffix.
        path: of the page.
        query: what is chosen, as the address says it.
        scheme: "light" or "dark".
        wait_for: text that is there when the page is complete.
        height: of the window in pixels.
    """

    file: str
    path: str
    query: str
    scheme: str = "light"
    wait_for: str = "Session"
    height: int = HEIGHT


FOUR = "networks=SE-ResNet&networks=CBAM-ResNet&networks=AA-ResNet&networks=ViT"

SHOTS = (
    Shot("compare", "", FOUR),
    Shot("focus", "focus", FOUR, "dark"),
    Shot("layers", "layers", "networks=CBAM-ResNet&networks=ViT&layer=7"),
    Shot("attention", "attention", "networks=AA-ResNet&networks=ViT&networks=Swin&point_x=71&point_y=40"),
)
"""The README's four figures."""

EVERY_PAGE = ("", "focus", "layers", "attention", "learn", "networks", "export")


def take(browser: Browser, address: str, shot: Shot) -> Image.Image:
    """The picture, once everything on the page has come to rest."""
    page = visitor(browser, WIDTH, shot.height, shot.scheme)
    try:
        page.goto(f"{address}/{shot.path}?{shot.query}")
        page.get_by_text(shot.wait_for).first.wait_for()
        settle(page)
        page.evaluate(TO_TOP)
        page.mouse.move(WIDTH // 2, 5)  # nothing is pointed at
        page.wait_for_timeout(500)
        return Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    finally:
        page.context.close()


def whole_page(browser: Browser, address: str, path: str, scheme: str, width: int) -> Image.Image:
    """Every part of a page, without what lies below its end."""
    page = visitor(browser, width, TALL, scheme)
    try:
        page.goto(f"{address}/{path}")
        page.get_by_text("Session").first.wait_for()
        settle(page)
        bottom = _bottom(page)
        return Image.open(io.BytesIO(page.screenshot())).convert("RGB").crop((0, 0, width, min(TALL, bottom)))
    finally:
        page.context.close()


def _bottom(page: Page) -> int:
    content = page.locator("[data-testid=stMainBlockContainer]").bounding_box()
    return TALL if content is None else round(content["y"] + content["height"]) + 10


def save(image: Image.Image, file: Path) -> None:
    """Write it, and tell how large it became."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image.save(file, "PNG", optimize=True)
    print(f"{file}  {image.width} x {image.height}, {file.stat().st_size / 1024:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page, light and dark, into this folder")
    parser.add_argument("--width", type=int, default=WIDTH, help="of the window for --all (default: %(default)s)")
    options = parser.parse_args()
    with chromium() as browser, served() as server:
        if options.all:
            for path in EVERY_PAGE:
                for scheme in ("light", "dark"):
                    image = whole_page(browser, server.address, path, scheme, options.width)
                    save(image, options.all / f"{path or 'compare'}-{scheme}-{options.width}.png")
        else:
            for shot in SHOTS:
                save(take(browser, server.address, shot), FOLDER / f"{shot.file}.png")


if __name__ == "__main__":
    main()
