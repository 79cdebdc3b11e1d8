"""Does a map depend on what the network learned?

Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv:1810.03292, section 3: cascading randomisation.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from attnviz.errors import AttnvizError, ValueRangeError
from attnviz.faithfulness.progress import Progress, Steps, StoppedError
from attnviz.faithfulness.similarity import rank_correlation, structure
from attnviz.faithfulness.subject import Network, Subject, aimed, map_of, subject_of
from attnviz.faithfulness.trust_results import Randomisation, read_only
from attnviz.maps.base import MapMethod, ModelMethod
from attnviz.pictures import Picture, Preprocessing
from attnviz.records.changed_models import changes_of
from attnviz.records.seen_picture import SeenPicture


def randomise(
    network: nn.Module | Network,
    picture: Picture | SeenPicture | Tensor,
    method: MapMethod | ModelMethod,
    *,
    target: int | str | None = None,
    stages: int = 8,
    repeats: int = 3,
    seed: int = 0,
    preprocessing: Preprocessing | None = None,
    progress: Progress | None = None,
) -> Randomisation:
    """Replace the weights by random ones from the output down, and see how far the map stays the same.

    The first stage replaces the last layer that has weights, the classifier; the others go on to the first layer, as
    many layers each. A weight is replaced by a normal number with the mean and standard deviation of its tensor, so
    that signals keep their size; single numbers and the statistics of BatchNorm stay. All on a copy of the model. The
    class asked about stays the one that the trained network gave.

    Differs from the paper in: the distribution of the random weights, and stages of several layers.

    Args:
        network: as in `what_if`.
        picture: likewise.
        method: of the map.
        target: index or name of the class; None takes the network's first answer.
        stages: how many there are; fewer in a network of fewer layers.
        repeats: draws of random weights.
        seed: of the first draw.
        preprocessing: how a plain model sees a picture.
        progress: as in `what_if`.

    Returns:
        Similarities of the map to the original at each stage: 1 for a map that ignores the weights, about 0 for one
        that nothing is left of.

    Raises:
        ValueRangeError: an argument is out of range, or the model has no weights or cannot be copied, or is inside
            `intervene`.
        AttnvizError: the trained network itself gives no map.
    """
    if stages < 1 or repeats < 1:
        raise ValueRangeError(f"stages and repeats must be at least 1; got {stages} and {repeats}. 8 and 3 suit most.")
    subject = subject_of(network, picture, preprocessing)
    index = subject.class_index(target, subject.probabilities(subject.seen.tensor)[0])
    method = aimed(method, index)
    original = subject.map_of(method).values_hw
    groups = _groups(subject.model, _units(subject.model, subject.seen.tensor), stages)
    steps = Steps(repeats * len(groups), progress)
    rank = np.full((repeats, len(groups)), np.nan)
    ssim, same = rank.copy(), np.zeros(rank.shape, dtype=bool)
    for repeat in range(repeats):
        model = _copied(subject.model)
        generator = torch.Generator().manual_seed(seed + repeat)
        for number, group in enumerate(groups):
            for name in group.names:
                _replace(model.get_submodule(name), generator)
            try:
                values = map_of(model, method, subject.seen).values_hw
            except StoppedError:
                raise
            except AttnvizError:  # a random network may leave nothing to draw, such as no positive gradient
                steps.step()
                continue
            rank[repeat, number] = rank_correlation(original, values)
            ssim[repeat, number] = structure(original, values)
            same[repeat, number] = np.array_equal(original, values, equal_nan=True)
            steps.step()
    untouched = int(np.cumprod(same.all(axis=0)).sum())
    weights = np.cumsum([group.weights for group in groups])
    return Randomisation(
        stages=tuple(group.names[-1] or "the model itself" for group in groups),
        replaced=read_only(weights / weights[-1]),
        rank=read_only(rank),
        ssim=read_only(ssim),
        untouched=untouched,
        seed=seed,
    )


def stage_count(subject: Subject, stages: int) -> int:
    """How many stages there are in a network, of those wanted."""
    return min(stages, len(_units(subject.model, subject.seen.tensor)))


@dataclass(frozen=True)
class _Group:
    """Layers that are replaced in one stage, the one nearest to the output first."""

    names: tuple[str, ...]
    weights: int


def _units(model: nn.Module, tensor: Tensor) -> list[str]:
    """Names of the modules with parameters of their own, in the order in which they begin to run.

    A module that is used without being called, such as the output projection of PyTorch's attention, comes right
    behind the one that holds it.
    """
    order: dict[str, int] = {}
    names = {module: name for name, module in model.named_modules()}

    def note(module: nn.Module, _args: tuple[object, ...]) -> None:
        order.setdefault(names[module], len(order))

    hooks = [module.register_forward_pre_hook(note) for module in names]
    try:
        with torch.no_grad():
            model(tensor)
    finally:
        for hook in hooks:
            hook.remove()
    places: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(names.values()):
        holder = name
        while holder not in order and holder:
            holder = holder.rpartition(".")[0]
        places[name] = order.get(holder, 0), number
    units = [name for module, name in names.items() if any(True for _ in module.parameters(recurse=False))]
    if not units:
        raise ValueRangeError("the model must have weights to replace; got none. Test a trained network.")
    return sorted(units, key=places.__getitem__)


def _groups(model: nn.Module, units: list[str], stages: int) -> list[_Group]:
    """The last layer alone, then the others from the output down in groups of nearly equal length."""
    down = units[::-1]
    parts = [down[:1]]
    if len(down) > 1 and stages > 1:
        parts += [list(part) for part in np.array_split(np.array(down[1:], dtype=object), min(stages, len(down)) - 1)]
    elif len(down) > 1:
        parts = [down]
    return [
        _Group(
            tuple(part),
            sum(one.numel() for name in part for one in model.get_submodule(name).parameters(recurse=False)),
        )
        for part in parts
    ]


def _copied(model: nn.Module) -> nn.Module:
    if changed := changes_of(model):
        raise ValueRangeError(
            f"the model must be as it was loaded, since a copy does not take changes along; got {changed}. "
            "Leave `intervene` first."
        )
    try:
        return copy.deepcopy(model)
    except (RuntimeError, TypeError) as error:
        raise ValueRangeError(
            f"the model must be one that can be copied; got {type(model).__name__}: {error}. Load it afresh."
        ) from error


@torch.no_grad()
def _replace(module: nn.Module, generator: torch.Generator) -> None:
    for parameter in module.parameters(recurse=False):
        if parameter.numel() > 1 and parameter.is_floating_point():
            values = parameter.float()
            drawn = torch.randn(parameter.shape, generator=generator).to(parameter.device)
            parameter.copy_(values.mean() + values.std() * drawn)
