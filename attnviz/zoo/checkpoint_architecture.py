"""Architectures that a checkpoint may be of: ours, torchvision's classifiers and timm's networks, by name."""

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

import torch
from torch import Size, Tensor, nn
from torch.overrides import TorchFunctionMode

from attnviz.errors import AssetError, NotFoundError
from attnviz.models import ARCHITECTURES, build
from attnviz.pictures import Preprocessing
from attnviz.zoo.cards import cards
from attnviz.zoo.checkpoint_match import counts
from attnviz.zoo.pretrained import libraries

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the channels of ImageNet's pictures: what is assumed where nobody says more."""

MOST_CLASSES = 200_000
"""Heads with more outputs are not built."""

_OUR_SIDE = 64


@dataclass(frozen=True)
class Architecture:
    """A kind of network.

    Attributes:
        library: whose it is.
        name: as its library calls it.
    """

    library: Literal["attnviz", "torchvision", "timm"]
    name: str

    @property
    def key(self) -> str:
        """As a person writes it: "vit", "torchvision:resnet18", "timm:vit_tiny_patch16_224"."""
        return self.name if self.library == "attnviz" else f"{self.library}:{self.name}"

    def build(self, classes: int | None = None, image_px: int | None = None) -> nn.Module:
        """The network with random weights.

        Args:
            classes: size of its head; None takes the library's own.
            image_px: side of the input, for networks whose weights depend on it; None takes the library's own.
        """
        if self.library == "attnviz":
            return build(self.name) if classes is None else build(self.name, classes)
        given: dict[str, Any] = {} if classes is None else {"num_classes": classes}
        if image_px is not None:
            given["img_size" if self.library == "timm" else "image_size"] = image_px
        if self.library == "timm":
            import timm

            network: nn.Module = timm.create_model(self.name, pretrained=False, **given)
            return network
        from torchvision.models import get_model

        if self.name in ("googlenet", "inception_v3"):
            given["init_weights"] = False
        return get_model(self.name, weights=None, **given)

    def preprocessing(self, model: nn.Module, image_px: int | None = None) -> Preprocessing:
        """What the network expects of a picture: as its library says, else as for ImageNet."""
        if self.library == "attnviz":
            known = [card.preprocessing for card in cards().values() if card.architecture == self.name]
            multiple = int(getattr(model, "multiple_of", 8))
            plain = Preprocessing(_OUR_SIDE // multiple * multiple, IMAGENET_MEAN, IMAGENET_STD, multiple_of=multiple)
            return known[0] if known else plain
        if self.library == "timm":
            config = dict(getattr(model, "pretrained_cfg", None) or {})
            if image_px is not None:
                config |= {"input_size": (3, image_px, image_px)}
            return libraries.timm_preprocessing(config | {"crop_mode": "center"})
        from torchvision.models import get_model_weights

        found = libraries.torchvision_preprocessing(get_model_weights(self.name)["DEFAULT"])
        if image_px is None or found.crop_hw is None:
            return found
        side = round(found.short_side * image_px / found.crop_hw[0])
        return Preprocessing(side, found.mean, found.std, (image_px, image_px), found.interpolation)


@dataclass(frozen=True, eq=False)
class Sized:
    """An architecture whose sizes were read off the tensors of a file.

    Attributes:
        architecture: the kind of network.
        classes: size of the head in the file; None where it cannot be seen.
        image_px: side of the input, where the weights depend on it and it is not the library's own.
        shapes: of the network's tensors, by name.
        head: name of the module that gives the class scores; "" for none.
    """

    architecture: Architecture
    classes: int | None
    image_px: int | None
    shapes: Mapping[str, Size]
    head: str

    def build(self) -> nn.Module:
        """The network with random weights."""
        return self.architecture.build(self.classes, self.image_px)


def architectures() -> tuple[str, ...]:
    """Every architecture that `load_checkpoint` can be told: ours, and those of the libraries that are installed."""
    return tuple(one.key for one in _all())


def architectures_named(name: str) -> tuple[Architecture, ...]:
    """The architectures of that name: one, or one of each library where the name does not say which.

    Raises:
        NotFoundError: there is none.
    """
    named = tuple(one for one in _all() if name in (one.key, one.name))
    tag = name.partition(".")[0]  # timm names weights behind a dot
    if not named and tag != name:
        named = tuple(
            Architecture("timm", name.removeprefix("timm:"))
            for one in _all()
            if one.library == "timm" and tag in (one.key, one.name)
        )
    if not named:
        import difflib

        nearest = difflib.get_close_matches(name, architectures(), n=1, cutoff=0.4)
        raise NotFoundError(
            f"architecture must be one of {', '.join(ARCHITECTURES)}, or torchvision: or timm: and a name of theirs; "
            f"got {name!r}.{f' Nearest: {nearest[0]!r}.' if nearest else ''} "
            "See attnviz.zoo.architectures()."
        )
    return named


def sized(architecture: Architecture, state: Mapping[str, Tensor], only_if_alike: bool = False) -> Sized:
    """The architecture with the head and the input size that a file's tensors have.

    Args:
        architecture: to be sized.
        state: the tensors.
        only_if_alike: leave the library's own sizes where the tensors before the head differ anyway.

    Raises:
        AssetError: the library cannot build such a network.
    """
    own, head = _built(architecture, None, None)
    if only_if_alike and any(name not in state for name in own if counts(name) and not name.startswith(f"{head}.")):
        return Sized(architecture, None, None, own, head)
    image_px = _image_px(architecture, own, state)
    classes = _classes(head, own, state)
    if classes is not None and not 1 <= classes <= MOST_CLASSES:
        raise AssetError(f"the head must have 1 to {MOST_CLASSES:,} outputs; got {classes:,}. Take another file.")
    return Sized(architecture, classes, image_px, *_built(architecture, classes, image_px))


@cache
def _all() -> tuple[Architecture, ...]:
    found = [Architecture("attnviz", name) for name in ARCHITECTURES]
    with contextlib.suppress(ImportError):
        from torchvision import models

        found += [Architecture("torchvision", name) for name in models.list_models(module=models)]
    with contextlib.suppress(ImportError):
        import timm

        found += [Architecture("timm", name) for name in timm.list_models()]
    return tuple(found)


class _Unfilled(TorchFunctionMode):
    """Networks built inside have memory for their weights that nothing writes to, which takes little time."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        given = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in _FILLING:
            return args[0] if args else given["tensor"]
        if name in _CHANGING and args and isinstance(args[0], Tensor) and args[0].is_meta:
            return args[0]  # without numbers there is nothing to change
        return func(*args, **given)


_FILLING = ("normal_", "uniform_", "trunc_normal_")
_CHANGING = ("erfinv_", "mul_", "add_", "clamp_", "zero_", "fill_")
"""What a truncated normal does after the filling, and the constants; on tensors without numbers it still takes time."""


@lru_cache(maxsize=256)
def _built(architecture: Architecture, classes: int | None, image_px: int | None) -> tuple[Mapping[str, Size], str]:
    """Shapes of the tensors, and the name of the module that gives the class scores; "" for none."""
    try:
        try:
            with torch.device("meta"), _Unfilled():  # shapes and no numbers
                model = architecture.build(classes, image_px)
        except (RuntimeError, NotImplementedError):  # some compute their own sizes with tensors
            with _Unfilled():
                model = architecture.build(classes, image_px)
    except (RuntimeError, NotImplementedError, ValueError, TypeError, AssertionError) as error:
        size = "" if image_px is None else f" for inputs of {image_px} px"
        raise AssetError(
            f"{architecture.key} must be a network that can be built{size}; got '{error}'. Name another architecture."
        ) from error
    return {name: tensor.shape for name, tensor in model.state_dict().items()}, _head(model)


def _head(model: nn.Module) -> str:
    """The module that gives the class scores: what timm names, or the last that has weights of the right kind."""
    named = (getattr(model, "pretrained_cfg", None) or {}).get("classifier")
    named = named[0] if isinstance(named, (tuple, list)) and named else named
    if isinstance(named, str):
        return named
    last = [name for name, module in model.named_modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
    return last[-1] if last else ""


def _classes(head: str, own: Mapping[str, Size], state: Mapping[str, Tensor]) -> int | None:
    """Outputs of the head in the file; None where they cannot be seen. The network's own may have been taken off."""
    name = f"{head}.weight"
    if name not in state or state[name].dim() != len(own.get(name, (0, 0))):
        return None
    return int(state[name].shape[0])


def _image_px(architecture: Architecture, own: Mapping[str, Size], state: Mapping[str, Tensor]) -> int | None:
    """Side of the input that a file's table of positions is for; None where it is the network's own, or unknown."""
    places = {"timm": ("pos_embed", "patch_embed.proj.weight"), "torchvision": (
        "encoder.pos_embedding", "conv_proj.weight")}  # fmt: skip
    table, patches = places.get(architecture.library, ("", ""))
    if table not in own or table not in state or patches not in own or state[table].shape == own[table]:
        return None
    if state[table].dim() != 3 or len(own[table]) != 3 or state[table].shape[2] != own[table][2]:
        return None
    cells = own[table][1]
    prefix = next((count for count in range(8) if math.isqrt(cells - count) ** 2 == cells - count), None)
    if prefix is None:
        return None
    side = math.isqrt(max(0, state[table].shape[1] - prefix))
    if not side or side * side != state[table].shape[1] - prefix:
        return None
    return side * own[patches][-1]
