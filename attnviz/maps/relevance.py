"""Attention that matters for a class, followed from the last layer down to the first.

Chefer, Gur, Wolf 2021, "Generic Attention-model Explainability for Interpreting Bi-Modal and Encoder-Decoder
Transformers", arXiv:2103.15679, eqs. 5 and 6: the case of self-attention alone, which has no normalisation.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from attnviz.geometry import Geometry
from attnviz.maps.attention_grid import lay, prefix_note
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.class_scores import class_scores, of_which_class
from attnviz.maps.followed_pass import followable, require_signal
from attnviz.maps.token_chain import can_be_followed, start_row
from attnviz.records import Record

_CARD = MethodCard(
    name="relevance",
    title="Relevance",
    answers="Followed through all layers, which places does the attention that raises this class come from?",
    needs="SelfAttention and gradients",
    class_dependent=True,
    unit="relevance",
)


@register_method(_CARD)
@dataclass(frozen=True)
class Relevance:
    """Attention weighted by the gradient of a class score, its positive part, followed through all layers.

    With A the attention matrix of a layer and y the class score, `M = mean over heads of relu(dy/dA * A)` and
    `R <- R + M R`, starting from the identity. The map is the class token's row of R, or the mean of all places' rows
    in a network without a class token, less the identity that it started from. Only that row is carried through the
    layers. The gradients are those of the network as it runs: each layer is computed from its attention matrix
    written out, and the scores are checked to be the same.

    Misleads when: what passes by the attention, in skip connections and MLPs, decides; that part is the identity here,
    whatever its size. Two networks may be shown for two classes unless a target is set.

    Args:
        target: index of the class; None takes each picture's top-1 class.
    """

    card: ClassVar[MethodCard] = _CARD
    target: int | None = None

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        """Run the model twice, once by itself and once with its attention written out, and differentiate that.

        Raises:
            NothingTracedError: the network has no self-attention, or no gradient reaches it.
            UnreadableError: some of its attention cannot be read.
            ShapeError: attention is windowed, or the number of tokens changes; or there are no class scores.
            ValueRangeError: attention is mixed with convolution; there is no class of that index; or the network
                cannot be computed from its attention.
        """
        with followable(model, tensor, self.target, "relevance") as run:
            output, seen = run.run()
            scores = class_scores(output)
            run.require_same(scores[0])
            found = torch.autograd.grad(scores[0, run.target], [one.weights for one in seen], allow_unused=True)
        gradients = [
            torch.zeros_like(one.weights) if gradient is None else gradient
            for one, gradient in zip(seen, found, strict=True)
        ]
        require_signal(gradients, "relevance")
        start, origin = start_row(run.last)
        row = start.clone()
        for one, gradient in zip(reversed(seen), reversed(gradients), strict=True):
            row = row + row @ (gradient * one.weights.detach()).clamp(min=0)[0].mean(dim=0)
        row = row - start
        laid = lay(run.last, row[None])
        total = float(row.sum())
        return AttentionMap(
            # Of the places' own identity, rounding may leave something below zero.
            values_hw=laid.grid_hw.clip(min=0),
            method=repr(replace(self, target=run.target)),
            sites=tuple(one.record.site for one in seen),
            meaning=f"relevance for {of_which_class(self.target)}: attention times its gradient, positive part, mean "
            f"over heads, followed from {origin} through {len(seen)} layers",
            unit=_CARD.unit,
            bounds=(0.0, torch.inf),
            signed=False,
            geometry=geometry,
            target=run.target,
            note=prefix_note(run.last, laid.prefix / total).replace("attention", "relevance") if total > 0 else "",
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        return can_be_followed(records)
