"""Charts of evidence show the numbers of their tables."""

from dataclasses import replace

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.faithfulness import ClassSwap, Control, Randomisation, RemovalCurve, ReplayProof, Trust, WhatIf, WhatIfRow
from attnviz.render.trust_chart import randomisation_chart, randomisation_chart_alt, removal_chart, removal_chart_alt
from attnviz.render.whatif_chart import what_if_chart, what_if_chart_alt, what_if_rows


@pytest.fixture
def table() -> WhatIf:
    """Goose at 50 %: 60 % with one head off, 45 % with the other, 20 % with the grass hidden; controls at +-10."""
    rows = (
        WhatIfRow("as it is", "as it is", "", 0.5, 0.0, "goose", 0.5),
        WhatIfRow("head 2 of a off", "head", "", 0.6, 10.0, "goose", 0.6),
        WhatIfRow("head 1 of a off", "head", "", 0.45, -5.0, "goose", 0.45),
        WhatIfRow(
            "grass hidden",
            "hidden",
            "grass",
            0.2,
            -30.0,
            "dog",
            0.7,
            control=Control.of(np.array([-10.0, 10.0] * 10), -30.0, "moved"),
        ),
    )
    return WhatIf("ViT", 3, "goose", rows, {}, "", "", 0)


@pytest.fixture
def found(map_of) -> Trust:
    share = np.array([0, 0.5, 1])
    deletion = RemovalCurve(
        "deletion",
        share,
        np.array([0.8, 0.2, 0]),
        np.array([0.8, 0.6, 0]),
        np.array([[0.8, 0.4, 0], [0.8, 0.6, 0]]),
        "grey",
        4,
        0,
    )
    insertion = replace(deletion, direction="insertion")
    rank = np.array([[1.0, 0.5], [1.0, np.nan]])
    return Trust(
        "ViT",
        "goose",
        map_of(np.eye(2)),
        ReplayProof("proven", 1, 1e-7, "a", 1e-5, (), 1),
        ClassSwap(("goose", "dog"), (0.6, 0.2), True, 0.3, 0.2, 0.4),
        deletion,
        insertion,
        Randomisation(("head", "blocks.0"), np.array([0.1, 1.0]), rank, np.full((2, 2), np.nan), 1, 0),
    )


def trace_named(figure, part):
    (trace,) = [trace for trace in figure.data if part in (trace.name or "")]
    return trace


class TestWhatIf:
    def test_a_dot_for_each_change_and_one_line_for_the_network_as_it_is(self, table) -> None:
        figure = what_if_chart(table)
        dots = trace_named(figure, "after the change")
        assert list(dots.x) == pytest.approx([60, 20])  # of the heads the one that changes more
        assert figure.layout.shapes[0].x0 == pytest.approx(50)
        assert list(figure.layout.yaxis.categoryarray) == list(dots.y)[::-1]  # drawn from the bottom

    def test_the_controls_lie_around_the_network_as_it_is(self, table) -> None:
        """Half of the controls at -10 and half at +10 points: the band is 40 to 60 %, its mean 50 %."""
        figure = what_if_chart(table)
        band = trace_named(figure, "95 % of 20 random regions")
        assert (list(band.base), list(band.x), list(band.y)) == ([40], [20], ["grass hidden"])
        assert list(trace_named(figure, "their mean").x) == [50]

    def test_the_title_is_the_finding(self, table) -> None:
        title = what_if_chart(table).layout.title.text.replace("<br>", " ")
        assert "ViT: goose falls from 50% to 20% with grass hidden, more than random regions do (p = 0.048)" in title
        same = replace(table.rows[3], control=Control.of(np.full(20, 40.0), -30.0, ""))
        dull = replace(table, rows=(*table.rows[:3], same), untrained="no weights")
        title = what_if_chart(dull).layout.title.text.replace("<br>", " ")
        assert title.startswith("NO WEIGHTS: ")
        assert "nothing done to a region moves goose more" in title
        assert "smallest p = 1" in title

    def test_the_title_says_of_how_many_tests_it_names_the_clearest(self, table) -> None:
        dull = replace(table.rows[3], change="dog hidden", control=Control.of(np.full(20, 40.0), -30.0, ""))
        title = what_if_chart(replace(table, rows=(*table.rows, dull))).layout.title.text.replace("<br>", " ")
        assert "with grass hidden, more than random regions do (p = 0.048, the smallest of 2)" in title

    def test_in_words_and_as_rows(self, table) -> None:
        words = what_if_chart_alt(table).replace("\N{NO-BREAK SPACE}", " ")
        assert "grass hidden: 20 %, \N{MINUS SIGN}30 points, p = 0.05, now dog" in words
        assert "head 1" not in words
        rows = what_if_rows(table)
        assert [row["What is changed"] for row in rows] == ["as it is", "head 2 of a off", "grass hidden"]
        assert len(what_if_rows(table, brief=False)) == 4
        assert rows[2]["Random regions, 95 %"].replace("\N{NO-BREAK SPACE}", " ") == "\N{MINUS SIGN}10 to +10 points"

    def test_nothing_changed_is_no_chart(self, table) -> None:
        with pytest.raises(ValueRangeError, match="at least one change; got none for ViT"):
            what_if_chart(replace(table, rows=table.rows[:1]))


class TestTrust:
    def test_curves_in_percent_with_their_areas(self, found) -> None:
        """By trapezoids (0.8 + 0.2) / 4 + 0.2 / 4 = 0.3; from the middle 0.5; random 0.4 and 0.5, their mean 0.45."""
        figure = removal_chart(found)
        maps = [trace for trace in figure.data if trace.name == "the map's highest cells first"]
        assert len(maps) == 2
        assert list(maps[0].y) == pytest.approx([80, 20, 0])
        assert "map 0.30, middle 0.50, random 0.45" in figure.layout.annotations[0].text
        assert "lower is better" in figure.layout.annotations[0].text
        assert "higher is better" in figure.layout.annotations[1].text
        assert "0.30 (lower is better)" in removal_chart_alt(found)

    def test_randomisation_begins_with_the_map_itself(self, found) -> None:
        figure = randomisation_chart(found)
        line = trace_named(figure, "rank correlation")
        assert list(line.y) == [1, 1, 0.5]  # a draw without a map is left out of the mean
        assert list(figure.layout.xaxis.ticktext) == ["trained", "head", "blocks.0"]
        assert not [trace for trace in figure.data if trace.name == "SSIM"]  # nowhere defined
        assert "blocks.0 0.50 (0.50 to 0.50)" in randomisation_chart_alt(found)

    def test_a_stage_without_any_map_is_told(self, found) -> None:
        none = replace(found.randomisation, rank=np.array([[1.0, np.nan], [1.0, np.nan]]))
        assert "blocks.0 no map" in randomisation_chart_alt(replace(found, randomisation=none))
