"""Which map a choice stands for, and what cannot be asked."""

import pytest

from attnviz import maps
from attnviz.comparing import KINDS, MapChoice
from attnviz.errors import NotFoundError, ValueRangeError


def test_every_map_of_the_library_can_be_chosen() -> None:
    assert set(KINDS) == {"gradcam", "own"} | (set(maps.METHODS) - {"grad_cam"})
    assert all(MapChoice(kind).title == title for kind, title in KINDS.items())


def test_both_names_of_grad_cam_are_one_choice() -> None:
    assert MapChoice("grad_cam", target=3) == MapChoice("gradcam", target=3)
    assert MapChoice("gradcam").method_name == "grad_cam"


@pytest.mark.parametrize(
    ("kind", "class_dependent"),
    [("gradcam", True), ("occlusion", True), ("own", False), ("rollout", False), ("spatial_gate", False)],
)
def test_who_speaks_about_a_class(kind: str, class_dependent: bool) -> None:
    assert MapChoice(kind).class_dependent == class_dependent


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"kind": "own", "target": 1}, "Leave the class out"),
        ({"kind": "rollout", "target": 1}, "Leave the class out"),
        ({"kind": "gradcam", "point_yx": (1.0, 1.0)}, "Leave the point out"),
        ({"kind": "rollout", "layer": "blocks.1"}, "a map of one layer"),
        ({"kind": "own", "layer": "blocks.1"}, "a map of one layer"),
    ],
)
def test_what_a_map_does_not_take_is_refused(asked: dict, sentence: str) -> None:
    with pytest.raises(ValueRangeError, match=sentence):
        MapChoice(**asked)


def test_a_misspelt_map_gets_the_nearest_name() -> None:
    with pytest.raises(NotFoundError, match="nearest: 'rollout'"):
        MapChoice("rolout")
