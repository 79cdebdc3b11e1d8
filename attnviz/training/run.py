"""Train a bundled network, with what it needs before it."""

from pathlib import Path

import torch

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.training.classes import FIFTY
from attnviz.training.data import open_splits
from attnviz.training.loop import classes_of, faster_precision, train_phase
from attnviz.training.publish import publish
from attnviz.training.recipe import PHASES, chain
from attnviz.zoo.cards import Card


def train(name: str, data: Path, out: Path, device: str | None = None, precision: str = "auto") -> Path:
    """Train network `name` by the recipe and return the file of its final weights.

    Args:
        name: a phase of the recipe.
        data: folder of Tiny ImageNet; downloaded when empty.
        out: folder of the checkpoints; a run that stopped goes on from there.
        device: as torch names it; None takes a GPU where there is one.
        precision: "float32", "bfloat16", or "auto" for the faster of the two on this machine.

    Raises:
        NotFoundError: no such network.
        ValueRangeError: no such device.
        AssetError: no data.
    """
    if name not in PHASES:
        raise NotFoundError(f"network must be one of {', '.join(PHASES)}; got {name!r}. Choose one of these.")
    try:
        where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise ValueRangeError(f"device must be one that torch knows; got {device!r}. Try cpu or cuda.") from error
    dtype = faster_precision(where) if precision == "auto" else getattr(torch, precision)
    print(f"training on {where} in {str(dtype).removeprefix('torch.')}", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    file = out
    for phase in chain(name):
        done = out / f"{phase.name}.pt"
        if done.exists():
            file = done
            continue
        training, validation = open_splits(data, None)
        if phase.classes == "fifty":
            wnids = classes_of(phase, training.wnids)
            training, validation = training.only(wnids), validation.only(wnids)
        file = train_phase(phase, training, validation, out, where, dtype)
    return file


def train_and_publish(name: str, data: Path, out: Path, device: str | None, precision: str, folder: Path) -> Card:
    """Train network `name` as `train` does, then write its weights and measured card to `folder`."""
    checkpoint = train(name, data, out, device, precision)
    card = publish(name, checkpoint, open_splits(data, tuple(FIFTY))[1], folder)
    print(f"{card.name}: top-1 {card.top1:.1%}, top-5 {card.top5:.1%} at {card.preprocessing.short_side} px")
    return card
