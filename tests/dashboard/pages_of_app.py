"""The pages of the dashboard, read from app.py, so that a page that is added is tested without another line."""

import ast
from dataclasses import dataclass
from pathlib import Path

from tests.dashboard.conftest import APP


@dataclass(frozen=True)
class AppPage:
    """A page: its file from dashboard/, its title, its part of the address, and whether it is the first one."""

    file: str
    title: str
    url: str
    default: bool

    @property
    def path(self) -> str:
        """Where it is: the first page has no part of the address."""
        return "" if self.default else self.url


def pages() -> list[AppPage]:
    """Every `st.Page(...)` of app.py that the menu names, in order. The first one is known by its file's name."""
    found = []
    for node in ast.walk(ast.parse(APP.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.Page":
            named = {one.arg: ast.literal_eval(one.value) for one in node.keywords}
            if named.get("visibility") == "hidden":
                continue
            file, default = ast.literal_eval(node.args[0]), named.get("default", False)
            found.append(AppPage(file, named["title"], Path(file).stem if default else named["url_path"], default))
    return found
