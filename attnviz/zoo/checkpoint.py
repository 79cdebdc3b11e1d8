"""Load a network of the user's own from a checkpoint file."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from attnviz.errors import AssetError, NotFoundError, ValueRangeError
from attnviz.maps.layer_choice import find_layer
from attnviz.records import mark_untrained
from attnviz.tracer.finding import attention_layers
from attnviz.zoo.cards import Card
from attnviz.zoo.checkpoint_architecture import Architecture, Sized, architectures_named, sized
from attnviz.zoo.checkpoint_families import worth_trying
from attnviz.zoo.checkpoint_file import CheckpointFile, Progress, read_checkpoint
from attnviz.zoo.checkpoint_match import KeyMatch, MatchError, counts, match, renamed
from attnviz.zoo.load import Loaded
from attnviz.zoo.pretrained.libraries import imagenet_classes

IMAGENET = "imagenet"
"""In place of class names: the 1,000 of ImageNet-1k."""

_MOST_NAME_BYTES = 1 << 20
_SAME_OUTPUT = 1e-4
_QUICK_HW = (64, 64)


def load_checkpoint(
    path: str | os.PathLike[str],
    architecture: str | None = None,
    classes: str | os.PathLike[str] | Sequence[str] | None = None,
    allow_partial: bool = False,
    progress: Progress | None = None,
) -> Loaded:
    """A network with the weights of a file: safetensors, or what `torch.save` made of a state dict.

    Nothing in the file is run: pickles are read with `weights_only=True`. Names may lie under "state_dict", "model",
    "model_ema" and the like (averaged weights are preferred), and behind prefixes such as "module.". The size of the
    head, and for ViTs that of the input, are read off the tensors.

    Args:
        path: of a file of at most 2 GiB, .safetensors, .pt, .pth, .ckpt, .bin or .tar.
        architecture: one of `attnviz.zoo.architectures()`, such as "vit", "torchvision:resnet18" or
            "timm:vit_tiny_patch16_224"; None finds it: from the file if it says so, or from the names and shapes of
            its tensors. Networks that share all names and shapes and compute different things must be told apart here.
        classes: names of the outputs in order; or the path of a text file with one name on each line; or "imagenet".
            None takes those in the file, or numbers.
        allow_partial: load also where tensors are missing, of the wrong shape, or left over. The parts that are
            missing get random weights, the same each time, and everything made of the network is marked.
        progress: told what is done now, how much of that is done, and how much there is of it; 0 of 0 where nobody
            knows. What it raises ends the work.

    Returns:
        The network in evaluation mode, in float32, its card, and `match`: the report of what fitted.

    Raises:
        AssetError: the file cannot be read, or holds more than tensors.
        NotFoundError: no such architecture.
        MatchError: the tensors do not fit the network, or no network that is known; `match` says which.
        ValueRangeError: the class names are not as many as the outputs, or cannot be read.

    Example:
        ```
        loaded = attnviz.zoo.load_checkpoint("runs/best.pt", classes="classes.txt")
        print(loaded.match.text())
        ```
    """
    tell = progress or (lambda stage, done, total: None)
    file = read_checkpoint(path, tell)
    tell("which network it fits", 0, 0)
    found = _named(file, architecture, allow_partial) if architecture else _detected(file, tell)
    tell("building the network", 0, 0)
    if file.classes and not classes and len(file.classes) == found.outputs():
        names = unique(file.classes)
    else:
        names = class_names(classes, found.outputs())
    return _loaded(file, found, names)


@dataclass(frozen=True, eq=False)
class _Fit:
    """An architecture, the tensors of a file that go with it, where in the file they lie, and the network if built."""

    sized: Sized
    place: str
    state: Mapping[str, Tensor]
    match: KeyMatch
    built: nn.Module | None = None

    def network(self) -> nn.Module:
        """The network with the tensors that fit, in evaluation mode. What does not fit is random, equal each time.

        Raises:
            AssetError: weights are stored as whole numbers, whose scale nobody knows.
        """
        if self.built is not None:
            return self.built
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)  # torch.manual_seed would seed the GPUs as well
            model = self.sized.build()
        fits = {name: self.state[name] for name in self.match.matched}
        own = model.state_dict()
        for name, tensor in fits.items():
            if own[name].is_floating_point() and not tensor.is_floating_point():
                raise AssetError(
                    f"{name!r} must hold floating-point weights; got {tensor.dtype}. "
                    "Save the network before it is quantised."
                )
        model.load_state_dict(
            {name: tensor.to(own[name].dtype) for name, tensor in fits.items()} | _counters(own), strict=False
        )
        return model.float().eval()

    def outputs(self) -> int:
        """How many classes the network tells apart; 0 for one that gives features."""
        head = self.sized.shapes.get(f"{self.sized.head}.weight")
        return int(head[0]) if head else 0


def _counters(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in own.items() if not counts(name)}


def _named(file: CheckpointFile, name: str, allow_partial: bool) -> _Fit:
    """The fit with the architecture that was asked for, or an error that says what does not fit."""
    fits = sorted(_fits(file, architectures_named(name)), key=lambda fit: fit.match.share, reverse=True)
    if not fits:
        raise AssetError(
            f"{file.path.name} must fit {name}; got tensors of sizes that no such network can have. "
            "Name another architecture."
        )
    best = fits[0]
    if best.match.complete or (allow_partial and best.match.matched):
        return best
    hint = "Name another architecture, or None to have it found"
    more = ", or allow partial weights (allow_partial=True)" if best.match.matched else ""
    raise MatchError(
        f"{file.path.name} must hold every tensor of {best.match.architecture} and no other; "
        f"got {best.match.sentence()}. {hint}{more}.",
        best.match,
    )


def _detected(file: CheckpointFile, tell: Progress) -> _Fit:
    """The one architecture that all tensors fit.

    Raises:
        MatchError: none that is known fits.
        ValueRangeError: several fit and compute different things.
    """
    said: tuple[Architecture, ...] = ()
    if file.architecture:
        try:
            said = architectures_named(file.architecture)
        except NotFoundError:
            said = ()
    for told in (said, None):
        fits = list(_fits(file, told, tell))
        complete = [fit for fit in fits if fit.match.complete]
        if complete:
            first = complete[0]
            rivals = [fit for fit in complete if fit.state is first.state]
            return _single(file, first, rivals, "in the file" if told else "from the names and shapes", tell)
    tried = sorted(fits, key=lambda fit: fit.match.share, reverse=True)
    some = next(iter(file.states.values()))
    if not tried or not tried[0].match.matched:
        raise MatchError(
            f"the architecture of {file.path.name} must be one that is known by its tensors' names; got "
            f"{len(some)} tensors such as {', '.join(list(some)[:3])}. Name the architecture.",
            KeyMatch("none", (), unexpected=tuple(some)),
        )
    raise MatchError(
        f"{file.path.name} must hold every tensor of a network that is known, and no other; nearest is "
        f"{tried[0].match.sentence()}. Name the architecture.",
        tried[0].match,
    )


def _fits(file: CheckpointFile, told: Iterable[Architecture] | None, tell: Progress | None = None) -> Iterator[_Fit]:
    """For each set of tensors in the file and each network to try: the fit under the names that fit best."""
    for place, whole in file.states.items():
        for prefix, state in renamed(whole):
            tried = list(worth_trying(state) if told is None else told)
            for number, architecture in enumerate(tried):
                if tell is not None:
                    tell("which network it fits", number, len(tried))
                try:
                    size = sized(architecture, state, only_if_alike=told is None)
                except AssetError:
                    continue
                made = match(architecture.key, size.shapes, state)
                notes = tuple(_how(file, place, prefix, len(whole) - len(state), size))
                yield _Fit(size, place, state, replace(made, notes=notes))


def _how(file: CheckpointFile, place: str, prefix: str, outside: int, size: Sized) -> Iterator[str]:
    if place:
        others = [other for other in file.states if other and other != place]
        yield f"read from {place!r}" + (f"; the file also holds {', '.join(map(repr, others))}" if others else "")
    if prefix:
        left = f"; {outside} tensors without it left out" if outside else ""
        yield f"{prefix!r} taken off the names{left}"
    if size.classes is not None:
        yield f"the head has {size.classes} outputs"
    if size.image_px is not None:
        yield f"the table of positions is for inputs of {size.image_px} px"


def _single(file: CheckpointFile, first: _Fit, rivals: list[_Fit], how: str, tell: Progress) -> _Fit:
    """The first of several complete fits, if all of them compute the same."""
    equal: list[_Fit] = [first]
    different: list[_Fit] = []
    others = [rival for rival in rivals if rival is not first]
    if others:
        stage, steps = "comparing networks that have the same tensors", 1 + 2 * len(others)
        tell(stage, 0, steps)
        first = equal[0] = replace(first, built=first.network())
        for number, rival in enumerate(others):
            tell(stage, 1 + 2 * number, steps)
            model = rival.network()
            tell(stage, 2 + 2 * number, steps)
            (equal if _same(first, model) else different).append(rival)
    if different:
        names = ", ".join(fit.match.architecture for fit in [*equal, *different])
        raise ValueRangeError(
            f"the architecture of {file.path.name} must be told: its tensors fit {names}, which compute different "
            "things from them. Name one of these."
        )
    notes = [f"{first.match.architecture} found {how}"]
    if len(equal) > 1:
        names = ", ".join(fit.match.architecture for fit in equal[1:])
        notes.append(f"the same as {names}, but for how pictures may be prepared: name it if you mean it")
    return replace(first, match=replace(first.match, notes=(*notes, *first.match.notes)))


def _same(one: _Fit, other: nn.Module) -> bool:
    """Whether two networks with the same weights give the same scores for a picture."""
    models = one.network(), other
    usual = one.sized.architecture.preprocessing(models[0], one.sized.image_px).crop_hw
    for hw in dict.fromkeys((_QUICK_HW, usual or _QUICK_HW)):
        picture = torch.rand(1, 3, *hw, generator=torch.Generator().manual_seed(0))
        try:
            with torch.no_grad():
                first, second = (model(picture) for model in models)
        except (RuntimeError, AssertionError):  # a size that one of them cannot take
            continue
        scale = first.abs().max().clamp(min=1e-12)
        return first.shape == second.shape and bool((first - second).abs().max() <= _SAME_OUTPUT * scale)
    return False


def _loaded(file: CheckpointFile, fit: _Fit, names: tuple[str, ...]) -> Loaded:
    model, untrained = fit.network(), fit.match.untrained
    if untrained:
        mark_untrained(model, untrained)
    try:
        cam_layer = find_layer(model, None)[0]
    except NotFoundError:
        cam_layer = ""
    mechanisms = dict.fromkeys(mechanism.key for _, _, mechanism in attention_layers(model).readable)
    card = Card(
        name=f"file:{file.sha256[:16]}",
        title=f"{file.path.stem} ({fit.match.architecture})",
        mechanism=", ".join(mechanisms) or "no attention that is known",
        architecture=fit.match.architecture,
        classes=names,
        preprocessing=fit.sized.architecture.preprocessing(model, fit.sized.image_px),
        cam_layer=cam_layer,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        file=file.path.name,
        sha256=file.sha256,
        origin="file",
        untrained=untrained,
    )
    return Loaded(model, card, fit.match)


def class_names(classes: str | os.PathLike[str] | Sequence[str] | None, count: int) -> tuple[str, ...]:
    """Names for `count` outputs: from a list, from a text file with one on each line, or numbers.

    Raises:
        ValueRangeError: they are not as many as the outputs, or the file cannot be read as text.
    """
    if classes is None:
        return tuple(f"class {number}" for number in range(count))
    if classes == IMAGENET:
        names: Sequence[str] = imagenet_classes()
    elif isinstance(classes, (str, os.PathLike)):
        names = _lines(Path(classes))
    else:
        names = [str(name).strip() for name in classes]
    if len(names) != count:
        raise ValueRangeError(
            f"the class names must be {count}, one for each output; got {len(names)}. Give one name on each line."
        )
    return unique(names)


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names, those that several outputs share with the output's number: ImageNet has two "crane"s."""
    times = Counter(names)
    return tuple(name if times[name] == 1 else f"{name} ({number})" for number, name in enumerate(names))


def _lines(path: Path) -> list[str]:
    try:
        if path.stat().st_size > _MOST_NAME_BYTES:
            raise ValueRangeError(f"the list of classes must be at most 1 MiB; got more in {path.name}. Give text.")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueRangeError(
            f"the list of classes must be a text file in UTF-8; got {path} ({error}). Give one name on each line."
        ) from error
    return [line.strip() for line in text.splitlines() if line.strip()]
