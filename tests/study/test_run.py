"""Means, intervals and differences of a study; what fails; and going on where it was."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import attnviz
from attnviz import study
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.export import COLUMNS, scores_csv
from attnviz.regions import Region
from tests.comparing.gate_network import gate_network
from tests.study.studying import HEADINGS, flat_network, folder_of, mask, picture


def found(folder: Path, out: Path, **options: object) -> study.Study:
    return study.run(folder, out, [gate_network(), flat_network()], map="own", **options)  # type: ignore[arg-type]


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


def test_means_and_intervals_of_two_pictures(tmp_path: Path) -> None:
    """The left half has 3/4 of the mass where it is white and 1/4 where it is black, on half of the area.

    Means: share 1/2, lift (1.5 + 0.5) / 2 = 1, hit (1 + 0) / 2. A quarter of all draws holds the one picture twice,
    another quarter the other, so the middle 95 % reach from the one to the other. The flat map always scores 1/2.
    """
    made = found(folder_of(tmp_path / "pictures"), tmp_path / "out")
    gate, flat, uniform, gaussian = made.means
    assert (gate.network, gate.region, gate.share.count) == ("Gate", "left half", 2)
    assert (gate.share.value, gate.share.low, gate.share.high) == pytest.approx((0.5, 0.25, 0.75))
    assert (gate.lift.value, gate.lift.low, gate.lift.high) == pytest.approx((1.0, 0.5, 1.5))
    assert (gate.hit.value, gate.hit.low, gate.hit.high) == pytest.approx((0.5, 0.0, 1.0))
    assert (flat.share.low, flat.share.high, flat.lift.value) == pytest.approx((0.5, 0.5, 1.0))
    assert [one.network for one in (uniform, gaussian)] == ["uniform", "centred Gaussian"]
    assert (uniform.is_baseline, uniform.share.value, gaussian.share.value) == pytest.approx((True, 0.5, 0.5))
    (apart,) = made.differences
    assert (apart.network, apart.minus) == ("Gate", "Flat")
    assert (apart.share.value, apart.share.low, apart.share.high) == pytest.approx((0.0, -0.25, 0.25))
    assert (apart.lift.low, apart.lift.high) == pytest.approx((-0.5, 0.5))
    assert made.failed == ()


def test_files_hold_the_same_numbers(tmp_path: Path) -> None:
    made = found(folder_of(tmp_path / "pictures"), tmp_path / "out")
    rows = table(tmp_path / "out" / "scores.csv")
    assert [(row["picture"], row["network"], float(row["share"])) for row in rows] == [
        ("a.png", "Gate", pytest.approx(0.75)),
        ("a.png", "Flat", pytest.approx(0.5)),
        ("b.png", "Gate", pytest.approx(0.25)),
        ("b.png", "Flat", pytest.approx(0.5)),
    ]
    assert tuple(rows[0]) == COLUMNS
    summary = table(tmp_path / "out" / "summary.csv")
    assert float(summary[0]["share_low"]) == made.means[0].share.low
    assert [row["baseline"] for row in summary] == ["False", "False", "True", "True"]
    (apart,) = table(tmp_path / "out" / "differences.csv")
    assert float(apart["share_high"]) == made.differences[0].share.high
    assert table(tmp_path / "out" / "failed.csv") == []
    told = json.loads(json.dumps(made.to_dict()))
    assert told["summary"][0]["lift"] == made.means[0].lift.value


def test_scores_are_those_of_a_comparison(tmp_path: Path) -> None:
    """Byte for byte what `attnviz.compare` and an export write of the same picture."""
    folder = folder_of(tmp_path / "pictures", 1)
    found(folder, tmp_path / "out")
    compared = attnviz.compare(
        folder / "a.png",
        [gate_network(), flat_network()],
        map="own",
        regions=Region.from_box("left half", (0, 0, 16, 16), (16, 32)),
    )
    assert (tmp_path / "out" / "scores.csv").read_bytes() == scores_csv([compared])


def test_one_picture_has_no_interval(tmp_path: Path) -> None:
    made = found(folder_of(tmp_path / "pictures", 1), tmp_path / "out")
    assert "| left half | Gate | 1 | 75.0 % | 1.50 | 100.0 % |" in made.markdown
    assert table(tmp_path / "out" / "summary.csv")[0]["share_low"] == ""
    assert made.differences[0].share.value == pytest.approx(0.25)  # 3/4 of the gate's minus 1/2 of the flat one's


def test_tables_in_markdown(tmp_path: Path) -> None:
    lines = found(folder_of(tmp_path / "pictures"), tmp_path / "out").markdown.splitlines()
    assert "| left half | Gate | 2 | 50.0 % [25.0, 75.0] | 1.00 [0.50, 1.50] | 50.0 % [0.0, 100.0] |" in lines
    assert "| left half | uniform (knows nothing) | 2 | 50.0 % [50.0, 50.0] | 1.00 [1.00, 1.00] |" in " ".join(lines)
    assert any(line.startswith("| left half | Gate − Flat | 2 | +0.0 [-25.0, +25.0] | +0.00") for line in lines)


def test_means_are_of_pictures_that_all_networks_have_scores_of(tmp_path: Path) -> None:
    """Grad-CAM of a network whose gate is shut is zero: no score there, and the picture counts for neither."""
    folder = folder_of(tmp_path / "pictures")
    first = found(folder, tmp_path / "out")
    kept = next(path for path in (tmp_path / "out" / "pictures").iterdir() if path.name.startswith("b"))
    told = json.loads(kept.read_text("utf-8"))
    del told["scores"]["left half"]["Flat"]
    told["problems"] = [{"picture": "b.png", "network": "Flat", "region": "left half", "reason": "zero everywhere."}]
    kept.write_text(json.dumps(told))
    second = found(folder, tmp_path / "out")
    assert [one.share.count for one in first.means] == [2] * 4
    assert [one.share.count for one in second.means] == [1] * 4
    assert second.means[0].share.value == pytest.approx(0.75)
    assert [one.sentence for one in second.failed] == ["b.png, Flat, left half: zero everywhere."]


def test_what_fails_is_named_and_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures")
    (folder / "broken.jpg").write_text("no picture")
    mask(folder / "broken.left half.png")
    picture(folder / "lonely.png", "left")
    made = found(folder, tmp_path / "out")
    assert [one.name for one in made.pictures] == ["a.png", "b.png"]
    assert [one.picture for one in made.failed] == ["broken.jpg", "lonely.png"]
    assert "damaged" in made.failed[0].reason
    assert "lonely.NAME.png" in made.failed[1].reason
    assert [row["picture"] for row in table(tmp_path / "out" / "failed.csv")] == ["broken.jpg", "lonely.png"]
    picture(folder / "broken.jpg", "left")  # mended: the next start takes it in
    mask(folder / "lonely.mask.png")
    again = found(folder, tmp_path / "out")
    assert again.failed == ()
    assert len(again.pictures) == 4


def test_a_network_that_cannot_answer_is_named_on_each_picture(tmp_path: Path) -> None:
    made = study.run(folder_of(tmp_path / "pictures", 1), tmp_path / "out", gate_network(), map="rollout")
    assert made.pictures == ()
    assert "self-attention" in made.failed[0].reason.lower() or "Rollout" in made.failed[0].reason
    assert tuple((tmp_path / "out" / "scores.csv").read_text("utf-8").strip().split(",")) == COLUMNS


def test_a_second_start_runs_only_what_is_new_or_changed(tmp_path: Path) -> None:
    folder, loaded = folder_of(tmp_path / "pictures"), gate_network()
    ran: list[int] = []
    loaded.model.register_forward_pre_hook(lambda *_: ran.append(1))
    study.run(folder, tmp_path / "out", loaded, map="own")
    assert len(ran) == 2
    before = (tmp_path / "out" / "scores.csv").read_bytes()
    study.run(folder, tmp_path / "out", loaded, map="own")
    assert len(ran) == 2, "both are on the disk"
    assert (tmp_path / "out" / "scores.csv").read_bytes() == before
    picture(folder / "a.png", "right")
    changed = study.run(folder, tmp_path / "out", loaded, map="own")
    assert len(ran) == 3, "another picture under a known name"
    assert changed.means[0].share.value == pytest.approx(0.25)  # both are white on the right now
    (folder / "b.left half.png").rename(folder / "b.left.png")
    study.run(folder, tmp_path / "out", loaded, map="own")
    assert len(ran) == 4, "another region"
    next((tmp_path / "out" / "pictures").iterdir()).write_text("{")
    study.run(folder, tmp_path / "out", loaded, map="own")
    assert len(ran) == 5, "a file that somebody spoiled"


def test_changed_settings_are_refused(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path / "pictures", 1), tmp_path / "out"
    study.run(folder, out, gate_network(), map="own")
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    with pytest.raises(ValueRangeError, match="map 'own'; got 'gradcam'"):
        study.run(folder, out, gate_network())
    with pytest.raises(ValueRangeError, match=r"networks Gate \(aaaaaaaa\); got Gate \(cccccccc\)"):
        study.run(folder, out, gate_network(sha256="c" * 64), map="own")
    with pytest.raises(ValueRangeError, match="networks"):
        study.run(folder, out, [gate_network(), flat_network()], map="own")
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    with pytest.raises(ValueRangeError, match="which holds something else"):
        study.run(folder_of(tmp_path / "pictures", 1), tmp_path / "out", gate_network(), map="own")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize(
    ("options", "kind", "sentence"),
    [
        ({"models": []}, ValueRangeError, "at least one network"),
        ({"map": "rolout"}, NotFoundError, "nearest: 'rollout'"),
        ({"map": "gradcam", "target": "violet"}, NotFoundError, "class 'violet'"),
        ({"target": "red"}, ValueRangeError, "Leave the class out"),
    ],
)
def test_a_mistake_is_told_before_anything_is_written(
    options: dict, kind: type[Exception], sentence: str, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "pictures", 1)
    with pytest.raises(kind, match=sentence):
        study.run(folder, tmp_path / "out", **({"models": gate_network(), "map": "own"} | options))
    assert not (tmp_path / "out").exists()


def test_the_figure_draws_the_means(tmp_path: Path) -> None:
    made = found(folder_of(tmp_path / "pictures"), tmp_path / "out")
    figure = made.figure()
    assert [(row["network"], row["mean"]) for row in figure.rows()] == [
        ("Gate", pytest.approx(0.5)),
        ("Flat", pytest.approx(0.5)),
    ]
    assert [bar.get_width() for bar in figure.figure().axes[0].patches] == pytest.approx([50, 50])
    provenance = figure.provenance()
    assert [one["name"] for one in provenance["pictures"]] == ["a.png", "b.png"]  # type: ignore[index, union-attr]
    assert provenance["networks"] == {"Gate": "a" * 64, "Flat": "b" * 64}
    assert made.figure(lift=True).rows()[0]["high"] == pytest.approx(1.5)


def test_boxes_of_a_table(tmp_path: Path) -> None:
    """Two boxes of one region are one region: columns 0 to 8 and 8 to 16 are the left half."""
    folder = folder_of(tmp_path / "pictures", 3)
    boxes = tmp_path / "boxes.csv"
    boxes.write_text(HEADINGS + "a.png,dog,0,0,8,16\na.png,Dog,25%,0,25%,100%\nb.png,dog,0,0,50%,100%\n")
    made = found(folder, tmp_path / "out", boxes=boxes)
    assert [(one.region, one.share.count) for one in made.means][:2] == [("dog", 2), ("dog", 2)]
    assert made.means[0].share.value == pytest.approx(0.5)
    assert made.means[0].area == pytest.approx(0.5)
    assert made.left_out[0] == "a.left half.png"
    assert "c.png" in made.left_out


class TestAPoint:
    """Two pictures of different sizes, asked from the same share of each."""

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "pictures"
        folder.mkdir()
        for name, hw in (("a", (64, 64)), ("b", (64, 96))):
            pixels = np.random.default_rng(0).integers(0, 255, (*hw, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}.png")
            mask = np.zeros(hw, bool)
            mask[:16, : hw[1] // 2] = True
            Image.fromarray(mask).save(folder / f"{name}.corner.png")
        return folder

    @pytest.mark.parametrize(
        ("point", "places", "words"),
        [
            ((0.75, 0.25), {"a": (48.0, 16.0), "b": (48.0, 24.0)}, "25 % across, 75 % down"),
            ("region", "region", "the middle of the first region"),
        ],
    )
    def test_scores_are_those_of_comparisons_from_that_place(
        self, folder: Path, tmp_path: Path, point: study.StudyPoint, places: Any, words: str
    ) -> None:
        """AA-ResNet has no class token, so its own attention from a point is that point's row."""
        made = study.run(folder, tmp_path / "out", "aa_resnet", map="own", point=point)
        assert made.failed == ()
        assert made.map_title == f"Own attention from {words}"
        others = {one.name: one for one in study.run(folder, tmp_path / "mean", "aa_resnet", map="own").pictures}
        for one in made.pictures:
            stem = one.name.removesuffix(".png")
            corner = Region.from_mask_file("corner", folder / f"{stem}.corner.png", one.hw)
            place = places if isinstance(places, str) else places[stem]
            panel = attnviz.compare(folder / one.name, "aa_resnet", map="own", regions=corner, point=place).panels[0]
            assert panel.focus is not None
            share = one.scores["corner"]["AA-ResNet"].value
            assert share == panel.focus.value
            assert share != others[one.name].scores["corner"]["AA-ResNet"].value

    def test_another_point_is_another_study(self, tmp_path: Path) -> None:
        folder, out = folder_of(tmp_path / "pictures", 1), tmp_path / "out"
        study.run(folder, out, gate_network(), map="own", point=(0.5, 0.5))
        with pytest.raises(ValueRangeError, match=r"point 0\.5, 0\.5; got 'region'"):
            study.run(folder, out, gate_network(), map="own", point="region")
        with pytest.raises(ValueRangeError, match=r"point 0\.5, 0\.5; got none"):
            study.run(folder, out, gate_network(), map="own")

    @pytest.mark.parametrize("point", [(0.5,), (0.5, 1.0), (-0.1, 0.5), (40, 60), "middle"])
    def test_what_is_no_share_is_refused(self, tmp_path: Path, point: Any) -> None:
        with pytest.raises(ValueRangeError, match=r"two shares \(down, across\)"):
            study.run(folder_of(tmp_path / "pictures", 1), tmp_path / "out", gate_network(), map="own", point=point)

    def test_a_map_that_looks_from_nowhere_is_refused_before_anything_is_written(self, tmp_path: Path) -> None:
        folder = folder_of(tmp_path / "pictures", 1)
        with pytest.raises(ValueRangeError, match="a point must be given to a map that looks from one"):
            study.run(folder, tmp_path / "out", "aa_resnet", map="gradcam", point=(0.5, 0.5))
        assert not (tmp_path / "out").exists()
