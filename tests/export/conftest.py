"""A comparison whose numbers can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from attnviz.export import Comparison
from attnviz.focus import share
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.records import Site
from attnviz.regions import Region
from attnviz.render import Panel

HW = (30, 40)
VALUES = np.float32([[0.0, 0.25], [0.25, 0.5]])
"""Of a total of 1, the lower right cell holds 0.5 and the upper half 0.25."""


@pytest.fixture
def small():
    """Two networks, two regions, 640 x 360 pixels at 100 dots; the second network is untrained and has no score."""
    one = AttentionMap(
        VALUES,
        "GradCam(target=7, layer='layer4')",
        (Site("layer4", 0, "grad_cam"),),
        "what raises the score",
        "gradient-weighted activation",
        (0.0, np.inf),
        False,
        Geometry.identity(HW),
        target=7,
    )
    dog = Region.from_box("dog", (15, 20, 30, 40), HW)
    ring = np.zeros(HW, bool)
    ring[:15] = True
    ring[0, 0] = False
    grass = Region("grass", ring)  # the upper half without a corner: no box
    rgb = np.random.default_rng(0).integers(0, 256, (*HW, 3), np.uint8)
    picture = Picture(rgb, sha256="ab" * 32, name="dog.jpg")
    first = Panel(
        "SE-ResNet",
        one,
        (("tabby", 0.75), ("lion", 0.25)),
        share(one, dog),
        weights="12" * 32,
        others=(share(one, grass),),
    )
    second = replace(first, title="ViT", focus=None, others=(), trained=False)
    return Comparison(
        picture, (first, second), dog, others=(grass,), size=(6.4, 3.6), heading="SE-ResNet looks at the dog"
    )
