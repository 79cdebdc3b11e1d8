"""What it takes to read one kind of attention layer, and the table of all kinds that can be read.

A mechanism watches a layer run and emits records; from a record it can compute the layer's output again, which proves
the record. It never changes what goes in or comes out.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar, Generic, Protocol, TypeVar

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import ShapeError, ValueRangeError
from attnviz.records import Part, Record, TokenGrid

Layer = TypeVar("Layer", bound=nn.Module)


class WrittenToError(Exception):
    """A tensor was written to, or let go, between its layer's run and the look at that run. Never leaves a trace."""


class UnreadUseError(ValueRangeError):
    """A layer of a kind that is read was called in a way that is not. A trace goes on and names it in `Trace.unread`.

    Args:
        layer: dotted name.
        why: the sentence for `Trace.unread`.
    """

    def __init__(self, layer: str, why: str) -> None:
        super().__init__(f"{layer}: {why}")
        self.layer = layer
        self.why = why


class LetGo:
    """Stands for an output that nobody kept."""


class Run:
    """One run of a module: what went in and what came out.

    A mechanism may see a run when the whole network is done. Should the tensor that it asks for have been written to
    since, or let go, asking raises, and the tracer lets the network run again with every look in its place.

    Args:
        args: what the module was called with.
        kwargs: what it was called with by name.
        output: what it gave; the class `LetGo` if that was not kept.
    """

    __slots__ = ("_seen_in", "_seen_out", "args", "kwargs", "output")

    def __init__(self, args: tuple[object, ...], kwargs: Mapping[str, object], output: object) -> None:
        self.args = args
        self.kwargs = kwargs
        self.output = output
        self._seen_in = _writes(args, kwargs)
        self._seen_out = _writes(output if isinstance(output, (tuple, list)) else (output,), {})

    def argument(self, position: int, name: str) -> object | None:
        """An argument of the call, given by position or by name; None if it was left out."""
        if _writes(self.args, self.kwargs) != self._seen_in:
            raise WrittenToError
        return self.args[position] if len(self.args) > position else self.kwargs.get(name)

    @property
    def x(self) -> Tensor:
        """The first tensor that went in."""
        if _writes(self.args, self.kwargs) != self._seen_in:
            raise WrittenToError
        return _first_tensor((*self.args, *self.kwargs.values()), "input")

    @property
    def y(self) -> Tensor:
        """The first tensor that came out. That of the watched layer itself is let go: asking costs a second pass."""
        if self.output is LetGo:
            raise WrittenToError
        outputs = self.output if isinstance(self.output, (tuple, list)) else (self.output,)
        if _writes(outputs, {}) != self._seen_out:
            raise WrittenToError
        return _first_tensor(outputs, "output")


class Emit(Protocol):
    """How a mechanism hooks modules and hands over records. The tracer makes one for each layer and each trace."""

    layer: str

    def __call__(
        self, kind: type[Record], *, part: str = "", **fields: Tensor | Part | TokenGrid | int | float | None
    ) -> None:
        """Hand over the fields of one record of the layer's present run, all but its site.

        Tensors are copied to the CPU as float32 at once. Wrap large ones in `kept`, and costly ones in `Deferred`.

        Args:
            kind: class of the record.
            part: "channel", "spatial", ... where a layer gives several records in one run.
            fields: fields of the record. `tokens` may be the number of tokens in a row of the matrix: the tracer
                then lays them out from what it knows about the model.
        """
        ...

    def after(self, module: nn.Module, look: Callable[[Run], None], *, hidden: bool = False) -> RemovableHandle:
        """Call `look` for each run of a module in this trace, and in no other thread's pass.

        Looks come in the order in which the modules finished; at once, or together when the network is done.

        Args:
            module: the layer, or a module inside it.
            look: gets the run.
            hidden: for a module that runs another way when it finds a hook on itself.
        """
        ...


class Mechanism(ABC, Generic[Layer]):
    """How to read one kind of layer. One instance serves all layers and all threads: keep no state on it.

    Attributes:
        key: short name in the registry and on records.
        paper: where the layer's equation stands.
        hidden: the layer runs another way when it finds a hook on itself or inside it, so the tracer must not leave
            one there. All of the mechanism's own hooks must be hidden, too.
        replay: `replay(layer, x, *records) -> y` computes the layer's output from its first input and the records of
            one run, in the order they were emitted. The contract test holds it equal to the real output. Records are
            on the CPU: move what you take from them with `.to(x)`.
    """

    key: str
    paper: str
    hidden: ClassVar[bool] = False
    replay: Callable[..., Tensor]

    @abstractmethod
    def watch(self, layer: Layer, emit: Emit) -> Iterable[RemovableHandle]:
        """Hook the layer, usually with `emit.after`, and emit its records each time it runs.

        Called once per layer at the beginning of a trace. Yield every hook's handle; the tracer removes them all, also
        after an exception. A hook must return None: anything else replaces the layer's output.
        """


_MECHANISMS: dict[type[nn.Module] | str, Mechanism] = {}
"""Layer type, or its dotted name for a library that may be absent, to mechanism. Filled by `register` only."""

_REFUSED: dict[str, str] = {}
"""Dotted name of a layer type that is not read, to the sentence that says why. Filled by `refuse` only."""

Registered = TypeVar("Registered", bound="Mechanism | type[Mechanism]")


def register(*layer_types: type[nn.Module] | str) -> Callable[[Registered], Registered]:
    """Make layer types, and all that inherit from them, readable by a mechanism.

    Args:
        layer_types: classes, or dotted names `module.Class` where the library is not imported or not installed. The
            name is that of the module that defines the class, as in `Class.__module__`.

    Returns:
        A decorator for a mechanism class that needs no arguments; it takes an instance, too.

    Raises:
        ValueRangeError: a type has a mechanism already, or the mechanism cannot replay.

    Example:
        >>> from attnviz.mechanisms.gates import ChannelGateMechanism
        >>> class MyGate(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.squeeze, self.sigmoid = nn.AdaptiveAvgPool2d(1), nn.Sigmoid()
        ...     def forward(self, x):
        ...         return x * self.sigmoid(self.squeeze(x))
        >>> _ = register(MyGate)(ChannelGateMechanism("my_gate", gate="sigmoid"))
        >>> mechanism_for(MyGate()).key
        'my_gate'
    """

    def add(mechanism: Registered) -> Registered:
        instance = mechanism() if isinstance(mechanism, type) else mechanism
        if not callable(getattr(instance, "replay", None)):
            raise ValueRangeError(f"mechanism {instance.key!r} must have a replay method; got none. Write replay().")
        for layer_type in layer_types:
            _refuse_second(layer_type, instance)
        _MECHANISMS.update(dict.fromkeys(layer_types, instance))
        return mechanism

    return add


def mechanism_for(layer: nn.Module) -> Mechanism | None:
    """The mechanism of a layer: that of its own class or of the nearest base class; None if it is no known layer."""
    for cls in type(layer).__mro__:
        mechanism = _MECHANISMS.get(cls) or _MECHANISMS.get(_dotted(cls))
        if mechanism is not None or _dotted(cls) in _REFUSED:
            return mechanism
    return None


def refuse(why: str, *layer_types: str) -> None:
    """Name layer types that look like attention and are not read, so that nobody misses them unknowingly.

    Args:
        why: one sentence for the user.
        layer_types: dotted names `module.Class`, as for `register`.
    """
    _REFUSED.update(dict.fromkeys(layer_types, why))


def refusal_for(layer: nn.Module) -> str | None:
    """Why a layer is not read, if its own class or its nearest base class with a mechanism or refusal is refused."""
    for cls in type(layer).__mro__:
        if _dotted(cls) in _REFUSED:
            return _REFUSED[_dotted(cls)]
        if cls in _MECHANISMS or _dotted(cls) in _MECHANISMS:
            return None
    return None


def refused_layers() -> dict[str, str]:
    """Dotted names of the layer types that are refused, and why."""
    return dict(sorted(_REFUSED.items()))


def known_keys() -> tuple[str, ...]:
    """Keys of all mechanisms, sorted."""
    return tuple(sorted({mechanism.key for mechanism in _MECHANISMS.values()}))


def known_layers() -> dict[str, tuple[str, ...]]:
    """Dotted names of all layer types that can be read, by mechanism key."""
    return {
        key: tuple(
            sorted(
                layer_type if isinstance(layer_type, str) else _dotted(layer_type)
                for layer_type, mechanism in _MECHANISMS.items()
                if mechanism.key == key
            )
        )
        for key in known_keys()
    }


def one_picture(tensor: Tensor, layer: str) -> Tensor:
    """The tensor itself, if its first axis is a batch of one.

    Raises:
        ShapeError: the layer ran on several pictures, or crops, at once.
    """
    if len(tensor) != 1:
        raise ShapeError(
            f"{layer}: the batch must hold 1 picture; got {len(tensor)}. The network splits its input; trace the part "
            "of it that takes one picture."
        )
    return tensor


def _refuse_second(layer_type: type[nn.Module] | str, newcomer: Mechanism) -> None:
    name = layer_type if isinstance(layer_type, str) else _dotted(layer_type)
    for known, mechanism in _MECHANISMS.items():
        if layer_type == known or (isinstance(known, str) != isinstance(layer_type, str) and name == _name(known)):
            raise ValueRangeError(
                f"{name.rpartition('.')[2]} already has mechanism {mechanism.key!r}; refusing to replace it with "
                f"{newcomer.key!r}. Register a subclass of the layer."
            )


def _name(layer_type: type[nn.Module] | str) -> str:
    return layer_type if isinstance(layer_type, str) else _dotted(layer_type)


def _dotted(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _first_tensor(candidates: Iterable[object], what: str) -> Tensor:
    for candidate in candidates:
        if isinstance(candidate, Tensor):
            return candidate
    raise ShapeError(f"a watched layer's {what} must hold a tensor; got none. Its mechanism does not fit it.")


def _writes(values: Iterable[object], named: Mapping[str, object]) -> int:
    """How often the tensors among some values were written to, together. The number only grows."""
    writes = 0
    for value in values:
        if isinstance(value, Tensor) and not value.is_inference():
            writes += value._version  # as `writes_to`, without a call
    if named:
        writes += _writes(named.values(), {})
    return writes
