"""One network and one picture: what is asked of both, and the passes that answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from attnviz.errors import NotFoundError, ShapeError, ValueRangeError
from attnviz.faithfulness.progress import Steps
from attnviz.geometry import Geometry
from attnviz.maps.base import AttentionMap, MapMethod, ModelMethod, explain
from attnviz.pictures import ModelInput, Picture, Preprocessing, preprocess
from attnviz.records.seen_picture import SeenPicture, beside, one_seen, refuse_training
from attnviz.records.untrained import untrained_of
from attnviz.tracer import trace

AT_ONCE = 16
"""Pictures in one pass of the network."""


class NetworkCard(Protocol):
    """What is needed of a network's card."""

    @property
    def title(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...


@runtime_checkable
class Network(Protocol):
    """A network that knows how to see a picture, such as `attnviz.load` gives."""

    @property
    def model(self) -> nn.Module: ...

    @property
    def card(self) -> NetworkCard: ...

    def preprocess(self, picture: Picture) -> ModelInput: ...


@dataclass(frozen=True, eq=False)
class Seen:
    """A tensor and where it lies in the source picture."""

    tensor: Tensor
    geometry: Geometry


@dataclass(frozen=True, eq=False)
class Subject:
    """One network and one picture.

    Attributes:
        model: in evaluation mode.
        title: of the network.
        classes: names of the outputs; empty if nobody said.
        picture: the source picture; None if only the model input is known.
        network: what makes a model input of a picture; None likewise.
        seen: what the network sees of the picture, on the model's device.
        untrained: what of the network has no trained weights; empty for a trained one.
    """

    model: nn.Module
    title: str
    classes: tuple[str, ...]
    picture: Picture | None
    network: "Network | Preprocessing | None"
    seen: Seen
    untrained: str = ""

    def see(self, picture: Picture) -> Tensor:
        """A picture of the same size, as the network sees it.

        Raises:
            ValueRangeError: nobody said how the network sees pictures.
        """
        if self.network is None:
            raise ValueRangeError(
                "preprocessing must be given to show a network another picture; got none. Pass a loaded network, or "
                "preprocessing=..."
            )
        made = (
            preprocess(picture, self.network)
            if isinstance(self.network, Preprocessing)
            else self.network.preprocess(picture)
        )
        return beside(self.model, made.tensor)

    def probabilities(self, tensors: Tensor, steps: Steps | None = None) -> Tensor:
        """Softmax of the class scores, float64 (pictures, classes), a few pictures in each pass.

        Raises:
            ShapeError: the model does not give class scores.
        """
        answers = []
        with torch.inference_mode(False), torch.no_grad():
            for batch in tensors.split(AT_ONCE):
                answers.append(torch.softmax(_scores(self.model(batch), len(batch)).double(), dim=1).cpu())
                if steps is not None:
                    steps.step(len(batch))
        return torch.cat(answers)

    def map_of(self, method: MapMethod | ModelMethod, tensor: Tensor | None = None) -> AttentionMap:
        """The method's map of the picture, or of another model input of the same geometry."""
        return map_of(self.model, method, self.seen if tensor is None else Seen(tensor, self.seen.geometry))

    def class_name(self, index: int) -> str:
        """Name of a class, or "class 3"."""
        return self.classes[index] if index < len(self.classes) else f"class {index}"

    def class_index(self, target: int | str | None, probabilities: Tensor) -> int:
        """Index of the class asked for; None takes the most likely one.

        Raises:
            ValueRangeError: no class has this index.
            NotFoundError: no class has this name.
        """
        count = len(probabilities)
        if target is None:
            return int(probabilities.argmax())
        if isinstance(target, str):
            if target not in self.classes:
                raise NotFoundError.among("class", target, self.classes, f"known to {self.title}")
            return self.classes.index(target)
        if not 0 <= target < count:
            raise ValueRangeError(f"target must be a class index in 0..{count - 1}; got {target}. Name a class.")
        return int(target)


def subject_of(
    network: nn.Module | Network,
    picture: Picture | SeenPicture | Tensor,
    preprocessing: Preprocessing | None = None,
    classes: Sequence[str] | None = None,
) -> Subject:
    """What a caller gave, put in order.

    Raises:
        ValueRangeError: a part of the model is in training mode, or a picture comes without preprocessing.
        ShapeError: the model input is not one picture.
    """
    loaded = network if not isinstance(network, nn.Module) else None
    model = network if isinstance(network, nn.Module) else network.model
    for name, module in model.named_modules():
        if module.training:
            refuse_training(name)
    sees = preprocessing if preprocessing is not None else loaded
    if isinstance(picture, Picture):
        if sees is None:
            raise ValueRangeError(
                "preprocessing must be given with a plain model; got a picture and none. Pass a loaded network, "
                "preprocessing=..., or a model input."
            )
        made = preprocess(picture, sees) if isinstance(sees, Preprocessing) else sees.preprocess(picture)
        tensor, geometry = made.tensor, made.geometry
    else:
        tensor, geometry = one_seen(picture)
    return Subject(
        model=model,
        title=loaded.card.title if loaded is not None else type(model).__name__,
        classes=tuple(classes) if classes is not None else loaded.card.classes if loaded is not None else (),
        picture=picture if isinstance(picture, Picture) else None,
        network=sees if isinstance(picture, Picture) else None,
        seen=Seen(beside(model, tensor.detach()), geometry),
        untrained=untrained_of(model) or (str(getattr(loaded.card, "untrained", "")) if loaded is not None else ""),
    )


def map_of(model: nn.Module, method: MapMethod | ModelMethod, seen: SeenPicture) -> AttentionMap:
    """A method's map, whether it reads a trace or runs the model."""
    if isinstance(method, ModelMethod):
        return explain(model, seen, method)
    return method(trace(model, seen))


def aimed(method: MapMethod | ModelMethod, target: int) -> MapMethod | ModelMethod:
    """The method, asked about a class if it knows classes and nobody chose one."""
    return replace(method, target=target) if getattr(method, "target", target) is None else method  # type: ignore[type-var]


def _scores(output: object, count: int) -> Tensor:
    """Class scores (pictures, classes) among what a network gives."""
    answer = getattr(output, "logits", output)
    if isinstance(answer, Mapping):
        answer = next(iter(answer.values()), None)
    if isinstance(answer, (tuple, list)):
        answer = answer[0] if answer else None
    if not isinstance(answer, Tensor) or answer.dim() != 2 or len(answer) != count:
        got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise ShapeError(
            f"the model must give class scores of shape (pictures, classes) = ({count}, classes); got {got}. Wrap the "
            "model so that it does."
        )
    return answer
