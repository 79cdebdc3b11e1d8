"""The score of one class, as the methods that differentiate it or watch it change need it."""

from torch import Tensor

from attnviz.errors import ShapeError, ValueRangeError


def class_scores(output: object, pictures: int = 1) -> Tensor:
    """What a classifier gave, if that is class scores, (pictures, classes).

    Args:
        output: of the model: a tensor, or something that holds one as `.logits`.
        pictures: how many it saw.

    Raises:
        ShapeError: it is something else.
    """
    scores = getattr(output, "logits", output)
    if not isinstance(scores, Tensor) or scores.ndim != 2 or len(scores) != pictures:
        got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ShapeError(
            f"the model must return class scores of shape ({pictures}, classes); got {got}. Wrap the model."
        )
    return scores


def chosen_class(scores: Tensor, target: int | None) -> int:
    """The class that a map speaks about: the one asked for, or the top-1 class of the first picture.

    Raises:
        ValueRangeError: there is no class of that index.
    """
    classes = scores.shape[-1]
    if target is None:
        return int(scores.reshape(-1, classes)[0].argmax())
    if not 0 <= target < classes:
        raise ValueRangeError(
            f"target must be a class index in 0..{classes - 1}; got {target}. None takes the top one."
        )
    return target


def of_which_class(target: int | None) -> str:
    """For a map's meaning: whether the class was chosen."""
    return "the top-1 class" if target is None else "the chosen class"


def own_tensor(tensor: Tensor) -> Tensor:
    """The picture without history, outside of inference mode, so that gradients may start from it."""
    return tensor.detach().clone() if tensor.is_inference() else tensor.detach()
