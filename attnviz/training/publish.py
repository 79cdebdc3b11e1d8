"""From a finished checkpoint to a bundled network: half-precision weights and a measured card."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import nn

from attnviz.models import build
from attnviz.pictures import Preprocessing
from attnviz.training.augment import MEAN, STD
from attnviz.training.classes import FIFTY
from attnviz.training.data import Split
from attnviz.training.evaluate import hit_rates, logits_of
from attnviz.training.loop import placed
from attnviz.training.recipe import PHASES, chain
from attnviz.zoo.cards import Card

SHORT_SIDES = (64, 72, 80, 96, 128)
"""Input sizes among which a network's own is chosen, by validation accuracy; only multiples of what it asks for."""

STRIDE = 8
"""The input's sides are multiples of this, unless the network names another number as `multiple_of`."""

TITLES = {
    "resnet_plain": ("ResNet", "none"),
    "se_resnet": ("SE-ResNet", "SE: channel gates"),
    "cbam_resnet": ("CBAM-ResNet", "CBAM: channel, then spatial gates"),
    "aa_resnet": ("AA-ResNet", "AANet: attention-augmented convolutions"),
    "vit": ("ViT", "self-attention"),
    "swin": ("Swin", "self-attention in shifted windows"),
    "residual_attention": ("Residual attention", "residual attention: a mask over every feature"),
    "cbam_spatial_first": ("CBAM spatial first", "CBAM: spatial, then channel gates"),
    "cbam_channel": ("CBAM channel only", "CBAM: channel gates alone"),
    "cbam_channel_avg": ("CBAM channel, average pool", "CBAM: channel gates alone, from averages"),
    "cbam_channel_max": ("CBAM channel, max pool", "CBAM: channel gates alone, from maxima"),
}
"""Key: network. Value: its title on figures and its attention in a few words."""


def publish(name: str, checkpoint: Path, validation: Split, folder: Path) -> Card:
    """Write `folder/<name>.safetensors` and the network's card in `folder/cards.json`.

    The weights are rounded to half precision first and measured afterwards, on the very numbers that are shipped.

    Args:
        name: of the network and of its last training phase.
        checkpoint: file that `train_phase` returned.
        validation: the validation pictures of the fifty classes.
        folder: of the bundled weights.

    Returns:
        The card.
    """
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    halves = {
        key: (tensor.half() if tensor.is_floating_point() else tensor).contiguous()
        for key, tensor in saved["model"].items()
    }
    content = to_safetensors(halves)
    model = build(PHASES[name].architecture, len(FIFTY))
    model.load_state_dict({key: t.float() if t.is_floating_point() else t for key, t in halves.items()})
    model = placed(model, torch.device("cpu")).eval()
    labels = torch.from_numpy(validation.labels)
    multiple = multiple_of(model)
    sides = [side for side in SHORT_SIDES if side % multiple == 0]
    preprocessing = Preprocessing(short_side=sides[0], mean=MEAN, std=STD, multiple_of=multiple)
    rates = {
        side: hit_rates(logits_of(model, validation, replace(preprocessing, short_side=side)), labels)
        for side in sides
    }
    best = max(rates, key=lambda side: rates[side])
    title, mechanism = TITLES[name]
    card = Card(
        name=name,
        title=title,
        mechanism=mechanism,
        architecture=PHASES[name].architecture,
        file=f"{name}.safetensors",
        sha256=hashlib.sha256(content).hexdigest(),
        classes=tuple(FIFTY.values()),
        preprocessing=replace(preprocessing, short_side=best),
        cam_layer=str(model.cam_layer),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        top1=round(rates[best][0], 4),
        top5=round(rates[best][1], 4),
        top1_by_short_side={str(side): round(rate[0], 4) for side, rate in rates.items()},
        validated_on=len(labels),
        measured={"training_seconds": training_seconds(name, checkpoint.parent)},
        recipe=tuple(asdict(phase) for phase in chain(name)),
        trained_on="Tiny ImageNet (200 classes, then 50 of them)",
        seed=PHASES[name].seed,
        date=datetime.now(UTC).date().isoformat(),
        licence="MIT",
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / card.file).write_bytes(content)
    write_card(card, folder)
    return card


def multiple_of(model: nn.Module) -> int:
    """What the sides of a network's input are multiples of, in pixels."""
    return int(getattr(model, "multiple_of", STRIDE))


def training_seconds(name: str, folder: Path) -> dict[str, float]:
    """How long each phase on the way to network `name` ran, by phase; a phase without a checkpoint is left out."""
    found = {}
    for phase in chain(name):
        path = folder / f"{phase.name}.pt"
        if path.exists():
            seconds = torch.load(path, map_location="cpu", weights_only=True).get("seconds")
            if seconds is not None:
                found[phase.name] = round(float(seconds), 1)
    return found


def write_card(card: Card, folder: Path) -> None:
    """Put the card into `folder/cards.json`, in the order of `TITLES`, replacing the network's earlier card."""
    path = folder / "cards.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    by_name = {entry["name"]: entry for entry in stored} | {card.name: card.to_json()}
    ordered = [by_name[name] for name in TITLES if name in by_name]
    path.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
