"""The page about the maps names every one of them, and says of each what its card says."""

import re
from pathlib import Path

import pytest

from attnviz.maps import METHODS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "maps.md").read_text("utf-8")
ROWS = {
    row[0].strip("`"): row for row in (re.findall(r"[^|]+", line) for line in PAGE.splitlines() if line[:3] == "| `")
}


def test_the_table_holds_the_methods_in_the_order_of_the_menus():
    assert [name.strip(" `") for name in ROWS] == list(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_what_the_table_says_of_a_method(name):
    row = next(cells for key, cells in ROWS.items() if key.strip(" `") == name)
    card = METHODS[name].card
    assert row[1].strip() == ("yes" if card.class_dependent else "no")
    assert row[4].strip() == card.unit


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_definition_with_an_example_and_a_warning(name):
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    (section,) = [text for text in sections if f"**`{name}`**" in text]
    told = section[section.index(f"**`{name}`**") :]
    for word in ("Limits:", "Example:", "Misleads when:"):
        assert word in told
