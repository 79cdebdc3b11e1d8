"""The catalogue says what the installed libraries say, and every network in it can be had from them."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

from attnviz.errors import AssetError, NotFoundError, ValueRangeError
from attnviz.pictures import Picture, preprocess
from attnviz.zoo.pretrained import catalogue, entries, libraries
from attnviz.zoo.pretrained.entries import Pretrained, entry_of
from attnviz.zoo.pretrained.load import preprocessing_of
from docs import networks

TORCHVISION = [entry for entry in catalogue() if entry.origin == "torchvision"]
TIMM = [entry for entry in catalogue() if entry.origin == "timm"]


def test_names_and_files_are_unique() -> None:
    assert len(TORCHVISION) + len(TIMM) == len(catalogue()) >= 30
    for names in ([entry.name for entry in catalogue()], [entry.file_name for entry in catalogue()]):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "words",
    ["SE:", "ECA:", "GC:", "self-attention", "windowed", "registers", "window and grid", "halo", "in the last stages"],
)
def test_every_kind_of_attention_has_a_network(words: str) -> None:
    assert any(words in entry.mechanism for entry in catalogue())


def test_timm_has_pretrained_weights_of_each_name() -> None:
    import timm

    known = set(timm.list_pretrained())
    assert [entry.name for entry in TIMM if entry.name not in known] == []


@pytest.mark.parametrize("entry", TORCHVISION, ids=lambda entry: entry.name)
def test_torchvision_states_these_facts(entry: Pretrained) -> None:
    facts = networks.torchvision_facts(entry.name, entry.weights)
    assert {name: getattr(entry, name) for name in facts} == facts
    assert re.fullmatch("[0-9a-f]{8,}", entry.sha256_prefix)
    assert entry.sha256_prefix in entry.address
    assert entry.file_name == entry.address.rpartition("/")[2]


@pytest.mark.parametrize("entry", TIMM, ids=lambda entry: entry.name)
def test_timm_states_these_facts(entry: Pretrained) -> None:
    config = libraries.timm_config(entry.name)
    assert entry.licence == config["license"]
    assert entry.classes == config["num_classes"]
    assert entry.address == f"https://huggingface.co/{config['hf_hub_id']}/resolve/main/model.safetensors"
    assert entry.file_name == f"{entry.name}.safetensors"


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_the_preprocessing_makes_an_input_of_the_stated_size(entry: Pretrained) -> None:
    assert preprocessing_of(entry).crop_hw == entry.input_hw


@pytest.mark.parametrize("name", ["efficientnet_b0", "mobilenet_v3_large", "swin_v2_t"])
def test_a_picture_becomes_what_torchvision_makes_of_it(name: str) -> None:
    """Bicubic and bilinear; short sides 256, 232 and 260."""
    entry, rgb = entry_of(name), _noise(301, 433)
    expected = libraries.torchvision_weights(name, entry.weights).transforms()(Image.fromarray(rgb))  # type: ignore[attr-defined]
    ours = preprocess(Picture.from_array(rgb), preprocessing_of(entry)).tensor[0]
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ["deit_tiny_patch16_224.fb_in1k", "coatnet_nano_rw_224.sw_in1k"])
def test_a_picture_becomes_what_timm_makes_of_it(name: str) -> None:
    """floor(224 / 0.9) = 248 pixels, with ImageNet's mean and with one half."""
    from timm.data import create_transform, resolve_data_config

    rgb = _noise(433, 301)
    facts = resolve_data_config(pretrained_cfg=dict(libraries.timm_config(name)))
    expected = create_transform(**facts)(Image.fromarray(rgb))
    ours = preprocess(Picture.from_array(rgb), preprocessing_of(entry_of(name)))
    assert ours.preprocessing is not None
    assert ours.preprocessing.short_side == 248
    torch.testing.assert_close(ours.tensor[0], expected, atol=1e-5, rtol=0)


def test_preprocessing_that_cannot_be_done_is_refused() -> None:
    config = dict(libraries.timm_config("deit_tiny_patch16_224.fb_in1k"))
    with pytest.raises(ValueRangeError, match="crop_mode must be 'center'; got 'squash'"):
        libraries.timm_preprocessing({**config, "crop_mode": "squash"})
    with pytest.raises(ValueRangeError, match="must be square; got 224 x 256"):
        libraries.timm_preprocessing({**config, "input_size": (3, 224, 256)})


def test_weights_that_an_older_timm_lacks_get_one_sentence() -> None:
    with pytest.raises(AssetError, match=r"timm must know the weights 'vit_of_tomorrow.x'"):
        libraries.timm_config("vit_of_tomorrow.x")


def test_a_missing_library_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(libraries.importlib.sys.modules, "timm", None)  # type: ignore[attr-defined]
    with pytest.raises(AssetError, match=r"timm must be installed for this network; .*attnviz.networks"):
        libraries.library("timm")


def test_an_unknown_name_gets_the_nearest_and_all() -> None:
    with pytest.raises(NotFoundError, match="nearest: 'efficientnet_b0'"):
        entry_of("efficientnet_bo")


@pytest.mark.parametrize("stored", [None, "{", '[{"name": "x"}]'])
def test_a_damaged_catalogue_gets_one_sentence(tmp_path, monkeypatch, stored) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "catalogue.json"
    if stored is not None:
        file.write_text(stored)
    monkeypatch.setattr(entries, "FILE", file)
    with pytest.raises(AssetError, match="must hold the list of pretrained networks"):
        catalogue.__wrapped__()


def test_the_page_is_that_of_the_catalogue() -> None:
    assert networks.PAGE.read_text(encoding="utf-8") == networks.page(catalogue()), "run python -m docs.networks"


@pytest.mark.slow
def test_the_catalogue_is_what_the_script_writes() -> None:
    """With the parameters and sizes of all networks, which are built for it."""
    written = networks.written([networks.entry(chosen) for chosen in networks.chosen_fields()])
    assert entries.FILE.read_text(encoding="utf-8") == written


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
