"""The stored numbers of the first screen are the networks' own, and are used for nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
import streamlit

from attnviz import zoo
from attnviz.pictures import sample_pictures
from attnviz.zoo.cards import WEIGHTS_FOLDER
from dashboard import first_screen, service
from dashboard.first_screen import CHOICE, FILE, Answer, computed, names, stored


@pytest.fixture(scope="module")
def picture():
    return sample_pictures()[0].open()


@pytest.fixture(scope="module")
def kept(picture) -> dict[str, Answer]:
    return {one.reading.name: one for one in stored(picture)}


def test_every_network_of_the_first_screen_is_there(kept):
    assert tuple(kept) == names()


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_the_networks_answer_the_same_here(name, picture, kept):
    """Other processors add in another order: a float32 sum is then off by some 1e-6 of the largest value."""
    here, there = computed(zoo.load(name), picture), kept[name]
    mine, other = here.reading.attention_map, there.reading.attention_map
    np.testing.assert_allclose(other.values_hw, mine.values_hw, rtol=1e-3, atol=1e-4 * float(mine.values_hw.max()))
    assert dict(there.reading.predictions) == pytest.approx(dict(here.reading.predictions), rel=1e-3, abs=1e-6)
    assert [label for label, _ in there.reading.predictions[:3]] == [label for label, _ in here.reading.predictions[:3]]
    assert there.flat == here.flat
    for fact in ("name", "title", "what", "explained", "is_attention", "card", "choice"):
        assert getattr(there.reading, fact) == getattr(here.reading, fact), fact
    for fact in ("method", "sites", "meaning", "unit", "bounds", "signed", "geometry", "target", "note", "untrained"):
        assert getattr(other, fact) == getattr(mine, fact), fact


def test_another_picture_gets_nothing():
    assert not list(stored(sample_pictures()[1].open()))


def test_other_weights_get_nothing(picture, tmp_path):
    """Neither where the card names another file, nor where the file itself was replaced."""
    entries = json.loads((WEIGHTS_FOLDER / "cards.json").read_text())
    for entry in entries:
        (tmp_path / entry["file"]).write_bytes(b"other weights")
    (tmp_path / "cards.json").write_text(json.dumps(entries))
    assert not list(stored(picture, tmp_path))
    for entry in entries:
        (tmp_path / entry["file"]).write_bytes((WEIGHTS_FOLDER / entry["file"]).read_bytes())
        entry["sha256"] = "0" * 64
    (tmp_path / "cards.json").write_text(json.dumps(entries))
    assert not list(stored(picture, tmp_path))


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"network": "vit"}]', "null"])
def test_a_damaged_file_gives_nothing(content, picture, tmp_path):
    file: Path = tmp_path / "first_screen.json"
    file.write_text(content)
    assert not list(stored(picture, file=file))
    assert not list(stored(picture, file=tmp_path / "missing.json"))


def test_what_is_read_can_be_written_again(kept):
    again = json.dumps([first_screen.words_of(one) for one in kept.values()], allow_nan=False)
    assert json.loads(again) == json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_networks_own_answer_takes_the_place_of_the_lent_one(picture, kept):
    streamlit.cache_resource.clear()
    lent = kept["vit"]
    service.lend([lent])
    assert service.read(picture, "vit", CHOICE) is lent.reading  # nothing has run
    assert service.lent_flat(picture, "vit") == lent.flat
    service.renew(picture, "vit")
    own = service.read(picture, "vit", CHOICE)
    assert own is not lent.reading
    assert service.lent_flat(picture, "vit") is None
    service.lend([lent])  # too late: there is a better one
    assert service.read(picture, "vit", CHOICE) is own
    streamlit.cache_resource.clear()
