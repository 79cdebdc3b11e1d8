"""An export's maps and scores come out the same again; what is not the same is told before or after, in a sentence."""

import hashlib
import json
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnviz import zoo
from attnviz.cli import main
from attnviz.comparing import compare, rebuild
from attnviz.errors import AssetError, PictureError, ValueRangeError
from attnviz.export import bundle
from attnviz.pictures import Picture, open_picture, sample_pictures
from attnviz.regions import Region


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Chelsea asked of two networks about a box and a drawn region, written once with the picture in it."""
    sample = sample_pictures()[0]
    chelsea = sample.open()
    cat = Region.from_mask_file("cat", sample.mask_path, chelsea.hw)
    left = Region.from_box("left", (0, 0, 300, 200), chelsea.hw)
    made = compare(chelsea, ["cbam_resnet", "vit"], regions=[cat, left], target="tabby", scale="shared")
    folder = tmp_path_factory.mktemp("kept") / "chelsea"
    return bundle({"chelsea attention": made}, folder, formats=["png"], dpi=50, with_picture=True)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def changed(kept, tmp_path, change):
    """A copy of the export whose manifest was changed."""
    folder = tmp_path / "copy"
    shutil.copytree(kept, folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


def test_maps_bit_for_bit_and_scores_byte_for_byte(kept, tmp_path):
    again = rebuild(kept / "manifest.json", out=tmp_path / "again")
    assert again.same, again.differs
    assert again.out == tmp_path / "again"
    for name in ("maps.npz", "scores.csv", "chelsea-attention.png", "regions/cat.png"):
        assert (again.out / name).read_bytes() == (kept / name).read_bytes()
    assert again.maps == (kept / "maps.npz").read_bytes()
    tabby = zoo.cards()["vit"].classes.index("tabby")
    assert f",{tabby},".encode() in again.scores


def test_the_command_in_the_script_makes_the_same_files(kept, tmp_path, monkeypatch):
    """It names the photograph as it was named, and the masks of regions as they lie in the export."""
    (command,) = [line for line in (kept / "rebuild.sh").read_text("utf-8").splitlines() if " compare " in line]
    words = shlex.split(command.removeprefix("# "))
    assert words[:4] == ["python", "-m", "attnviz", "compare"]
    monkeypatch.chdir(tmp_path)
    shutil.copy(sample_pictures()[0].path, "chelsea.png")
    shutil.copytree(kept / "regions", "regions")
    assert main([*words[3:], "--format", "png", "--dpi", "50", "--quiet"]) == 0
    for name in ("maps.npz", "scores.csv", "chelsea-attention.png", "regions/cat.png"):
        assert Path("DIR", name).read_bytes() == (kept / name).read_bytes()


def test_from_a_zip_and_with_the_picture_s_own_file(kept, tmp_path):
    packed = tmp_path / "export.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in kept.rglob("*"):
            if path.is_file() and path.parent.name != "pictures":
                archive.write(path, path.relative_to(kept))
    assert rebuild(packed, sample_pictures()[0].path).same


def test_the_picture_may_be_another_file_of_the_same_pixels(kept, tmp_path):
    copy = tmp_path / "cat.bmp"
    Image.fromarray(sample_pictures()[0].open().rgb).save(copy)
    assert open_picture(copy).sha256 != sample_pictures()[0].open().sha256
    assert rebuild(kept, copy).same


def test_another_picture_is_refused_before_a_network_runs(kept, monkeypatch):
    monkeypatch.setattr(sys.modules["attnviz.comparing.rebuild"], "read", lambda *_: pytest.fail("a network ran"))
    with pytest.raises(PictureError, match=r"must be 'chelsea\.png'.*got 'coffee\.png'.*Give the file"):
        rebuild(kept, sample_pictures()[1].path)


def test_a_picture_that_is_nowhere_is_asked_for(kept, tmp_path, monkeypatch):
    def elsewhere(manifest):
        figure = manifest["figures"][0]
        figure["picture"] |= {"name": "holiday.jpg", "sha256": "0" * 64}
        figure["pixels_sha256"] = "0" * 64

    monkeypatch.chdir(tmp_path)
    with pytest.raises(PictureError, match=r"'holiday\.jpg' \(sha256 000000000000…\) must be there.*Give its path"):
        rebuild(changed(kept, tmp_path, elsewhere))


def test_other_weights_are_refused_before_a_network_runs(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["attnviz.comparing.rebuild"], "read", lambda *_: pytest.fail("a network ran"))

    def others(manifest):
        manifest["figures"][0]["request"]["models"][1]["sha256"] = "f" * 64

    with pytest.raises(AssetError, match=r"weights of 'ViT' must have sha256 ffffffffffff….*other weights"):
        rebuild(changed(kept, tmp_path, others))


def test_a_checkpoint_must_be_given_and_may_be(kept, tmp_path):
    def own(manifest):
        for model in manifest["figures"][0]["request"]["models"]:
            model["origin"] = "file"

    folder = changed(kept, tmp_path, own)
    with pytest.raises(AssetError, match=r"weights 'cbam_resnet\.safetensors'.*must be given.*load_checkpoint"):
        rebuild(folder)
    assert rebuild(folder, networks=[zoo.load("vit"), zoo.load("cbam_resnet")]).same


def test_what_differs_is_told_with_its_size(kept, tmp_path):
    """The export's own map is changed by a tenth of its largest value."""
    folder = tmp_path / "copy"
    shutil.copytree(kept, folder)
    with np.load(folder / "maps.npz") as read:
        arrays = {name: read[name].copy() for name in read.files}
    map_hw = arrays["chelsea-attention/vit"]
    row, column = np.unravel_index(np.argmax(map_hw), map_hw.shape)
    map_hw[row, column] *= 1.1  # now the largest, x; it should be x / 1.1, so it is off by (1 - 1 / 1.1) x = 0.091 x
    np.savez(folder / "maps.npz", **arrays)
    text = (folder / "scores.csv").read_text("utf-8").splitlines()
    (folder / "scores.csv").write_text("\n".join([*text[:2], text[2].replace("left", "right"), *text[3:]]), "utf-8")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for file in manifest["files"]:
        if file["name"] in ("maps.npz", "scores.csv"):
            file["sha256"] = sha256(folder / file["name"])
    manifest["libraries"]["torch"] = "1.0"
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    again = rebuild(folder)
    assert not again.same
    maps, scores = again.differs
    assert maps.startswith(
        "maps.npz differs: chelsea-attention/vit is off by up to 0.091 of its largest value. Other versions: "
    )
    assert "where 1.0 was" in maps
    assert scores.startswith("scores.csv differs: line 3 is another.")


@pytest.mark.parametrize(
    "contents",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        '{"figures": [], "files": [], "schema_version": "x"}',
        '{"figures": [], "files": [], "schema_version": 1e999}',
    ],
)
def test_what_is_no_manifest_is_one_sentence(tmp_path, contents):
    path = tmp_path / "manifest.json"
    path.write_text(contents)
    with pytest.raises(ValueRangeError, match=r"must be the manifest\.json of an export"):
        rebuild(path)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        (("request", "point_yx"), [1]),
        (("request", "regions"), ["cat"]),
        (("request", "regions", 0), {"name": "cat"}),
        (("request", "regions", 0), {"name": "cat", "mask_png": "$$"}),
        (("request", "regions", 0), {"name": "cat", "box_xywh": [1, 2, 3]}),
        (("request", "models", 0, "target"), float("inf")),
        (("drawing", "size"), [float("nan"), 3]),
        (("drawing", "size"), [-3, 3]),
        (("drawing", "size"), [1e6, 3]),
    ],
)
def test_a_changed_manifest_is_refused_before_a_network_runs(kept, tmp_path, monkeypatch, where, what):
    monkeypatch.setattr(sys.modules["attnviz.comparing.rebuild"], "read", lambda *_, **__: pytest.fail("a network ran"))

    def change(manifest):
        told = manifest["figures"][0]
        for key in where[:-1]:
            told = told[key]
        told[where[-1]] = what

    with pytest.raises(ValueRangeError, match=r"the manifest must be as it was written; got .* Restore it"):
        rebuild(changed(kept, tmp_path, change))


def test_a_name_that_no_file_can_have_is_a_picture_that_is_missing(kept, tmp_path, monkeypatch):
    def change(manifest):
        manifest["figures"][0]["picture_file"] = "a\0b"
        manifest["figures"][0]["picture"]["name"] = "a\0b"

    monkeypatch.chdir(tmp_path)
    with pytest.raises(PictureError, match="must be there"):
        rebuild(changed(kept, tmp_path, change))


def test_files_changed_after_they_were_written_are_told(kept, tmp_path):
    """The manifest still tells of the files as they were written; what lies beside it are others."""
    folder = changed(kept, tmp_path, lambda _: None)
    (folder / "maps.npz").write_bytes(b"no maps")
    scores = (folder / "scores.csv").read_text("utf-8")
    (folder / "scores.csv").write_text(scores.replace("CBAM-ResNet", "SE-ResNet"), "utf-8")
    maps, table = rebuild(folder).differs
    assert maps.startswith("maps.npz of the export was changed after it was written: its bytes are others")
    assert table == "scores.csv of the export was changed after it was written: line 2 is another."


def test_later_or_damaged_or_empty_manifests_are_told_apart(kept, tmp_path):
    with pytest.raises(ValueRangeError, match=r"at most 2; got 99.*Update"):
        rebuild(changed(kept, tmp_path / "a", lambda manifest: manifest.update(schema_version=99)))
    with pytest.raises(ValueRangeError, match="a figure that is not"):
        rebuild(changed(kept, tmp_path / "b", lambda manifest: manifest["figures"][0]["request"].pop("models")))
    with pytest.raises(ValueRangeError, match="got none"):
        rebuild(changed(kept, tmp_path / "c", lambda manifest: manifest["figures"][0].pop("request")))


def test_a_manifest_cannot_name_files_outside_its_folder(kept, tmp_path):
    outside = tmp_path / "secret.png"
    Image.fromarray(np.zeros((300, 451, 3), np.uint8)).save(outside)
    pixels = Picture.from_array(np.zeros((300, 451, 3), np.uint8)).sha256

    def pointing_out(manifest):
        figure = manifest["figures"][0]
        figure["picture"] |= {"name": "secret.png", "sha256": "0" * 64}
        figure |= {"picture_file": "../secret.png", "pixels_sha256": pixels}

    with pytest.raises(PictureError, match="must be there"):
        rebuild(changed(kept, tmp_path, pointing_out))
