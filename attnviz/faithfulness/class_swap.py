"""Does a map speak about its class, or would it be the same for any other?"""

from dataclasses import replace

from torch import Tensor, nn

from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.faithfulness.similarity import moved_mass, rank_correlation, structure
from attnviz.faithfulness.subject import Network, aimed, subject_of
from attnviz.faithfulness.trust_results import ClassSwap
from attnviz.maps.base import MapMethod, ModelMethod
from attnviz.pictures import Picture, Preprocessing
from attnviz.records.seen_picture import SeenPicture


def class_swap(
    network: nn.Module | Network,
    picture: Picture | SeenPicture | Tensor,
    method: MapMethod | ModelMethod,
    *,
    target: int | str | None = None,
    other: int | str | None = None,
    preprocessing: Preprocessing | None = None,
) -> ClassSwap:
    """Make the map for another class, and see how far it differs.

    Args:
        network: as in `what_if`.
        picture: likewise.
        method: of the map.
        target: index or name of the class in question; None takes the network's first answer.
        other: index or name of the other class; None takes the likeliest one beside `target`.
        preprocessing: how a plain model sees a picture.

    Raises:
        ValueRangeError: the two classes are one, or the network has just one.
        AttnvizError: there is no map for the class in question.
    """
    subject = subject_of(network, picture, preprocessing)
    answers = subject.probabilities(subject.seen.tensor)[0]
    if len(answers) < 2:
        raise ValueRangeError("the network must have two classes to swap; got one. Test another network.")
    one = subject.class_index(target, answers)
    if other is None:
        rest = answers.clone()
        rest[one] = -1
        two = int(rest.argmax())
    else:
        two = subject.class_index(other, answers)
    names = subject.class_name(one), subject.class_name(two)
    if one == two:
        raise ValueRangeError(f"other must not be {names[0]} itself; got {names[1]}. Name another class.")
    probabilities = float(answers[one]), float(answers[two])
    if not method.card.class_dependent:
        return ClassSwap(names, probabilities, knows_class=False, rank=1.0, ssim=1.0, moved=0.0)
    free = replace(method, target=None)  # type: ignore[type-var,call-arg]
    first = subject.map_of(aimed(free, one)).values_hw
    try:
        second = subject.map_of(aimed(free, two)).values_hw
    except AttnvizError as error:
        nothing = float("nan")
        return ClassSwap(names, probabilities, True, nothing, nothing, nothing, problem=str(error))
    return ClassSwap(
        names,
        probabilities,
        knows_class=True,
        rank=rank_correlation(first, second),
        ssim=structure(first, second),
        moved=moved_mass(first, second),
    )
