"""How much a gate changes the features of its layer, and how much of that is more than turning all of them down."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from attnviz.errors import ShapeError, ValueRangeError


@dataclass(frozen=True)
class Change:
    """How far a gate moved the features that it multiplied, as shares of their size.

    `total` squared is the sum of two squares: (1 - `common`) squared, what one factor for all features does, and
    `selective` squared, what is left and tells features apart.

    Attributes:
        total: ||gate * x - x|| / ||x||. 0 for a gate of ones, 1 for a gate of zeros.
        common: the one factor that comes nearest to the gate: the mean factor, weighted by squared features.
        selective: ||gate * x - common * x|| / ||x||. 0 for a gate whose factors are all the same.
    """

    total: float
    common: float
    selective: float


def feature_change(features_chw: npt.ArrayLike, factor: npt.ArrayLike) -> Change:
    """How much multiplying by a gate's factors changes a feature map.

    With x the features and g the factors: total = ||g x - x|| / ||x||, Euclidean norms over all channels and places.
    The nearest single factor is common = <g x, x> / <x, x>, and selective = ||g x - common x|| / ||x||. As g x - common
    x is at right angles to x, total^2 = (1 - common)^2 + selective^2.

    Args:
        features_chw: what the gate multiplied, shape (channels, h, w).
        factor: what it multiplied them with, of a shape that broadcasts to (channels, h, w).

    Returns:
        The change. A gate of ones gives a total of 0 and a gate of zeros 1; both, and every other flat gate, have a
        selective part of exactly 0. A gate that closes half of the energy and leaves the other half gives a total of
        sqrt(1/2), with a common factor of 1/2 and a selective part of 1/2.

    Raises:
        ShapeError: the features have other axes, or the factors do not fit them.
        ValueRangeError: a number is not finite, or all features are zero.

    Misleads when:
        the total is read as attention. A flat gate of 0.5 halves every feature and has a total of 0.5, but a following
        normalisation undoes it: look at the selective part. Neither says whether the change mattered for the answer.

    Reference:
        Ours. The split is the orthogonal projection of the gated features onto the features.

    Example:
        >>> feature_change([[[1.0, 1.0]]], [[[1.0, 0.0]]])
        Change(total=0.7071067811865476, common=0.5, selective=0.5)
    """
    x, g = np.asarray(features_chw, dtype=np.float64), np.asarray(factor, dtype=np.float64)
    if x.ndim != 3 or x.size == 0:
        raise ShapeError(f"features must have shape (channels, h, w); got {x.shape}. Give the map of one picture.")
    try:
        g = np.broadcast_to(g, x.shape)
    except ValueError as error:
        raise ShapeError(
            f"factors must broadcast to the features' shape {x.shape}; got {g.shape}. Give them as (channels, 1, 1), "
            "(1, h, w) or (channels, h, w)."
        ) from error
    if not (np.isfinite(x).all() and np.isfinite(g).all()):
        raise ValueRangeError("features and factors must be finite; got NaN or infinity. Check the network's weights.")
    squares = np.square(x)
    size = float(squares.sum())
    if not size > 0:
        raise ValueRangeError(
            f"features must differ from zero somewhere; got 0 in all {x.size}. Leave this layer out: it is silent."
        )
    first = float(g.flat[0])
    # exactly, where rounding of the weighted mean would leave a trace
    common = first if (g == first).all() else float((g * squares).sum()) / size
    total, selective = (float(np.sqrt((np.square(g - from_) * squares).sum() / size)) for from_ in (1.0, common))
    return Change(total, common, selective)
