"""The page of layers in a real browser: from layer to layer by click, by keyboard and by address."""

from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.dashboard.test_browser import BARRIERS_OF_STREAMLIT, Visit, browser, visit
from tests.dashboard.waits import PATIENCE_MS, comes_to

pytestmark = pytest.mark.browser

__all__ = ["browser", "visit"]  # fixtures of the other file

TWO = "?networks=CBAM-ResNet&networks=ViT"


def test_walking_through_the_layers(visit: Visit) -> None:
    visit.open(TWO)
    page = visit.page
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.get_by_role("link", name="Layers").click()
    strip = page.get_by_role("group", name="Layers of CBAM-ResNet")
    layers = strip.get_by_role("button")
    layers.first.wait_for()
    visit.settle()
    expect(layers).to_have_count(7)
    page.get_by_role("heading", name="1 of 7: layer1.0, CBAM").wait_for()

    # a click on the last layer, whose picture is then shown large
    layers.nth(6).click()
    page.get_by_role("heading", name="7 of 7: layer4.1, CBAM").wait_for()
    visit.settle()
    expect(layers.nth(6)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("img[alt^='CBAM-ResNet, layer4.1.attention']")).to_have_count(1)
    expect(page.locator("img[alt^='channel ']")).to_have_count(12)
    comes_to(page, lambda: parse_qs(urlsplit(page.url).query), lambda query: query.get("layer") == ["7"])

    # the arrow keys go back, in the strip and on the slider
    page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", name="6 of 7: layer4.0, CBAM").wait_for()
    visit.settle()
    page.get_by_role("slider", name="Layer").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("heading", name="5 of 7: layer3.1, CBAM").wait_for()
    visit.settle()

    # the exact definition is one click away
    page.get_by_role("button", name="What the numbers mean").click()
    page.get_by_text("‖g x − x‖ / ‖x‖").first.wait_for()
    page.keyboard.press("Escape")

    # another network has fewer layers of another kind
    page.get_by_role("radio", name="ViT").click()
    page.get_by_role("heading", name="5 of 6: blocks.4, self-attention").wait_for()
    visit.settle()

    # the address opens the same layer again
    page.reload()
    page.get_by_role("heading", name="5 of 6: blocks.4, self-attention").wait_for()
    visit.settle()
    assert visit.errors == []
    assert visit.foreign == []
    # Streamlit asks for its own files beside a page's address first, and then at the root
    assert [one for one in said if "404" not in one] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_that_axe_knows_of(browser: Browser, server: str, scheme: str) -> None:
    # so high that nothing is scrolled out of sight, where axe would not look
    context = browser.new_context(viewport={"width": 1280, "height": 2600}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), server)
    visit.page.goto(f"{server}/layers{TWO}&layer=7")
    visit.page.get_by_role("heading", name="7 of 7: layer4.1, CBAM").wait_for()
    visit.settle()
    found = Axe().run(visit.page).response["violations"]
    ours = [one for one in found if one["id"] not in BARRIERS_OF_STREAMLIT]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in ours] == []
