"""The examples in docs/examples run cell by cell, as in a notebook, and each shows a figure there."""

import ast
import io
from pathlib import Path

import matplotlib.figure
import plotly.graph_objects as go
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
MOST_LINES = 80


def cells(source):
    """The code of each cell; a line that begins with "# %%" begins a new one, text cells are comments."""
    found = [[]]
    for line in source.splitlines():
        if line.startswith("# %%"):
            found.append([])
        found[-1].append(line)
    return ["\n".join(lines) for lines in found]


def shown_by(source, names):
    """Run one cell; what its last line is worth is what a notebook shows under it."""
    tree = ast.parse(source)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        exec(compile(tree, "<cell>", "exec"), names)
        return None
    exec(compile(ast.Module(tree.body[:-1], []), "<cell>", "exec"), names)
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


def is_a_figure(shown):
    """Whether a notebook draws it: a plotly or matplotlib figure, or an object that gives a picture of itself."""
    if isinstance(shown, go.Figure | matplotlib.figure.Figure):
        return True
    if not hasattr(shown, "_repr_mimebundle_"):
        return False
    picture = shown._repr_mimebundle_()["image/png"]
    return Image.open(io.BytesIO(picture)).size[0] > 300


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_runs_and_shows_a_figure(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    source = path.read_text("utf-8")
    assert len(source.splitlines()) <= MOST_LINES
    names = {"__name__": "__main__"}
    shown = [shown_by(cell, names) for cell in cells(source)]
    assert any(is_a_figure(one) for one in shown)
    assert capsys.readouterr().out


def test_the_three_examples_are_there():
    assert [path.stem for path in EXAMPLES] == ["compare", "dog_or_grass", "own_model"]


def test_a_cell_s_last_line_is_what_it_shows():
    names = {}
    assert cells("# %%\na = 1\n# %% [markdown]\n# words\n# %%\na + 1")[-1] == "# %%\na + 1"
    assert [shown_by(cell, names) for cell in cells("# %%\na = 1\n# %%\na + 1")] == [None, None, 2]
