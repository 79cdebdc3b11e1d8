"""The page Self-attention in a real browser: a place of a real picture is hovered, clicked, and moved by keyboard."""

import re
from dataclasses import dataclass, field

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

import attnviz
from attnviz.querying import AttentionAnswer
from dashboard import service
from tests.dashboard.test_browser import BARRIERS_OF_STREAMLIT, browser
from tests.dashboard.waits import PATIENCE_MS, becomes, comes_to

pytestmark = pytest.mark.browser

__all__ = ["browser"]  # a fixture of the other file

ADDRESS = "attention?networks=ViT&networks=Swin&networks=CBAM-ResNet&attention_of=ViT&attention_layer=6"
NETWORKS = {"ViT": "vit", "Swin": "swin", "CBAM-ResNet": "cbam_resnet"}
SPACE = "\N{NO-BREAK SPACE}"


@dataclass
class Traffic:
    """What went over the page's connection since it was last asked."""

    sent: int = 0
    received: int = 0
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("websocket", self._socket)

    def _socket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda _: setattr(self, "sent", self.sent + 1))
        socket.on("framereceived", lambda data: setattr(self, "received", self.received + len(data)))

    def since(self) -> tuple[int, int]:
        """Messages sent and bytes received, from now on counted anew."""
        told, self.sent, self.received = (self.sent, self.received), 0, 0
        return told


def settle(page: Page) -> None:
    """Wait until the page has stayed idle for a while."""
    for _ in range(2):
        page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
        page.wait_for_timeout(600)


def figure(page: Page, title: str) -> Locator:
    """The first picture with this title."""
    return page.locator("figure").filter(has=page.locator(".title", has_text=re.compile(f"^{title}$"))).first


def at(picture: Locator, across: float, down: float) -> tuple[float, float]:
    """A place of a picture, in pixels of the window."""
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def says(page: Page, title: str) -> str:
    return figure(page, title).locator(".said").inner_text().replace(SPACE, " ")


def truth(title: str, across: float, down: float) -> str:
    """What the library answers for Chelsea at shares of the picture, in a few words."""
    picture = service.samples()[0].open()
    loaded = attnviz.load(NETWORKS[title])
    trace = attnviz.trace(loaded.model, loaded.preprocess(picture))
    return attnviz.query(trace, (down * picture.hw[0], across * picture.hw[1])).short.replace(SPACE, " ")


def same(shown: str, expected: str) -> bool:
    """Equal words, and numbers within a step of 1/254 of the row's largest: that is what the browser was sent."""
    number = re.compile(r"\d+\.\d+")
    if number.sub("", shown) != number.sub("", expected):
        return False
    near = zip(map(float, number.findall(shown)), map(float, number.findall(expected)), strict=True)
    return all(abs(one - two) <= 0.15 for one, two in near)


def says_truth(page: Page, title: str, across: float, down: float) -> None:
    """Wait until a network's answer at shares of the picture is the library's."""
    expected = truth(title, across, down)
    comes_to(page, lambda: says(page, title), lambda shown: same(shown, expected))


def test_a_place_of_a_picture_is_asked_of_every_network(browser: Browser, server: str) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    traffic = Traffic()
    traffic.watch(page)
    page.goto(f"{server}/{ADDRESS}")
    page.locator("figure.matrix canvas").wait_for()
    settle(page)
    at_first = traffic.since()[1]
    picture = figure(page, "Picture").locator("canvas")

    # the pointer moves: all networks answer, and the server hears nothing
    page.mouse.move(*at(picture, 0.7, 0.4))
    becomes(page, lambda: says(page, "Picture"), "70 % from the left, 40 % from the top")
    for title in NETWORKS:
        says_truth(page, title, 0.7, 0.4)
    page.mouse.move(*at(picture, 0.3, 0.6))
    for title in NETWORKS:
        says_truth(page, title, 0.3, 0.6)
    assert traffic.since() == (0, 0)

    # over another network's picture it is the same place
    page.mouse.move(*at(figure(page, "Swin").locator("canvas"), 0.7, 0.4))
    says_truth(page, "ViT", 0.7, 0.4)

    # a click keeps the place: in the address, in the fields, in words; the matrices are not sent again
    page.mouse.click(*at(picture, 0.3, 0.6))
    page.wait_for_url(re.compile("point_x=30&point_y=60"))
    settle(page)
    received = traffic.since()[1]
    assert 0 < received < at_first / 4
    expect(page.get_by_label("From the left, %")).to_have_value("30")
    page.get_by_text("The answers in words").click()
    expect(page.get_by_test_id("stExpanderDetails").first).to_contain_text("ViT: The cell in row")

    # by keyboard: 30 % and twice 5 % to the right, 1 % up; Escape lets go
    picture.focus()
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    becomes(page, lambda: says(page, "Picture"), "40 % from the left, 59 % from the top")
    says_truth(page, "ViT", 0.4, 0.59)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("point_x=40&point_y=59"))
    settle(page)
    says_truth(page, "ViT", 0.4, 0.59)
    focused = "document.activeElement.shadowRoot?.activeElement?.tagName ?? document.activeElement.tagName"
    becomes(page, lambda: page.evaluate(focused), "CANVAS")
    page.keyboard.press("Escape")
    page.get_by_text("Choose a point of the picture").wait_for()
    becomes(page, lambda: says(page, "Picture"), "No point is kept.")

    # typed numbers move every picture
    page.get_by_label("From the left, %").fill("70")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("point_x=70&point_y=59"))
    settle(page)
    says_truth(page, "ViT", 0.7, 0.59)

    _matrix_and_picture_are_linked(page)

    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["id"] not in BARRIERS_OF_STREAMLIT] == []
    assert traffic.errors == []


def _matrix_and_picture_are_linked(page: Page) -> None:
    """Pointing at a cell of the matrix tells the pair, and shows its row on the picture, and the other way round."""
    photo = service.samples()[0].open()
    loaded = attnviz.load("vit")
    trace = attnviz.trace(loaded.model, loaded.preprocess(photo))
    matrix = attnviz.querying.attention_matrix(trace)
    tokens, columns = matrix.keys.tokens, matrix.keys.grid_hw[1]
    query, key = 1 + 2 * columns + 5, 1 + 4 * columns + 7  # row 3, column 6 looks; row 5, column 8 is looked at
    canvas = figure(page, "The whole matrix").locator("canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    left, above = 62, 58  # as in attention_canvas.js
    edge = (box["width"] - left - 1) / tokens
    page.mouse.move(box["x"] + left + (key + 0.5) * edge, box["y"] + above + (query + 0.5) * edge)
    share = 100 * float(matrix.weights[0, query, key])
    wanted = re.compile(r"row 3, column 6 gives (?:< )?([\d.]+) % to row 5, column 8")
    said = comes_to(page, lambda: says(page, "The whole matrix"), lambda one: wanted.fullmatch(one) is not None)
    given = wanted.fullmatch(said)
    assert given
    assert float(given.group(1)) == pytest.approx(share, abs=0.15)
    row = matrix.weights[0, query, 1:]
    best = int(np.argmax(row))
    most = f"row {best // columns + 1}, column {best % columns + 1}" if best != query - 1 else "itself"
    comes_to(page, lambda: says(page, "ViT, layer 6, mean over heads"), lambda one: f"most to {most}" in one)

    # the class token's row: no place on the picture
    page.mouse.move(box["x"] + left + (key + 0.5) * edge, box["y"] + above + 0.5 * edge)
    comes_to(page, lambda: says(page, "The whole matrix"), lambda one: one.startswith("the class token gives"))

    # from the picture: its own row is framed, so the matrix tells of it
    page.mouse.move(*at(figure(page, "ViT, layer 6, mean over heads").locator("canvas"), 0.5, 0.5))
    point = (0.5 * photo.hw[0], 0.5 * photo.hw[1])
    answer = attnviz.query(trace, point)
    assert isinstance(answer, AttentionAnswer)
    comes_to(page, lambda: says(page, "ViT"), lambda one: same(one, answer.short.replace(SPACE, " ")))
    becomes(page, lambda: says(page, "The whole matrix"), "Each row sums to 100 %.")
