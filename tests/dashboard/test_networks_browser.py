"""The page of the networks in a real browser: a checkpoint is dropped and compared."""

import base64
import io
from typing import Any

import pytest
import torch
from playwright.sync_api import expect

from attnviz.models import build
from tests.dashboard.test_browser import Visit, browser, visit

pytestmark = pytest.mark.browser

__all__ = ["browser", "visit"]  # fixtures of the other file

DROP = """([zone, name, content]) => {
    const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name));
    for (const kind of ["dragenter", "dragover", "drop"])
        zone.dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
}"""


def drop(visit: Visit, name: str, content: bytes) -> None:
    """Let a file fall on the place for checkpoints."""
    zone: Any = visit.page.locator("[data-testid=stMain] [data-testid=stFileUploaderDropzone]").first.element_handle()
    visit.page.evaluate(DROP, [zone, name, base64.b64encode(content).decode()])


def test_a_dropped_checkpoint_is_compared(visit: Visit) -> None:
    torch.manual_seed(0)
    file = io.BytesIO()
    torch.save(torch.nn.DataParallel(build("vit", 3)).state_dict(), file)
    visit.open("?networks=ResNet")
    visit.page.get_by_role("link", name="Networks").click()
    visit.page.get_by_text("Your own checkpoint").wait_for()
    drop(visit, "broken.pt", file.getvalue()[:1000])
    visit.page.get_by_text("cut off, damaged or of another kind").wait_for()
    drop(visit, "mine.pt", file.getvalue())
    visit.page.get_by_text("mine (vit) is now among the networks to compare.").wait_for()
    visit.settle()
    visit.page.get_by_role("link", name="Compare").click()
    visit.maps.and_(visit.page.locator("[alt^='mine (vit)']")).wait_for()
    visit.settle()
    expect(visit.maps.and_(visit.page.locator("[alt^='ResNet']"))).to_have_count(1)
    assert visit.errors == []
    assert visit.foreign == []
