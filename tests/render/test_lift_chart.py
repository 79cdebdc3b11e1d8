"""The chart of several regions."""

import pytest

from attnviz.errors import ValueRangeError
from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM, FocusScore
from attnviz.render.lift_chart import GAUSSIAN_TITLE, lift_chart, lift_chart_alt
from attnviz.render.region_colours import REGION_COLOURS, region_colour

SPACE = "\N{NO-BREAK SPACE}"


def score(region: str, value: float, area: float) -> FocusScore:
    return FocusScore("share", value, area, value / area, {}, 1.0, "share", region)


def scores(region: str, area: float, blob: float, **networks: float) -> dict[str, FocusScore]:
    values = {**networks, UNIFORM: area, CENTRED_GAUSSIAN: blob}
    return {title: score(region, value, area) for title, value in values.items()}


BY_REGION = {"dog": scores("dog", 0.25, 0.5, SE=0.5, ViT=0.25), "grass": scores("grass", 0.5, 0.4, SE=0.25)}


def test_each_region_is_a_row_of_marks_at_its_lifts():
    dog, grass = lift_chart(BY_REGION).data
    # 0.5 / 0.25 = 2, 0.25 / 0.25 = 1, blob 0.5 / 0.25 = 2; grass 0.25 / 0.5 = 0.5, blob 0.4 / 0.5 = 0.8
    assert dict(zip(dog.y, dog.x, strict=True)) == {"SE": 2.0, "ViT": 1.0, GAUSSIAN_TITLE: 2.0}
    assert dict(zip(grass.y, grass.x, strict=True)) == {"SE": 0.5, GAUSSIAN_TITLE: 0.8}
    assert (dog.name, grass.name) == ("the dog", "the grass")


def test_colour_and_symbol_both_tell_regions_apart_and_follow_their_numbers():
    dog, grass = lift_chart(BY_REGION, [3, 1]).data
    assert (dog.marker.color, grass.marker.color) == (REGION_COLOURS[3], REGION_COLOURS[1])
    assert dog.marker.symbol != grass.marker.symbol


def test_chance_is_a_line_at_one_and_within_sight():
    figure = lift_chart({"dog": scores("dog", 0.5, 0.4, SE=0.1)})
    (line,) = figure.layout.shapes
    assert (line.x0, line.x1) == (1, 1)
    assert figure.layout.xaxis.range[1] > 1


def test_in_words():
    assert lift_chart_alt(BY_REGION) == (
        "How many times as much of each map as chance lies on each region. "
        f"SE: the dog 2.0× (50{SPACE}% of the map on 25{SPACE}% of the area); "
        f"the grass 0.5× (25{SPACE}% of the map on 50{SPACE}% of the area). "
        f"ViT: the dog 1.0× (25{SPACE}% of the map on 25{SPACE}% of the area)."
    )


def test_without_a_network_there_is_nothing_to_draw():
    with pytest.raises(ValueRangeError, match="at least one network"):
        lift_chart({"dog": {UNIFORM: score("dog", 0.5, 0.5)}})


def test_colours_begin_again_after_the_last():
    assert region_colour(0) == region_colour(len(REGION_COLOURS)) != region_colour(1)
    assert len(set(REGION_COLOURS)) == len(REGION_COLOURS)
