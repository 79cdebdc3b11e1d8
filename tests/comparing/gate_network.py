"""A network whose answer is arithmetic: one spatial gate that is 3/4 open on white and 1/4 on black."""

import math

import numpy as np
import torch
from torch import nn

import attnviz
from attnviz.pictures import Picture, Preprocessing
from attnviz.zoo import Card, Loaded

HALF = (0.5, 0.5, 0.5)


def gate_network(title: str = "Gate", sha256: str = "a" * 64) -> Loaded:
    """The mask is sigmoid(ln 3 x mean of the channels); white is 1 and black -1, so 3/4 and 1/4."""
    gate = attnviz.layers.SpatialGate(kernel_size=7)
    gate.bn.eps = 0.0
    with torch.no_grad():
        gate.conv.weight.zero_()
        gate.conv.weight[0, 0, 3, 3] = math.log(3)  # the centre tap on the channel of means
    model = nn.Sequential(gate, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()
    card = Card(
        name="gate",
        title=title,
        mechanism="spatial gate",
        architecture="gate",
        classes=("red", "green", "blue"),
        preprocessing=Preprocessing(short_side=16, mean=HALF, std=HALF),
        cam_layer="0",
        parameters=98,
        sha256=sha256,
        origin="file",
    )
    return Loaded(model, card)


def half_white() -> Picture:
    """16 rows, 32 columns, the left half white."""
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16] = 255
    return Picture.from_array(pixels, "half.png")
