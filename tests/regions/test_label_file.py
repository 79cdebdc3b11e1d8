"""Label pictures: one region for each value."""

import io

import numpy as np
import pytest
from PIL import Image

from attnviz.errors import PictureError, ValueRangeError
from attnviz.regions import regions_from_label_file

LABELS = np.array([[0, 7, 7, 0], [3, 3, 0, 255]], np.uint8)
DOG, GRASS = [[0, 1, 1, 0], [0, 0, 0, 0]], [[0, 0, 0, 0], [1, 1, 0, 0]]


def png(labels: np.ndarray, mode: str | None = None) -> bytes:
    image = Image.fromarray(labels)
    if mode == "P":
        image.putpalette([(7 * value) % 256 for value in range(768)])  # colours say nothing: the values count
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def pixels(region):
    return region.mask_hw.astype(int).tolist()


def test_a_palette_picture_gives_a_region_for_each_value_and_255_is_the_border():
    regions = regions_from_label_file(png(LABELS, "P"), (2, 4))
    assert [one.name for one in regions] == ["label 3", "label 7"]
    assert [pixels(one) for one in regions] == [GRASS, DOG]


def test_in_a_grey_picture_255_is_a_label_like_any_other():
    assert [one.name for one in regions_from_label_file(png(LABELS), (2, 4))] == ["label 3", "label 7", "label 255"]


def test_sixteen_bits():
    regions = regions_from_label_file(png(LABELS.astype(np.uint16) * 100), (2, 4))
    assert [one.name for one in regions] == ["label 300", "label 700", "label 25500"]
    assert pixels(regions[1]) == DOG


def test_names_choose_the_values():
    (dog,) = regions_from_label_file(png(LABELS, "P"), (2, 4), names={7: "dog", 9: "cat"})
    assert (dog.name, pixels(dog)) == ("dog", DOG)
    with pytest.raises(ValueRangeError, match="a value of the given names; got 3, 7, 255"):
        regions_from_label_file(png(LABELS, "P"), (2, 4), names={9: "cat"})


def test_labels_of_another_size_are_resized_without_values_in_between():
    regions = regions_from_label_file(png(LABELS, "P"), (6, 12))
    np.testing.assert_array_equal(regions[1].mask_hw, np.kron(np.array(DOG, bool), np.ones((3, 3), bool)))


def test_what_is_no_label_picture_is_refused():
    with pytest.raises(PictureError, match="got colour mode RGB"):
        regions_from_label_file(png(np.zeros((2, 4, 3), np.uint8)), (2, 4))
    with pytest.raises(PictureError, match="at most 64 values above 0; got 255"):
        regions_from_label_file(png(np.arange(256, dtype=np.uint8).reshape(16, 16)), (16, 16))
    with pytest.raises(ValueRangeError, match="got only 0"):
        regions_from_label_file(png(np.zeros((2, 4), np.uint8)), (2, 4))
    with pytest.raises(PictureError, match="aspect ratio"):
        regions_from_label_file(png(LABELS, "P"), (4, 2))
