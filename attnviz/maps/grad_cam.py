"""Which places raise the score of a class.

Selvaraju et al. 2017, Grad-CAM, arXiv:1610.02391, eqs. 1 and 2, computed by captum's `LayerGradCam`.
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

        with bent_at(model, self.layer, tensor, self.target) as run:
            values = LayerGradCam(run.class_score, run.tap).attribute(run.picture, relu_attributions=True)
        return AttentionMap(
            values_hw=values[0, 0].detach().float().cpu().numpy(),
            method=repr(replace(self, target=run.target, layer=run.name)),
            sites=(Site(layer=run.name, call=run.calls - 1, mechanism="grad_cam"),),
            meaning=f"Grad-CAM of {of_which_class(self.target)}: how much each place raises its score, to first order",
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
