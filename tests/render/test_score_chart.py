"""The chart, the figure and the words of any focus score."""

import numpy as np
import pytest

from attnviz.errors import ValueRangeError
from attnviz.focus import CENTRED_GAUSSIAN, EDGE_MAP, SCORES, UNIFORM, FocusScore
from attnviz.render.score_chart import score_chart, score_chart_alt
from attnviz.render.score_figure import score_figure
from attnviz.render.score_words import EDGE_WORDS, score_rows, score_words

NBSP = "\N{NO-BREAK SPACE}"


def a_score(name: str, value: float, region: str = "dog", **more: float) -> FocusScore:
    baselines = {UNIFORM: 0.25, CENTRED_GAUSSIAN: 0.4} | {key.replace("_", " "): one for key, one in more.items()}
    unit = SCORES[name].unit
    return FocusScore(name, value, 0.25, value / 0.25, baselines, 1.0, unit, region, "GradCam(layer='layer4')")


def scored(name: str, first: float, second: float, region: str = "dog", **more: float) -> dict[str, FocusScore]:
    found = {"SE-ResNet": first, "ViT": second, UNIFORM: 0.25, CENTRED_GAUSSIAN: 0.4, EDGE_MAP: 0.3}
    return {title: a_score(name, value, region, **more) for title, value in found.items()}


def test_no_baseline_is_taken_for_a_network() -> None:
    rows = score_rows({"dog": scored("matched_iou", 0.5, 0.2)}, SCORES["matched_iou"])
    assert [row.title for row in rows] == ["SE-ResNet", "ViT"]


def test_each_network_has_a_bar_in_each_region() -> None:
    by_region = {"dog": scored("pointing", 1.0, 0.5), "sky": {}, "grass": scored("pointing", 0.0, 0.25, "grass")}
    rows = score_rows(by_region, SCORES["pointing"])
    assert [(row.title, row.region, row.place) for row in rows] == [
        ("SE-ResNet", "dog", 0),
        ("SE-ResNet", "grass", 2),
        ("ViT", "dog", 0),
        ("ViT", "grass", 2),
    ]


def test_a_score_that_knows_no_region_has_one_bar_a_network() -> None:
    by_region = {name: scored("entropy", 0.9, 0.8, "") for name in ("dog", "grass")}
    rows = score_rows(by_region, SCORES["entropy"])
    assert [(row.title, row.region) for row in rows] == [("SE-ResNet", ""), ("ViT", "")]


def test_without_a_network_there_is_nothing_to_draw() -> None:
    with pytest.raises(ValueRangeError, match="at least one network; got none"):
        score_rows({"dog": {UNIFORM: a_score("share", 0.25)}}, SCORES["share"])


def test_words_are_in_the_score_s_unit() -> None:
    # 0.5 over the 0.25 of a flat map is twice chance
    assert score_words(a_score("matched_iou", 0.5)) == f"0.50, lift{NBSP}2.0"
    assert score_words(a_score("rank_accuracy", 0.5)) == f"50{NBSP}%, lift{NBSP}2.0"
    assert score_words(a_score("pointing", 1.0)) == f"yes, lift{NBSP}4.0"
    assert score_words(a_score("entropy", 0.5, "")) == "0.50"


@pytest.mark.parametrize(("name", "factor"), [("matched_iou", 1), ("rank_accuracy", 100)])
def test_the_chart_and_the_figure_hold_the_same_numbers(name: str, factor: int) -> None:
    by_region = {"dog": scored(name, 0.75, 0.5, edge_map=0.3)}
    chart = score_chart(by_region, SCORES[name])
    bars, *marks = chart.data
    assert list(bars.x) == [factor * 0.75, factor * 0.5]
    assert [list(one.x) for one in marks] == [[factor * value] * 2 for value in (0.25, 0.4, 0.3)]
    assert EDGE_WORDS in [one.name for one in marks]
    (axes,) = score_figure(by_region, SCORES[name], size=(13.333, 7.5)).axes
    assert [bar.get_width() for bar in axes.patches] == [factor * 0.75, factor * 0.5]
    (chance,) = axes.collections
    np.testing.assert_allclose([line[0][0] for line in chance.get_segments()], factor * 0.25)
    assert [list(line.get_xdata()) for line in axes.lines] == [[factor * 0.4] * 2, [factor * 0.3] * 2]


def test_marks_of_one_row_stand_apart_where_there_are_two() -> None:
    """A Gaussian and an edge map of the same value: both can be seen."""
    by_region = {"dog": scored("share", 0.75, 0.5, edge_map=0.4)}
    gaussian, edges = score_figure(by_region, SCORES["share"], size=(13.333, 7.5)).axes[0].lines
    assert all(one < other for one, other in zip(gaussian.get_ydata(), edges.get_ydata(), strict=True))


def test_the_figure_says_the_unit_and_which_way_is_which() -> None:
    figure = score_figure({"dog": scored("entropy", 0.9, 0.8, "")}, SCORES["entropy"], size=(10, 7.5))
    said = " ".join(text.get_text() for text in figure.texts)
    assert "Unit: share of ln N, 0 to 1." in said
    assert "Higher: the map is spread more evenly; lower: it is concentrated on fewer places" in said
    assert "A flat map scores 1." in said


def test_rows_that_do_not_fit_are_those_of_the_last_regions() -> None:
    by_region = {f"region {place}": scored("pointing", 1.0, 0.5, f"region {place}") for place in range(30)}
    figure = score_figure(by_region, SCORES["pointing"], size=(13.333, 7.5))
    said = " ".join(text.get_text() for text in figure.texts)
    shown = len(figure.axes[0].patches)
    assert 10 < shown < 60
    assert f"Shown: the {shown} of 60 rows, of the regions that come first." in said
    assert "SE-ResNet, the region 0" in said
    assert "the region 29" not in said


def test_the_chart_in_words_holds_every_number() -> None:
    alt = score_chart_alt({"dog": scored("matched_iou", 0.75, 0.5, edge_map=0.3)}, SCORES["matched_iou"])
    assert f"SE-ResNet 0.75, lift{NBSP}3.0 (uniform 0.25, centred Gaussian 0.40, edge map 0.30)" in alt
    assert "Higher: the highest cells and the region overlap better." in alt
