"""What a trace or a map method takes as its picture, and the state that a network must be in to be looked at."""

from typing import NoReturn, Protocol

from torch import Tensor, nn

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.geometry import Geometry


class SeenPicture(Protocol):
    """What is needed of a model input."""

    @property
    def tensor(self) -> Tensor:
        """The picture as the network sees it, (1, channels, h, w)."""
        ...

    @property
    def geometry(self) -> Geometry:
        """Where it lies in the source picture."""
        ...


def one_seen(model_input: SeenPicture | Tensor) -> tuple[Tensor, Geometry]:
    """The tensor of one picture and where it lies; a bare tensor is the source picture itself.

    Raises:
        ShapeError: not one picture.
    """
    tensor = model_input if isinstance(model_input, Tensor) else model_input.tensor
    if tensor.dim() != 4 or len(tensor) != 1:
        raise ShapeError(
            f"the model input must be one picture of shape (1, channels, h, w); got {tuple(tensor.shape)}. "
            "Add the batch axis with tensor[None], or give the pictures of a batch one by one."
        )
    if isinstance(model_input, Tensor):
        return tensor, Geometry.identity((int(tensor.shape[-2]), int(tensor.shape[-1])))
    return tensor, model_input.geometry


def beside(model: nn.Module, tensor: Tensor) -> Tensor:
    """The tensor on the device of the model's first parameter."""
    parameter = next(model.parameters(), None)
    return tensor if parameter is None else tensor.to(parameter.device)


def refuse_training(name: str) -> NoReturn:
    """Say which module, by dotted name, is in training mode.

    Raises:
        ValueRangeError: always.
    """
    raise ValueRangeError(
        f"model must be in evaluation mode; got training mode{f' in {name}' if name else ''}. Call model.eval() first."
    )
