"""Figures as numbers and words: equal when they are made again, and nothing is made of what is no figure."""

import copy
import importlib
import inspect
import json
import pkgutil
from dataclasses import replace

import numpy as np
import pytest

from attnviz import export
from attnviz.errors import ValueRangeError
from attnviz.export import figure_png, figure_svg
from attnviz.export.lesson_figure import LessonFigure
from attnviz.lessons import count_tokens, cut_patches, scaled_dot_product
from attnviz.lessons.tea import WORDS, projection, tokens
from attnviz.pictures import Picture
from attnviz.render import lesson
from attnviz.render.lesson.drawing import Drawing, ToldDrawing
from attnviz.render.lesson.tokens import TOKENS_WH, cut_drawing, tokens_drawing
from attnviz.render.lesson.words import attention_drawing, attention_wh
from dashboard import packed, talk_file
from dashboard.packed import FIGURES, Packed, PictureMissing, pack, unpack
from tests.export import test_chart_figures as charts
from tests.export import test_query_figures as queries
from tests.export.by_hand import HW
from tests.export.conftest import small  # noqa: F401  a fixture
from tests.render.walks import PHOTO, attention, channel, feature_mask, spatial, walk_of


def tea() -> LessonFigure:
    steps = scaled_dot_product(tokens(), projection(), projection(), projection())
    return LessonFigure("Tea", "Words.", attention_drawing(steps, tokens(), WORDS, True), attention_wh(steps), "small",
                        {"scaled": True, "X": tokens().tolist()}, {"weights": steps.weights})  # fmt: skip


def cut() -> LessonFigure:
    rgb = np.random.default_rng(0).integers(0, 256, (*HW, 3), np.uint8)
    picture = Picture(rgb, "cd" * 32, "cut.jpg", ("turned upright",))
    return LessonFigure("Cut", "Words.", cut_drawing(picture, (64, 96), 16, 3, ("class",)), TOKENS_WH)


GREY = Picture(np.full((60, 100, 3), 90, np.uint8), "ef" * 32, "grey.png")
LAYERS = (channel(), spatial(), feature_mask(), attention())

MADE = {
    "focus bars": charts.focus_bars,
    "gate effect": charts.gate_effect,
    "preference": charts.preference,
    "what if": charts.what_if,
    "removal": lambda: charts.trust("removal"),
    "randomisation": lambda: charts.trust("randomisation"),
    "verdicts": lambda: charts.trust("verdicts"),
    "gate health": charts.gate_health,
    "channel gate": charts.channel_gate,
    "tea": tea,
    "cut": cut,
    "one point": lambda: queries.panel(GREY),
    "heads": lambda: queries.heads(GREY),
    "matrix": lambda: queries.matrix(GREY),
    "walk": lambda: export.LayerWalkFigure(PHOTO, walk_of(*LAYERS)),
    **{
        f"layer {place}": lambda place=place: export.LayerWalkFigure(PHOTO, walk_of(*LAYERS), place)
        for place in range(3)  # both gates of a CBAM are one layer
    },
}


def to_file_and_back(*sources: export.FigureSource, holds: bool = True) -> list[Packed]:
    parts = talk_file.parts_of([pack(f"id {number}", f"figure {number}", source, lambda _: holds)
                                for number, source in enumerate(sources)])  # fmt: skip
    assert list(parts) == list(talk_file.PARTS)
    return list(talk_file.figures_of(*parts.values()))


def nobody(_sha256: str) -> None:
    return None


def same(one: export.FigureSource, other: export.FigureSource) -> None:
    """Equal as files, and as what they say."""
    assert type(one) is type(other)
    assert (one.title, one.alt, one.provenance()) == (other.title, other.alt, other.provenance())
    assert figure_svg(one) == figure_svg(other)


@pytest.mark.parametrize("name", MADE)
def test_every_kind_of_figure_comes_back_equal(name: str) -> None:
    source = MADE[name]()
    (packed_one,) = to_file_and_back(source)
    assert packed_one.name == "figure 0"
    again = unpack(packed_one, nobody)
    same(source, again)
    dark = export.restyled(source, (6.0, 3.4), "dark", transparent=True)
    assert figure_png(dark, 50) == figure_png(export.restyled(again, (6.0, 3.4), "dark", transparent=True), 50)


def test_a_comparison_comes_back_equal_and_shares_what_it_has_in_common(small: export.Comparison) -> None:  # noqa: F811
    other = replace(small, heading="Another line", scale="per map")
    one, two = to_file_and_back(small, other)
    same(small, unpack(one, nobody))
    same(other, unpack(two, nobody))
    alone = talk_file.parts_of([pack("a", "b", small, lambda _: True)])
    both = talk_file.parts_of([pack("a", "b", small, lambda _: True), pack("c", "d", other, lambda _: True)])
    assert len(both["talk.bin"]) == len(alone["talk.bin"])


def test_every_kind_stands_in_the_test_above() -> None:
    assert {type(make()).__name__ for make in MADE.values()} | {"Comparison"} == set(FIGURES) - {"ComparisonGrid"}


def test_every_drawing_of_a_lesson_tells_what_it_was_made_of() -> None:
    """Read from the signatures: what gives a `Drawing` is `telling`, or its figure could not be saved."""
    for module in pkgutil.iter_modules(lesson.__path__, f"{lesson.__name__}."):
        for name, one in vars(importlib.import_module(module.name)).items():
            if inspect.isfunction(one) and one.__module__ == module.name and not name.startswith("_"):
                given = inspect.signature(one).return_annotation
                if given in (Drawing, "Drawing") and name != "telling":
                    assert name in packed.DRAWINGS, f"{module.name}.{name}"
    patches = cut_patches(np.zeros((32, 32, 3), np.uint8), 16)
    assert isinstance(tokens_drawing(patches, count_tokens((32, 32), 16), 0, ()), ToldDrawing)


class TestPhotographs:
    def test_they_stay_out_unless_they_are_asked_for(self) -> None:
        source = cut()
        rgb = source.drawing.given["picture"].rgb  # type: ignore[attr-defined]
        parts = talk_file.parts_of([pack("a", "b", source, lambda _: False)])
        assert parts["talk.bin"] == b""  # nothing of this figure but the photograph is an array
        assert rgb.tobytes() in talk_file.parts_of([pack("a", "b", source, lambda _: True)])["talk.bin"]

    def test_one_that_is_missing_is_named(self) -> None:
        (one,) = to_file_and_back(cut(), holds=False)
        with pytest.raises(PictureMissing, match=r"cut\.jpg must be here") as caught:
            unpack(one, nobody)
        assert (caught.value.name, caught.value.sha256) == ("cut.jpg", "cd" * 32)

    def test_one_that_is_here_under_another_name_is_called_as_it_was(self) -> None:
        source = charts.focus_bars()
        (one,) = to_file_and_back(source, holds=False)
        here = replace(source.picture, name="another.jpg")
        same(source, unpack(one, {source.picture.sha256: here}.get))


def test_a_figure_of_another_program_is_refused() -> None:
    class Own:
        title = alt = "mine"

    with pytest.raises(ValueRangeError, match="must be one of attnviz to be saved; got Own"):
        pack("a", "b", Own(), lambda _: True)  # type: ignore[arg-type]
    lambda_drawn = replace(tea(), drawing=lambda board: None)
    with pytest.raises(ValueRangeError, match="numbers and words to be saved; got function"):
        pack("a", "b", lambda_drawn, lambda _: True)


def _set(told: dict, path: str, value: object) -> None:
    *way, last = path.split("/")
    for key in way:
        told = told[int(key) if isinstance(told, list) else key]
    told[last] = value


class TestWhatIsNoFigure:
    """A file may hold anything; each of these is refused with words, and nothing else happens."""

    @pytest.mark.parametrize(
        ("path", "value", "said"),
        [
            ("is", "Popen", "of a kind that is not known"),
            ("theme", "neon", "one of"),
            ("transparent", 1, "bool"),
            ("opacity", "high", "float"),
            ("opacity", True, "float"),
            ("size", [6.4], "2 values"),
            ("size", [1e6, 4], "at most 60 inches"),
            ("size", ["nan", 4], "at most 60 inches"),
            ("panels", "many", "a list"),
            ("panels/0/is", "Region", "must be Panel"),
            ("panels/0/more", 1, "without 'more'"),
            ("panels/0/attention_map", 3, "must be AttentionMap"),
            ("panels/0/attention_map/values_hw", 99, "the number of an array"),
            ("panels/0/attention_map/values_hw", -1, "the number of an array"),
            ("panels/0/title", 3, "str"),
            ("picture", {"is": "Picture"}, "a photograph"),
            ("region/mask_hw", "all", "of another type"),
            ("request", [], "a mapping"),
        ],
    )
    def test_a_value_of_another_kind(self, small: export.Comparison, path: str, value: object, said: str) -> None:  # noqa: F811
        (one,) = to_file_and_back(small)
        told = copy.deepcopy(one.told)
        _set(told, path, value)  # type: ignore[arg-type]
        with pytest.raises(ValueRangeError, match=said):
            unpack(replace(one, told=told), nobody)

    def test_a_missing_field(self, small: export.Comparison) -> None:  # noqa: F811
        (one,) = to_file_and_back(small)
        told = copy.deepcopy(one.told)
        del told["panels"]  # type: ignore[union-attr, call-overload, arg-type]
        with pytest.raises(ValueRangeError, match="Comparison with panels"):
            unpack(replace(one, told=told), nobody)

    def test_a_drawing_that_is_unknown_or_too_large(self) -> None:
        (one,) = to_file_and_back(cut())
        for path, value, said in (
            ("drawing/name", "system", "a drawing that is known"),
            ("drawing/given/input_hw", [10**6, 10**6], "1 to 2048 pixels"),
        ):
            told = copy.deepcopy(one.told)
            _set(told, path, value)  # type: ignore[arg-type]
            with pytest.raises(ValueRangeError, match=said):
                unpack(replace(one, told=told), nobody)

    @pytest.mark.parametrize(
        ("arrays", "contents"),
        [
            ([["|O", [1]]], b"x" * 8),  # objects would be pickles
            ([["<f8", [2]]], b"x" * 8),  # fewer bytes than it says
            ([["<f8", [10**15, 10**15]]], b"x" * 8),
            ([["<f8", [-1]]], b"x" * 8),
            ([["<f8", [1.0]]], b"x" * 8),
            ([["<f8", [1] * 7]], b"x" * 8),
            ([["<f8", "1"]], b"x" * 8),
            ([], b"x"),  # more bytes than it says
        ],
    )
    def test_arrays_that_are_none(self, arrays: object, contents: bytes) -> None:
        told = json.dumps({"arrays": arrays, "figures": []}).encode()
        with pytest.raises(ValueRangeError):
            talk_file.figures_of(told, contents)

    def test_too_many_and_twice_the_same(self) -> None:
        one = {"id": "a", "name": "b", "arrays": [], "figure": {}}
        for figures, said in (
            ([one, one], "twice"),
            ([{**one, "id": str(n)} for n in range(41)], "at most 40 figures"),
        ):
            with pytest.raises(ValueRangeError, match=said):
                talk_file.figures_of(json.dumps({"arrays": [], "figures": figures}).encode(), b"")
