"""A call of a network with several pictures, taken apart and put together again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from attnviz.errors import ShapeError

Values = TypeVar("Values", tuple[object, ...], dict[str, object])


def pictures_in(args: Iterable[object], kwargs: Mapping[str, object]) -> Tensor | None:
    """The first tensor of shape (pictures, channels, h, w) among the arguments; None if there is none."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Tensor) and value.dim() == 4:
            return value
    return None


def one_of(values: Values, number: int, count: int) -> Values:
    """The arguments for one picture of `count`: of every batch of so many pictures, that picture as a batch of one.

    Raises:
        ShapeError: another tensor has as many rows as there are pictures, so that nobody knows whether it is shared.
    """

    def pick(value: object) -> object:
        if not isinstance(value, Tensor) or value.dim() == 0 or len(value) != count or count == 1:
            return value
        if value.dim() != 4:
            raise ShapeError(
                f"an argument beside {count} pictures must not have {count} rows of its own; got one of shape "
                f"{tuple(value.shape)}, which may belong to each picture or to all. Give the pictures one by one."
            )
        return value[number : number + 1]

    if isinstance(values, dict):
        return {name: pick(value) for name, value in values.items()}
    return tuple(pick(value) for value in values)


def joined(outputs: Sequence[object]) -> object:
    """The outputs for several pictures as one, as a batch would have given it.

    Raises:
        ShapeError: an output holds a tensor without a batch axis of one.
    """
    first = outputs[0]
    if isinstance(first, Tensor):
        if any(not isinstance(output, Tensor) or output.dim() == 0 or len(output) != 1 for output in outputs):
            raise ShapeError(
                "the model's output for one picture must have a batch axis of 1 to be joined with others; got "
                f"{tuple(first.shape)}. Give the pictures one by one."
            )
        return torch.cat(list(outputs))  # type: ignore[arg-type]
    if isinstance(first, Mapping):
        named = {name: joined([output[name] for output in outputs]) for name in first}  # type: ignore[index]
        return named if type(first) is dict else type(first)(**named)  # type: ignore[arg-type]
    if isinstance(first, (tuple, list)):
        return rebuilt(first, [joined(each) for each in zip(*outputs, strict=True)])  # type: ignore[arg-type]
    return first


def rebuilt(like: tuple[object, ...] | list[object], items: list[object]) -> object:
    """A tuple, named tuple or list of the same type with other items."""
    make: Callable[..., object] = type(like)
    return make(*items) if hasattr(like, "_fields") else make(items)
