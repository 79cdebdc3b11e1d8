"""One pass of a network under watch: hooks that only their own thread's pass sees, and what the mechanisms emit."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import Mechanism, Run
from attnviz.records import Part, Record, Site, TokenGrid, owned
from attnviz.records.token_layouts import TokenLayout, token_grid, token_layouts
from attnviz.tracer.finding import Found, name_of

PRESENT: ContextVar["Session | None"] = ContextVar("attnviz_session", default=None)
"""The trace that this thread is in. Hooks of other threads' traces sit on the same modules and look here first."""


class Options(NamedTuple):
    """What `trace` was asked for."""

    verify: bool
    eager: bool
    grid_hw: tuple[int, int] | None


def run_watched(
    model: nn.Module, tensor: Tensor, found: Iterable[Found], options: Options, *, at_once: bool
) -> tuple[object, list[Record]]:
    """One pass of the network: its output and the records."""
    session = Session(model, (int(tensor.shape[-2]), int(tensor.shape[-1])), options, at_once=at_once)
    with session.watching(found):
        output = model(tensor)
    return output, session.records


class Session:
    """One pass under way: its hooks, and the records so far.

    Between two layers the processor's caches are full of feature maps, and each line of Python costs several times
    what it costs afterwards. So the looks wait until the network is done, unless `at_once`.
    """

    def __init__(self, model: nn.Module, input_hw: tuple[int, int], options: Options, *, at_once: bool) -> None:
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
        token = PRESENT.set(self)
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
            PRESENT.reset(token)

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
            if PRESENT.get() is self and ran is module:
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
        if hidden:
            self._hooks.callback(_forget_kwargs, handle)
        self._hooks.callback(handle.remove)
        self._looks[module] = handle, looks
        return handle

    def tokens(self, layer: str, count: int) -> TokenGrid | str:
        """How `count` tokens of a layer lie, or the sentence that says why nobody knows."""
        asked = self.options.grid_hw
        layouts = (
            token_layouts(self._model, layer, count, self._input_hw, self._said)
            if asked is None
            else [TokenLayout(asked)]
        )
        return token_grid(layouts, count) or (
            f"{layer}: the grid of the tokens must be known; got {count} tokens from an input of "
            f"{self._input_hw[0]} x {self._input_hw[1]} px in {name_of(self._model)}, which does not say how they "
            "lie. Trace with grid_hw=(rows, columns)."
        )


class _Pending(NamedTuple):
    """A record without its proof."""

    kind: type[Record]
    site: Site
    fields: dict[str, object]

    def record(self, **proof: float) -> Record:
        return self.kind(site=self.site, **self.fields, **proof)  # type: ignore[arg-type]


class _LayerWatch:
    """What a mechanism emits for one layer, gathered until the layer's run is over."""

    def __init__(self, session: Session, layer: str, module: nn.Module, mechanism: Mechanism) -> None:
        self.layer = layer
        self._session = session
        self._module = module
        self._mechanism = mechanism
        self._pending: list[_Pending] = []
        self._calls = 0

    def __call__(
        self, kind: type[Record], *, part: str = "", **fields: Tensor | Part | TokenGrid | int | float | None
    ) -> None:
        if PRESENT.get() is not self._session:
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
        token = PRESENT.set(None)
        try:
            with torch.no_grad():
                replayed = self._mechanism.replay(self._module, run.x, *records)
                return float((replayed - run.y).abs().max()), float(run.y.abs().max())
        finally:
            PRESENT.reset(token)


def _forget_kwargs(handle: RemovableHandle) -> None:
    """Finish the removal of a hook for all modules: PyTorch leaves behind that it asked for keyword arguments."""
    torch.nn.modules.module._global_forward_hooks_with_kwargs.pop(handle.id, None)


def _autocasting() -> bool:
    return torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
