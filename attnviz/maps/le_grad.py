"""How sensitive the class score of every layer is to where that layer looks.

Bousselham et al. 2024, "LeGrad: An Explainability Method for Vision Transformers via Feature Formation Sensitivity",
arXiv:2404.03214, section 3.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from attnviz.errors import ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps.attention_grid import lay, prefix_note
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.class_scores import class_scores, of_which_class
from attnviz.maps.followed_pass import followable, require_signal
from attnviz.maps.layer_scores import LayerScores, Pooling, blocks_of
from attnviz.maps.token_chain import can_be_followed
from attnviz.records import Record, SelfAttention

_CARD = MethodCard(
    name="le_grad",
    title="LeGrad",
    answers="Where would more attention raise the score of this class, over all layers?",
    needs="SelfAttention and gradients",
    class_dependent=True,
    unit="class score per unit of attention",
)


@register_method(_CARD)
@dataclass(frozen=True)
class LeGrad:
    """Positive gradient of each layer's class score by that layer's attention, averaged over heads, queries and layers.

    A classifier has a score at its end only. The score of an earlier layer is what the rest of the network behind its
    last block, the final norm, pooling and linear head, gives to the tokens that leave the layer's block. Each score is
    differentiated by the attention of its own layer alone. Weights that are exactly zero, because a mask or `intervene`
    closed them, count as closed, whatever their gradient.

    The paper's code divides nothing by the number of layers and then stretches the map to 0..1; here the mean over the
    layers stays in its unit, and `min_max` asks for the stretch.

    Misleads when: a layer in the middle says little through the head that was trained for the last one. The map knows
    gradients alone: it may light up where the network does not look at all.

    Args:
        target: index of the class; None takes each picture's top-1 class.
        pooling: "head" reads the tokens as the network's own head does: the class token, or their mean. "mean" gives
            the head the mean of all tokens that leave the block, class token included, as the authors' code does.
        min_max: stretch the map to 0..1, as the paper does for its figures. Such a map says nothing about amounts.
    """

    card: ClassVar[MethodCard] = _CARD
    target: int | None = None
    pooling: Pooling = "head"
    min_max: bool = False

    def __post_init__(self) -> None:
        if self.pooling not in ("head", "mean"):
            raise ValueRangeError(f'pooling must be "head" or "mean"; got {self.pooling!r}. "head" suits classifiers.')

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        """Run the model twice, once by itself and once with its attention written out, and differentiate that.

        Raises:
            NothingTracedError: the network has no self-attention, or no gradient reaches it.
            UnreadableError: some of its attention cannot be read.
            ShapeError: attention is windowed, or the number of tokens changes; the blocks cannot be told apart; or
                there are no class scores.
            ValueRangeError: attention is mixed with convolution; there is no class of that index; or the network
                cannot be computed from its attention.
        """
        with followable(model, tensor, self.target, "LeGrad") as run:
            records = run.traced.of(SelfAttention)
            blocks = blocks_of([record.site.layer for record in records])
            with LayerScores(blocks, run.last.queries.shape[2], self.pooling).watching(model):
                output, seen = run.run()
            scores = class_scores(output, pictures=len(blocks))
            if self.pooling == "head":
                run.require_same(scores[-1])
            gradients = [_gradient(score, one.weights) for score, one in zip(scores[:, run.target], seen, strict=True)]
        require_signal(gradients, "LeGrad")
        layers = [
            torch.where(one.weights.detach() == 0, 0, gradient).clamp(min=0)[0].mean(dim=(0, 1))
            for one, gradient in zip(seen, gradients, strict=True)
        ]
        row = torch.stack(layers).mean(dim=0)
        laid = lay(run.last, row[None])
        values, total = laid.grid_hw, float(row.sum())
        told = [prefix_note(run.last, laid.prefix / total).replace("attention", "gradient")] if total > 0 else []
        unit = _CARD.unit
        if self.min_max and values.max() > values.min():
            values = (values - values.min()) / (values.max() - values.min())
            unit = "LeGrad stretched to 0..1"
            told.append("stretched to 0..1, so amounts are lost")
        return AttentionMap(
            values_hw=values,
            method=repr(replace(self, target=run.target)),
            sites=tuple(one.record.site for one in seen),
            meaning=f"LeGrad of {of_which_class(self.target)}: positive gradient of each layer's class score by its "
            f"attention, mean over heads, queries and {len(seen)} layers",
            unit=unit,
            bounds=(0.0, 1.0 if unit != _CARD.unit else torch.inf),
            signed=False,
            geometry=geometry,
            target=run.target,
            note="; ".join(sentence for sentence in told if sentence),
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return can_be_followed(records)


def _gradient(score: Tensor, weights: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(score, weights, retain_graph=True, allow_unused=True)
    return torch.zeros_like(weights) if gradient is None else gradient
