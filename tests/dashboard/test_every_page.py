"""What holds on every page in a real browser: no barrier, no error, no foreign request, nothing cut at any width."""

from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.dashboard.pages_of_app import AppPage, pages
from tests.dashboard.test_browser import BARRIERS_OF_STREAMLIT, OWN_SCHEMES, Visit, browser
from tests.dashboard.waits import PATIENCE_MS, becomes

pytestmark = pytest.mark.browser

__all__ = ["browser"]  # a fixture of the other file

WIDTHS = (1920, 1280, 820)
FEW = "networks=ViT&networks=CBAM-ResNet"
"""Two networks, one with gates and one with self-attention: every panel has something to show, and little is run."""

NOT_OURS = ("WebGL", "GPU stall", "ResizeObserver loop", "Autofocus", "preloaded using link preload")
"""Words of messages that Chromium and Streamlit themselves write to the console."""

PROBED = "/_stcore/"
"""Streamlit's own browser code looks below the page's address for the server, before it looks above."""

CUT = """() => {
    const seen = element => {
        const style = getComputedStyle(element);
        return style.visibility !== "hidden" && style.display !== "none" && element.clientWidth > 0;
    };
    const cut = [];
    for (const element of document.querySelectorAll(
        "[data-testid=stMain] button, [data-testid=stMain] label, [data-testid=stMain] h1, [data-testid=stMain] h2," +
        "[data-testid=stMain] h3, [data-testid=stMain] h4, [data-testid=stMetricValue], [data-testid=stSidebar] button"
    )) {
        if (!seen(element)) continue;
        if (element.scrollWidth > element.clientWidth + 2 && getComputedStyle(element).overflowX !== "visible")
            cut.push(element.innerText.slice(0, 60));
    }
    return cut;
}"""

WIDER = """() => {
    const main = document.querySelector("[data-testid=stMain]");
    return [
        document.documentElement.scrollWidth - document.documentElement.clientWidth,
        main.scrollWidth - main.clientWidth,
    ];
}"""

NAMELESS = """() => {
    const wanted = "a[href], button, input, select, textarea, [tabindex='0'], img, canvas";
    const named = one =>
        (one.innerText || "").trim() || [...(one.labels || [])].map(label => label.innerText).join("").trim() ||
        ["aria-label", "aria-labelledby", "alt", "title"].some(name => one.getAttribute(name)) ||
        one.querySelector("img[alt], [aria-label]") || one.getAttribute("alt") === "" ||
        one.getAttribute("role") === "presentation";
    return [...document.querySelectorAll(wanted)]
        // Streamlit's table of numbers has a table of its own for screen readers inside its canvas
        .filter(one => !one.closest("[data-testid=stDataFrame]"))
        .filter(one => one.offsetParent !== null && !one.closest("[aria-hidden=true]") && !named(one))
        .map(one => one.outerHTML.slice(0, 160));
}"""


class Watch:
    """Everything that goes wrong on a page."""

    def __init__(self, page: Page, server: str) -> None:
        self.page, self._server = page, urlsplit(server).netloc
        self.errors: list[str] = []
        self.foreign: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        page.on("request", lambda request: self._look_at(request.url))
        page.on("websocket", lambda socket: self._look_at(socket.url))

    def _note(self, message: ConsoleMessage) -> None:
        probed = PROBED in message.location.get("url", "")
        if message.type == "error" and not probed and not any(words in message.text for words in NOT_OURS):
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _look_at(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in OWN_SCHEMES and address.netloc != self._server:
            self.foreign.append(url)

    def settle(self) -> None:
        """Wait until the page has stayed idle for a while."""
        for _ in range(3):
            self.page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
            self.page.wait_for_timeout(400)
        self.page.wait_for_function("() => !document.querySelector('[data-stale=true]')")  # pale until drawn again


def opened(browser: Browser, server: str, page: AppPage, scheme: str = "light", width: int = WIDTHS[0]) -> Watch:
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    watch = Watch(context.new_page(), server)
    watch.page.goto(f"{server}/{page.path}?{FEW}")
    watch.page.get_by_text("Session").first.wait_for()
    watch.settle()
    return watch


def names(page: AppPage) -> str:
    return page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", pages(), ids=names)
def test_no_barrier_no_error_and_no_foreign_request(browser: Browser, server: str, page: AppPage, scheme: str) -> None:
    watch = opened(browser, server, page, scheme)
    found = Axe().run(watch.page).response["violations"]
    ours = [one for one in found if one["id"] not in BARRIERS_OF_STREAMLIT]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in ours] == []
    expect(watch.page.get_by_test_id("stException")).to_have_count(0)
    assert watch.errors == []
    assert watch.foreign == []


@pytest.mark.parametrize("page", pages(), ids=names)
def test_nothing_is_cut_or_scrolls_sideways_at_any_width(browser: Browser, server: str, page: AppPage) -> None:
    watch = opened(browser, server, page)
    for width in WIDTHS:
        watch.page.set_viewport_size({"width": width, "height": 1000})
        watch.settle()
        becomes(watch.page, lambda width=width: (width, watch.page.evaluate(WIDER)), (width, [0, 0]))
        becomes(watch.page, lambda width=width: (width, watch.page.evaluate(CUT)), (width, []))
    assert watch.page.evaluate(NAMELESS) == []


@pytest.mark.parametrize("page", pages(), ids=names)
def test_the_keyboard_goes_from_the_pages_to_the_sidebar_and_into_the_page(
    browser: Browser, server: str, page: AppPage
) -> None:
    watch = opened(browser, server, page, width=1280)
    visited: list[str] = []
    for _ in range(60):
        watch.page.keyboard.press("Tab")
        visited.append(
            watch.page.evaluate(
                """() => {
                    const one = document.activeElement;
                    if (!one || one === document.body) return "nothing";
                    return one.closest("[data-testid=stSidebar]") ? "sidebar"
                        : one.closest("[data-testid=stMain]") ? "page"
                        : "top";
                }"""
            )
        )
        if visited[-1] == "page":
            break
    assert "sidebar" in visited
    assert visited[-1] == "page"
    # once in the sidebar, the focus stays there until it has gone through it
    first = visited.index("sidebar")
    last = len(visited) - 1 - visited[::-1].index("sidebar")
    assert set(visited[first : last + 1]) == {"sidebar"}


def test_a_tablet_has_room_for_maps_side_by_side_and_for_drawing(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 820, "height": 1180})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{server}/focus?{FEW}")
    maps = page.locator("img[alt*='Grad-CAM']")
    maps.nth(1).wait_for()
    Visit(page, server).settle()
    first, second = maps.nth(0).bounding_box(), maps.nth(1).bounding_box()
    canvas, main = page.locator("canvas").first, page.get_by_test_id("stMainBlockContainer").bounding_box()
    page.get_by_text("Draw", exact=True).click()
    canvas.wait_for()
    Visit(page, server).settle()
    drawn = canvas.bounding_box()
    assert first is not None
    assert second is not None
    assert main is not None
    assert drawn is not None
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] < second["x"]
    # the whole width is the picture's, not a half of it: 1.5rem of 16 px are free on each side
    assert drawn["width"] > 0.9 * (main["width"] - 2 * 24)
    context.close()
