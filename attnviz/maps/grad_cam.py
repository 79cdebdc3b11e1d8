"""Which places raise the score of a class.

Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391, eqs. 1 and 2, computed by captum's `LayerGradCam`.

The model is shared and stays as it is. Captum hooks a module that belongs to this one call; the model's own layer
gets a hook that acts in the calling thread only and is gone afterwards. Everything before the layer runs without
recording gradients, so the backward pass starts at the layer and no weight gradient is computed.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from attnviz.errors import NothingTracedError, ShapeError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.layer_choice import find_layer
from attnviz.maps.layer_layout import Layout, layout_of, one_tensor
from attnviz.records import Record, Site

_CARD = MethodCard(
    name="grad_cam",
    title="Grad-CAM",
    answers="Which places raise the score of this class?",
    needs="gradients",
    class_dependent=True,
    unit="gradient-weighted activation",
)


@register_method(_CARD)
@dataclass(frozen=True)
class GradCam:
    """Features of one layer, weighted by the gradient of a class score, summed over channels, negatives set to zero.

    It fits every network, so networks with different attention can be compared by the same question.

    Misleads when: read as attention. It shows what raises one class score to first order, not where a gate or a
    query looks; two networks may be shown for two different classes unless a target is set.

    Args:
        target: index of the class; None takes each picture's top-1 class.
        layer: dotted name or pattern of the layer (the last match); None takes the network's own choice
            (`model.cam_layer`), or the output of its last stage of convolutions, or the tokens that enter the last
            transformer block. Behind its attention a class token's head leaves the patch tokens without gradient.
    """

    card: ClassVar[MethodCard] = _CARD
    target: int | None = None
    layer: str | None = None

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        """Run the model once, forward to the end and backward to the layer.

        Raises:
            NotFoundError: no such layer.
            NothingTracedError: the layer did not run, or no gradient reaches it.
            ShapeError: the layer's output cannot be laid on a grid, or the model does not return class scores.
            ValueRangeError: there is no class of that index.
        """
        from captum.attr import LayerGradCam  # here: it brings in pyplot, and `import attnviz` should be quick

        name, layer = find_layer(model, self.layer)
        run = _Pass(model, name, tensor, self.target)
        hook = layer.register_forward_hook(run.at_layer)
        try:
            # Records made under inference_mode cannot carry gradients, so the caller's mode is left for this pass.
            with torch.inference_mode(False):
                values = LayerGradCam(run.class_score, run.tap).attribute(
                    tensor.detach().clone() if tensor.is_inference() else tensor.detach(), relu_attributions=True
                )
        finally:
            hook.remove()
        run.require_signal()
        return AttentionMap(
            values_hw=values[0, 0].detach().float().cpu().numpy(),
            method=repr(replace(self, target=run.target, layer=name)),
            sites=(Site(layer=name, call=run.calls - 1, mechanism="grad_cam"),),
            meaning=f"Grad-CAM of {'the top-1 class' if self.target is None else 'the chosen class'}: "
            "how much each place raises its score, to first order",
            unit=_CARD.unit,
            bounds=(0.0, torch.inf),
            signed=False,
            geometry=geometry,
            target=run.target,
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        """Grad-CAM suits every network, also one without any attention."""
        return True


class _Pass:
    """One forward pass of one thread, bent at one layer so that captum can hold on to it."""

    def __init__(self, model: nn.Module, name: str, tensor: Tensor, target: int | None) -> None:
        self.model = model
        self.name = name
        self.input_hw = (tensor.shape[2], tensor.shape[3])
        self.target = target
        self.tap = nn.Identity()
        self.calls = 0
        self._thread = threading.get_ident()
        self._gradients: list[Tensor] = []

    def at_layer(self, _layer: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        """Lay the layer's output on its grid and let captum take it there; the network goes on with equal values."""
        if threading.get_ident() != self._thread:
            return None
        layout: Layout = layout_of(self.model, one_tensor(output, self.name), self.input_hw, self.name)
        self.calls += 1
        grid_bchw = layout.to_grid(output.detach())
        torch.set_grad_enabled(True)
        held = self.tap(grid_bchw)
        held.register_hook(self._gradients.append)
        return layout.from_grid(held, output.detach())

    def class_score(self, tensor: Tensor) -> Tensor:
        """The score of the target class, shape (1,). Gradients are recorded from the layer on."""
        with torch.no_grad():  # until `at_layer` switches recording on
            logits = self.model(tensor)
        if not self.calls:
            raise NothingTracedError(
                f"layer {self.name!r} must run in a forward pass; got a pass in which it did not. "
                "Choose a layer that the network calls as a module."
            )
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ShapeError(f"the model must return class scores of shape (1, classes); got {shape}. Wrap the model.")
        classes = logits.shape[1]
        if self.target is None:
            self.target = int(logits[0].argmax())
        if not 0 <= self.target < classes:
            raise ValueRangeError(f"target must be a class index in 0..{classes - 1}; got {self.target}.")
        if not logits.requires_grad:
            raise NothingTracedError(
                f"the class score must depend on {self.name}; got no path to it. Choose a layer that feeds the head."
            )
        return logits[:, self.target]

    def require_signal(self) -> None:
        """Refuse a map that is blank only because no gradient came back (not because the class is unsupported)."""
        if not any(bool((gradient != 0).any()) for gradient in self._gradients):
            raise NothingTracedError(
                f"some gradient must reach {self.name}; got zero at every place. In a transformer whose head reads "
                "the class token, choose what enters the last block: the output of the block before it, such as "
                "blocks.10 of 12; an untrained head of zeros gives no gradient anywhere."
            )
