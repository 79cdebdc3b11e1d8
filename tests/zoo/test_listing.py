"""One table of every network, and what narrows it."""

from pathlib import Path

import pytest

from attnviz import zoo
from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.zoo.listing import Listed, chosen, everything, table
from attnviz.zoo.pretrained import catalogue
from attnviz.zoo.pretrained.cache import Note, path_of, write_note


def row(name: str, mechanism: str = "none", origin: str = "timm", here: str = "to download", **facts: object) -> Listed:
    known: dict[str, object] = {
        "title": name.upper(), "parameters": 1_500_000, "input": "224 px", "classes": 1000, "top1": 0.5, "top5": None,
        "megabytes": 6.0, "licence": "mit", "trained_on": "ImageNet-1k",
    }  # fmt: skip
    return Listed(name=name, mechanism=mechanism, origin=origin, here=here, **{**known, **facts})  # type: ignore[arg-type]


ROWS = [
    row("bundled_se", "SE: channel gates", "attnviz", "bundled", licence="MIT"),
    row("se_there", "SE: channel gates", "torchvision", "downloaded"),
    row("vit_away", "self-attention", "timm", licence="apache-2.0"),
    row("swin_away", "windowed self-attention", "timm"),
]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({}, ["bundled_se", "se_there", "vit_away", "swin_away"]),
        ({"origin": "timm"}, ["vit_away", "swin_away"]),
        ({"attention": "SE"}, ["bundled_se", "se_there"]),  # whole words: not self-attention
        ({"attention": "se"}, ["bundled_se", "se_there"]),
        ({"attention": "self-attention"}, ["vit_away", "swin_away"]),
        ({"attention": "attention"}, ["vit_away", "swin_away"]),
        ({"search": "APACHE"}, ["vit_away"]),
        ({"search": "timm mit"}, ["swin_away"]),  # both words, in any column
        ({"downloaded": True}, ["bundled_se", "se_there"]),
        ({"downloaded": True, "origin": "torchvision"}, ["se_there"]),
    ],
)
def test_filters(asked: dict[str, object], names: list[str]) -> None:
    assert [each.name for each in chosen(ROWS, **asked)] == names  # type: ignore[arg-type]


def test_a_filter_that_leaves_nothing_is_an_error() -> None:
    with pytest.raises(ValueRangeError, match="at least one of the 4 networks; got none"):
        chosen(ROWS, search="yolo")
    with pytest.raises(NotFoundError, match=r"origin 'tim' is not .*nearest: 'timm'. All: attnviz, timm, torchvision"):
        chosen(ROWS, origin="tim")


def test_the_table_is_aligned_and_leaves_unknown_numbers_out() -> None:
    lines = table([ROWS[0], row("features", classes=0, top1=None, megabytes=None)]).splitlines()
    assert lines[0].split() == [
        "name", "attention", "parameters", "input", "top-1", "top-5", "classes", "MB", "licence", "from", "here",
    ]  # fmt: skip
    column = lines[0].index("parameters")
    assert [line[column : column + 5] for line in lines[1:]] == ["1.5 M", "1.5 M"]
    assert "50.0%" in lines[1]
    assert lines[2].split() == [
        "features", "none", "1.5", "M", "224", "px", "none", "mit", "timm", "to", "download",
    ]  # fmt: skip


def test_everything_is_the_bundled_networks_and_the_catalogue(tmp_path: Path) -> None:
    networks = everything(tmp_path)
    assert [each.name for each in networks] == [*zoo.names(), *(entry.name for entry in catalogue())]
    assert {each.here for each in networks if each.origin == "attnviz"} == {"bundled"}
    assert {each.here for each in networks if each.origin != "attnviz"} == {"to download"}
    assert all(each.licence and each.megabytes for each in networks)


def test_a_file_in_the_cache_counts_once_its_note_is_there(tmp_path: Path) -> None:
    entry = catalogue()[0]
    path = path_of(entry, tmp_path)
    path.write_bytes(b"weights")
    assert {each.name: each.here for each in everything(tmp_path)}[entry.name] == "to download"
    write_note(path, Note(sha256="", checked="", address=""))
    assert {each.name: each.here for each in everything(tmp_path)}[entry.name] == "downloaded"
