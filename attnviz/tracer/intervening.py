"""Run a network with its attention changed: gates open, heads off, tokens hidden. Afterwards it is as it was.

A layer's records say what it multiplied, and from its records a layer can be computed again: that is what proves them.
So a changed record is enough to compute what the layer would have given, for every mechanism that can be traced.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from attnviz.errors import NotFoundError, NothingTracedError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.mechanisms.base import Run, UnreadUseError
from attnviz.records import Record
from attnviz.records.changed_models import CHANGED
from attnviz.records.deferred import graph_kept
from attnviz.tracer.batches import joined, one_of, pictures_in, rebuilt
from attnviz.tracer.edits import EDITING, Covered, Edit, Factor, HeadsOff, Hide, Masked, SetGate, edited
from attnviz.tracer.finding import Found, attention_layers, name_of
from attnviz.tracer.session import LayerWatch, Options, Session

GateChange = Factor | Mapping[str, Factor]
"""What the gates of one layer are set to; where it has several, by part: {"channel": "off", "spatial": "mean"}."""


@contextmanager
def intervene(
    model: nn.Module,
    *,
    gates: GateChange | Mapping[str, GateChange] | None = None,
    heads: Mapping[str, Sequence[int]] | None = None,
    hide: Masked | Sequence[int] | None = None,
    from_queries: Literal["all", "class"] | Sequence[int] = "all",
    geometry: Geometry | None = None,
    layers: str | Sequence[str] | None = None,
    grid_hw: tuple[int, int] | None = None,
) -> Iterator[None]:
    """Change what a network's attention multiplies, inside a `with` block and for the thread that runs it.

    Inside, `model(x)` and `trace(model, x)` see the change; the trace holds the changed records, whose sites say so.
    Each changed layer is computed by its mechanism's `replay` from the changed records of that very run. Layers that
    come later see a changed input, and their own attention follows from it. Gradients flow through changed layers as
    through others. A batch of several pictures runs one picture after the other. Blocks may be nested: the changes of
    the outer one come first. On leaving, also by an exception, the model has its own hooks, parameters and flags.

    Within one layer, gates are not computed anew: with the channel gate of a CBAM layer off, its spatial gate keeps
    the mask that it had computed behind the channel gate. Of what a layer gives besides its first tensor, such as
    attention weights handed to the caller, nothing is changed.

    Args:
        model: any network in evaluation mode that `trace` can read.
        gates: "off" sets every factor to 1, "mean" to the mean of that gate's factors for the picture; or one number,
            or a tensor of factors, such as means over a data set, shaped like the record's own (`weights`, `mask`). A
            mapping gives one of these for each layer, by name or pattern; its values may be mappings by part, for
            layers with several gates: {"layer3.*": {"spatial": "off"}}.
        heads: numbers of the heads to turn off, counted from 0, by layer name or pattern. Their weights become zero,
            so nothing of their values reaches the layer's output. The mark of a changed layer counts them from 1.
        hide: key tokens that are not looked at: a region of the source picture, or numbers of tokens, counted from the
            first prefix token and then over the cells of the grid, row by row. A cell belongs to a region if at least
            half of its area lies inside. The other keys share the attention; a query that has no key left, such as in
            a wholly hidden window, gets zeros.
        from_queries: which queries lose them: all, the class token, or numbers of tokens.
        geometry: where the model input lies in the picture; needed with a region. `model_input.geometry`.
        layers: names or patterns, such as "layer3.*", that limit `gates` and `hide`; None takes all attention layers.
        grid_hw: rows and columns of the patch tokens, for a transformer that cannot say so itself.

    Raises:
        ValueRangeError: nothing is to be changed, the model cannot be traced as it is, or, once it runs, a named layer
            has no gate or no heads, or a number is out of range.
        NotFoundError: a name or pattern matches no attention layer; all of them are listed.
        NothingTracedError: a pass of the model in which nothing could be changed.
        ShapeError: given factors do not fit their gate, or the geometry is that of another input.

    Example:
        >>> from attnviz.layers import SqueezeExcitation
        >>> model = nn.Sequential(SqueezeExcitation(4)).eval()
        >>> x = torch.ones(1, 4, 2, 2)
        >>> with intervene(model, gates="off"):
        ...     print(torch.equal(model(x), x))
        True
        >>> torch.equal(model(x), x)
        False
    """
    found = attention_layers(model).readable
    if not found:
        raise NothingTracedError(
            f"{name_of(model)} must have attention layers that can be read; got none. See attnviz.mechanisms."
        )
    hiding = None if hide is None else _hiding(hide, from_queries, geometry)
    plan = list(_plan(model, found, gates, heads, hiding, layers))
    if not plan:
        raise ValueRangeError("gates, heads or hide must be given; got none of them. Say what to change.")
    with _Intervention(model, plan, grid_hw, geometry if hide is not None else None).in_force():
        yield


class _Intervention:
    """One block: what it changes, and the hooks that change it.

    Attributes:
        edits: changes by layer.
    """

    def __init__(
        self,
        model: nn.Module,
        plan: Iterable[tuple[Found, Edit]],
        grid_hw: tuple[int, int] | None,
        geometry: Geometry | None,
    ) -> None:
        self.edits: dict[nn.Module, list[Edit]] = {}
        self._found: list[Found] = []
        for each, edit in plan:
            if each[1] not in self.edits:
                self._found.append(each)
            self.edits.setdefault(each[1], []).append(edit)
        self._model = model
        self._grid_hw = grid_hw
        self._geometry = geometry
        self._session: _Gathering | None = None
        self._open = False
        self._touched = 0
        self._earlier: list[object] = []
        """Outputs for the pictures of the batch under way that come before the present one."""

    def touched(self) -> None:
        self._touched += 1

    def _words(self) -> str:
        names = [name or "the model itself" for name, _, _ in self._found]
        return f"attention changed in {' and '.join(names) if len(names) < 3 else f'{len(names)} layers'}"

    @contextmanager
    def in_force(self) -> Iterator[None]:
        with ExitStack() as stack:
            stack.callback(EDITING.reset, EDITING.set((*EDITING.get(), self)))
            stack.callback(CHANGED.reset, CHANGED.set((*CHANGED.get(), (self._model, self._words()))))
            stack.callback(self._stop_watching)
            stack.callback(self._model.register_forward_pre_hook(self._before, with_kwargs=True).remove)
            self._watch()
            yield

    def _watch(self) -> None:
        """Hook the layers afresh: a mechanism may hold what it saw of a pass that failed."""
        self._stop_watching()
        self._session = _Gathering(self, self._model, self._grid_hw)
        self._session.hook_layers(self._found)
        # After the hooks of the layers: the model may be a layer itself.
        self._session.hang(self._model, self._after, hidden=False)

    def _stop_watching(self) -> None:
        if self._session is not None:
            self._session.stop()
            self._session = None

    def _before(
        self, model: nn.Module, args: tuple[object, ...], kwargs: dict[str, object] | None = None
    ) -> tuple[tuple[object, ...], dict[str, object]] | None:
        """A pass of the whole model begins. Of a batch, all pictures but the last run first, each on its own."""
        # Another thread's pass may meet this hook half removed, and then calls it without kwargs.
        if self not in EDITING.get() or kwargs is None:
            return None
        pictures = pictures_in(args, kwargs)
        count = 1 if pictures is None else len(pictures)
        earlier = []
        for number in range(count - 1):
            picked, named = one_of(args, number, count), one_of(kwargs, number, count)
            earlier.append(model(*picked, **named))
        if self._open:
            self._watch()
        self._open, self._touched = True, 0
        self._earlier = earlier
        if pictures is not None and self._session is not None:
            self._session.sees((int(pictures.shape[-2]), int(pictures.shape[-1])), self._geometry)
        if count == 1:
            return None
        return one_of(args, count - 1, count), one_of(kwargs, count - 1, count)

    def _after(self, model: nn.Module, args: tuple[object, ...], *rest: object) -> object | None:
        """A pass of the whole model is over."""
        if self not in EDITING.get():
            return None
        self._open = False
        earlier, self._earlier = self._earlier, []
        if not self._touched:
            raise NothingTracedError(
                f"something must run that can be changed; got a pass of {name_of(model)} in which none of "
                f"{', '.join(name or 'the model itself' for name, _, _ in self._found)} is "
                f"{' or '.join(sorted({edit.wants for edits in self.edits.values() for edit in edits}))}. "
                "Ask for a change that suits the network."
            )
        return joined([*earlier, rest[-1]]) if earlier else None


class _Gathering(Session):
    """Gathers the records of each run of the layers that an intervention changes, and changes their outputs."""

    def __init__(self, intervention: _Intervention, model: nn.Module, grid_hw: tuple[int, int] | None) -> None:
        super().__init__(model, None, Options(verify=False, eager=False, grid_hw=grid_hw), at_once=True)
        self._intervention = intervention

    def is_present(self) -> bool:
        return self._intervention in EDITING.get()

    def show(self, looks: list[Callable[[Run], None]], run: Run) -> None:
        with graph_kept():
            super().show(looks, run)

    def sees(self, input_hw: tuple[int, int], geometry: Geometry | None) -> None:
        """The model gets a picture of this size."""
        if geometry is not None and tuple(geometry.input_hw) != input_hw:
            raise ShapeError(
                f"geometry must be that of the model input, {input_hw[0]} x {input_hw[1]} px; got one of "
                f"{geometry.input_hw[0]} x {geometry.input_hw[1]} px. Pass the geometry that came with this input."
            )
        if input_hw != self.input_hw:
            self.input_hw = input_hw
            self.said.clear()

    def pass_over(self, use: UnreadUseError) -> None:
        """Left alone, the layer would let through what the intervention takes away."""
        raise use

    def hook_layers(self, found: Iterable[Found]) -> None:
        try:
            for name, layer, mechanism in found:
                watch = self.watch(name, layer, mechanism)
                self.hang(layer, _replacing(self, layer, watch), hidden=mechanism.hidden)
        except BaseException:
            self.stop()
            raise

    def changes(self, layer: nn.Module, records: list[Record]) -> list[Record] | None:
        """The changed records; None if a later intervention sees to this layer, or if nothing fits."""
        editors = [editor for editor in EDITING.get() if layer in editor.edits]
        if editors[-1] is not self._intervention:
            return None
        after = edited(editors, layer, records)
        return None if all(new is old for new, old in zip(after, records, strict=True)) else after


def _replacing(session: _Gathering, layer: nn.Module, watch: LayerWatch) -> Callable[..., object]:
    """A hook that gives the layer's output as its changed records make it."""

    def replace(ran: nn.Module, args: tuple[object, ...], *rest: object) -> object | None:
        if ran is not layer or not session.is_present():
            return None
        kwargs = rest[0] if len(rest) == 2 and isinstance(rest[0], dict) else {}
        output = rest[-1]
        run = Run(args, kwargs, output)
        with graph_kept():
            records = session.changes(layer, watch.take())
            if records is None:
                return None
            y = watch.replay(run.x, records)
        if y.shape != run.y.shape:
            raise ShapeError(
                f"{watch.layer}: a changed layer must give the shape that it had, {tuple(run.y.shape)}; got "
                f"{tuple(y.shape)}. Its mechanism's replay does not fit this use."
            )
        return _in_place_of_the_first_tensor(output, y.to(run.y))

    return replace


def _in_place_of_the_first_tensor(output: object, y: Tensor) -> object:
    if not isinstance(output, (tuple, list)):
        return y
    at = next(place for place, item in enumerate(output) if isinstance(item, Tensor))
    return rebuilt(output, [*output[:at], y, *output[at + 1 :]])


def _plan(
    model: nn.Module,
    found: Sequence[Found],
    gates: GateChange | Mapping[str, GateChange] | None,
    heads: Mapping[str, Sequence[int]] | None,
    hiding: Callable[[bool], Edit] | None,
    layers: str | Sequence[str] | None,
) -> Iterator[tuple[Found, Edit]]:
    """Every layer with a change that is meant for it."""
    patterns = ["*"] if layers is None else [layers] if isinstance(layers, str) else list(layers)
    if layers is not None and hiding is None and (gates is None or isinstance(gates, Mapping)):
        raise ValueRangeError(
            f"layers must go with hide, or with gates that name no layers; got layers={layers!r}. Leave it out."
        )
    if not patterns:
        raise ValueRangeError("layers must name at least one layer; got none. None takes all of them.")
    by_layer = gates if isinstance(gates, Mapping) else {} if gates is None else dict.fromkeys(patterns, gates)
    for pattern, change in by_layer.items():
        parts = change if isinstance(change, Mapping) else {None: change}
        for part, factor in parts.items():
            gate = SetGate(_checked(factor, pattern), part, _is_name(pattern))
            yield from ((each, gate) for each in _matching(model, found, pattern))
    for pattern, numbers in (heads or {}).items():
        edit = HeadsOff(tuple(numbers), _is_name(pattern))
        yield from ((each, edit) for each in _matching(model, found, pattern))
    if hiding is not None:
        for pattern in patterns:
            hidden = hiding(_is_name(pattern))
            yield from ((each, hidden) for each in _matching(model, found, pattern))


def _matching(model: nn.Module, found: Sequence[Found], pattern: str) -> list[Found]:
    matches = [each for each in found if fnmatchcase(each[0], pattern)]
    if not matches:
        names = [name for name, _, _ in found]
        raise NotFoundError.among("layer", pattern, names, f"among the attention layers of {name_of(model)}")
    return matches


def _is_name(pattern: str) -> bool:
    """Whether a layer is named, and not matched among others."""
    return not any(sign in pattern for sign in "*?[")


def _checked(factor: Factor, layer: str) -> Factor:
    if isinstance(factor, str):
        if factor not in ("off", "mean"):
            raise ValueRangeError(f'{layer}: gates must be "off", "mean" or factors; got {factor!r}. Choose one.')
    elif not torch.isfinite(torch.as_tensor(factor)).all():
        raise ValueRangeError(f"{layer}: the gate's factors must be finite; got NaN or infinity. Compute them again.")
    return factor


def _hiding(
    hide: Masked | Sequence[int], from_queries: Literal["all", "class"] | Sequence[int], geometry: Geometry | None
) -> Callable[[bool], Edit]:
    queries = from_queries if isinstance(from_queries, str) else tuple(from_queries)
    if isinstance(queries, str) and queries not in ("all", "class"):
        raise ValueRangeError(f'from_queries must be "all", "class" or numbers; got {queries!r}. Choose one.')
    if isinstance(hide, Sequence):
        keys: Covered | tuple[int, ...] = tuple(hide)
    elif geometry is None:
        raise ValueRangeError(
            f"geometry must come with a region to hide; got region {hide.name!r} alone. "
            "Pass geometry=model_input.geometry."
        )
    else:
        keys = Covered(hide, geometry)
    return partial(Hide, keys, queries)  # type: ignore[arg-type]
