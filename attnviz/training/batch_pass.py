"""Many pictures through a network in one pass: what its attention did with each, and Grad-CAM of each one's class.

`attnviz.trace` and `attnviz.explain` take one picture at a time, so that every number is what the network gives for
that picture, to the last bit. For thousands of pictures that is slow. Here the network runs on a batch, and every
mechanism sees its layer's run picture by picture. The values are the same but for the last digits.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from attnviz.errors import ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps.layer_layout import layout_of
from attnviz.mechanisms.base import Mechanism, Run
from attnviz.records import Part, Record, Site, TokenGrid, Trace, owned
from attnviz.records.token_layouts import token_grid, token_layouts
from attnviz.tracer.edits import SetGate
from attnviz.tracer.finding import attention_layers

Look = Callable[[Run], None]

MEAN = SetGate("mean", None, needed=False)
"""A gate set to its own mean, as `intervene(gates="mean")` sets it."""


@dataclass(frozen=True, eq=False)
class BatchPass:
    """What a network did with some pictures.

    Attributes:
        logits: (n, classes).
        traces: one for each picture, in order; without records for a network without attention.
        grad_cam: (n, h, w): Grad-CAM of the class asked for, at the layer asked for.
    """

    logits: Tensor
    traces: tuple[Trace, ...]
    grad_cam: Tensor


def batch_pass(
    model: nn.Module,
    inputs_bchw: Tensor,
    geometry: Geometry,
    targets: Tensor,
    cam_layer: str,
    *,
    mean_gates: bool = False,
) -> BatchPass:
    """Run a network on several pictures and read its attention.

    Args:
        model: in evaluation mode. It gets hooks for the time of the call and keeps none.
        inputs_bchw: the pictures, prepared, of shape (n, 3, h, w).
        geometry: where an input lies in its picture; the same for all.
        targets: the class of each picture that Grad-CAM speaks about, (n,).
        cam_layer: dotted name of the layer for Grad-CAM.
        mean_gates: replace every gate by its mean, picture by picture.

    Returns:
        The outputs, and what `attnviz.trace` and `GradCam` give for each picture.
    """
    count = len(inputs_bchw)
    input_hw = (int(inputs_bchw.shape[-2]), int(inputs_bchw.shape[-1]))
    records: list[list[Record]] = [[] for _ in range(count)]
    grids: list[Tensor] = []

    def at_cam_layer(_layer: nn.Module, _args: object, output: Tensor) -> Tensor:
        layout = layout_of(model, output, input_hw, cam_layer)
        grid = layout.to_grid(output.detach()).requires_grad_()
        grids.append(grid)
        torch.set_grad_enabled(True)  # until the pass is over: everything before the layer runs without
        return layout.from_grid(grid, output.detach())

    with ExitStack() as hooks:
        for name, layer, mechanism in attention_layers(model).readable:
            reading = _Reading(model, name, layer, mechanism, input_hw, records, mean_gates)
            for handle in reading.hooks():
                hooks.callback(handle.remove)
        hooks.callback(model.get_submodule(cam_layer).register_forward_hook(at_cam_layer).remove)
        with torch.no_grad():
            logits = model(inputs_bchw)
    (grid,) = grids
    (gradient,) = torch.autograd.grad(logits[torch.arange(count), targets].sum(), grid)
    # Selvaraju et al. 2017, arXiv:1610.02391, eqs. 1 and 2.
    cam = (gradient.mean(dim=(2, 3), keepdim=True) * grid.detach()).sum(dim=1).relu()
    logits = logits.detach()
    name = type(model).__name__
    traces = tuple(Trace(name, logits[n], geometry, tuple(records[n])) for n in range(count))
    return BatchPass(logits, traces, cam)


class _Reading:
    """One attention layer during a pass: each picture's mechanism sees its own part of every run."""

    def __init__(
        self,
        model: nn.Module,
        name: str,
        layer: nn.Module,
        mechanism: Mechanism,
        input_hw: tuple[int, int],
        records: list[list[Record]],
        mean_gates: bool,
    ) -> None:
        self.layer = layer
        self.mechanism = mechanism
        self.mean_gates = mean_gates
        self.replaying = False
        self.emits = [_Emit(model, name, mechanism.key, input_hw, each) for each in records]
        for emit in self.emits:
            list(mechanism.watch(layer, emit))

    def hooks(self) -> list[RemovableHandle]:
        """Hooks on every module that the mechanism looks at, and on the layer itself where its gates are changed."""
        looked_at = list(self.emits[0].looks)
        handles = [module.register_forward_hook(self._show, with_kwargs=True) for module in looked_at]
        if self.mean_gates:
            handles.append(self.layer.register_forward_hook(self._with_mean_gates))
        return handles

    def _show(self, module: nn.Module, args: tuple[object, ...], kwargs: Mapping[str, object], output: object) -> None:
        if self.replaying:
            return
        for number, emit in enumerate(self.emits):
            part = _Part(number)
            run = Run(tuple(map(part, args)), {name: part(value) for name, value in kwargs.items()}, part(output))
            for look in emit.looks[module]:
                look(run)

    def _with_mean_gates(self, layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        if self.replaying or not all(MEAN.fits(record) for emit in self.emits for record in emit.of_this_run):
            return None
        self.replaying = True
        try:
            rows = []
            for number, emit in enumerate(self.emits):
                changed = [MEAN(record) for record in emit.of_this_run]
                emit.records[-len(changed) :] = changed
                rows.append(self.mechanism.replay(layer, args[0][number : number + 1], *changed))
        finally:
            self.replaying = False
        return torch.cat(rows)


class _Emit:
    """Takes what a mechanism hands over for one picture and one layer. See `attnviz.mechanisms.base.Emit`."""

    def __init__(
        self, model: nn.Module, layer: str, key: str, input_hw: tuple[int, int], records: list[Record]
    ) -> None:
        self.model = model
        self.layer = layer
        self.key = key
        self.input_hw = input_hw
        self.records = records
        self.of_this_run: list[Record] = []
        self.looks: dict[nn.Module, list[Look]] = {}

    def __call__(
        self, kind: type[Record], *, part: str = "", **fields: Tensor | Part | TokenGrid | int | float | None
    ) -> None:
        held: dict[str, object] = {}
        for name, value in fields.items():
            if isinstance(value, Tensor):
                held[name] = owned(value)
            elif name == "tokens" and isinstance(value, int):
                held[name] = token_grid(token_layouts(self.model, self.layer, value, self.input_hw), value)
            else:
                held[name] = value
        site = Site(self.layer, 0, f"{self.key}.{part}" if part else self.key)
        record = kind(site=site, **held)  # type: ignore[arg-type]
        self.of_this_run.append(record)
        self.records.append(record)

    def after(self, module: nn.Module, look: Look, *, hidden: bool = False) -> RemovableHandle:
        if hidden:
            raise ValueRangeError(
                f"{self.layer}: a batch must run through layers that may be hooked; got one that must not be. "
                "Trace its pictures one by one."
            )
        self.looks.setdefault(module, []).append(look)
        return RemovableHandle(OrderedDict())


class _Part:
    """One picture's part of what a layer got and gave for a batch. What was one tensor stays one tensor."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.made: dict[int, Tensor] = {}

    def __call__(self, value: object) -> object:
        if isinstance(value, Tensor) and value.dim():
            if id(value) not in self.made:
                self.made[id(value)] = value[self.number : self.number + 1]
            return self.made[id(value)]
        if isinstance(value, (tuple, list)):
            return tuple(self(each) for each in value)
        return value
