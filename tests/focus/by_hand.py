"""Maps, regions and pictures of four by four pixels, small enough to score by hand."""

import math

import numpy as np

from attnviz.geometry import Geometry
from attnviz.maps.base import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region

FOUR = Geometry.identity((4, 4))  # a 2 x 2 grid on it has cells of 2 x 2 pixels
LEFT = Region.from_box("left", (0, 0, 4, 2), (4, 4))
BOTTOM = Region.from_box("bottom", (2, 0, 4, 4), (4, 4))
MIDDLE = Region.from_box("middle", (1, 1, 3, 3), (4, 4))


def a_map(values, geometry=FOUR, signed=False) -> AttentionMap:
    return AttentionMap(
        values_hw=np.array(values, dtype=np.float32),
        method="ByHand()",
        sites=(),
        meaning="a map made by hand",
        unit="share",
        bounds=(-math.inf, math.inf),
        signed=signed,
        geometry=geometry,
    )


def grey_picture(values) -> Picture:
    """A picture of these grey values, 0 to 255."""
    return Picture(np.repeat(np.array(values, np.uint8)[..., None], 3, axis=2), sha256="0" * 64, name="grey.png")
