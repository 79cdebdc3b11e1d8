"""Pictures, maps and panels made to measure."""

from collections.abc import Callable

import numpy as np
import pytest

from attnviz.focus import share
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.records import Site
from attnviz.regions import Region
from attnviz.render import Panel


@pytest.fixture
def map_of() -> Callable[..., AttentionMap]:
    """Makes a map of these values whose cells divide a picture of `hw` pixels evenly, unless a geometry is given."""

    def make(values, hw=(4, 6), **changes) -> AttentionMap:
        settings = {
            "method": "Toy()",
            "sites": (Site("layer4", 0, "toy"),),
            "meaning": "a toy map",
            "unit": "share of attention",
            "bounds": (0.0, 1.0),
            "signed": False,
            "geometry": Geometry.identity(hw),
        }
        return AttentionMap(np.asarray(values), **(settings | changes))

    return make


@pytest.fixture
def photograph() -> Callable[[tuple[int, int]], Picture]:
    """Makes a picture of any size with a colour that changes from place to place."""

    def make(hw: tuple[int, int]) -> Picture:
        rows, columns = np.mgrid[0 : hw[0], 0 : hw[1]]
        rgb = np.dstack([255 * rows // hw[0], 255 * columns // hw[1], np.full(hw, 90)]).astype(np.uint8)
        return Picture(rgb=rgb, sha256="0" * 64, name="photograph.png")

    return make


@pytest.fixture
def panels_of(map_of) -> Callable[..., list[Panel]]:
    """Makes panels with long names, predictions and scores, as they come from real networks."""

    def make(count: int, hw: tuple[int, int], region: Region | None = None) -> list[Panel]:
        made = []
        for number in range(count):
            values = np.random.default_rng(number).random((8, 8))
            one = map_of(values, hw)
            focus = share(one, region) if region is not None else None
            predictions = (("Yorkshire terrier", 0.87), ("tabby", 0.05))
            made.append(Panel(f"Attention-augmented ResNet {number}", one, predictions, focus))
        return made

    return make
