"""Which pictures and regions a folder or a table of boxes tells of."""

from pathlib import Path

import pytest

from attnviz.errors import PictureError, ValueRangeError
from attnviz.study.folder import items_beside, items_of_boxes
from tests.study.studying import HEADINGS, mask, picture


def test_masks_are_called_as_their_picture(tmp_path: Path) -> None:
    for name in ("rex.jpg", "two.dots.PNG", "other.png"):
        picture(tmp_path / name, "left")
    for name in ("rex.dog.png", "rex.grass.png", "two.dots.mask.png", "rxe.dog.png", ".hidden.png"):
        mask(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    found = {item.name: {name: path.name for name, path in item.masks.items()} for item in items_beside(tmp_path)}
    assert found == {
        "rex.jpg": {"dog": "rex.dog.png", "grass": "rex.grass.png"},
        "two.dots.PNG": {"object": "two.dots.mask.png"},
        "other.png": {},
        "rxe.dog.png": {},  # of no picture: it is named as a picture without a region
    }


def test_a_mask_of_two_pictures_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "rex.jpg", "left")
    picture(tmp_path / "rex.png", "left")
    mask(tmp_path / "rex.dog.png")
    with pytest.raises(ValueRangeError, match=r"got rex\.jpg and rex\.png"):
        items_beside(tmp_path)


def test_a_folder_without_pictures_or_masks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueRangeError, match="must hold pictures"):
        items_beside(tmp_path)
    picture(tmp_path / "rex.jpg", "left")
    with pytest.raises(ValueRangeError, match=r"such as rex\.dog\.png"):
        items_beside(tmp_path)
    with pytest.raises(ValueRangeError, match="must exist"):
        items_beside(tmp_path / "nowhere")


def test_boxes_may_be_of_pictures_further_down(tmp_path: Path) -> None:
    (tmp_path / "dogs").mkdir()
    picture(tmp_path / "dogs" / "1.png", "left")
    table = tmp_path / "boxes.csv"
    table.write_text("﻿" + HEADINGS + "dogs/1.png,dog,0,0,16,16\nnone.png,dog,0,0,5,5\n,,,,,\n", "utf-8")
    (there, missing), left_out = items_of_boxes(tmp_path, table)
    shown, (region,) = there.opened()
    assert (shown.name, region.name, region.area) == ("dogs/1.png", "dog", 0.5)
    assert left_out == ()
    with pytest.raises(PictureError, match=r"none\.png, which does not"):
        missing.opened()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the first line must be picture,region,x,y,w,h"),
        ("picture,region,x,y,w\n", "'h' is missing"),
        ("picture;region;x;y;w;h\n", "Separate columns by commas"),
        (HEADINGS, "at least one box"),
        (HEADINGS + "a.png,dog,0,0,5,5\na.png,dog,0,0,5,wide\n", "boxes.csv, line 3: the box must have 4 numbers"),
        (HEADINGS + "a.png,dog,0,0\n", "line 2: the box must have 4 numbers"),
        (HEADINGS + "a.png,dog,0,0,inf,5\n", "line 2: the box must have finite"),
        (HEADINGS + "a.png,,0,0,5,5\n", "picture and region must be named"),
        (HEADINGS + "../a.png,dog,0,0,5,5\n", "must lie in the folder"),
        (HEADINGS + "/a.png,dog,0,0,5,5\n", "must lie in the folder"),
    ],
)
def test_a_table_that_is_none(text: str, sentence: str, tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    table.write_text(text)
    with pytest.raises(ValueRangeError) as refused:
        items_of_boxes(tmp_path, table)
    assert sentence in str(refused.value)


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueRangeError, match="readable file"):
        items_of_boxes(tmp_path, tmp_path / "nowhere.csv")
    (tmp_path / "boxes.csv").write_bytes(HEADINGS.encode() + b"\xff\xfe")
    with pytest.raises(ValueRangeError, match="UTF-8"):
        items_of_boxes(tmp_path, tmp_path / "boxes.csv")


def test_shares_without_a_percent_sign_are_refused_with_the_line(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", "left")
    (tmp_path / "boxes.csv").write_text(HEADINGS + "a.png,dog,0.12,0.05,0.8,0.9\n")
    (item,), _ = items_of_boxes(tmp_path, tmp_path / "boxes.csv")
    with pytest.raises(ValueRangeError, match=r"boxes\.csv, line 2: the box must be at least one pixel"):
        item.opened()
