"""A bundle holds everything, says what it holds, and is there whole or not at all."""

import hashlib
import io
import json
import os
import subprocess
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from pptx import Presentation
from pptx.util import Inches

from attnviz.comparing.request import region_words
from attnviz.errors import AssetError, NotFoundError, ValueRangeError
from attnviz.export import bundle, bundle_zip
from attnviz.export.bundle import check_bundle
from attnviz.export.bundle_parts import region_files
from attnviz.export.rebuild_script import rebuild_script
from attnviz.pictures import open_picture
from attnviz.render import NOT_EXPLANATION


@dataclass(frozen=True)
class Bars:
    """A figure that is no comparison: three bars."""

    title: str = "three bars"
    alt: str = "bars of 1, 2 and 3"

    def figure(self):
        figure = Figure(figsize=(1, 1))
        FigureCanvasAgg(figure)
        figure.add_axes((0, 0, 1, 1)).bar([1, 2, 3], [1, 2, 3])
        return figure

    def provenance(self):
        return {"note": NOT_EXPLANATION, "kind": "bars"}

    def rows(self):
        return [{"bar": "=first", "height": 1}, {"bar": "second", "colour": "red"}]

    def arrays(self):
        return {"heights": np.float64([1, 2, 3])}


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unzipped(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_bundle_holds_every_file_and_its_hash(small, tmp_path):
    folder = bundle({"My Dog (2).JPG": small, "bars": Bars()}, tmp_path / "out", dpi=50)
    found = contents(folder)
    manifest = json.loads(found.pop("manifest.json"))
    listed = {entry["name"]: entry for entry in manifest["files"]}
    assert set(listed) == set(found)
    figures = {f"{stem}.{kind}" for stem in ("my-dog-2-jpg", "bars") for kind in ("png", "svg", "pdf")}
    assert set(listed) == figures | {"bars.csv", "maps.npz", "scores.csv", "rebuild.sh", "regions/grass.png"}
    for name, entry in listed.items():
        assert entry["sha256"] == hashlib.sha256(found[name]).hexdigest()
        assert entry["bytes"] == len(found[name]) > 0
    first, second = manifest["figures"]
    assert (first["name"], second["name"]) == ("My Dog (2).JPG", "bars")
    assert first["alt"] == small.alt
    assert first["picture"]["sha256"] == "ab" * 32
    assert [panel["weights"] for panel in first["panels"]] == ["12" * 32] * 2
    assert second["kind"] == "bars"
    assert manifest["schema_version"] == 2
    assert manifest["note"] == NOT_EXPLANATION
    assert manifest["libraries"]["matplotlib"]
    assert not [path for path in tmp_path.iterdir() if path != folder]


def test_regions_are_boxes_or_masks(small, tmp_path):
    folder = bundle({"dog": small}, tmp_path / "out", formats=["png"], dpi=50)
    (figure,) = json.loads((folder / "manifest.json").read_text("utf-8"))["figures"]
    dog, grass = figure["regions"]
    assert dog == {"name": "dog", "area": 0.25, "box_yxyx": [15, 20, 30, 40]}
    mask = np.asarray(Image.open(folder / grass["mask"]))
    assert np.array_equal(mask > 0, small.others[0].mask_hw)


def test_maps_of_all_figures_in_one_file_with_their_geometry(small, tmp_path):
    folder = bundle({"dog": small, "bars": Bars()}, tmp_path / "out", formats=["png"], dpi=50)
    with np.load(folder / "maps.npz") as read:
        assert set(read) == {"dog/se-resnet", "dog/vit", "bars/heights", "provenance"}
        assert read["dog/se-resnet"].dtype == np.float32
        assert np.array_equal(read["dog/se-resnet"], small.panels[0].attention_map.values_hw)
        assert np.array_equal(read["bars/heights"], [1, 2, 3])
        told = json.loads(str(read["provenance"]))
    # the network saw the whole picture at its own size: a scale of 1, moved by nothing
    assert told["arrays"]["dog/vit"]["geometry"] == {
        "source_hw": [30, 40],
        "input_hw": [30, 40],
        "scale_yx": [1.0, 1.0],
        "offset_yx": [0.0, 0.0],
    }
    assert (told["arrays"]["dog/vit"]["network"], told["arrays"]["dog/vit"]["grid_hw"]) == ("ViT", [2, 2])


def test_tables_of_other_figures_are_safe_to_open(small, tmp_path):
    folder = bundle({"bars": Bars()}, tmp_path / "out", formats=["png"], dpi=50)
    assert (folder / "bars.csv").read_text() == "bar,height,colour\n'=first,1,\nsecond,,red\n"
    assert not (folder / "scores.csv").exists()  # there is no comparison


def test_the_same_figures_give_the_same_bytes_in_a_folder_and_in_a_zip(small, tmp_path):
    made = bundle({"dog": small}, tmp_path / "out", dpi=50, with_picture=True)
    packed = bundle({"dog": small}, tmp_path / "out.zip", dpi=50, with_picture=True)
    assert packed == tmp_path / "out.zip"
    assert unzipped(packed) == contents(made)
    assert packed.read_bytes() == bundle_zip({"dog": small}, dpi=50, with_picture=True)
    with zipfile.ZipFile(packed) as archive:
        assert archive.getinfo("rebuild.sh").external_attr >> 16 == 0o100755


def test_the_picture_is_added_only_when_asked(small, tmp_path):
    without = bundle({"dog": small}, tmp_path / "without", formats=["png"], dpi=50)
    assert not (without / "pictures").exists()
    folder = bundle({"dog": small}, tmp_path / "with", formats=["png"], dpi=50, with_picture=True)
    (figure,) = json.loads((folder / "manifest.json").read_text("utf-8"))["figures"]
    again = open_picture(folder / figure["picture_file"])
    assert np.array_equal(again.rgb, small.picture.rgb)


def test_the_script_that_rebuilds_is_a_shell_script_beside_the_manifest(small, tmp_path):
    folder = bundle({"dog": small}, tmp_path / "my export", formats=["png"], dpi=50)
    told = subprocess.run(
        [folder / "rebuild.sh", "--picture", "a b.jpg"],
        env={**os.environ, "PYTHON": "echo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == f"-m attnviz rebuild {folder}/manifest.json --picture a b.jpg"


def test_no_name_can_run_anything(small):
    """Line breaks in names and headings, of every kind that a shell or Python knows, stay in their comment."""
    bad = "a\ntouch hacked\r\n\x0b\x0c\x85\u2028touch hacked"
    request = {
        "picture": {"name": f"{bad}.jpg"},
        "map": "gradcam",
        "point_yx": None,
        "layer": None,
        "models": [{"name": bad, "origin": "attnviz", "class": bad}],
        "regions": [{"name": bad, "box_xywh": [0, 0, 1, 1]}],
    }
    shown = replace(small, heading=bad, request=request)
    script = rebuild_script({bad: shown}, with_picture=False, masks=region_files(small.others))
    run = [line for line in script.splitlines() if line and not line.startswith("#")]
    assert run == ["set -eu", 'exec "${PYTHON:-python3}" -m attnviz rebuild "$(dirname "$0")/manifest.json" "$@"']


def test_regions_whose_names_become_one_file_name_keep_their_own_masks(small, tmp_path):
    """ "Grass!" and "grass" both become grass.png: the second figure's has another name, also in the script."""
    (grass,) = small.others
    other = replace(grass, name="Grass!", mask_hw=np.flipud(grass.mask_hw))
    figures = {}
    for name, region in (("one", grass), ("two", other)):
        request = {"picture": {"name": "dog.jpg"}, "map": "gradcam", "models": [], "regions": [region_words(region)]}
        figures[name] = replace(small, region=region, others=(), request=request)
    folder = bundle(figures, tmp_path / "out", formats=["png"], dpi=50)
    script = (folder / "rebuild.sh").read_text()
    for region, told in ((grass, "grass=regions/grass.png"), (other, "'Grass!=regions/grass-2.png'")):
        assert f"--region {told} " in script
        mask = np.asarray(Image.open(folder / told.strip("'").partition("=")[2])) > 0
        assert np.array_equal(mask, region.mask_hw)


def test_only_the_formats_asked_for(small, tmp_path):
    folder = bundle({"dog": small}, tmp_path / "out", formats=["svg"])
    assert {path.suffix for path in folder.iterdir() if path.stem == "dog"} == {".svg"}
    with pytest.raises(NotFoundError, match=r"format 'jpeg' is not.*nearest"):
        bundle({"dog": small}, tmp_path / "other", formats=["jpeg"])
    with pytest.raises(ValueRangeError, match="at least one of png, svg, pdf; got none"):
        bundle({"dog": small}, tmp_path / "other", formats=[])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_a_bundle_that_fails_leaves_nothing(small, tmp_path, name):
    # The second figure has no panel, so it cannot be drawn after the first was written.
    with pytest.raises(ValueRangeError, match="got 0"):
        bundle({"good": small, "bad": replace(small, panels=())}, tmp_path / name, dpi=50)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_nothing_is_overwritten_without_being_told(small, tmp_path, name):
    target = tmp_path / name
    bundle({"dog": small}, target, formats=["png"], dpi=50)
    before = target.stat().st_mtime_ns
    with pytest.raises(ValueRangeError, match="must not exist yet"):
        bundle({"dog": small}, target, formats=["png"], dpi=60)
    assert target.stat().st_mtime_ns == before
    bundle({"cat": small}, target, formats=["png"], dpi=60, overwrite=True)
    found = unzipped(target) if name.endswith("zip") else contents(target)
    assert "cat.png" in found
    assert "dog.png" not in found
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_holds_anything_else_is_never_replaced(small, tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    with pytest.raises(ValueRangeError, match="which has no manifest of an export"):
        bundle({"dog": small}, target, overwrite=True)
    (target / "mine.txt").unlink()
    bundle({"dog": small}, target, formats=["png"], dpi=50, overwrite=True)  # an empty folder is nobody's loss
    (target / "notes.txt").write_text("mine")
    with pytest.raises(ValueRangeError, match=r"which also holds notes\.txt"):
        bundle({"dog": small}, target, overwrite=True)
    assert (target / "notes.txt").read_text() == "mine"


def test_what_cannot_be_written_is_refused_beforehand_and_nothing_is_left(small, tmp_path):
    """The same refusals as of `bundle`, before a figure is drawn."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").write_text("mine")
    (tmp_path / "a.zip").mkdir()
    bundle({"dog": small}, tmp_path / "ours", formats=["png"], dpi=50)
    for name, overwrite, sentence in (
        ("missing/out", False, "parent must exist"),
        ("ours", False, "must not exist yet"),
        ("mine", True, "which has no manifest of an export"),
        ("a.zip", True, "must not be a folder"),
    ):
        with pytest.raises(ValueRangeError, match=sentence):
            check_bundle(tmp_path / name, overwrite)
        with pytest.raises(ValueRangeError, match=sentence):
            bundle({"dog": small}, tmp_path / name, formats=["png"], dpi=50, overwrite=overwrite)
    check_bundle(tmp_path / "ours", overwrite=True)
    check_bundle(tmp_path / "new.zip")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "mine", "ours"]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that nobody can write to")
def test_a_folder_that_nobody_can_write_to_is_refused_beforehand():
    with pytest.raises(AssetError, match="must be written whole"):
        check_bundle("/proc/self/out")


def test_a_template_that_is_none_is_refused_before_anything_is_drawn(small, tmp_path):
    (tmp_path / "text.pptx").write_text("no slides")
    unable = replace(small, panels=())  # would be refused when it is drawn
    for name in ("text.pptx", "missing.pptx"):
        with pytest.raises(ValueRangeError, match="the template must be a"):
            bundle({"dog": unable}, tmp_path / "out", with_talk=True, template=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["text.pptx"]


def test_the_talk_of_a_bundle_has_the_template_s_layouts(small, tmp_path):
    deck = Presentation()
    deck.slide_width = Inches(9)
    deck.save(str(tmp_path / "own.potx"))
    folder = bundle(
        {"dog": small}, tmp_path / "out", formats=["png"], dpi=50, with_talk=True, template=tmp_path / "own.potx"
    )
    assert Presentation(str(folder / "talk.pptx")).slide_width == Inches(9)


def test_a_failed_replacement_leaves_the_old_export(small, tmp_path):
    folder = bundle({"dog": small}, tmp_path / "out", formats=["png"], dpi=50)
    before = contents(folder)
    with pytest.raises(ValueRangeError, match="got 0"):
        bundle({"good": small, "bad": replace(small, panels=())}, folder, dpi=50, overwrite=True)
    assert contents(folder) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_bad_targets_are_named(small, tmp_path):
    with pytest.raises(ValueRangeError, match="parent must exist"):
        bundle({"dog": small}, tmp_path / "missing" / "out")
    with pytest.raises(ValueRangeError, match="got none"):
        bundle({}, tmp_path / "out")
    (tmp_path / "a.zip").mkdir()
    with pytest.raises(ValueRangeError, match="must not be a folder"):
        bundle({"dog": small}, tmp_path / "a.zip", overwrite=True)


def test_a_full_disk_is_one_sentence(small, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AssetError, match=r"No space left on device.*nothing was left"):
        bundle({"dog": small}, tmp_path / "out", formats=["png"], dpi=50)
    assert list(tmp_path.iterdir()) == []


def test_figures_named_like_the_bundle_s_own_files_get_other_names(small):
    found = unzipped(io.BytesIO(bundle_zip({"manifest": small, "scores": small}, formats=["png"], dpi=50)))
    assert {"manifest.json", "manifest-2.png", "scores.csv", "scores-2.png"} <= set(found)
