"""How alike two maps of one grid are: by rank, by structure, and by where their mass lies."""

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError

Values = npt.NDArray[np.floating]

_WINDOW = 7
"""Side of scikit-image's sliding window, in cells; a smaller grid takes the largest odd window that fits."""


def rank_correlation(one_hw: Values, other_hw: Values) -> float:
    """Spearman's rank correlation of the cells that both maps define.

    Returns:
        1 for maps of the same order, -1 for the reverse order, about 0 for maps that have nothing in common; ties get
        their mean rank. Two equal maps give exactly 1. NaN if just one of the maps is constant: it has no order.

    Raises:
        ShapeError: the maps have different grids.
    """
    one, other = _both_defined(one_hw, other_hw)
    if np.array_equal(one, other):
        return 1.0
    from scipy.stats import rankdata  # here: it takes as long to import as all of attnviz

    ranks = [rankdata(values) for values in (one, other)]
    deviations = [rank - rank.mean() for rank in ranks]
    norm = np.sqrt((deviations[0] ** 2).sum() * (deviations[1] ** 2).sum())
    return float((deviations[0] * deviations[1]).sum() / norm) if norm > 0 else float("nan")


def structure(one_hw: Values, other_hw: Values) -> float:
    """Structural similarity (SSIM, Wang et al. 2004) on the native grid, by scikit-image, in [-1, 1].

    Each map is first scaled to 0..1, as the SSIM of maps in different units means nothing; a constant map becomes 0.

    Returns:
        1 for maps that are equal up to their scale. NaN on a grid under 3 cells wide or high, or with undefined cells.

    Raises:
        ShapeError: the maps have different grids.
    """
    _check(one_hw, other_hw)
    side = min(_WINDOW, *one_hw.shape)
    if side < 3 or not (np.isfinite(one_hw).all() and np.isfinite(other_hw).all()):
        return float("nan")
    from skimage.metrics import structural_similarity  # here: it imports scipy, as above

    return float(structural_similarity(_unit(one_hw), _unit(other_hw), win_size=side - (side % 2 == 0), data_range=1.0))


def moved_mass(one_hw: Values, other_hw: Values) -> float:
    """The share of one map's total that lies elsewhere in the other: half the sum of |a / sum(a) - b / sum(b)|.

    Returns:
        0 for equal maps, 1 for maps that share no cell. NaN for maps with negative values, or without any mass.

    Raises:
        ShapeError: the maps have different grids.
    """
    one, other = (values.astype(np.float64) for values in _both_defined(one_hw, other_hw))
    if min(one.min(), other.min()) < 0 or not (one.any() and other.any()):
        return float("nan")
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def _both_defined(one_hw: Values, other_hw: Values) -> tuple[Values, Values]:
    _check(one_hw, other_hw)
    known = np.isfinite(one_hw) & np.isfinite(other_hw)
    if not known.any():
        raise ShapeError("two maps must define some cells in common to be compared; got none. Compare other maps.")
    return one_hw[known], other_hw[known]


def _check(one_hw: Values, other_hw: Values) -> None:
    if one_hw.shape != other_hw.shape:
        raise ShapeError(
            f"two maps must have one grid to be compared; got {one_hw.shape} and {other_hw.shape}. Use the same layer."
        )


def _unit(values: Values) -> npt.NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    scaled = values.astype(np.float64) - low
    return scaled / (high - low) if high > low else scaled
