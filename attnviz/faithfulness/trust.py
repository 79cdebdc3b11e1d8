"""Can a map be trusted? All tests of one map, one after the other."""

from torch import Tensor, nn

from attnviz.faithfulness.class_swap import class_swap
from attnviz.faithfulness.progress import Progress, Steps
from attnviz.faithfulness.randomisation import randomise, stage_count
from attnviz.faithfulness.removal import removal_curves, removal_passes
from attnviz.faithfulness.replay import replay_proof
from attnviz.faithfulness.subject import Network, aimed, subject_of
from attnviz.faithfulness.trust_results import Trust
from attnviz.maps.base import MapMethod, ModelMethod
from attnviz.pictures import Picture, Preprocessing
from attnviz.records.seen_picture import SeenPicture


def trust(
    network: nn.Module | Network,
    picture: Picture | SeenPicture | Tensor,
    method: MapMethod | ModelMethod,
    *,
    target: int | str | None = None,
    stages: int = 8,
    repeats: int = 3,
    steps: int = 16,
    orders: int = 20,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
    progress: Progress | None = None,
) -> Trust:
    """Replay proof, class swap, deletion and insertion curves, and weight randomisation of one map.

    No test alone says that a map is right, and none says what the network thought. The model is left as it was found,
    also when stopped.

    Args:
        network: as in `what_if`.
        picture: likewise.
        method: of the map.
        target: index or name of the class in question; None takes the network's first answer.
        stages: of the weight randomisation, see `randomise`.
        repeats: likewise.
        steps: of the curves, see `removal_curves`.
        orders: likewise.
        seed: of everything random.
        preprocessing: how a plain model sees a picture.
        progress: called with the steps done and in all; returning False, or raising, stops.

    Raises:
        StoppedError: the callback returned False.
        AttnvizError: what the tests raise.
    """
    subject = subject_of(network, picture, preprocessing)
    index = subject.class_index(target, subject.probabilities(subject.seen.tensor)[0])
    aim = aimed(method, index)
    attention_map = subject.map_of(aim)
    passes = removal_passes(attention_map.values_hw.size, steps, orders)
    draws = repeats * stage_count(subject, stages)
    told = Steps(2 + passes + draws, progress)
    replay = replay_proof(network, picture, attention_map, preprocessing=preprocessing)
    told.step()
    swap = class_swap(network, picture, aim, target=index, preprocessing=preprocessing)
    told.step()
    deletion, insertion = removal_curves(
        network,
        picture,
        attention_map,
        target=index,
        steps=steps,
        orders=orders,
        seed=seed,
        preprocessing=preprocessing,
        progress=told.part(),
    )
    randomisation = randomise(
        network,
        picture,
        aim,
        target=index,
        stages=stages,
        repeats=repeats,
        seed=seed,
        preprocessing=preprocessing,
        progress=told.part(),
    )
    return Trust(
        title=subject.title,
        target_name=subject.class_name(index),
        attention_map=attention_map,
        replay=replay,
        class_swap=swap,
        deletion=deletion,
        insertion=insertion,
        randomisation=randomisation,
        untrained=subject.untrained,
    )
