"""The page Learn in a real browser: a number is edited, the figure follows, a link leads to the own picture."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.test_browser import BARRIERS_OF_STREAMLIT, Visit, browser, visit
from tests.dashboard.waits import PATIENCE_MS

pytestmark = pytest.mark.browser

__all__ = ["browser", "visit"]  # fixtures of the other file

LESSON = "Self-attention"
PAUSE_MS = 1000
"""The table's own editor takes a moment to open and to take a number."""

TITLE = "Self-attention: every word asks every word"


def open_learn(visit: Visit, lesson: str = LESSON) -> None:
    """Go to one lesson by its address, and wait until it is there."""
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    visit.page.on("request", lambda request: visit._look_at(request.url))
    visit.page.goto(f"{visit.server}/learn?lesson={lesson}&networks=ResNet")
    visit.page.get_by_text("What to notice").wait_for()
    visit.settle()


def first_cell(page: Page, text: str) -> None:
    """Type into the upper left number of the first table."""
    table = page.locator("[data-testid=stDataFrame] canvas").first
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box is not None
    # the numbers begin right of the rows' names and below the columns'
    page.mouse.click(box["x"] + 0.45 * box["width"], box["y"] + 0.37 * box["height"])
    page.wait_for_timeout(PAUSE_MS)
    page.keyboard.press("Enter")
    field = page.locator(".gdg-input")
    field.wait_for()
    page.wait_for_timeout(PAUSE_MS)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
    page.wait_for_timeout(PAUSE_MS)
    page.keyboard.press("Enter")
    field.wait_for(state="detached")


def test_an_edit_draws_the_figure_anew_and_a_link_leads_to_the_own_picture(visit: Visit) -> None:
    """X of I becomes [7, 1, 0, 1]: its products are 50, 7 and 8, so all of its attention goes to itself."""
    open_learn(visit)
    page = visit.page
    figure = page.locator("img[alt^='Attention weights']")
    before = figure.get_attribute("alt")
    assert before is not None
    assert "I gives 39% to I, 22% to love, 39% to tea" in before
    first_cell(page, "7")
    page.wait_for_function("old => document.querySelector(\"img[alt^='Attention weights']\")?.alt !== old", arg=before)
    visit.settle()
    after = figure.get_attribute("alt")
    assert after is not None
    assert "I gives 100% to I, 0% to love, 0% to tea" in after
    # another lesson and back: the edit is still there
    page.get_by_role("radio", name="Tables").click()
    page.get_by_text("The published tables, counted again").wait_for()
    visit.settle()
    page.get_by_role("radio", name=LESSON).click()
    page.get_by_text(TITLE).wait_for()
    visit.settle()
    expect(figure).to_have_attribute("alt", after)
    page.get_by_role("link", name="The same on Chelsea the cat").click()
    page.wait_for_url("**/attention?**networks=ViT**")
    visit.settle()
    page.get_by_text("ViT", exact=True).first.wait_for()
    assert visit.errors == []
    assert visit.foreign == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_that_axe_knows_of(browser: Browser, server: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), server)
    for lesson in (LESSON, "Shifted windows", "Tables"):
        open_learn(visit, lesson)
        found = Axe().run(visit.page).response["violations"]
        ours = [one for one in found if one["id"] not in BARRIERS_OF_STREAMLIT]
        assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in ours] == []
