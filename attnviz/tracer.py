"""Run a network on one picture and record what its attention layers did. The network runs as it would without us."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.hooks import RemovableHandle

from attnviz.errors import NothingTracedError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.mechanisms.base import Mechanism, Run, WrittenToError, known_keys, mechanism_for
from attnviz.mechanisms.token_layouts import TokenLayout, layout_from_size, layout_of
from attnviz.records import Part, Record, Site, TokenGrid, Trace, owned


class SeenPicture(Protocol):
    """What a trace needs of a model input."""

    @property
    def tensor(self) -> Tensor:
        """The picture as the network sees it, (1, channels, h, w)."""
        ...

    @property
    def geometry(self) -> Geometry:
        """Where it lies in the source picture."""
        ...


def trace(
    model: nn.Module,
    model_input: SeenPicture | Tensor,
    *,
    verify: bool = False,
    eager: bool = False,
    grad: bool = False,
    grid_hw: tuple[int, int] | None = None,
    allow_empty: bool = False,
) -> Trace:
    """Records of every known attention layer that runs when the model sees one picture.

    The logits are the bits that `model(x)` gives under `torch.no_grad()`. The model gets hooks for the time of the call
    and keeps none. Several threads may trace one model at the same time. A model from `torch.compile` is traced
    uncompiled.

    Args:
        model: any network in evaluation mode.
        model_input: from `preprocess`; or a tensor (1, channels, h, w), taken to be the source picture itself.
        verify: compute every layer's output again from its records; `replay_error` and `Trace.unproven` then tell how
            far off they are. Takes about as long again as the layers.
        eager: compute and copy everything while the network runs, for networks that write to their feature maps later
            and for traces that must outlive a change of the weights.
        grad: run with gradients; the logits then keep their graph. Equal in bits to `model(x)` outside of `no_grad`.
        grid_hw: rows and columns of the patch tokens, for a transformer that cannot say so itself.
        allow_empty: give a trace without records where there is nothing to record, instead of raising.

    Returns:
        The trace. Without attention layers and with `allow_empty`, one with no records.

    Raises:
        ShapeError: the input is not one picture, or a layer ran on several.
        ValueRangeError: the model is in training mode or has compiled parts, or a layer is used unusually.
        NothingTracedError: no known attention layer ran.
    """
    tensor, geometry = _picture(model_input)
    model = getattr(model, "_orig_mod", model)
    found = _attention_layers(model)
    if not found and not allow_empty:
        raise NothingTracedError(
            f"no known attention layer is in {_name_of(model)!r}. Known: {', '.join(known_keys())}. "
            'See CONTRIBUTING, "Add a mechanism", or pass allow_empty=True.'
        )
    options = _Options(verify=verify, eager=eager, grid_hw=grid_hw)
    # Tensors made in inference mode have no version, so a record could not notice that they were written to.
    with torch.inference_mode(False), torch.set_grad_enabled(grad):
        tensor = _beside(model, tensor.clone() if tensor.is_inference() else tensor)
        try:
            output, records = _run(model, tensor, found, options, at_once=verify or eager)
        except WrittenToError:
            output, records = _run(model, tensor, found, options, at_once=True)
        logits = _logits(output)
        logits = logits if grad else logits.detach().to("cpu", copy=True)
    if not records and not allow_empty:
        raise NothingTracedError(
            f"no known attention layer ran in {_name_of(model)!r}; it has {', '.join(name for name, _, _ in found)}. "
            "Trace the network that calls them, or pass allow_empty=True."
        )
    return Trace(
        model=_name_of(model),
        logits=logits,
        geometry=geometry,
        records=tuple(records),
    )


_PRESENT: ContextVar["_Session | None"] = ContextVar("attnviz_session", default=None)
"""The trace that this thread is in. Hooks of other threads' traces sit on the same modules and look here first."""

Found = tuple[str, nn.Module, Mechanism]


class _Options(NamedTuple):
    """What `trace` was asked for."""

    verify: bool
    eager: bool
    grid_hw: tuple[int, int] | None


def _run(
    model: nn.Module, tensor: Tensor, found: Iterable[Found], options: _Options, *, at_once: bool
) -> tuple[object, list[Record]]:
    """One pass of the network: its output and the records."""
    session = _Session(model, (int(tensor.shape[-2]), int(tensor.shape[-1])), options, at_once=at_once)
    with session.watching(found):
        output = model(tensor)
    return output, session.records


class _Session:
    """One pass under way: its hooks, and the records so far.

    Between two layers the processor's caches are full of feature maps, and each line of Python costs several times
    what it costs afterwards. So the looks wait until the network is done, unless `at_once`.
    """

    def __init__(self, model: nn.Module, input_hw: tuple[int, int], options: _Options, *, at_once: bool) -> None:
        self.records: list[Record] = []
        self.options = options
        self._model = model
        self._input_hw = input_hw
        self._waiting: list[Callable[[], None]] | None = None if at_once else []
        self._said: dict[str, TokenLayout | None] = {}
        self._hooks = ExitStack()
        self._looks: dict[nn.Module, tuple[RemovableHandle, list[Callable[[Run], None]]]] = {}

    @contextmanager
    def watching(self, found: Iterable[Found]) -> Iterator[None]:
        """Hooks on all layers, inside the block only and for this thread only."""
        token = _PRESENT.set(self)
        try:
            with self._hooks:
                for name, layer, mechanism in found:
                    watch = _LayerWatch(self, name, layer, mechanism)
                    for handle in mechanism.watch(layer, watch):
                        self._hooks.callback(handle.remove)
                    watch.after(layer, watch.close, hidden=mechanism.hidden)
                yield
            self._catch_up()
        finally:
            _PRESENT.reset(token)

    def soon(self, step: Callable[[], None]) -> None:
        """Take a step now, or after the pass, in the same order."""
        if self._waiting is None:
            step()
        else:
            self._waiting.append(step)

    def _catch_up(self) -> None:
        """Take the steps that wait; from now on each is taken at once."""
        waiting, self._waiting = self._waiting, None
        for step in waiting or ():
            step()

    def hook(self, module: nn.Module, look: Callable[[Run], None], *, hidden: bool = False) -> RemovableHandle:
        """Call `look` after each run of `module` in this session's own pass, and after the looks hooked before it.

        A hidden hook does not sit on the module but among PyTorch's hooks for all modules.
        """
        if module in self._looks:
            handle, looks = self._looks[module]
            looks.append(look)
            return handle
        looks = [look]

        # Another thread's pass may meet this hook half registered or half removed, and then calls it without kwargs.
        def after(ran: nn.Module, args: tuple[object, ...], *rest: object) -> None:
            if _PRESENT.get() is self and ran is module:
                kwargs = rest[0] if len(rest) == 2 and isinstance(rest[0], dict) else {}
                # Under autocast a later computation would run in another precision than the layer did.
                if self._waiting is not None and _autocasting():
                    self._catch_up()
                run = Run(args, kwargs, rest[-1])
                for each in looks:
                    self.soon(partial(each, run))

        handle = (
            register_module_forward_hook(after, with_kwargs=True)
            if hidden
            else module.register_forward_hook(after, with_kwargs=True)
        )
        self._hooks.callback(handle.remove)
        self._looks[module] = handle, looks
        return handle

    def tokens(self, layer: str, count: int) -> TokenGrid | str:
        """How `count` tokens of a layer lie, or the sentence that says why nobody knows."""
        for layout in self._layouts(layer, count):
            grid = layout.tokens(count)
            if grid is not None:
                return grid
        return (
            f"{layer}: the grid of the tokens must be known; got {count} tokens from an input of "
            f"{self._input_hw[0]} x {self._input_hw[1]} px in {_name_of(self._model)}, which does not say how they "
            "lie. Trace with grid_hw=(rows, columns)."
        )

    def _layouts(self, layer: str, count: int) -> Iterator[TokenLayout]:
        """What was asked for; or what the modules around a layer say, the model first; or what the size tells."""
        if self.options.grid_hw is not None:
            yield TokenLayout(self.options.grid_hw)
            return
        parts = layer.split(".")
        for length in range(len(parts)):
            name = ".".join(parts[:length])
            if name not in self._said:
                self._said[name] = layout_of(self._model.get_submodule(name), self._input_hw)
            said = self._said[name]
            if said is not None:
                yield said
        guess = layout_from_size(count, self._input_hw)
        if guess is not None:
            yield guess


class _Pending(NamedTuple):
    """A record without its proof."""

    kind: type[Record]
    site: Site
    fields: dict[str, object]

    def record(self, **proof: float) -> Record:
        return self.kind(site=self.site, **self.fields, **proof)  # type: ignore[arg-type]


class _LayerWatch:
    """What a mechanism emits for one layer, gathered until the layer's run is over."""

    def __init__(self, session: _Session, layer: str, module: nn.Module, mechanism: Mechanism) -> None:
        self.layer = layer
        self._session = session
        self._module = module
        self._mechanism = mechanism
        self._pending: list[_Pending] = []
        self._calls = 0

    def __call__(
        self, kind: type[Record], *, part: str = "", **fields: Tensor | Part | TokenGrid | int | float | None
    ) -> None:
        if _PRESENT.get() is not self._session:
            return
        held: dict[str, object] = {}
        for name, value in fields.items():
            if isinstance(value, Tensor):
                held[name] = owned(value)
            elif name == "tokens" and isinstance(value, int):
                held[name] = self._session.tokens(self.layer, value)
            else:
                held[name] = value
            if isinstance(value, Part) and (self._session.options.eager or _autocasting()):
                value.value(f"{self.layer}: {name}")
        self._session.soon(partial(self._gather, kind, part, held))

    def _gather(self, kind: type[Record], part: str, held: dict[str, object]) -> None:
        key = self._mechanism.key
        site = Site(self.layer, self._calls, f"{key}.{part}" if part else key)
        self._pending.append(_Pending(kind, site, held))

    def after(self, module: nn.Module, look: Callable[[Run], None], *, hidden: bool = False) -> RemovableHandle:
        return self._session.hook(module, look, hidden=hidden)

    def close(self, run: Run) -> None:
        """The layer's run is over: number it, replay it if asked to, and file its records."""
        pending, self._pending = self._pending, []
        records = [item.record() for item in pending]
        if self._session.options.verify and records:
            error, scale = self._proof(run, records)
            records = [item.record(replay_error=error, output_scale=scale) for item in pending]
        self._session.records += records
        self._calls += 1

    def _proof(self, run: Run, records: list[Record]) -> tuple[float, float]:
        """Largest error of the replay, and largest output. Hooks are blind meanwhile: a replay is no run."""
        token = _PRESENT.set(None)
        try:
            with torch.no_grad():
                replayed = self._mechanism.replay(self._module, run.x, *records)
                return float((replayed - run.y).abs().max()), float(run.y.abs().max())
        finally:
            _PRESENT.reset(token)


def _attention_layers(model: nn.Module) -> list[Found]:
    """Known layers in the model's order; what lies inside one belongs to it.

    Raises:
        ValueRangeError: some module of the model is not fit for a trace.
    """
    found: list[Found] = []
    mechanisms: dict[type, Mechanism | None] = {}
    seen: set[nn.Module] = set()

    def visit(name: str, module: nn.Module, inside: bool) -> None:
        if module in seen:
            return
        seen.add(module)
        _refuse_unfit(name, module)
        cls = type(module)
        if cls not in mechanisms:
            mechanisms[cls] = mechanism_for(module)
        mechanism = mechanisms[cls]
        if mechanism is not None and not inside:
            found.append((name, module, mechanism))
        for child_name, child in module._modules.items():
            if child is not None:
                visit(f"{name}.{child_name}" if name else child_name, child, inside or mechanism is not None)

    visit("", model, False)
    return found


def _picture(model_input: SeenPicture | Tensor) -> tuple[Tensor, Geometry]:
    tensor = model_input if isinstance(model_input, Tensor) else model_input.tensor
    if tensor.dim() != 4 or len(tensor) != 1:
        raise ShapeError(
            f"the model input must be one picture of shape (1, channels, h, w); got {tuple(tensor.shape)}. "
            "Add the batch axis with tensor[None], or trace the pictures of a batch one by one."
        )
    if isinstance(model_input, Tensor):
        return tensor, Geometry.identity((int(tensor.shape[-2]), int(tensor.shape[-1])))
    return tensor, model_input.geometry


def _refuse_unfit(name: str, module: nn.Module) -> None:
    if module.training:
        raise ValueRangeError(
            f"model must be in evaluation mode; got training mode{f' in {name}' if name else ''}. "
            "Call model.eval() first."
        )
    # A compiled part runs without its hooks.
    if "_orig_mod" in module._modules or module._compiled_call_impl is not None:
        raise ValueRangeError(
            f"the model must not be compiled; got a compiled {name or 'model'}. "
            "Trace the network as it was before compiling."
        )
    if issubclass(type(module), torch.jit.ScriptModule):
        raise ValueRangeError(
            f"the model must be made of Python modules; got TorchScript{f' in {name}' if name else ''}. "
            "Trace the network it was exported from."
        )


def _beside(model: nn.Module, tensor: Tensor) -> Tensor:
    """The tensor on the device of the model's first parameter."""
    parameter = next(model.parameters(), None)
    return tensor if parameter is None else tensor.to(parameter.device)


def _logits(output: object) -> Tensor:
    """The network's answer for the picture: its first tensor, or `.logits`, without the batch axis."""
    answer = getattr(output, "logits", output)
    if isinstance(answer, dict):
        answer = next(iter(answer.values()), None)
    if isinstance(answer, (tuple, list)):
        answer = answer[0] if answer else None
    if not isinstance(answer, Tensor) or answer.dim() == 0 or len(answer) != 1:
        got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise ShapeError(f"the model must give logits of shape (1, classes); got {got}. Wrap it so that it does.")
    return answer[0]


def _autocasting() -> bool:
    return torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")


def _name_of(model: nn.Module) -> str:
    return type(model).__name__
