"""The sample photographs are there offline, and Chelsea's mask shows the cat."""

import csv
import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from attnviz.errors import AssetError
from attnviz.pictures import sample_pictures, samples
from attnviz.regions import Region

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "pictures"


def chelsea():
    sample = sample_pictures()[0]
    return sample, Region.from_mask_file(sample.region_name, sample.mask_path, sample.open().hw)


def test_every_sample_opens_and_says_where_it_comes_from():
    sizes = {sample.name: sample.open().hw for sample in sample_pictures()}
    # As scikit-image's documentation gives them.
    assert sizes == {"chelsea": (300, 451), "coffee": (400, 600), "rocket": (427, 640), "astronaut": (512, 512)}
    assert all(sample.title and "scikit-image" in sample.credit for sample in sample_pictures())


def test_a_sample_has_the_hash_of_its_file():
    sample = sample_pictures()[0]
    assert sample.open().sha256 == hashlib.sha256(sample.path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("what", "yx"),
    [
        ("left eye", (112, 170)),
        ("right eye", (133, 314)),
        ("nose", (240, 262)),
        ("left ear", (10, 60)),
        ("right ear, near its tip", (8, 385)),
        ("chest", (270, 100)),
        ("shoulder at the left edge", (200, 3)),
        ("foreleg", (235, 345)),
    ],
)
def test_the_mask_holds_the_cat(what, yx):
    assert chelsea()[1].mask_hw[yx], what


@pytest.mark.parametrize(
    ("what", "yx"),
    [
        ("wall at the left", (60, 12)),
        ("wall beside the right ear", (30, 395)),
        ("top right corner", (0, 450)),
        ("cloth beside the cheek", (140, 400)),
        ("bottom right corner", (299, 450)),
        ("between cheek and foreleg", (205, 360)),
    ],
)
def test_the_mask_leaves_the_rest_out(what, yx):
    assert not chelsea()[1].mask_hw[yx], what


def test_the_mask_is_one_piece_of_the_pictures_size():
    sample, region = chelsea()
    assert region.mask_hw.shape == sample.open().hw
    assert region.name == "cat"
    from skimage.measure import label

    assert label(region.mask_hw).max() == 1
    assert label(~region.mask_hw).max() == 2  # the wall at the left, and the room at the right


def test_the_script_makes_the_mask_that_is_shipped():
    spec = importlib.util.spec_from_file_location("make_chelsea_mask", FOLDER / "make_chelsea_mask.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    made = script.cat_mask(script.chelsea_bgr()) > 0
    # Other versions of OpenCV may decide single pixels of the border otherwise.
    assert np.mean(made != chelsea()[1].mask_hw) < 0.002


def test_every_file_that_is_ours_is_credited():
    with (FOLDER / "CREDITS.csv").open(newline="", encoding="utf-8") as file:
        credited = {row["file"]: row for row in csv.DictReader(file)}
    pictures = {path.name for path in FOLDER.iterdir() if path.suffix not in (".py", ".csv") and path.is_file()}
    assert set(credited) == pictures
    assert all(row["licence"] and row["author"] for row in credited.values())
    assert all((FOLDER / row["made_by"]).is_file() for row in credited.values())


def test_a_missing_mask_is_an_asset_error(monkeypatch, tmp_path):
    monkeypatch.setattr(samples, "ASSETS", tmp_path)
    with pytest.raises(AssetError, match=r"chelsea_mask\.png must lie in .* it is missing"):
        sample_pictures()


def test_without_scikit_image_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(AssetError, match="pip install scikit-image"):
        sample_pictures()
