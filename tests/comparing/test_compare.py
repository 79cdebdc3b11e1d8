"""One picture asked of networks whose answers are arithmetic."""

import json

import numpy as np
import pytest
import torch

import attnviz
from attnviz import comparing
from attnviz.comparing import MapChoice
from attnviz.errors import AttnvizError, NotFoundError, NothingTracedError, ShapeError, ValueRangeError
from attnviz.regions import Region
from tests.comparing.gate_network import gate_network, half_white

LEFT = Region.from_box("left half", (0, 0, 16, 16), (16, 32))


def test_map_score_and_finding_of_a_gate() -> None:
    """3/4 on the left and 1/4 on the right: the left half has 3/4 of the mass on half of the area, a lift of 1.5."""
    comparison = attnviz.compare(half_white(), gate_network(), map="own", regions=LEFT)
    (panel,) = comparison.panels
    expected = np.tile(np.where(np.arange(32) < 16, 0.75, 0.25), (16, 1))
    np.testing.assert_allclose(panel.attention_map.values_hw, expected, atol=1e-6)
    assert panel.focus is not None
    assert panel.focus.value == pytest.approx(0.75)
    assert panel.focus.lift == pytest.approx(1.5)
    assert panel.weights == "a" * 64
    # a Gaussian in the middle has half of its mass on either side
    assert comparison.heading.replace("\N{NO-BREAK SPACE}", " ") == (
        "Gate puts 75 % of its map on the left half, which covers 50 % of the picture (lift 1.5); "
        "a centred blob would score 50 %."
    )
    assert comparison.title == comparison.heading


def test_the_map_may_be_named_as_in_the_registry() -> None:
    own = attnviz.compare(half_white(), gate_network(), map="own").panels[0].attention_map
    named = attnviz.compare(half_white(), gate_network(), map="spatial_gate").panels[0].attention_map
    np.testing.assert_array_equal(own.values_hw, named.values_hw)


def test_a_trace_that_is_there_changes_nothing() -> None:
    loaded, picture = gate_network(), half_white()
    ran: list[int] = []
    loaded.model.register_forward_pre_hook(lambda *_: ran.append(1))
    trace = comparing.traced(loaded, picture)
    assert len(ran) == 1
    given = comparing.read(loaded, picture, MapChoice("own"), trace)
    assert len(ran) == 1, "own attention is read from the trace"
    fresh = comparing.read(loaded, picture, MapChoice("own"))
    np.testing.assert_array_equal(given.attention_map.values_hw, fresh.attention_map.values_hw)
    assert given.predictions == fresh.predictions


def test_a_class_is_asked_by_name_and_stands_in_the_request() -> None:
    comparison = attnviz.compare(half_white(), gate_network(), target="blue")
    assert comparison.panels[0].attention_map.target == 2
    (model,) = comparison.request["models"]  # type: ignore[misc, union-attr]
    assert (model["target"], model["class"], model["sha256"]) == (2, "blue", "a" * 64)  # type: ignore[index, call-overload]


def test_all_settings_stand_in_the_provenance() -> None:
    comparison = attnviz.compare(
        half_white(),
        [gate_network("One"), gate_network("Two", "b" * 64)],
        map="own",
        regions=LEFT,
        scale="raw",
        style="spotlight",
        interpolation="smooth",
        opacity=0.5,
        heading="A title",
        size="4:3",
        theme="dark",
        transparent=True,
    )
    told = json.loads(json.dumps(comparison.provenance()))
    drawing = told["drawing"]
    drawing.pop("colours")
    assert drawing == {
        "scale": "raw",
        "style": "spotlight",
        "interpolation": "smooth",
        "opacity": 0.5,
        "heading": "A title",
        "size": [10.0, 7.5],
        "theme": "dark",
        "transparent": True,
    }
    request = told["request"]
    assert request["picture"] == {"name": "half.png", "sha256": half_white().sha256}
    assert (request["map"], request["point_yx"], request["layer"]) == ("own", None, None)
    assert [one["title"] for one in request["models"]] == ["One", "Two"]
    assert request["regions"] == [{"name": "left half", "box_xywh": [0, 0, 16, 16]}]


def test_progress_runs_from_nothing_to_all() -> None:
    told: list[tuple[float, str]] = []
    networks = [gate_network("One"), gate_network("Two", "b" * 64)]
    attnviz.compare(half_white(), networks, map="own", progress=lambda share, what: told.append((share, what)))
    assert told == [(0.0, "One"), (0.5, "Two"), (1.0, "done")]


def test_slow_maps_tell_how_far_they_are() -> None:
    """8 steps on the way are one batch: all of them are done at once, which is the whole of the only network."""
    told: list[float] = []
    attnviz.compare(
        half_white(), gate_network(), map="integrated_gradients", progress=lambda share, _: told.append(share)
    )
    assert told == sorted(told)
    assert any(0 < share < 1 for share in told)


def test_what_progress_raises_ends_the_work() -> None:
    def stop(share: float, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attnviz.compare(half_white(), gate_network(), progress=stop)


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        ({"map": "rolout"}, NotFoundError, "nearest: 'rollout'"),
        ({"scale": "loud"}, ValueRangeError, "scale must be one of"),
        ({"style": "loud"}, ValueRangeError, "style must be one of"),
        ({"interpolation": "loud"}, ValueRangeError, "interpolation must be one of"),
        ({"theme": "loud"}, ValueRangeError, "theme must be one of"),
        ({"opacity": 1.5}, ValueRangeError, "opacity must be in"),
        ({"size": "5:4"}, NotFoundError, "size '5:4'"),
        ({"point": "region", "map": "own"}, ValueRangeError, "a region must be given"),
        ({"regions": [LEFT, LEFT]}, ValueRangeError, "different names"),
        ({"regions": Region.from_box("a", (0, 0, 2, 2), (4, 4))}, ShapeError, "drawn on the picture of"),
        ({"target": "violet"}, NotFoundError, "class 'violet'"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(options: dict, kind: type[AttnvizError], sentence: str) -> None:
    loaded = gate_network()
    loaded.model.register_forward_pre_hook(lambda *_: pytest.fail("the network ran"))
    with pytest.raises(kind, match=sentence):
        attnviz.compare(half_white(), loaded, **options)


def test_what_a_network_cannot_answer_names_the_network() -> None:
    with pytest.raises(NothingTracedError, match=r"^Gate: Rollout"):
        attnviz.compare(half_white(), gate_network(), map="rollout")


def test_networks_that_nobody_could_tell_apart_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="'Gate' twice"):
        attnviz.compare(half_white(), [gate_network(), gate_network()])
    with pytest.raises(ValueRangeError, match="1 to 6 networks; got 0"):
        attnviz.compare(half_white(), [])


def test_a_notebook_gets_a_figure_to_hover_and_a_still_one() -> None:
    bundle = attnviz.compare(half_white(), gate_network(), map="own")._repr_mimebundle_()
    assert bundle["image/png"].startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert json.loads(json.dumps(bundle["application/vnd.plotly.v1+json"]))["data"]
    assert "Gate" in str(bundle["text/plain"])


def test_classes_are_ranked_by_softmax() -> None:
    # exp(ln 3) = 3, exp(0) = 1, exp(ln 4) = 4: shares 3/8, 1/8, 4/8
    ranked = comparing.ranked(torch.tensor([3.0, 1.0, 4.0]).log(), ("a", "b", "c"))
    assert [name for name, _ in ranked] == ["c", "a", "b"]
    assert [probability for _, probability in ranked] == pytest.approx([0.5, 0.375, 0.125])
