"""Regions as plain values, and back."""

import json

import numpy as np
import pytest

from attnviz.comparing.request import region_from_words, region_words
from attnviz.errors import PictureError
from attnviz.regions import Region


def test_a_box_is_told_by_its_corner_and_size() -> None:
    # rows 2 to 6 and columns 3 to 10: x 3, y 2, 7 wide, 4 high
    region = Region.from_box("dog", (2, 3, 6, 10), (20, 30))
    words = region_words(region)
    assert words == {"name": "dog", "box_xywh": [3, 2, 7, 4]}
    again = region_from_words(json.loads(json.dumps(words)), (20, 30))
    np.testing.assert_array_equal(again.mask_hw, region.mask_hw)


@pytest.mark.parametrize("seed", range(3))
def test_any_mask_comes_back_pixel_by_pixel(seed: int) -> None:
    mask = np.random.default_rng(seed).random((23, 31)) < 0.3
    words = region_words(Region("spots", mask))
    assert set(words) == {"name", "mask_png"}
    again = region_from_words(json.loads(json.dumps(words)), (23, 31))
    np.testing.assert_array_equal(again.mask_hw, mask)
    assert again.name == "spots"


def test_a_mask_of_another_picture_is_refused() -> None:
    words = region_words(Region("spots", np.eye(20, dtype=bool)))
    with pytest.raises(PictureError, match="20 x 20"):
        region_from_words(words, (40, 40))
