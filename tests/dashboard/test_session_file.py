"""A session file: what comes back, and every way in which a file is refused."""

import io
import json
import zipfile
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnviz.errors import AttnvizError
from attnviz.pictures import open_picture
from attnviz.regions import Region, load_regions
from dashboard import session_file, state
from dashboard.session_file import KeptNetwork, KeptPicture, SessionFileError, read, write
from tests.dashboard.conftest import photograph

CHOICES = {state.MAP_KIND: "own", state.OPACITY: 0.3, state.NETWORKS: ["vit"], state.POINT_X: 20}
NETWORK = KeptNetwork("vit", "ViT", "ab" * 32, True)


def kept(**changed: object) -> KeptPicture:
    contents = photograph()
    picture = open_picture(contents, name="meadow.png")
    square = np.zeros(picture.hw, dtype=bool)
    square[40:80, 45:90] = True
    fields = {"id": picture.sha256[:16], "picture": picture, "regions": (Region("square", square),)}
    return KeptPicture(**(fields | {"contents": contents} | changed))


@cache
def whole(*, with_pictures: bool = True) -> bytes:
    return write(CHOICES, [kept()], [NETWORK], with_pictures=with_pictures)


def parts(contents: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return file.getvalue()


def changed(change: Callable[[dict], object], **members: bytes) -> bytes:
    """A saved session whose JSON was changed, and parts added."""
    all_parts = parts(whole())
    document = json.loads(all_parts["session.json"])
    change(document)
    return packed({**all_parts, "session.json": json.dumps(document).encode(), **members})


class TestRoundTrip:
    def test_everything_comes_back(self) -> None:
        session = read(whole(), "s.zip")
        assert session.choices == CHOICES
        assert session.networks == (NETWORK,)
        assert session.unknown == 0
        (one,) = session.pictures
        original = kept()
        assert one.contents == original.contents
        assert one.picture is not None
        assert (one.picture.rgb == original.picture.rgb).all()
        assert one.regions is not None
        (region,) = load_regions(one.regions, one.picture)
        assert region.name == "square"
        assert (region.mask_hw == original.regions[0].mask_hw).all()

    def test_without_pictures_it_holds_their_hash_and_not_a_byte_of_them(self) -> None:
        contents = whole(with_pictures=False)
        (one,) = read(contents, "s.zip").pictures
        assert one.picture is None
        assert one.contents is None
        assert one.sha256 == kept().picture.sha256
        assert kept().contents not in contents
        assert not any(name.startswith("pictures/") for name in parts(contents))

    def test_a_network_goes_in_by_name_and_hash_only(self) -> None:
        document = json.loads(parts(whole())["session.json"])
        assert document["networks"] == [{"name": "vit", "title": "ViT", "sha256": "ab" * 32, "bundled": True}]

    def test_the_same_session_makes_the_same_bytes(self) -> None:
        assert whole() == whole()

    def test_pictures_beyond_the_limit_are_refused_before_anything_is_written(self) -> None:
        heavy = b"\0" * (session_file.MOST_MB * 2**20 // 2 + 1)
        with pytest.raises(AttnvizError, match="at most 100 MB together"):
            write({}, [kept(contents=heavy), kept(contents=heavy)], [], with_pictures=True)

    def test_a_choice_of_a_later_version_is_counted_and_left_out(self) -> None:
        session = read(changed(lambda told: told["choices"].update(hue=3, tint="red")), "s.zip")
        assert session.choices == CHOICES
        assert session.unknown == 2


def _set(*path: object, to: object) -> Callable[[dict], None]:
    def change(document: dict) -> None:
        *way, last = path
        place = document
        for step in way:
            place = place[step]
        place[last] = to

    return change


REFUSED: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no zip": lambda: photograph(),
    "another zip": lambda: packed({"notes.txt": b"hello"}),
    "cut off": lambda: whole()[:-200],
    "a byte of the picture changed": lambda: packed(
        {
            name: part[:-40] + b"x" + part[-39:] if name.startswith("pictures") else part
            for name, part in parts(whole()).items()
        }
    ),
    "another picture under its name": lambda: packed(
        {name: photograph(seed=1) if name.startswith("pictures") else part for name, part in parts(whole()).items()}
    ),
    "JSON that is none": lambda: packed({**parts(whole()), "session.json": b"{"}),
    "JSON in JSON in JSON": lambda: packed({**parts(whole()), "session.json": b"[" * 200_000 + b"]" * 200_000}),
    "a list in place of the document": lambda: packed({**parts(whole()), "session.json": b"[]"}),
    "JSON beyond the limit": lambda: packed({**parts(whole()), "session.json": b" " * (2**20 + 1) + b"{}"}),
    "a bomb in place of the picture": lambda: packed(
        {name: b"\0" * (21 * 2**20) if name.startswith("pictures") else part for name, part in parts(whole()).items()}
    ),
    "a bomb in place of the regions": lambda: packed(
        {name: b"\0" * (5 * 2**20) if name.startswith("regions") else part for name, part in parts(whole()).items()}
    ),
    "a part that climbs out of the folder": lambda: changed(lambda told: None, **{"../../evil.py": b"x"}),
    "a part that nothing tells of": lambda: changed(lambda told: None, **{"regions/9.zip": b"x"}),
    "a picture's file told to lie elsewhere": lambda: changed(_set("pictures", 0, "file", to="/etc/passwd")),
    "another kind": lambda: changed(_set("format", to="attnviz regions")),
    "thousands of pictures": lambda: changed(lambda told: told.update(pictures=told["pictures"] * 3000)),
    "one picture twice": lambda: changed(lambda told: told.update(pictures=told["pictures"] * 2)),
    "thousands of choices": lambda: changed(lambda told: told.update(choices={f"k{n}": 1 for n in range(5000)})),
    "choices as a list": lambda: changed(_set("choices", to=["map"])),
    "an opacity of words": lambda: changed(_set("choices", state.OPACITY, to="much")),
    "an opacity beyond the range": lambda: changed(_set("choices", state.OPACITY, to=7)),
    "an opacity without end": lambda: changed(_set("choices", state.OPACITY, to=float("inf"))),
    "an opacity that is no number": lambda: changed(_set("choices", state.OPACITY, to=float("nan"))),
    "a place that is true": lambda: changed(_set("choices", state.POINT_X, to=True)),
    "a map that there is none of": lambda: changed(_set("choices", state.MAP_KIND, to="guess")),
    "networks as text": lambda: changed(_set("choices", state.NETWORKS, to="vit")),
    "a network twice": lambda: changed(_set("choices", state.NETWORKS, to=["vit", "vit"])),
    "a network of megabytes": lambda: changed(_set("choices", state.NETWORKS, to=["v" * 500_000])),
    "a title with a line break": lambda: changed(_set("networks", 0, "title", to="a\nb")),
    "a hash that is none": lambda: changed(_set("networks", 0, "sha256", to="../../x")),
    "a picture without height": lambda: changed(_set("pictures", 0, "height", to=0)),
    "a picture of another height": lambda: changed(_set("pictures", 0, "height", to=121)),
    "a picture's name that is a number": lambda: changed(_set("pictures", 0, "name", to=3)),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_cannot_be_is_refused_with_a_sentence(make: Callable[[], bytes]) -> None:
    with pytest.raises(SessionFileError) as refusal:
        read(make(), "s.zip")
    said = str(refusal.value)
    assert said.startswith("s.zip: the file must be a session that this dashboard saved; got ")
    assert said.endswith("Nothing was changed.")
    assert len(said) < 500
    assert "\n" not in said


def test_an_encrypted_part_is_refused() -> None:
    contents = bytearray(whole())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # where each header keeps its flags
        place = contents.index(signature)
        contents[place + flags] |= 1
    with pytest.raises(SessionFileError, match="damaged"):
        read(bytes(contents), "s.zip")


def test_a_part_twice_is_refused() -> None:
    file = io.BytesIO(whole())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("session.json", b"{}")
    with pytest.raises(SessionFileError, match="one twice"):
        read(file.getvalue(), "s.zip")


def test_a_part_packed_in_another_way_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, contents in parts(whole()).items():
            archive.writestr(name, contents)
    with pytest.raises(SessionFileError, match="another way than stored or deflated"):
        read(file.getvalue(), "s.zip")


def test_a_later_format_names_the_version_that_saved_it() -> None:
    def later(document: dict) -> None:
        document.update(version=3, attnviz="9.1.0")

    with pytest.raises(SessionFileError, match=r"attnviz 9\.1\.0"):
        read(changed(later), "s.zip")


def test_a_file_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(SessionFileError, match="at most 100 MB; got 111 MB"):
        read(b"PK" + b"\0" * (111 * 2**20), "s.zip")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
places = st.sampled_from(
    [("choices",), ("pictures",), ("networks",), ("version",), ("format",)]
    + [("choices", key) for key in CHOICES]
    + [("pictures", 0, key) for key in ("id", "name", "sha256", "height", "width", "file", "regions")]
    + [("networks", 0, key) for key in ("name", "title", "sha256", "bundled")]
)


@settings(max_examples=60, deadline=None)
@given(place=places, value=json_values)
def test_any_value_anywhere_is_taken_or_refused_and_never_a_crash(place: tuple, value: object) -> None:
    try:
        session = read(changed(_set(*place, to=value)), "s.zip")
    except SessionFileError:
        return
    for key, chosen in session.choices.items():
        choice = state.choice_of(key)
        assert choice is not None
        assert choice.check(chosen) == chosen
