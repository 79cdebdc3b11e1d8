"""Warnings in the pixels of a map."""

import numpy as np

from dashboard.badges import COLOUR, with_badge

RED = tuple(bytes.fromhex(COLOUR[1:]))


def red(pixels: np.ndarray) -> np.ndarray:
    return (pixels == RED).all(axis=2)


def test_nothing_to_say_leaves_the_pixels() -> None:
    grey = np.full((60, 90, 3), 128, np.uint8)
    assert with_badge(grey, ()) is grey


def test_a_badge_stands_in_the_corner_of_a_copy() -> None:
    grey = np.full((300, 400, 3), 128, np.uint8)
    drawn = with_badge(grey, ("untrained parts: 2 of 62 tensors",))
    assert (grey == 128).all()
    rows, columns = np.nonzero(red(drawn))
    assert rows.min() < 30
    assert columns.min() < 30
    assert columns.max() < 0.98 * 400  # not cut off at the right
    assert (drawn[200:] == 128).all()
    assert (drawn == 255).any()


def test_long_words_fit_a_narrow_picture() -> None:
    drawn = with_badge(np.zeros((400, 160, 3), np.uint8), ("untrained parts: 12345 of 12345 tensors", "unproven"))
    assert np.nonzero(red(drawn))[1].max() < 158
