"""Networks whose answers are arithmetic: the probability of class 0 is a number that can be read off the picture."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from attnviz.geometry import Geometry
from attnviz.layers import SqueezeExcitation
from attnviz.maps import AttentionMap, MethodCard
from attnviz.pictures import Picture, Preprocessing
from attnviz.records import Record

AS_IT_IS = Preprocessing(short_side=8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
"""A picture of 8 x 8 pixels becomes its own values, 0 to 1."""


def scores(probability: Tensor) -> Tensor:
    """Class scores whose softmax is (p, 1 - p)."""
    return torch.stack([probability, 1 - probability], dim=1).log()


class Corner(nn.Module):
    """p is the mean of the top left quarter of the picture."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2] // 2, x.shape[3] // 2
        return scores(x[:, :, :height, :width].mean(dim=(1, 2, 3)))


class Middle(nn.Module):
    """p is the mean of the middle ninth of the picture."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2] // 3, x.shape[3] // 3
        return scores(x[:, :, height : 2 * height, width : 2 * width].mean(dim=(1, 2, 3)))


class Gated(nn.Module):
    """A gate of 1/4, 1/2 and 3/4 on the three colours, whatever the picture; p is the mean of the first one."""

    def __init__(self) -> None:
        super().__init__()
        self.se = SqueezeExcitation(3, reduction=1)
        with torch.no_grad():
            self.se.fc2.weight.zero_()
            self.se.fc2.bias.copy_(torch.tensor([1 / 4, 1 / 2, 3 / 4]).logit())

    def forward(self, x: Tensor) -> Tensor:
        return scores(self.se(x)[:, 0].mean(dim=(1, 2)))


class Looking(nn.Module):
    """A class token that looks at itself and at patches of 8 pixels, at all of them alike, with two equal heads.

    The value of a patch is its brightness and that of the class token 0; p is the mean of what the two heads see.
    """

    prefix = ("class",)

    def __init__(self) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(2, 2, bias=False, batch_first=True)
        with torch.no_grad():
            self.attn.in_proj_weight.zero_()
            self.attn.in_proj_weight[4:] = torch.eye(2)
            self.attn.out_proj.weight.copy_(torch.eye(2))

    def grid_of(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        return input_hw[0] // 8, input_hw[1] // 8

    def forward(self, x: Tensor) -> Tensor:
        patches = nn.functional.avg_pool2d(x.mean(dim=1, keepdim=True), 8).flatten(2).transpose(1, 2)
        tokens = torch.cat([torch.zeros(len(x), 1, 1), patches], dim=1).expand(-1, -1, 2)
        seen = self.attn(tokens, tokens, tokens, need_weights=False)[0]
        return scores(seen[:, 0].mean(dim=1))


class Layers(nn.Module):
    """Three layers of weights, one after the other, and a number that no stage replaces."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(8, 4)  # registered first, and yet it runs last
        self.first = nn.Conv2d(3, 8, 1)
        self.second = nn.Conv2d(8, 8, 1)
        self.bend = nn.PReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.bend(self.second(self.first(x))).mean(dim=(2, 3)))


def card(class_dependent: bool = False) -> MethodCard:
    return MethodCard("toy", "Toy", "What is where?", "nothing", class_dependent, "toy")


def map_of(values: np.ndarray, geometry: Geometry | None = None, target: int | None = None) -> AttentionMap:
    return AttentionMap(np.asarray(values), "Toy()", (), "a toy", "toy", (0.0, np.inf), False, geometry, target)


@dataclass(frozen=True)
class Brightness:
    """The picture's own brightness: a map that knows nothing of the network's weights."""

    card: ClassVar[MethodCard] = card()

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        return map_of(tensor[0].mean(dim=0).numpy(), geometry)

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return True


@dataclass(frozen=True)
class FirstWeights:
    """The weights of the layer `first`, laid out 4 x 6: a map that knows nothing of the picture."""

    card: ClassVar[MethodCard] = card()

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        return map_of(model.first.weight.detach().abs().reshape(4, 6).numpy(), geometry)  # type: ignore[union-attr]

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return True


@dataclass(frozen=True)
class OneChannel:
    """Channel `target` of the picture: a map for each of three classes."""

    card: ClassVar[MethodCard] = card(class_dependent=True)
    target: int | None = None

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        assert self.target is not None
        return map_of(tensor[0, self.target].numpy(), geometry, self.target)

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return True


def white_corner() -> Picture:
    """8 x 8 pixels, black, the top left quarter white. The mean colour is 255 / 4, rounded to 64."""
    rgb = np.zeros((8, 8, 3), np.uint8)
    rgb[:4, :4] = 255
    return Picture.from_array(rgb)
