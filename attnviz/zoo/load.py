"""Load a bundled network: hash first, then weights, then evaluation mode."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load as parse_safetensors
from torch import nn

from attnviz.errors import AssetError
from attnviz.models import build
from attnviz.pictures import ModelInput, Picture, preprocess
from attnviz.zoo.cards import WEIGHTS_FOLDER, Card, card_of
from attnviz.zoo.checkpoint_match import KeyMatch


@dataclass(frozen=True, eq=False)
class Loaded:
    """A network ready for use.

    Attributes:
        model: with its weights, in evaluation mode, float32, on the processor.
        card: what is known of it.
        match: of a checkpoint of the user's own, how its tensors fitted the network.
    """

    model: nn.Module
    card: Card
    match: KeyMatch | None = None

    def preprocess(self, picture: Picture) -> ModelInput:
        """The network's input for a picture, as its card says."""
        return preprocess(picture, self.card.preprocessing)


def load(name: str, folder: Path = WEIGHTS_FOLDER) -> Loaded:
    """A bundled network with its trained weights.

    Args:
        name: one of `attnviz.zoo.names()`.
        folder: of the weights and cards.

    Returns:
        A fresh model each time: changing one does not change the next.

    Raises:
        NotFoundError: no such network.
        AssetError: the file is missing, damaged, or not the one the card names.
    """
    card = card_of(name, folder)
    path = folder / card.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AssetError(
            f"the weights of {name!r} must be in {path}; got '{error}'. Use a full checkout of the project."
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise AssetError(
            f"{path}: sha256 must be {card.sha256[:12]}… as its card says; got {found[:12]}…. "
            "The file is damaged or was replaced: restore it from the project's history."
        )
    model = build(card.architecture, len(card.classes))
    model.load_state_dict(
        {key: tensor.to(torch.float32) if tensor.is_floating_point() else tensor
         for key, tensor in parse_safetensors(content).items()}
    )  # fmt: skip
    return Loaded(model.eval(), card)
