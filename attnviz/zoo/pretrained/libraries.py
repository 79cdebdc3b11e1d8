"""The two libraries' own facts about their weights, and their networks. Imports them when asked, not before."""

import importlib
import math
from collections.abc import Callable, Mapping
from types import ModuleType

from torch import Tensor, nn

from attnviz.errors import AssetError, ValueRangeError
from attnviz.pictures import Preprocessing

HUB = "https://huggingface.co/{hub_id}/resolve/main/{file}"


def library(name: str) -> ModuleType:
    """torchvision or timm.

    Raises:
        AssetError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise AssetError(
            f"{name} must be installed for this network; got '{error}'. Run pip install 'attnviz[networks]'."
        ) from error


def torchvision_weights(name: str, weights: str) -> object:
    """torchvision's own description of weights: a member of the network's enumeration."""
    library("torchvision")
    from torchvision.models import get_model_weights

    return get_model_weights(name)[weights]


def torchvision_preprocessing(weights: object) -> Preprocessing:
    """What torchvision's `weights.transforms()` does to a picture."""
    transform = weights.transforms()  # type: ignore[attr-defined]
    if len(transform.resize_size) != 1:
        raise ValueRangeError(
            f"resize_size must be one number, the short side; got {transform.resize_size}. "
            "Networks that resize both sides are not read."
        )
    crop = transform.crop_size
    return Preprocessing(
        short_side=transform.resize_size[0],
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        crop_hw=(crop[0], crop[-1]),
        interpolation=transform.interpolation.value,
    )


def timm_config(name: str) -> Mapping[str, object]:
    """timm's own description of weights, by the name of network and weights."""
    library("timm")
    from timm.models import get_pretrained_cfg

    try:
        facts: Mapping[str, object] = vars(get_pretrained_cfg(name, allow_unregistered=False))
    except RuntimeError as error:
        raise AssetError(f"timm must know the weights {name!r}; got '{error}'. Update timm.") from error
    return facts


def timm_preprocessing(config: Mapping[str, object]) -> Preprocessing:
    """What timm's evaluation transform does to a picture for these weights (`timm.data.resolve_data_config`).

    Raises:
        ValueRangeError: the picture would be squashed or padded instead of cropped.
    """
    library("timm")
    from timm.data import resolve_data_config

    facts = resolve_data_config(pretrained_cfg=dict(config))
    if facts["crop_mode"] != "center":
        raise ValueRangeError(
            f"crop_mode must be 'center'; got {facts['crop_mode']!r}. Give a Preprocessing of your own."
        )
    _, height, width = facts["input_size"]
    if height != width:
        raise ValueRangeError(f"the input must be square; got {height} x {width}. Give a Preprocessing of your own.")
    return Preprocessing(
        short_side=math.floor(height / facts["crop_pct"]),
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        crop_hw=(height, width),
        interpolation=facts["interpolation"],
    )


def imagenet_classes() -> tuple[str, ...]:
    """The 1,000 class names of ImageNet-1k, in the order of every network's outputs, as torchvision spells them."""
    weights = torchvision_weights("resnet50", "IMAGENET1K_V1")
    return tuple(weights.meta["categories"])  # type: ignore[attr-defined]


def untrained_network(origin: str, name: str) -> nn.Module:
    """The true architecture with the random weights that its library starts a training with."""
    if origin == "torchvision":
        library("torchvision")
        from torchvision.models import get_model

        built: nn.Module = get_model(name, weights=None)
        return built
    create: Callable[..., nn.Module] = library("timm").create_model
    return create(name, pretrained=False)


def torchvision_network(name: str, state: Mapping[str, Tensor]) -> nn.Module:
    """A network of torchvision with given weights. Every key must fit."""
    model = untrained_network("torchvision", name)
    model.load_state_dict(state)
    return model


def timm_network(name: str, file: str) -> nn.Module:
    """A network of timm with the weights of a safetensors file. timm renames keys of older releases; all must fit."""
    create: Callable[..., nn.Module] = library("timm").create_model
    # Without custom_load, weights that timm converted from another format would be sought in that format.
    return create(name, pretrained=True, pretrained_cfg_overlay={"file": file, "custom_load": False})
