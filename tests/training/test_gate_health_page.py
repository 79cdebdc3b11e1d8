"""The page of gate health, on networks and pictures made to measure."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attnviz.errors import ValueRangeError
from attnviz.layers import SqueezeExcitation
from attnviz.pictures import Preprocessing
from attnviz.training.data import Split
from attnviz.training.gate_health_page import health_report
from attnviz.zoo import Card, Loaded


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = SqueezeExcitation(channels=3)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.attention(x).mean(dim=(2, 3)))


def loaded(model: nn.Module, name: str, untrained: str = "") -> Loaded:
    card = Card(
        name=name,
        title=name.title(),
        mechanism="se",
        architecture="toy",
        classes=("tabby", "goldfish"),
        preprocessing=Preprocessing(8, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
        cam_layer="attention",
        parameters=9,
        untrained=untrained,
    )
    return Loaded(model.eval(), card)


@pytest.fixture
def split() -> Split:
    """Two classes with two pictures each, noise of 8 x 8 pixels."""
    pictures = np.random.default_rng(0).integers(0, 255, (4, 8, 8, 3), dtype=np.uint8)
    return Split(pictures, np.array([0, 0, 1, 1]), np.zeros((4, 4)), ("n02123045", "n01443537"))


def test_the_page_tells_what_is_flat_with_charts_and_a_table(split: Split, tmp_path: Path) -> None:
    torch.manual_seed(0)
    constant = Gated()
    nn.init.zeros_(constant.attention.fc2.weight)  # sigmoid(bias) whatever the picture
    with torch.no_grad():
        constant.attention.fc2.bias.copy_(torch.tensor([-8.0, 0.0, 8.0]))
    plain = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    told: list[tuple[str, int, int]] = []
    page = health_report(
        [loaded(constant, "constant", "all of it"), loaded(plain, "plain")],
        split,
        2,
        tmp_path / "charts",
        lambda *seen: told.append(seen),
    )
    assert "on 4 pictures: 2 of each of 2 classes" in page
    assert "### Constant" in page
    assert "**UNTRAINED: all of it. These numbers mean nothing.**" in page
    assert "The only channel gate: the same for every picture." in page
    # one of three channels is closed, one is open
    assert "| attention | channel gate | 0.000, 0.500, 1.000 | 33 % | 33 % |" in page
    assert "No gate: Plain." in page
    assert "(charts/constant.png)" in page
    assert "![Mean excitation of goldfish, tabby by channel" in page
    assert sorted(file.name for file in (tmp_path / "charts").iterdir()) == ["constant.png", "constant_by_class.png"]
    assert told == [("constant", done, 4) for done in (1, 2, 3, 4)]


def test_without_a_folder_there_are_no_charts(split: Split) -> None:
    page = health_report([loaded(Gated(), "gated")], split, 1)
    assert "![" not in page
    assert "on 2 pictures" in page
    assert "UNTRAINED" not in page


def test_no_network_or_too_few_pictures(split: Split) -> None:
    with pytest.raises(ValueRangeError, match="got none"):
        health_report([], split)
    with pytest.raises(ValueRangeError, match=r"1\.\.2.*got 3"):
        health_report([loaded(Gated(), "gated")], split, 3)
