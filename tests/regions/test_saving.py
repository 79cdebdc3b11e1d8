"""Regions saved and loaded again: exactly the same, with their own picture only."""

import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from attnviz.errors import PictureError, ShapeError, ValueRangeError
from attnviz.pictures import Picture
from attnviz.regions import Region, load_regions, region_file, save_regions

PICTURE = Picture.from_array(np.random.default_rng(0).integers(0, 255, (2, 4, 3), dtype=np.uint8), "dog.jpg")
DOG, GRASS = Region("dog", [[1, 1, 0, 0], [0, 0, 0, 0]]), Region("grass", [[0, 0, 0, 0], [1, 1, 1, 0]])
HIGH = Region("high", [[1, 1, 1, 1], [0, 0, 0, 0]])  # overlaps the dog


def parts(contents: bytes) -> tuple[dict, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        return json.loads(archive.read("regions.json")), np.asarray(Image.open(io.BytesIO(archive.read("regions.png"))))


def changed(contents: bytes, told: dict | bytes | None = None, png: bytes | None = None) -> bytes:
    """The file with another JSON or PNG in it."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        old_json, old_png = archive.read("regions.json"), archive.read("regions.png")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        new_json = told if isinstance(told, bytes) else json.dumps(told).encode() if told else old_json
        archive.writestr("regions.json", new_json)
        archive.writestr("regions.png", png or old_png)
    return file.getvalue()


def png_of(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def test_regions_that_do_not_overlap_are_a_label_picture():
    told, labels = parts(region_file([DOG, GRASS], PICTURE))
    assert labels.tolist() == [[1, 1, 0, 0], [2, 2, 2, 0]]
    assert told["regions"] == [{"name": "dog", "values": [1]}, {"name": "grass", "values": [2]}]
    assert told["picture"] == {"name": "dog.jpg", "sha256": PICTURE.sha256, "height": 2, "width": 4}


def test_each_overlap_has_a_value_of_its_own():
    # only dog: nowhere; only high: right half above; both: left half above; grass below
    told, labels = parts(region_file([DOG, GRASS, HIGH], PICTURE))
    assert labels.tolist() == [[3, 3, 2, 2], [1, 1, 1, 0]]
    assert [one["values"] for one in told["regions"]] == [[3], [1], [2, 3]]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_is_loaded_is_what_was_saved(data):
    hw = data.draw(st.tuples(st.integers(1, 9), st.integers(2, 9)))
    masks = data.draw(
        st.lists(arrays(bool, hw).filter(lambda one: one.any() and not one.all()), min_size=1, max_size=9)
    )
    names = data.draw(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(
                lambda one: one.strip() and one.splitlines() == [one]
            ),
            min_size=len(masks),
            max_size=len(masks),
            unique_by=str.casefold,
        )
    )
    regions = [Region(name, mask) for name, mask in zip(names, masks, strict=True)]
    picture = Picture.from_array(np.zeros((*hw, 3), np.uint8))
    back = load_regions(region_file(regions, picture), picture)
    assert [one.name for one in back] == names
    for one, mask in zip(back, masks, strict=True):
        np.testing.assert_array_equal(one.mask_hw, mask)


def test_more_overlaps_than_a_byte_can_count_come_back_too():
    # region i holds the pixels whose number has bit i set: 512 pixels lie in 512 different combinations
    numbers = np.arange(512).reshape(16, 32)
    regions = [Region(f"bit {bit}", numbers >> bit & 1) for bit in range(9)]
    picture = Picture.from_array(np.zeros((16, 32, 3), np.uint8))
    contents = region_file(regions, picture)
    assert parts(contents)[1].max() == 511
    for one, saved in zip(load_regions(contents, picture), regions, strict=True):
        np.testing.assert_array_equal(one.mask_hw, saved.mask_hw)


def test_a_file_on_disk_and_the_same_bytes_each_time(tmp_path):
    path = save_regions([DOG, GRASS], tmp_path / "dog.regions.zip", PICTURE)
    assert path.read_bytes() == region_file([DOG, GRASS], PICTURE)
    assert [one.name for one in load_regions(path, PICTURE)] == ["dog", "grass"]
    assert path.stat().st_size < 1500


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = save_regions([DOG], tmp_path / "dog.regions.zip", PICTURE)
    before = path.read_bytes()
    with pytest.raises(ValueRangeError, match="got 'dog' twice"):
        save_regions([DOG, DOG], path, PICTURE)
    assert path.read_bytes() == before


def test_what_cannot_be_saved_is_refused():
    with pytest.raises(ValueRangeError, match="at least one region"):
        region_file([], PICTURE)
    with pytest.raises(ShapeError, match=r"drawn on the picture of \(2, 4\)"):
        region_file([Region("dog", [[1, 0]])], PICTURE)
    with pytest.raises(ValueRangeError, match="may hold 32 regions; got 33"):
        region_file([DOG.rename(f"dog {number}") for number in range(33)], PICTURE)
    for name in ("  ", "x" * 201):
        with pytest.raises(ValueRangeError, match="1 to 200 characters"):
            region_file([DOG.rename(name)], PICTURE)


def test_another_picture_is_refused_unless_forced_and_of_the_same_size():
    contents = region_file([DOG], PICTURE)
    copy = Picture.from_array(PICTURE.rgb // 2)
    with pytest.raises(PictureError, match=r"got regions of 'dog.jpg', another file of the same size"):
        load_regions(contents, copy)
    (forced,) = load_regions(contents, copy, force=True)
    np.testing.assert_array_equal(forced.mask_hw, DOG.mask_hw)
    larger = Picture.from_array(np.zeros((4, 8, 3), np.uint8))
    with pytest.raises(PictureError, match=r"this picture of 4 x 8 pixels; got regions of 'dog.jpg' with 2 x 4"):
        load_regions(contents, larger, force=True)


@pytest.mark.parametrize("cut", [0, 1, 10, 100, 250, -30, -1])
def test_a_damaged_file_is_refused_with_a_sentence(cut):
    contents = region_file([DOG, GRASS], PICTURE)
    with pytest.raises(PictureError):
        load_regions(contents[:cut], PICTURE)


def test_no_byte_that_is_changed_does_more_than_raise_a_picture_error():
    contents = region_file([DOG, GRASS], PICTURE)
    for place in range(0, len(contents), 3):
        spoiled = bytearray(contents)
        spoiled[place] ^= 0xFF
        try:
            back = load_regions(bytes(spoiled), PICTURE)
        except PictureError:
            continue
        assert [one.name for one in back] == ["dog", "grass"]  # a byte that carries nothing, such as a date


def told_with(**new) -> dict:
    told, _ = parts(region_file([DOG, GRASS], PICTURE))
    return told | new


@pytest.mark.parametrize(
    "told",
    [
        told_with(format="something else"),
        told_with(version=2),
        told_with(picture={"sha256": PICTURE.sha256}),
        told_with(regions=[]),
        told_with(regions=[{"name": f"dog {number}", "values": [1]} for number in range(33)]),
        told_with(regions=[{"name": "dog", "values": [1]}] * 2),
        told_with(regions=[{"name": " ", "values": [1]}]),
        told_with(regions=[{"name": "dog", "values": [9]}]),  # a region without a pixel
        told_with(regions=[{"name": "dog", "values": [-1]}]),
        told_with(regions=[{"name": "dog", "values": [10**9]}]),
        told_with(regions=[{"name": "dog", "values": "all"}]),
        told_with(regions={"dog": 1}),
        b"[1, 2]",
        b"\xff\xfe",
        b"[" * 100_000,
        b"0" * (2**20 + 1),  # more than the limit
    ],
)
def test_a_json_that_cannot_be_is_refused(told):
    with pytest.raises(PictureError, match=r"as save_regions writes them|belong to this picture"):
        load_regions(changed(region_file([DOG, GRASS], PICTURE), told=told), PICTURE)


def test_a_png_of_another_size_is_refused_before_it_is_decoded():
    bomb = png_of(np.zeros((4000, 4000), np.uint8))  # small as a file
    with pytest.raises(PictureError, match="got 4000 x 4000"):
        load_regions(changed(region_file([DOG, GRASS], PICTURE), png=bomb), PICTURE)
    with pytest.raises(PictureError, match="its PNG is 1 x 2"):
        load_regions(changed(region_file([DOG, GRASS], PICTURE), png=png_of(np.zeros((1, 2), np.uint8))), PICTURE)
    with pytest.raises(PictureError, match="mode RGB"):
        load_regions(changed(region_file([DOG, GRASS], PICTURE), png=png_of(PICTURE.rgb)), PICTURE)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_parts_that_zipfile_unpacks_without_a_limit_are_not_unpacked(method, monkeypatch):
    # 8 MB of blanks lie in about a hundred bytes (bzip2) or a thousand (LZMA); 20 MB of them would be terabytes
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("regions.json", b" " * 2**23)
        archive.writestr("regions.png", b"")
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_args, **_named: pytest.fail("a part was unpacked"))
    with pytest.raises(PictureError, match="stored or deflated"):
        load_regions(file.getvalue(), PICTURE)
