"""The map of the comparisons in these tests, and the size of their picture."""

import numpy as np

HW = (30, 40)
VALUES = np.float32([[0.0, 0.25], [0.25, 0.5]])
"""Of a total of 1, the lower right cell holds 0.5 and the upper half 0.25."""
