"""Tensors that a record keeps without copying or computing them until someone asks.

What a layer multiplied is often large, or costs a projection to compute again. A trace holds on to the tensors it would
be made from; this file makes sure that a late answer is the same as an early one, or an error.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import overload

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from attnviz.errors import AttnvizError, NothingTracedError

_GRAPH_KEPT: ContextVar[bool] = ContextVar("attnviz_graph_kept", default=False)


class _WithoutDetach(TorchFunctionMode):
    """`tensor.detach()` gives the tensor itself."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        if func is torch.Tensor.detach:
            return args[0]
        return func(*args, **(kwargs or {}))


@contextmanager
def graph_kept() -> Iterator[None]:
    """Tensors that are emitted or computed for records inside the block keep their gradient history.

    For interventions: a layer computed from such records has the gradient that it should have.
    """
    if not torch.is_grad_enabled():
        yield
        return
    token = _GRAPH_KEPT.set(True)
    try:
        with _WithoutDetach():
            yield
    finally:
        _GRAPH_KEPT.reset(token)


class Deferred:
    """Tensors that are computed together when the first of them is asked for.

    The tensors they come from are remembered with their versions. If one of them was written to in place, or a
    parameter was replaced, asking raises instead of answering with numbers that the network never saw. The result is
    copied to the CPU as float32, once; then the sources are let go. Pickling asks first. Not noticed: a write through
    `parameter.data`, which PyTorch does not count.

    Args:
        compute: gives the tensors; called at most once, without gradients.
        sources: tensors that `compute` reads.
        layer: layer whose parameters and buffers `compute` reads, if any.
    """

    def __init__(
        self, compute: Callable[[], Sequence[Tensor]], *sources: Tensor, layer: nn.Module | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._compute: Callable[[], Sequence[Tensor]] | None = compute
        self._sources: tuple[tuple[Tensor, int, int], ...] = _versions(sources)
        self._layer = layer
        self._state = _versions(_state(layer)) if layer is not None else ()
        self._values: tuple[Tensor, ...] = ()

    def __getitem__(self, index: int) -> "Part":
        """One of the tensors, still to be computed."""
        return Part(self, index)

    def values(self, what: str = "a deferred tensor") -> tuple[Tensor, ...]:
        """All tensors, computed now if they were not before; `what` names them in an error."""
        with self._lock:
            if self._compute is not None:
                self._refuse_changes(what)
                grad = _GRAPH_KEPT.get() and torch.is_grad_enabled()
                with torch.inference_mode(False), torch.set_grad_enabled(grad):
                    self._values = tuple(owned(tensor) for tensor in self._compute())
                self._compute, self._sources, self._layer, self._state = None, (), None, ()
            return self._values

    def _refuse_changes(self, what: str) -> None:
        now = list(_state(self._layer))
        changed = (
            len(now) != len(self._state)
            or any(new is not old for new, (old, _, _) in zip(now, self._state, strict=True))
            or any((writes_to(t), t.data_ptr()) != (writes, at) for t, writes, at in (*self._sources, *self._state))
        )
        if changed:
            raise AttnvizError(
                f"{what} must be read before what it comes from changes; got a feature map or a parameter that was "
                "written to after the layer ran. Trace again with trace(..., eager=True), which copies at once."
            )

    def __getstate__(self) -> tuple[Tensor, ...]:
        return self.values()

    def __setstate__(self, values: tuple[Tensor, ...]) -> None:
        self._lock, self._values = threading.Lock(), values
        self._compute, self._sources, self._layer, self._state = None, (), None, ()


class Part:
    """One tensor of a `Deferred`.

    Args:
        deferred: the tensors that are computed together.
        index: which of them.
    """

    __slots__ = ("deferred", "index")

    def __init__(self, deferred: Deferred, index: int) -> None:
        self.deferred = deferred
        self.index = index

    def value(self, what: str = "a deferred tensor") -> Tensor:
        """The tensor, computed now if it was not before; `what` names it in an error."""
        return self.deferred.values(what)[self.index]


def kept(tensor: Tensor) -> Part:
    """The only item of a batch of one, copied when it is asked for; an error if it was written to until then."""
    tensor = tensor.detach()
    return Deferred(lambda: (tensor[0],), tensor)[0]


def owned(tensor: Tensor) -> Tensor:
    """A copy on the CPU, as float32, without gradient history."""
    tensor = tensor.detach()
    if tensor.dtype == torch.float32 and tensor.device.type == "cpu":
        return tensor.clone()  # a third of the time of the general way
    return tensor.to("cpu", torch.float32, copy=True)


def writes_to(tensor: Tensor) -> int:
    """How often a tensor was written to. A tensor made in inference mode does not count, and gives 0."""
    return 0 if tensor.is_inference() else tensor._version


class TensorField:
    """A dataclass field that takes a tensor or a `Part` of a `Deferred`, and gives the tensor.

    Args:
        needed: without it the field may be left out, and reading it then says that nothing was kept.
    """

    def __init__(self, needed: bool = True) -> None:
        self.needed = needed

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, record: None, owner: type) -> None: ...
    @overload
    def __get__(self, record: object, owner: type) -> Tensor: ...
    def __get__(self, record: object | None, owner: type) -> Tensor | None:
        if record is None:
            # Dataclasses read a field's default from the class; AttributeError means that there is none.
            if self.needed:
                raise AttributeError(self.name)
            return None
        held = record.__dict__[f"_{self.name}"]
        what = f"{record}: {self.name}"
        if held is None:
            raise NothingTracedError(
                f"{what} must have been kept by the mechanism; got none. Emit {self.name} in its watch()."
            )
        return held.value(what) if isinstance(held, Part) else held

    def __set__(self, record: object, value: Tensor | Part | None) -> None:
        record.__dict__[f"_{self.name}"] = value


class OptionalTensorField(TensorField):
    """The same for a tensor that may be absent: reading it then gives None."""

    def __init__(self) -> None:
        super().__init__(needed=False)

    @overload  # type: ignore[override]
    def __get__(self, record: None, owner: type) -> None: ...
    @overload
    def __get__(self, record: object, owner: type) -> Tensor | None: ...
    def __get__(self, record: object | None, owner: type) -> Tensor | None:
        if record is None or record.__dict__[f"_{self.name}"] is None:
            return None
        return super().__get__(record, owner)


def given(record: object, name: str) -> Tensor | None:
    """The tensor of a field if it is there already; None where it is absent or still to be computed."""
    held = record.__dict__[f"_{name}"]
    return held if isinstance(held, Tensor) else None


def _state(module: nn.Module | None) -> Iterator[Tensor]:
    """Parameters and buffers. The module's own iterators do the same at ten times the cost."""
    if module is not None:
        for held in (*module._parameters.values(), *module._buffers.values()):
            if held is not None:
                yield held
        for child in module._modules.values():
            yield from _state(child)


def _versions(tensors: Iterable[Tensor]) -> tuple[tuple[Tensor, int, int], ...]:
    return tuple([(tensor, writes_to(tensor), tensor.data_ptr()) for tensor in tensors])
