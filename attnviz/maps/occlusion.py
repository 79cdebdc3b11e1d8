"""What the network loses when a part of the picture is covered.

Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", arXiv:1311.2901, section 4.2, computed
by captum's `Occlusion`.
"""

import math
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

FEWEST_CELLS = 7
"""Cells along the short side that the method chooses for itself, at least: as many as a ResNet's last grid has."""

MOST_CELLS = 32
"""Cells along the short side that the method chooses for itself, at most: more take thousands of passes."""

_CARD = MethodCard(
    name="occlusion",
    title="Occlusion",
    answers="How far does the probability of this class fall when this place is covered?",
    needs="many forward passes",
    class_dependent=True,
    unit="drop of class probability",
)


@register_method(_CARD)
@dataclass(frozen=True)
class Occlusion:
    """Class probability of the picture less that of the picture with a square patch covered, for patches all over it.

    A cell's value is the mean over all patches that cover it. Above zero, the network needs the place for the class;
    below, the place spoke against it. No gradient is used, so the network need not have any.

    Misleads when: two places each suffice: covering one of them changes nothing. What is put in the patch's place is
    itself something to see.

    Args:
        target: index of the class; None takes each picture's top-1 class.
        cell_px: pixels along a cell, a divisor of both sides of the model input; None takes the largest that leaves
            seven cells along the short side.
        patch: cells along a patch.
        stride: cells from one patch to the next, at most `patch`.
        baseline: what the patch shows: "blur" the picture blurred by an eighth of its short side, "mean" its mean
            colour.
        progress: told after each batch how many passes are done, and how many there are. An error that it raises ends
            the work.
    """

    card: ClassVar[MethodCard] = _CARD
    target: int | None = None
    cell_px: int | None = None
    patch: int = 2
    stride: int = 1
    baseline: Replacement = "blur"
    progress: Progress | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_replacement(self.baseline)
        if not 1 <= self.stride <= self.patch:
            raise ValueRangeError(
                f"stride must be in 1..patch, so that every cell is covered; got stride {self.stride} and patch "
                f"{self.patch}. Use a smaller stride."
            )

    def explain(self, model: nn.Module, tensor: Tensor, geometry: Geometry) -> AttentionMap:
        """Run the model once for each patch, without gradients.

        Raises:
            ShapeError: the model does not return class scores.
            ValueRangeError: there is no class of that index, or the cells or patches do not fit the model input.
        """
        from captum.attr import Occlusion as Captum  # here: it brings in pyplot

        height, width = int(tensor.shape[2]), int(tensor.shape[3])
        cell = self._cell_px(height, width)
        side, step = self.patch * cell, self.stride * cell
        with torch.inference_mode(False), torch.no_grad():
            picture = own_tensor(tensor)
            before = class_scores(model(picture))
            target = chosen_class(before, self.target)
            passes = math.prod(1 + math.ceil((length - side) / step) for length in (height, width))
            counter = Counter(passes + 1, self.progress)  # captum looks at the whole picture once more

            def probability(pictures: Tensor) -> Tensor:
                scores = class_scores(model(pictures), pictures=len(pictures))
                counter.add(len(pictures))
                return scores.float().softmax(dim=1)[:, target]

            made = Captum(probability).attribute(
                picture,
                sliding_window_shapes=(picture.shape[1], side, side),
                strides=(picture.shape[1], step, step),
                baselines=without_content(picture, self.baseline),
                perturbations_per_eval=AT_ONCE,
            )
        return AttentionMap(
            # A patch begins and ends with a cell and covers all channels, so one pixel says it all.
            values_hw=made[0, 0, ::cell, ::cell].float().cpu().numpy(),
            method=repr(replace(self, target=target, cell_px=cell)),
            sites=(Site(layer="model input", call=0, mechanism="occlusion"),),
            meaning=f"Occlusion for {of_which_class(self.target)}: fall of its probability when a patch of {side} x "
            f"{side} px shows {in_words(self.baseline)}, mean over the patches that cover the place",
            unit=_CARD.unit,
            bounds=(-1.0, 1.0),
            signed=True,
            geometry=geometry,
            target=target,
            note=f"the probability is {float(before.float().softmax(dim=1)[0, target]):.1%} without a patch; "
            f"{passes} patches",
        )

    @classmethod
    def fits(cls, records: Iterable[Record]) -> bool:
        """Every classifier."""
        return True

    def _cell_px(self, height: int, width: int) -> int:
        common = math.gcd(height, width)
        divisors = [size for size in range(1, common + 1) if common % size == 0]
        short = min(height, width)
        cell = self.cell_px
        if cell is None:
            cell = max((size for size in divisors if short // size >= FEWEST_CELLS), default=1)
            if short // cell > MOST_CELLS:
                raise ValueRangeError(
                    f"the sides of the model input must have a common divisor that leaves at most {MOST_CELLS} cells "
                    f"along the short side; got {height} x {width} px. Preprocess with multiple_of=8, or give cell_px."
                )
        if cell not in divisors:
            raise ValueRangeError(
                f"cell_px must divide both sides of the {height} x {width} px model input; got {cell}. Choose one of "
                f"{', '.join(map(str, divisors))}."
            )
        if self.patch * cell > short:
            raise ValueRangeError(
                f"a patch must fit into the model input of {height} x {width} px; got {self.patch} cells of {cell} px. "
                "Use a smaller patch, or a smaller cell_px."
            )
        return cell
