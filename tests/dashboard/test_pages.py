"""What holds for every file that Streamlit runs as a page."""

import ast
from pathlib import Path

import pytest

DASHBOARD = Path(__file__).resolve().parents[2] / "dashboard"
PAGES = [DASHBOARD / "app.py", *sorted((DASHBOARD / "views").glob("*.py"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_string_stands_alone_in_a_page(page: Path) -> None:
    """Streamlit draws such a string at the top of the page, unless it is the docstring of the file."""
    first, *others = ast.parse(page.read_text("utf-8")).body
    alone = [
        node.lineno
        for node in others
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    assert alone == [], f"{page.name}, lines {alone}: write a comment instead"
    assert isinstance(first, ast.Expr)
