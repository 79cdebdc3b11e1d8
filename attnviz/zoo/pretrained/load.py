"""Load a pretrained network: from the cache or its own server, checked, or untrained without either."""

import io
import os
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import nn

from attnviz.errors import AssetError
from attnviz.pictures import Preprocessing
from attnviz.records import mark_untrained
from attnviz.zoo.cards import Card
from attnviz.zoo.load import Loaded
from attnviz.zoo.pretrained import libraries
from attnviz.zoo.pretrained.cache import Note, checked_content, is_downloaded, path_of
from attnviz.zoo.pretrained.entries import Pretrained, entry_of
from attnviz.zoo.pretrained.fetching import Progress, fetch

UNTRAINED = "untrained"

_MISFITS = (
    RuntimeError, ValueError, TypeError, AttributeError, KeyError, EOFError, pickle.UnpicklingError, SafetensorError
)  # fmt: skip
"""What the readers of weights raise over a file that is none, or one of another network."""


def load_pretrained(
    name: str,
    *,
    cache: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    untrained: bool = False,
) -> Loaded:
    """A network of torchvision or timm with its published weights, and the preprocessing that they were made for.

    The file is downloaded once, hashed before it is used, and read as safetensors or as plain tensors
    (`weights_only=True`), so that nothing in it can run. It is hashed again at each load.

    Args:
        name: one of `attnviz.zoo.pretrained.catalogue()`.
        cache: folder of downloaded weights; None takes the one of the environment variable `ATTNVIZ_CACHE`, or the
            usual place of the system.
        progress: called while downloading, with the bytes there are and the bytes there will be (None if unknown).
            What it raises ends the download.
        untrained: True gives the same architecture with random weights and downloads nothing. The network and its card
            say so, and everything made of it does.

    Returns:
        The network in evaluation mode, with its card. `card.measured` says under "weights checked" what the file's
        sha256 was compared with. A network without a classifier has no classes: its outputs are features.

    Raises:
        NotFoundError: no such network.
        AssetError: torchvision or timm is missing, there is no connection, or the file is damaged or of another
            network.

    Example:
        >>> loaded = load_pretrained("mobilenet_v3_small", untrained=True)
        >>> loaded.card.untrained, len(loaded.card.classes), loaded.card.preprocessing.crop_hw
        ('untrained', 1000, (224, 224))
    """
    entry = entry_of(name)
    folder = None if cache is None else Path(cache)
    libraries.library(entry.origin)  # missing, it should not cost a download
    if untrained:
        model = libraries.untrained_network(entry.origin, name)
        mark_untrained(model, UNTRAINED)
        return Loaded(model.eval(), card_of_entry(entry, untrained=UNTRAINED))
    path = download(name, cache=folder, progress=progress)
    content, note = checked_content(path)
    model = _with_weights(entry, path, content)
    return Loaded(model.eval(), card_of_entry(entry, note))


def download(name: str, *, cache: str | os.PathLike[str] | None = None, progress: Progress | None = None) -> Path:
    """The weights file of a pretrained network, downloaded unless it is there.

    Args:
        name: one of `attnviz.zoo.pretrained.catalogue()`.
        cache: as for `load_pretrained`.
        progress: as for `load_pretrained`.

    Raises:
        NotFoundError: no such network.
        AssetError: there is no connection, or the file is damaged.
    """
    entry = entry_of(name)
    folder = None if cache is None else Path(cache)
    path = path_of(entry, folder)
    if not is_downloaded(entry, folder):
        fetch(name, entry.address, path, entry.sha256_prefix, progress)
    return path


def preprocessing_of(entry: Pretrained) -> Preprocessing:
    """What the network expects of a picture, from its weights' own description."""
    if entry.origin == "torchvision":
        return libraries.torchvision_preprocessing(libraries.torchvision_weights(entry.name, entry.weights))
    return libraries.timm_preprocessing(libraries.timm_config(entry.name))


def card_of_entry(entry: Pretrained, note: Note | None = None, untrained: str = "") -> Card:
    """The card of a pretrained network, or of its architecture with random weights."""
    return Card(
        name=entry.name,
        title=entry.title,
        mechanism=entry.mechanism,
        architecture=entry.name,
        classes=libraries.imagenet_classes() if entry.classes else (),
        preprocessing=preprocessing_of(entry),
        cam_layer=entry.cam_layer,
        parameters=entry.parameters,
        file="" if note is None else entry.file_name,
        sha256="" if note is None else note.sha256,
        top1=None if untrained else entry.top1,
        top5=None if untrained else entry.top5,
        validated_on=0 if untrained or entry.top1 is None else 50_000,
        measured={} if note is None else {"weights checked": note.checked, "address": note.address},
        trained_on="" if untrained else entry.trained_on,
        licence=entry.licence,
        origin=entry.origin,
        untrained=untrained,
    )


def _with_weights(entry: Pretrained, path: Path, content: bytes) -> nn.Module:
    """The network with the weights of a checked file."""
    try:
        if entry.origin == "timm":
            return libraries.timm_network(entry.name, str(path))
        return libraries.torchvision_network(entry.name, torch.load(io.BytesIO(content), weights_only=True))
    except _MISFITS as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise AssetError(
            f"{path} must hold the weights of {entry.name}; got '{reason[:200]}'. Delete the file and download it "
            f"again, or update {entry.origin}."
        ) from error
