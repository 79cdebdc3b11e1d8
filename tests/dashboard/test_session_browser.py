"""A session that is saved and opened, and addresses that keep what was chosen, in a real browser."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.conftest import photograph
from tests.dashboard.test_browser import Visit, browser, visit
from tests.dashboard.waits import PATIENCE_MS, becomes, comes_to

pytestmark = pytest.mark.browser

__all__ = ["browser", "visit"]  # fixtures of the other file

POPOVER = "[data-testid=stPopoverBody]"


def another(browser: Browser, visit: Visit) -> Visit:
    """Somebody else's browser."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    return Visit(context.new_page(), visit.server)


def open_file(visit: Visit, file: Path) -> None:
    visit.page.get_by_role("button", name="Session").click()
    visit.page.locator(f"{POPOVER} input[type=file]").set_input_files(file)
    visit.page.get_by_test_id("stSidebar").get_by_test_id("stAlert").first.wait_for()
    visit.settle()
    visit.page.keyboard.press("Escape")


def is_chosen(page: Page, name: str) -> None:
    expect(page.get_by_role("radio", name=name, exact=True)).to_be_checked()


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_session_is_saved_and_opened_in_another_browser(visit: Visit, browser: Browser, tmp_path: Path) -> None:
    visit.open("?networks=ViT")
    page = visit.page
    photo = tmp_path / "bright square.png"
    photo.write_bytes(photograph())
    page.locator("[data-testid=stSidebar] input[type=file]").first.set_input_files(photo)
    page.get_by_role("heading", name="bright square.png").wait_for()
    visit.settle()
    page.get_by_text("Spotlight", exact=True).click()
    visit.settle()
    is_chosen(page, "Spotlight")
    drawn = sorted(visit.map_addresses())
    page.get_by_role("button", name="Session").click()
    page.locator(POPOVER).get_by_text("With my photographs").click()
    visit.settle()
    with page.expect_download() as download:
        page.locator(POPOVER).get_by_role("button", name="Save session").click()
    file = tmp_path / "mine.zip"
    download.value.save_as(file)
    assert visit.errors == []

    other = another(browser, visit)
    other.page.goto(f"{visit.server}/networks")
    other.page.get_by_text("Your own checkpoint").wait_for()
    other.settle()
    open_file(other, file)
    other.page.get_by_text("mine.zip is open.").wait_for()
    other.page.get_by_role("link", name="Compare").click()
    other.page.get_by_role("heading", name="bright square.png").wait_for()
    other.settle()
    is_chosen(other.page, "Spotlight")
    # the address of a map is a hash of its pixels
    hashes = [one.rsplit("/", 1)[-1] for one in drawn]
    becomes(other.page, lambda: [one.rsplit("/", 1)[-1] for one in sorted(other.map_addresses())], hashes)
    assert other.errors == []
    assert other.foreign == []


def test_a_file_that_is_no_session_costs_nothing(visit: Visit, tmp_path: Path) -> None:
    visit.open("?networks=ViT&style=Spotlight&picture=A+cup+of+espresso")
    wrong = tmp_path / "wrong.zip"
    wrong.write_bytes(photograph())
    open_file(visit, wrong)
    visit.page.get_by_text("Nothing was changed.").wait_for()
    is_chosen(visit.page, "Spotlight")
    comes_to(visit.page, lambda: query(visit.page), lambda said: said.get("picture") == ["A cup of espresso"])
    assert visit.errors == []


def test_a_link_opens_the_same_view_and_what_was_chosen_stays_on_the_way(visit: Visit) -> None:
    page = visit.page
    link = {
        "picture": ["A cup of espresso"],
        "networks": ["ViT"],
        "style": ["Spotlight"],
        "scale": ["Rank"],
        "point_x": ["20"],
    }
    # a link to one page that says what is chosen on others
    page.goto(f"{visit.server}/networks?picture=A+cup+of+espresso&networks=ViT&style=Spotlight&scale=Rank&point_x=20")
    page.get_by_text("Your own checkpoint").wait_for()
    visit.settle()
    becomes(page, lambda: query(page), link)
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("heading", name="A cup of espresso").wait_for()
    visit.settle()
    is_chosen(page, "Spotlight")
    is_chosen(page, "Rank")
    # a choice made here is still there after another page, a reload of that page, and the way back
    page.get_by_text("Heat", exact=True).click()
    visit.settle()
    del link["style"]  # the default is not named
    page.get_by_role("link", name="Networks").click()
    page.get_by_text("Your own checkpoint").wait_for()
    visit.settle()
    becomes(page, lambda: query(page), link)
    page.reload()
    page.get_by_text("Your own checkpoint").wait_for()
    visit.settle()
    becomes(page, lambda: query(page), link)
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("heading", name="A cup of espresso").wait_for()
    visit.settle()
    is_chosen(page, "Heat")
    is_chosen(page, "Rank")
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert visit.errors == []


def test_compare_is_found_by_its_name_too(visit: Visit) -> None:
    page = visit.page
    page.goto(f"{visit.server}/compare?picture=A+cup+of+espresso&networks=ViT&networks=Swin&style=Spotlight")
    page.get_by_role("heading", name="A cup of espresso").wait_for()
    visit.settle()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    becomes(page, lambda: urlsplit(page.url).path, "/")
    link = {"picture": ["A cup of espresso"], "networks": ["ViT", "Swin"], "style": ["Spotlight"]}
    becomes(page, lambda: query(page), link)
    is_chosen(page, "Spotlight")


def test_what_the_browser_dropped_from_the_address_comes_back(visit: Visit) -> None:
    page = visit.page
    visit.open("?picture=A+cup+of+espresso&networks=ViT&style=Spotlight")
    said = comes_to(page, lambda: query(page), lambda one: set(one) == {"picture", "networks", "style"})
    page.evaluate("history.replaceState({}, '', '/')")  # as a slow browser does that has no sidebar yet
    page.get_by_role("link", name="Networks").click()
    page.get_by_text("Your own checkpoint").wait_for()
    visit.settle()
    becomes(page, lambda: query(page), said)
    # the first picture is the default, which is not named
    page.get_by_role("button", name="Chelsea the cat").click()
    visit.settle()
    del said["picture"]
    becomes(page, lambda: query(page), said)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    assert visit.errors == []


def test_a_checkpoint_of_more_than_a_picture_may_have_arrives(visit: Visit, tmp_path: Path) -> None:
    """The server's limit is that of the largest file that any page takes, a checkpoint; not that of a picture."""
    visit.page.goto(f"{visit.server}/networks?networks=ViT")
    visit.page.get_by_text("Your own checkpoint").wait_for()
    visit.settle()
    large = tmp_path / "large.safetensors"
    large.write_bytes(b"\0" * (25 * 2**20))
    visit.page.locator("[data-testid=stMain] input[type=file]").first.set_input_files(large)
    # it is no checkpoint: but it was read, and not refused on the way
    told = visit.page.get_by_test_id("stMain").get_by_test_id("stAlert").filter(has_text="large.safetensors")
    told.first.wait_for()
    expect(visit.page.get_by_text("413")).to_have_count(0)
