"""Page Export in a real browser: figures are kept on other pages, put in order, and become slides and a ZIP."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page
from pptx import Presentation

from tests.dashboard.test_browser import (
    BARRIERS_OF_STREAMLIT,
    Visit,
    browser,  # noqa: F401  (a fixture)
    visit,  # noqa: F401  (a fixture)
)
from tests.dashboard.waits import PATIENCE_MS, becomes

pytestmark = pytest.mark.browser


def names(page: Page) -> list[str]:
    """What the figures of the talk are called, in order, with their numbers."""
    return page.locator("[class*=st-key-talk_] strong").all_inner_texts()


def saved(page: Page, button: str) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return Path(download.value.path())


def test_two_figures_are_kept_put_in_order_and_saved(visit: Visit) -> None:  # noqa: F811
    visit.open("?networks=SE-ResNet")
    page = visit.page
    page.get_by_role("button", name="Add to talk").first.click()
    page.get_by_text("The talk has 1 figure").wait_for()
    page.get_by_test_id("stTopNav").get_by_role("link", name="Dog vs grass").click()
    visit.settle()
    page.locator(".st-key-focus_bars_talk").get_by_role("button").first.click()
    page.get_by_text("The talk has 2 figures").wait_for()
    visit.settle()

    page.get_by_test_id("stTopNav").get_by_role("link", name="Export").click()
    page.get_by_role("button", name="Slides (PPTX)").wait_for()
    visit.settle()
    becomes(page, lambda: names(page), ["1. chelsea attention", "2. Focus in chelsea.png"])
    page.get_by_role("button", name="Down").first.click()
    page.get_by_text("1. Focus in chelsea.png").wait_for()
    visit.settle()
    becomes(page, lambda: names(page), ["1. Focus in chelsea.png", "2. chelsea attention"])

    page.get_by_role("button", name="Make slides (PPTX)").click()
    page.locator(".st-key-talk_pptx").wait_for()
    visit.settle()
    slides = Presentation(str(saved(page, "Slides (PPTX)"))).slides
    titles = [slide.shapes.title.text for slide in slides if slide.shapes.title is not None]
    assert any("on the cat" in title for title in titles)
    pictures = [shape for slide in slides for shape in slide.shapes if hasattr(shape, "image")]
    assert len(pictures) >= 2  # the photograph and the map; bars may be a chart that PowerPoint can edit
    page.get_by_role("button", name="Make everything (ZIP)").click()
    page.locator(".st-key-talk_zip").wait_for()
    visit.settle()
    with zipfile.ZipFile(saved(page, "Everything (ZIP)")) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert [figure["name"] for figure in manifest["figures"]] == ["Focus in chelsea.png", "chelsea attention"]
        image = Image.open(io.BytesIO(archive.read("focus-in-chelsea-png.png")))
        assert image.size == (4000, 2250)  # a 16:9 slide at 300 dots an inch
        assert b"ViT" not in archive.read("scores.csv")  # only SE-ResNet was chosen

    # on paper the figure is as wide as a column: 3.5 inches
    page.get_by_role("radio", name="Paper, one column").or_(
        page.get_by_role("button", name="Paper, one column")
    ).click()
    visit.settle()
    with page.expect_download() as download:
        page.locator("[class*=st-key-toolbar_talk_]").first.get_by_role("button", name="PNG").click()
    assert Image.open(download.value.path()).width == 1050

    page.get_by_role("button", name="Remove", exact=True).first.click()
    page.get_by_text("1. chelsea attention").wait_for()
    visit.settle()
    becomes(page, lambda: names(page), ["1. chelsea attention"])
    page.get_by_role("button", name="Remove all").click()
    page.get_by_text("No figure yet").wait_for()
    assert visit.errors == []
    assert visit.foreign == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_that_axe_knows_of(browser: Browser, server: str, scheme: str) -> None:  # noqa: F811
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    one = Visit(page, server)
    page.goto(f"{server}/export?networks=SE-ResNet")
    page.get_by_role("button", name="Add to talk").first.click()
    page.get_by_role("button", name="Slides (PPTX)").wait_for()
    one.settle()
    page.mouse.move(2, 2)  # what a button says while the pointer is on it lies outside the page, too
    page.get_by_text("The talk has 1 figure").wait_for(state="detached")  # messages float over the page for a while
    found = Axe().run(page).response["violations"]
    ours = [one for one in found if one["id"] not in BARRIERS_OF_STREAMLIT]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in ours] == []
