"""The dashboard in a real browser, from upload to saved figure."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from attnviz import open_picture, zoo
from attnviz.regions import load_regions
from attnviz.render import MOST_PANELS
from tests.dashboard.conftest import photograph
from tests.dashboard.waits import PATIENCE_MS, becomes, comes_to

pytestmark = pytest.mark.browser

QUIET_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
BARRIERS_OF_STREAMLIT = {"presentation-role-conflict", "empty-table-header"}
"""Rules that Streamlit's own widgets break: the uploader's drop zone has a role and may take the focus, and a table of
numbers that can be edited has no heading above the numbers of its rows."""

FOCUS_TABLE = "[data-testid=stTable]:not([data-testid=stTabs] *)"
"""The scores; the tabs below them have tables, too."""

OWN_SCHEMES = ("data", "blob")


@dataclass
class Visit:
    """A page, and what went wrong on it."""

    page: Page
    server: str
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def open(self, query: str = "") -> None:
        """Go to the dashboard and wait for its first result."""
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._look_at(request.url))
        self.page.goto(f"{self.server}/{query}")
        self.maps.first.wait_for()
        self.settle()

    def _look_at(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in OWN_SCHEMES and address.netloc != urlsplit(self.server).netloc:
            self.foreign.append(url)

    def settle(self) -> None:
        """Wait until the page has stayed idle for half a second."""
        idle = "[data-testid=stApp][data-test-script-state=notRunning]"
        for _ in range(2):
            self.page.wait_for_selector(idle)
            self.page.wait_for_timeout(500)

    @property
    def maps(self) -> Locator:
        """The panels' overlays: pictures that say Grad-CAM, but for the two of the divider."""
        return self.page.locator("img[alt*='Grad-CAM']:not(.left, .right)")

    def map_addresses(self) -> list[str]:
        return self.maps.evaluate_all("maps => maps.map(one => one.getAttribute('src') ?? '')")

    def table(self) -> list[list[str]]:
        """Rows of the focus table, without its head."""
        return self.page.locator(f"{FOCUS_TABLE} tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.querySelectorAll('th, td')].map(cell => cell.innerText))"
        )


@pytest.fixture
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, server: str) -> Visit:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    return Visit(context.new_page(), server)


def test_from_an_upload_to_saved_files(visit: Visit, tmp_path: Path) -> None:
    networks = [card.title for card in zoo.cards().values()][:MOST_PANELS]
    visit.open()
    page = visit.page
    expect(visit.maps).to_have_count(len(networks))

    # a photograph of the person's own
    file = tmp_path / "bright square.png"
    file.write_bytes(photograph())
    page.locator("[data-testid=stSidebar] input[type=file]").set_input_files(file)
    page.get_by_role("heading", name="bright square.png").wait_for()
    visit.settle()
    expect(visit.maps).to_have_count(len(networks))

    # a control moves: the maps are drawn anew
    before = visit.map_addresses()
    page.get_by_role("slider").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "old => [...document.querySelectorAll(\"img[alt*='Grad-CAM']\")].some(one => !old.includes(one.src))",
        arg=[f"{visit.server}{address}" if address.startswith("/") else address for address in before],
    )
    visit.settle()
    expect(visit.maps).to_have_count(len(networks))
    after = visit.map_addresses()
    assert set(before) != set(after)

    # on the next page, a box over the left half of the picture
    page.get_by_role("link", name="Draw a region: Dog vs grass").click()
    page.locator("canvas").first.wait_for()
    visit.settle()
    becomes(page, visit.map_addresses, after)  # nothing was chosen anew
    assert visit.table() == []
    canvas = page.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(180 / 120, rel=0.02)
    page.mouse.move(box["x"] + 3, box["y"] + 3)  # its corners are round
    page.mouse.down()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.6 * box["height"], steps=4)
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + box["height"] - 1, steps=4)
    page.mouse.up()
    page.locator(FOCUS_TABLE).wait_for()
    visit.settle()
    table = comes_to(page, visit.table, lambda rows: len(rows) > 3)
    *scored, uniform, gaussian, edges = [row[0] for row in table]
    # a Grad-CAM that is zero everywhere has no score, so not every network need be there
    assert scored == [title for title in networks if title in scored] != []
    assert (uniform, gaussian, edges) == ("Uniform map", "Centred Gaussian blob", "Edge map")
    area = float(table[0][2].replace("\N{NO-BREAK SPACE}%", ""))
    assert area == pytest.approx(50, abs=3)

    # back: the region is there, and the finding speaks of it
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_role("button", name="Comparison (PNG)").wait_for()
    visit.settle()
    expect(page.get_by_role("heading", name="of its map on the object")).to_have_count(1)

    # the figure and the numbers
    with page.expect_download() as download:
        page.get_by_role("button", name="Comparison (PNG)").click()
    image = Image.open(download.value.path())
    assert download.value.suggested_filename == "bright-square-attention.png"
    assert image.format == "PNG"
    assert image.size == pytest.approx((4000, 2250), abs=1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Numbers (CSV)").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert [row["network"] for row in rows] == networks
    assert float(rows[0]["area"]) == pytest.approx(area / 100, abs=0.005)
    page.get_by_role("link", name="Dog vs grass", exact=True).click()
    page.locator(FOCUS_TABLE).wait_for()
    visit.settle()
    becomes(page, visit.table, table)  # and it is still drawn

    assert visit.errors == []
    assert visit.foreign == []


def test_a_box_can_be_drawn_undone_and_cleared_by_keyboard(visit: Visit) -> None:
    visit.open("focus?picture=A+cup+of+espresso")
    page = visit.page
    canvas = page.locator("canvas").first
    canvas.wait_for()
    visit.settle()
    canvas.focus()
    # the cross starts in the middle; a press with Shift moves 5 %: 30 % to the left and up, then 40 % right and down
    for key, times in (("ArrowLeft", 6), ("ArrowUp", 6)):
        for _ in range(times):
            page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Enter")
    for key, times in (("ArrowRight", 8), ("ArrowDown", 8)):
        for _ in range(times):
            page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Enter")
    page.locator(FOCUS_TABLE).wait_for()
    visit.settle()
    assert float(visit.table()[0][2].replace("\N{NO-BREAK SPACE}%", "")) == pytest.approx(16, abs=1)  # 0.4 x 0.4
    canvas.focus()
    page.keyboard.press("Control+z")
    page.locator(FOCUS_TABLE).wait_for(state="detached")
    visit.settle()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    assert visit.errors == []


def test_a_thumbnail_chooses_its_picture(visit: Visit) -> None:
    visit.open()
    visit.page.get_by_role("button", name="A cup of espresso").click()
    visit.page.get_by_role("heading", name="A cup of espresso").wait_for()
    visit.settle()
    comes_to(visit.page, lambda: visit.page.url, lambda url: "picture=A+cup+of+espresso" in url)
    assert visit.errors == []


def drag(page: Page, places: list[tuple[float, float]]) -> None:
    """Drag over the canvas, through places in shares of it (across, down)."""
    box = on_screen(page)
    (first, *others) = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in places]
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def click(page: Page, places: list[tuple[float, float]]) -> None:
    """Click on the canvas at places in shares of it (across, down)."""
    for across, down in places:
        box = on_screen(page)  # a click must not move the picture away from under the pointer: a test would miss, too
        page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])


def on_screen(page: Page) -> dict[str, float]:
    canvas = page.locator("canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def area_of(visit: Visit, name: str) -> float:
    """What the page says that a region covers, in percent."""
    visit.page.get_by_text(f"{name}:").first.wait_for()
    visit.settle()
    told = visit.page.get_by_text(f"{name}:").first.inner_text().replace("\N{NO-BREAK SPACE}", " ")
    return float(told.removeprefix(f"{name}: ").split(" ")[0])


def test_two_regions_by_corners_by_hand_and_cut_out(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "square.png"
    file.write_bytes(photograph())  # bright: rows 40 to 80 of 120, columns 45 to 90 of 180, an 8 1/3 % of it all
    visit.open("focus?networks=SE-ResNet")
    page = visit.page
    page.locator("[data-testid=stSidebar] input[type=file]").set_input_files(file)
    page.locator("canvas").first.wait_for()
    visit.settle()

    # a box around the square, and the square cut out of it
    page.get_by_label("What is in the region?").fill("square")
    page.keyboard.press("Enter")
    visit.settle()
    drag(page, [(0.15, 0.2), (0.6, 0.8)])
    visit.settle()
    assert area_of(visit, "square") == pytest.approx(45 * 60 / 100, abs=1.5)
    top = on_screen(page)["y"]
    page.get_by_role("button", name="Cut out", exact=True).click()
    page.wait_for_function("old => !document.body.innerText.includes(old)", arg="square: 27")
    assert area_of(visit, "square") == pytest.approx(100 / 12, abs=1)
    page.get_by_role("button", name="+ it", exact=True).click()
    click(page, [(0.37, 0.5)])
    assert area_of(visit, "square") == pytest.approx(100 / 12, abs=1)
    assert top == pytest.approx(on_screen(page)["y"], abs=60)

    # a second region, corner by corner: a triangle over half of the right third
    page.get_by_role("button", name="Add region").click()
    visit.settle()
    page.get_by_label("What is in the region?").fill("rest")
    page.keyboard.press("Enter")
    visit.settle()
    page.get_by_role("button", name="Corners", exact=True).click()
    click(page, [(0.67, 0.02)])
    before = on_screen(page)
    click(page, [(0.99, 0.02), (0.99, 0.98)])
    assert on_screen(page) == before  # the picture stays where it is while it is drawn on
    page.get_by_role("button", name="Finish", exact=True).click()
    assert area_of(visit, "rest") == pytest.approx(0.32 * 0.96 / 2 * 100, abs=1.5)
    heads = page.locator(f"{FOCUS_TABLE} thead th")
    becomes(page, lambda: [head.strip() for head in heads.all_inner_texts()], ["Map", "the square", "the rest"])

    # a third by hand
    page.get_by_role("button", name="Add region").click()
    visit.settle()
    page.get_by_role("button", name="Freehand", exact=True).click()
    drag(page, [(0.02, 0.85), (0.62, 0.85), (0.62, 0.97), (0.02, 0.97), (0.02, 0.86)])
    assert area_of(visit, "region 3") == pytest.approx(60 * 12 / 100, abs=1.5)

    # saved, and the file is what the library reads
    page.get_by_role("button", name="Save or load").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the regions").click()
    assert download.value.suggested_filename == "square.regions.zip"
    back = load_regions(download.value.path(), open_picture(file))
    assert [one.name for one in back] == ["square", "rest", "region 3"]
    assert visit.errors == []
    assert visit.foreign == []


def test_two_maps_are_swiped_and_changed_by_hand(visit: Visit) -> None:
    visit.open("?networks=SE-ResNet&networks=CBAM-ResNet")
    page = visit.page
    divider = page.get_by_role("slider", name="Divider: SE-ResNet on the left, CBAM-ResNet on the right")
    left = page.locator(".stage img.left")

    def shown() -> str:
        """Part of the left map that is shown, as the browser computes it."""
        return left.evaluate("one => getComputedStyle(one).clipPath")

    # by keyboard: from the middle, ten steps of one percent to the left
    expect(divider).to_have_value("50")
    divider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(divider).to_have_value("40")
    expect(divider).to_have_attribute("aria-valuetext", "40 % SE-ResNet")
    width = left.bounding_box()["width"]
    right_cut = page.evaluate(
        "one => one.getBoundingClientRect().left", page.locator(".stage .line").element_handle()
    ) - left.evaluate("one => one.getBoundingClientRect().left")
    assert right_cut / width == pytest.approx(0.4, abs=0.02)

    # by pointer: to three quarters
    box = divider.bounding_box()
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    comes_to(page, divider.input_value, lambda value: abs(float(value) - 75) <= 2)

    # one after the other: off until it is asked for
    page.get_by_role("button", name="Flicker", exact=True).click()
    first = shown()
    page.wait_for_timeout(1500)
    assert shown() == first
    page.get_by_role("button", name="Show the other", exact=True).click()
    comes_to(page, shown, lambda now: now != first)
    expect(page.get_by_text("Now: CBAM-ResNet")).to_have_count(1)
    page.get_by_role("button", name="Show the other", exact=True).click()
    becomes(page, shown, first)

    # at most twice a second: the time of four changes after the first
    page.get_by_role("button", name="Play", exact=True).click()
    passed_ms = page.evaluate(
        """one => new Promise(done => {
            let before = getComputedStyle(one).clipPath;
            const changes = [];
            const look = setInterval(() => {
                const now = getComputedStyle(one).clipPath;
                if (now === before) return;
                before = now;
                changes.push(performance.now());
                if (changes.length === 5) { clearInterval(look); done(changes[4] - changes[0]); }
            }, 20);
        })""",
        left.element_handle(),
    )
    assert passed_ms >= 4 * 500 - 200  # the first change may be noticed late
    page.get_by_role("button", name="Stop", exact=True).click()
    assert visit.errors == []
    assert visit.foreign == []


def test_who_asks_for_less_motion_gets_none(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    visit = Visit(context.new_page(), server)
    visit.open("?networks=SE-ResNet&networks=CBAM-ResNet")
    visit.page.get_by_role("button", name="Flicker", exact=True).click()
    expect(visit.page.get_by_role("button", name="Play", exact=True)).to_be_disabled()
    expect(visit.page.get_by_text("Your system asks for less motion")).to_have_count(1)
    visit.page.get_by_role("button", name="Show the other", exact=True).click()
    expect(visit.page.get_by_text("Now: CBAM-ResNet")).to_have_count(1)


def test_a_reference_is_pinned_and_a_picture_put_beside(visit: Visit) -> None:
    visit.open("?networks=SE-ResNet&networks=CBAM-ResNet")
    page = visit.page
    page.get_by_role("combobox", name="Pinned reference").click()
    page.get_by_role("option", name="SE-ResNet", exact=True).click()
    page.locator("img[alt^='CBAM-ResNet less SE-ResNet']").wait_for()
    page.get_by_role("combobox", name="More pictures").click()
    page.get_by_role("option", name="A cup of espresso").click()
    page.locator("img[alt^='CBAM-ResNet less SE-ResNet on A cup of espresso']").wait_for()
    page.keyboard.press("Escape")
    visit.settle()
    comes_to(page, lambda: page.url, lambda url: "reference=SE-ResNet" in url)
    with page.expect_download() as download:
        page.get_by_role("button", name="Comparison (PNG)").click()
    told = Image.open(download.value.path()).text["Description"]
    assert "CBAM-ResNet less SE-ResNet" in told
    page.reload()
    page.locator("img[alt^='CBAM-ResNet less SE-ResNet on A cup of espresso']").wait_for()
    assert visit.errors == []
    assert visit.foreign == []


def test_a_slow_map_is_stopped_and_gone_on_with(visit: Visit) -> None:
    visit.open()
    page = visit.page
    page.get_by_role("combobox", name="Map", exact=True).click()
    page.get_by_role("option", name="Occlusion", exact=True).click()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Go on", exact=True).wait_for()
    page.get_by_text("Stopped before it was made").first.wait_for()
    page.get_by_role("button", name="Go on", exact=True).click()
    page.get_by_text("Stopped before it was made").first.wait_for(state="detached")
    page.locator("img[alt*='Occlusion for']").nth(MOST_PANELS - 1).wait_for()
    assert visit.errors == []
