"""The worked examples of docs/metrics.md hold, and so does its table of limiting cases."""

import doctest
from pathlib import Path

import numpy as np
import pytest

from attnviz.focus import SCORES
from attnviz.geometry import Geometry
from attnviz.regions import Region
from tests.focus.by_hand import a_map

PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"


def test_the_worked_examples_hold():
    text = PAGE.read_text("utf-8")
    parser = doctest.DocTestParser()
    examples = parser.get_doctest(text.replace("```", ""), {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    failed, tried = doctest.DocTestRunner(verbose=False).run(examples, out=said.append)
    assert not failed, "".join(said)
    assert tried >= 20


def test_every_score_stands_on_the_page():
    text = PAGE.read_text("utf-8")
    assert [name for name in SCORES if f"| `focus.{name}` |" not in text] == []


N, K = 9, 3  # a grid of 3 x 3 whose upper row is the region
RANK = (1 + (K - 1) ** 2 / (N - 1)) / K


@pytest.mark.parametrize(
    ("name", "one_cell"),
    [
        ("share", 1),
        ("pointing", 1),
        ("rank_accuracy", RANK),
        ("matched_iou", RANK / (2 - RANK)),
        ("average_precision", (1 + (K - 1) * K / N) / K),
        ("entropy", 0),
        ("effective_share", 1 / N),
    ],
)
def test_the_table_of_limiting_cases(name, one_cell):
    geometry, row = Geometry.identity((3, 3)), Region.from_box("row", (0, 0, 1, 3), (3, 3))
    lit = np.zeros((3, 3))
    lit[0, 1] = 0.4
    assert SCORES[name](a_map(lit, geometry), row).value == pytest.approx(one_cell)
