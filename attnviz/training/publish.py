"""From a finished checkpoint to a bundled network: half-precision weights and a measured card."""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors

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
"""Input sizes among which a network's own is chosen, by validation accuracy."""

TITLES = {
    "resnet_plain": ("ResNet", "none"),
    "se_resnet": ("SE-ResNet", "SE: channel gates"),
    "cbam_resnet": ("CBAM-ResNet", "CBAM: channel, then spatial gates"),
    "aa_resnet": ("AA-ResNet", "AANet: attention-augmented convolutions"),
    "vit": ("ViT", "self-attention"),
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
    preprocessing = Preprocessing(short_side=SHORT_SIDES[0], mean=MEAN, std=STD)
    rates = {
        side: hit_rates(logits_of(model, validation, replace(preprocessing, short_side=side)), labels)
        for side in SHORT_SIDES
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


def write_card(card: Card, folder: Path) -> None:
    """Put the card into `folder/cards.json`, in the order of `TITLES`, replacing the network's earlier card."""
    path = folder / "cards.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    by_name = {entry["name"]: entry for entry in stored} | {card.name: card.to_json()}
    ordered = [by_name[name] for name in TITLES if name in by_name]
    path.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
