"""What the lessons share: arrays of numbers from what people typed, and the softmax."""

import numpy as np
import numpy.typing as npt
from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError

Array = npt.NDArray[np.float64]


def matrix(name: str, values: npt.ArrayLike, axes: tuple[str, ...] = ("rows", "columns")) -> Array:
    """The values as an array of finite numbers with these axes.

    Raises:
        ShapeError: it has other axes, or one of them is empty.
        ValueRangeError: a value is no finite number.
    """
    expected = f"({', '.join(axes)}{',' * (len(axes) == 1)})"
    try:
        found = np.array(values, dtype=np.float64)  # a copy: PyTorch wants arrays that may be written
    except (TypeError, ValueError):
        raise ValueRangeError(
            f"{name} must be numbers of shape {expected}; got {values!r:.60}. Give numbers only."
        ) from None
    if found.ndim != len(axes) or found.size == 0:
        raise ShapeError(f"{name} must have shape {expected}; got {found.shape}. Give at least one number.")
    if not np.isfinite(found).all():
        wrong = found[~np.isfinite(found)][0]
        raise ValueRangeError(f"{name} must be finite numbers; got {wrong}. Fill every cell.")
    return found


def array(tensor: Tensor) -> Array:
    """A tensor's numbers."""
    return np.asarray(tensor.detach().double().cpu().numpy())


def softmax(logits: npt.ArrayLike, axis: int = -1) -> Array:
    """`exp(l) / sum(exp(l))` along an axis; equal logits give equal shares.

    Example:
        >>> softmax([0.0, np.log(3)]).round(6).tolist()
        [0.25, 0.75]
    """
    values = np.asarray(logits, dtype=np.float64)
    # the largest is taken away first: the shares stay the same, and no exponential overflows
    exponentials = np.exp(values - values.max(axis=axis, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=axis, keepdims=True))
