"""Comparisons whose numbers can be worked out by hand."""

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
from tests.export.by_hand import HW, VALUES


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


@pytest.fixture
def comparison(small):
    """The same with one region, exactly the lower right cell, and a file name that starts a formula."""
    shown, other = small.panels
    told = replace(shown.attention_map, note="a remark")
    panel = replace(shown, attention_map=told, weights="se_resnet 1234", others=())
    second = replace(other, attention_map=told, weights="se_resnet 1234")
    picture = Picture(np.full((*HW, 3), 128, np.uint8), sha256="ab" * 32, name="=dog.jpg")
    return replace(small, picture=picture, panels=(panel, second), others=(), heading="")
