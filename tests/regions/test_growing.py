"""Masks grown by a distance."""

import sys

import numpy as np
import pytest

from attnviz.regions import grown


class TestGrown:
    MASK = np.zeros((7, 9), bool)
    MASK[3, 4] = True

    def expected(self, radius):
        rows, columns = np.indices(self.MASK.shape)
        return np.hypot(rows - 3, columns - 4) <= radius + 1e-6

    @pytest.mark.parametrize("radius", [0, 0.9, 1, 2, 2.5, 4])
    def test_a_pixel_grows_to_a_disc(self, radius):
        np.testing.assert_array_equal(grown(self.MASK, radius), self.expected(radius))

    def test_without_opencv_the_disc_is_the_same(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "cv2", None)  # importing it now raises ImportError
        for radius in (0, 1, 2.5):
            np.testing.assert_array_equal(grown(self.MASK, radius), self.expected(radius))
