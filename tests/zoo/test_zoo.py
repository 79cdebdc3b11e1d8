import json
import shutil
from pathlib import Path

import pytest
import torch
from skimage import data as samples

import attnviz
from attnviz import zoo
from attnviz.errors import AssetError, NotFoundError
from attnviz.pictures import Picture
from attnviz.zoo.cards import WEIGHTS_FOLDER, Card

NETWORKS = (
    "resnet_plain", "se_resnet", "cbam_resnet", "aa_resnet", "vit", "swin", "residual_attention",
    "cbam_spatial_first", "cbam_channel", "cbam_channel_avg", "cbam_channel_max",
)  # fmt: skip


def test_the_networks_are_bundled() -> None:
    assert zoo.names() == NETWORKS


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bundled_network_loads_small_and_ready(name: str) -> None:
    loaded = zoo.load(name)
    assert (WEIGHTS_FOLDER / loaded.card.file).stat().st_size <= 8 * 2**20
    assert not loaded.model.training
    assert sum(p.numel() for p in loaded.model.parameters()) == loaded.card.parameters
    assert loaded.model.get_submodule(loaded.card.cam_layer)
    assert len(loaded.card.classes) == 50
    assert 64 <= loaded.card.preprocessing.short_side <= 128


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bundled_network_knows_a_cat_and_a_cup_of_coffee(name: str) -> None:
    loaded = zoo.load(name)
    cat = (samples.chelsea(), {"tabby", "Egyptian cat", "Persian cat"})
    coffee = (samples.coffee(), {"espresso"})
    # README: the transformers take Chelsea for a dog; the Swin has no cat among its first five answers.
    for rgb, wanted in (coffee,) if name == "swin" else (cat, coffee):
        model_input = loaded.preprocess(Picture.from_array(rgb))
        with torch.no_grad():
            best = loaded.model(model_input.tensor)[0].topk(5).indices
        assert wanted & {loaded.card.classes[k] for k in best}


def test_each_load_is_a_fresh_model() -> None:
    first, second = zoo.load("se_resnet").model, zoo.load("se_resnet").model
    with torch.no_grad():
        first.fc.weight.zero_()
    assert second.fc.weight.abs().sum() > 0


def test_an_unknown_network_names_the_nearest_and_all() -> None:
    with pytest.raises(NotFoundError, match="nearest: 'vit'") as error:
        attnviz.load("vitt")
    assert all(name in str(error.value) for name in NETWORKS)


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS_FOLDER, tmp_path / "weights")
    file = tmp_path / "weights" / "vit.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(AssetError, match="damaged or was replaced"):
        zoo.load("vit", tmp_path / "weights")
    file.unlink()
    with pytest.raises(AssetError, match="full checkout"):
        zoo.load("vit", tmp_path / "weights")


def test_missing_and_broken_cards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="no such file"):
        zoo.cards(tmp_path)
    for broken in ("[{]", "[{}]", json.dumps([{"name": "x", "surprise": 1}])):
        (tmp_path / "cards.json").write_text(broken)
        with pytest.raises(AssetError, match="must hold a list of cards"):
            zoo.cards(tmp_path)


def test_a_card_survives_the_file() -> None:
    card = zoo.load("cbam_resnet").card
    again = Card.from_json(json.loads(json.dumps(card.to_json())))
    assert again == card
    assert again.preprocessing.mean == (0.485, 0.456, 0.406)
