"""Which places raise the score of a class, each place by its own gradient.

Jiang et al. 2021, "LayerCAM: Exploring Hierarchical Class Activation Maps for Localization", IEEE Transactions on Image
Processing 30, doi:10.1109/TIP.2021.3089943. The gradient is computed by captum's `LayerGradientXActivation`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from attnviz.geometry import Geometry
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.class_scores import of_which_class
from attnviz.maps.layer_pass import bent_at
from attnviz.records import Record, Site

_CARD = MethodCard(
    name="layer_cam",
    title="Layer-CAM",
    answers="Which places of this layer raise the score of this class, each by its own gradient?",
    needs="gradients",
    class_dependent=True,
    unit="gradient-weighted activation",
)


@register_method(_CARD)
@dataclass(frozen=True)
class LayerCam:
    """Features of one layer, each times its own positive gradient, summed over channels, negatives set to zero.

    Grad-CAM gives a channel one weight for the whole picture; here each place has its own, so that layers far from the
    head, where a channel's mean gradient says little, can be shown as well.

    Misleads when: the gradient is noisy, as in early layers. Negative gradients are dropped, so a place that lowers the
    score looks like one that does nothing.

    Args:
        target: index of the class; None takes each picture's top-1 class.
        layer: as in `GradCam`.
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
        from captum.attr import LayerGradientXActivation  # here: it brings in pyplot

        with bent_at(model, self.layer, tensor, self.target) as run:
            gradient_of = LayerGradientXActivation(run.class_score, run.tap, multiply_by_inputs=False)
            gradient = gradient_of.attribute(run.picture)
            assert isinstance(gradient, Tensor)
            values = (gradient.detach().clamp(min=0) * run.grid_bchw).sum(dim=1).clamp(min=0)
        return AttentionMap(
            values_hw=values[0].float().cpu().numpy(),
            method=repr(replace(self, target=run.target, layer=run.name)),
            sites=(Site(layer=run.name, call=run.calls - 1, mechanism="layer_cam"),),
            meaning=f"Layer-CAM of {of_which_class(self.target)}: activation of each place times the positive part of "
            "its gradient, summed over channels",
            unit=_CARD.unit,
            bounds=(0.0, torch.inf),
            signed=False,
            geometry=geometry,
            target=run.target,
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        """Layer-CAM suits every network."""
        return True
