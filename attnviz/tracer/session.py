"""One pass of a network under watch: hooks that only their own thread's pass sees, and what the mechanisms emit."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook
from torch.utils.hooks import RemovableHandle

from attnviz.mechanisms.base import LetGo, Mechanism, Run, UnreadUseError
from attnviz.records import Part, Record, Site, TokenGrid, owned
from attnviz.records.kinds import changed
from attnviz.records.token_layouts import TokenLayout, token_grid, token_layouts
from attnviz.tracer.edits import EDITING, edited
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
) -> tuple[object, list[Record], dict[str, str]]:
    """One pass of the network: its output, the records, and the layers whose use is not read, with the reason."""
    session = Session(model, (int(tensor.shape[-2]), int(tensor.shape[-1])), options, at_once=at_once)
    with session.watching(found):
        output = model(tensor)
    return output, session.records, session.unread


class Session:
    """One pass under way: its hooks, and the records so far.

    Between two layers the processor's caches are full of feature maps, and each line of Python costs several times
    what it costs afterwards. So the looks wait until the network is done, unless `at_once`.
    """

    def __init__(self, model: nn.Module, input_hw: tuple[int, int] | None, options: Options, *, at_once: bool) -> None:
        self.records: list[Record] = []
        self.unread: dict[str, str] = {}
        self.options = options
        self.editors = EDITING.get()
        self._model = model
        self.input_hw = input_hw
        self._waiting: list[Callable[[], None]] | None = None if at_once else []
        self.said: dict[str, TokenLayout | None] = {}
        self._handles: dict[RemovableHandle, None] = {}
        self._kept: set[nn.Module] = set()
        self._looks: dict[nn.Module, tuple[RemovableHandle, list[Callable[[Run], None]]]] = {}

    @contextmanager
    def watching(self, found: Iterable[Found]) -> Iterator[None]:
        """Hooks on all layers, inside the block only and for this thread only."""
        token = PRESENT.set(self)
        try:
            try:
                for name, layer, mechanism in found:
                    watch = self.watch(name, layer, mechanism)
                    self.hook(layer, watch.close, hidden=mechanism.hidden, keep=False)
                yield
            finally:
                self.stop()
            self._catch_up()
        finally:
            PRESENT.reset(token)

    def watch(self, name: str, layer: nn.Module, mechanism: Mechanism) -> "LayerWatch":
        """Hook a layer as its mechanism wants it."""
        watch = LayerWatch(self, name, layer, mechanism)
        for handle in mechanism.watch(layer, watch):
            self._handles[handle] = None
        return watch

    def is_present(self) -> bool:
        """Whether this thread's pass is the one that the session is for."""
        return PRESENT.get() is self

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

    def hook(
        self, module: nn.Module, look: Callable[[Run], None], *, hidden: bool = False, keep: bool = True
    ) -> RemovableHandle:
        """Call `look` after each run of `module` in this session's own pass, and after the looks hooked before it.

        Args:
            module: any module of the network.
            look: gets the run.
            hidden: the hook does not sit on the module but among PyTorch's hooks for all modules.
            keep: hold on to the output until the look. Kept feature maps cost more than all else in a trace: the
                network cannot use their memory again, and fresh memory is slow.
        """
        if keep:
            self._kept.add(module)
        if module in self._looks:
            handle, looks = self._looks[module]
            looks.append(look)
            return handle
        looks = [look]

        # Another thread's pass may meet this hook half registered or half removed, and then calls it without kwargs.
        def after(ran: nn.Module, args: tuple[object, ...], *rest: object) -> None:
            if ran is module and self.is_present():
                kwargs = rest[0] if len(rest) == 2 and isinstance(rest[0], dict) else {}
                # Under autocast a later computation would run in another precision than the layer did.
                if self._waiting is not None and _autocasting():
                    self._catch_up()
                output = rest[-1] if self._waiting is None or module in self._kept else LetGo
                self.soon(partial(self.show, looks, Run(args, kwargs, output)))

        handle = self.hang(module, after, hidden=hidden)
        self._looks[module] = handle, looks
        return handle

    def show(self, looks: list[Callable[[Run], None]], run: Run) -> None:
        """Let the looks of a module see a run of it."""
        for look in looks:
            look(run)

    def hang(self, module: nn.Module, hook: Callable[..., object], *, hidden: bool) -> RemovableHandle:
        """A hook with keyword arguments, until the session ends. A hidden one gets the runs of all modules."""
        if hidden:
            handle = register_module_forward_hook(hook, with_kwargs=True)  # type: ignore[arg-type]
            handle = _Hidden(handle)
        else:
            handle = module.register_forward_hook(hook, with_kwargs=True)
        self._handles[handle] = None
        return handle

    def pass_over(self, use: UnreadUseError) -> None:
        """A layer was used in a way that is not read: go on without it, and say so."""
        self.unread[use.layer] = use.why

    def tokens(self, layer: str, count: int) -> TokenGrid | str:
        """How `count` tokens of a layer lie, or the sentence that says why nobody knows."""
        asked, input_hw = self.options.grid_hw, self.input_hw
        layouts: Iterable[TokenLayout] = ()
        if asked is not None:
            layouts = [TokenLayout(asked)]
        elif input_hw is not None:
            layouts = token_layouts(self._model, layer, count, input_hw, self.said)
        size = "unknown size" if input_hw is None else f"{input_hw[0]} x {input_hw[1]} px"
        return token_grid(layouts, count) or (
            f"{layer}: the grid of the tokens must be known; got {count} tokens from an input of {size} in "
            f"{name_of(self._model)}, which does not say how they lie. Trace with grid_hw=(rows, columns)."
        )

    def stop(self) -> None:
        """Take all hooks away, the last one first, also where one of them cannot be taken away."""
        try:
            while self._handles:
                self._handles.popitem()[0].remove()
        finally:
            if self._handles:
                self.stop()


class LayerWatch:
    """What a mechanism emits for one layer, gathered until the layer's run is over."""

    def __init__(self, session: Session, layer: str, module: nn.Module, mechanism: Mechanism) -> None:
        self.layer = layer
        self._session = session
        self._module = module
        self._mechanism = mechanism
        self._pending: list[tuple[type[Record], Site, dict[str, object]]] = []
        self._calls = 0

    def __call__(
        self, kind: type[Record], *, part: str = "", **fields: Tensor | Part | TokenGrid | int | float | None
    ) -> None:
        if not self._session.is_present():
            return
        held: dict[str, object] = {}
        now = self._session.options.eager or _autocasting()
        for name, value in fields.items():
            if isinstance(value, Tensor):
                held[name] = owned(value)
            elif name == "tokens" and isinstance(value, int):
                held[name] = self._session.tokens(self.layer, value)
            else:
                held[name] = value
            if now and isinstance(value, Part):
                value.value(f"{self.layer}: {name}")
        self._session.soon(partial(self._gather, kind, part, held))

    def _gather(self, kind: type[Record], part: str, held: dict[str, object]) -> None:
        key = self._mechanism.key
        site = Site(self.layer, self._calls, f"{key}.{part}" if part else key)
        self._pending.append((kind, site, held))

    def after(self, module: nn.Module, look: Callable[[Run], None], *, hidden: bool = False) -> RemovableHandle:
        def look_or_pass_over(run: Run) -> None:
            try:
                look(run)
            except UnreadUseError as use:
                self._session.pass_over(use)

        return self._session.hook(module, look_or_pass_over, hidden=hidden, keep=module is not self._module)

    def take(self) -> list[Record]:
        """The records of the layer's run, which is over."""
        pending, self._pending = self._pending, []
        self._calls += 1
        return [kind(site=site, **fields) for kind, site, fields in pending]  # type: ignore[arg-type]

    def close(self, run: Run) -> None:
        """The layer's run is over: replay it if asked to, and file its records."""
        records = self.take()
        if self._session.editors:
            records = edited(self._session.editors, self._module, records)
        if self._session.options.verify and records:
            error, scale = self._proof(run, records)
            records = [changed(record, replay_error=error, output_scale=scale) for record in records]
        self._session.records += records

    def replay(self, x: Tensor, records: list[Record]) -> Tensor:
        """The layer's output from its records. Hooks are blind meanwhile: a replay is no run."""
        present, editing = PRESENT.set(None), EDITING.set(())
        try:
            return self._mechanism.replay(self._module, x, *records)
        finally:
            PRESENT.reset(present)
            EDITING.reset(editing)

    def _proof(self, run: Run, records: list[Record]) -> tuple[float, float]:
        """Largest error of the replay, and largest output."""
        with torch.no_grad():
            replayed = self.replay(run.x, records)
            return float((replayed - run.y).abs().max()), float(run.y.abs().max())


class _Hidden(RemovableHandle):
    """A hook for all modules. PyTorch's own removal leaves behind that it asked for keyword arguments."""

    def __init__(self, handle: RemovableHandle) -> None:
        self._handle = handle

    def remove(self) -> None:
        self._handle.remove()
        torch.nn.modules.module._global_forward_hooks_with_kwargs.pop(self._handle.id, None)


def _autocasting() -> bool:
    return torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
