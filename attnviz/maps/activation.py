"""Where a layer is active at all.

No attention: what a network without attention of its own can show in the place of one, and what a gated network's maps
should be compared with.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from attnviz.errors import NothingTracedError
from attnviz.geometry import Geometry
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.layer_choice import find_layer
from attnviz.maps.layer_layout import layout_of, one_tensor
from attnviz.records import Record, Site

_CARD = MethodCard(
    name="activation",
    title="Activation",
    answers="Where is this layer active, whatever the reason?",
    needs="a forward pass",
    class_dependent=False,
    unit="mean squared activation",
)


@register_method(_CARD)
@dataclass(frozen=True)
class Activation:
    """Mean over channels of a layer's squared output.

    Misleads when: read as attention. A place can be active for a class that the network then rejects.

    Args:
        layer: dotted name or pattern of the layer (the last match); None as in `GradCam`.
    """

    card: ClassVar[MethodCard] = _CARD
    layer: str | None = None

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        """Run the model once, without gradients.

        Raises:
            NotFoundError: no such layer.
            NothingTracedError: the layer did not run.
            ShapeError: its output is not one tensor, or cannot be laid on a grid.
        """
        name, layer = find_layer(model, self.layer)
        outputs: list[Tensor] = []
        thread = threading.get_ident()

        def keep(_layer: nn.Module, _args: tuple[Tensor, ...], output: Tensor) -> None:
            # Another thread may be running the same model, and a later layer may write to this one's output.
            if threading.get_ident() == thread:
                outputs.append(one_tensor(output, name).detach().clone())

        hook = layer.register_forward_hook(keep)
        try:
            with torch.no_grad():
                model(tensor)
        finally:
            hook.remove()
        if not outputs:
            raise NothingTracedError(
                f"layer {name!r} must run in a forward pass; got a pass in which it did not. "
                "Choose a layer that the network calls as a module."
            )
        input_hw = (int(tensor.shape[2]), int(tensor.shape[3]))
        grid_bchw = layout_of(model, outputs[-1], input_hw, name).to_grid(outputs[-1])
        return AttentionMap(
            values_hw=grid_bchw[0].float().square().mean(dim=0).cpu().numpy(),
            method=repr(replace(self, layer=name)),
            sites=(Site(layer=name, call=len(outputs) - 1, mechanism="activation"),),
            meaning="activation, not attention: mean over channels of the squared features",
            unit=_CARD.unit,
            bounds=(0.0, torch.inf),
            signed=False,
            geometry=geometry,
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        """Every network has activations."""
        return True
