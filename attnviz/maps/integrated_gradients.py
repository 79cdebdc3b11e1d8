"""How a class score is made up of the pixels, on the way from a picture without content to this one.

Sundararajan, Taly, Yan 2017, "Axiomatic Attribution for Deep Networks", arXiv:1703.01365, eqs. 1 and 3, computed by
captum's `IntegratedGradients`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from attnviz.errors import ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps.base import AttentionMap, MethodCard, register_method
from attnviz.maps.class_scores import chosen_class, class_scores, of_which_class, own_tensor
from attnviz.maps.replacing import Counter, Progress, Replacement, in_words, require_replacement, without_content
from attnviz.records import Record, Site

AT_ONCE = 8
"""Pictures in one batch."""

_CARD = MethodCard(
    name="integrated_gradients",
    title="Integrated Gradients",
    answers="How much does each pixel add to the score of this class, or take from it?",
    needs="gradients",
    class_dependent=True,
    unit="class score",
)


@register_method(_CARD)
@dataclass(frozen=True)
class IntegratedGradients:
    """Gradient of the class score, averaged on the straight way from a baseline to the picture, times the difference.

    The values of all pixels, summed over the colour channels, add up to the score of the picture less that of the
    baseline, up to the error of the steps, which the note tells.

    Misleads when: the baseline has what matters, such as the colour: what does not change on the way gets nothing.
    Single pixels are noisy; look at areas.

    Args:
        target: index of the class; None takes each picture's top-1 class.
        baseline: "blur" starts from the picture blurred by an eighth of its short side, "mean" from its mean colour.
        steps: points on the way, at least 1; Gauss-Legendre quadrature.
        progress: told after each batch how many passes are done, and how many there are. An error that it raises ends
            the work.
    """

    card: ClassVar[MethodCard] = _CARD
    target: int | None = None
    baseline: Replacement = "blur"
    steps: int = 32
    progress: Progress | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_replacement(self.baseline)
        if self.steps < 1:
            raise ValueRangeError(f"steps must be at least 1; got {self.steps}. 32 suits most networks.")

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        """Run the model `steps` times, forward and backward to the picture.

        Raises:
            ShapeError: the model does not return class scores.
            ValueRangeError: there is no class of that index.
        """
        from captum.attr import IntegratedGradients as Captum  # here: it brings in pyplot

        with torch.inference_mode(False):
            picture = own_tensor(tensor)
            start = without_content(picture, self.baseline)
            with torch.no_grad():
                ends = torch.cat([class_scores(model(one)) for one in (picture, start)])
            target = chosen_class(ends, self.target)
            counter = Counter(self.steps, self.progress)

            def score(pictures: Tensor) -> Tensor:
                scores = class_scores(model(pictures), pictures=len(pictures))[:, target]
                counter.add(len(pictures))
                return scores

            made = Captum(score).attribute(
                picture, baselines=start, n_steps=self.steps, method="gausslegendre", internal_batch_size=AT_ONCE
            )
            values = made.detach().double().sum(dim=1)[0].cpu()
        change, total = float(ends[0, target] - ends[1, target]), float(values.sum())
        return AttentionMap(
            values_hw=values.numpy(),
            method=repr(replace(self, target=target)),
            sites=(Site(layer="model input", call=0, mechanism="integrated_gradients"),),
            meaning=f"Integrated Gradients of {of_which_class(self.target)}: what each pixel adds to its score, "
            f"compared with {in_words(self.baseline)}",
            unit=_CARD.unit,
            bounds=(-torch.inf, torch.inf),
            signed=True,
            geometry=geometry,
            target=target,
            note=f"{change:+.3g} from the score of {in_words(self.baseline)} to that of the picture; in {self.steps} "
            f"steps the pixels add up to {total:+.3g}, a gap of {abs(total - change):.2g}",
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        """Every network that gradients pass through."""
        return True
