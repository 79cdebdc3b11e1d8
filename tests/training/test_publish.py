from pathlib import Path

import numpy as np
import pytest
import torch

from attnviz import zoo
from attnviz.models import ARCHITECTURES, build
from attnviz.training.classes import FIFTY
from attnviz.training.data import Split
from attnviz.training.evaluate import hit_rates
from attnviz.training.publish import SHORT_SIDES, TITLES, publish


def test_hit_rates_by_hand() -> None:
    logits = torch.tensor([[6.0, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1]])
    labels = torch.tensor([0, 5, 1, 5])  # first, first, fifth, sixth
    assert hit_rates(logits, labels) == pytest.approx((2 / 4, 3 / 4))


def test_published_weights_are_what_the_card_measured(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build("se_resnet", 50)
    checkpoint = tmp_path / "se_resnet.pt"
    torch.save({"model": model.state_dict(), "seconds": 12.34}, checkpoint)
    torch.save({"model": {}, "seconds": 60.0}, tmp_path / "trunk.pt")
    pictures = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    validation = Split(pictures, np.arange(6), np.zeros((6, 4), int), tuple(FIFTY))
    card = publish("se_resnet", checkpoint, validation, tmp_path)
    loaded = zoo.load("se_resnet", tmp_path)
    assert loaded.card.to_json() == card.to_json()
    assert set(card.top1_by_short_side) == {str(side) for side in SHORT_SIDES}
    assert card.top1 == max(card.top1_by_short_side.values())
    # of the phases on the way, two have left a checkpoint
    assert card.measured["training_seconds"] == {"trunk": 60.0, "se_resnet": 12.3}
    centred = (4 * 4 - 3 * 3) * (3 * 32 + 32 * 64 + 64 * 128)  # three strided kernels of 16 weights instead of 9
    assert card.parameters == 1_582_418 + centred + sum(
        2 * c * (c // 16) + c // 16 + c for c in (32, 64, 64, 128, 128, 160, 160)
    )  # the plain network with 3x3 kernels, and seven gates
    for name, tensor in loaded.model.state_dict().items():
        wanted = model.state_dict()[name]
        assert torch.equal(tensor, wanted.half().float() if wanted.is_floating_point() else wanted)


def test_a_network_of_windows_is_measured_where_they_fit(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save({"model": build("swin", 50).state_dict()}, tmp_path / "swin.pt")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    validation = Split(pictures, np.arange(2), np.zeros((2, 4), int), tuple(FIFTY))
    card = publish("swin", tmp_path / "swin.pt", validation, tmp_path)
    assert card.preprocessing.multiple_of == 16
    assert set(card.top1_by_short_side) == {"64", "80", "96", "128"}
    assert card.measured["training_seconds"] == {}


def test_every_network_that_can_be_built_has_a_title_of_its_own() -> None:
    assert set(TITLES) == set(ARCHITECTURES)
    assert len({title for title, _ in TITLES.values()}) == len(TITLES)
