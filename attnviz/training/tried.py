"""Recipes that were tried, and what came of them: a table kept as data, one row for each finished run."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch

from attnviz.errors import AssetError, NotFoundError
from attnviz.models import build
from attnviz.pictures import Preprocessing
from attnviz.training.augment import MEAN, STD
from attnviz.training.data import open_validation
from attnviz.training.evaluate import hit_rates, logits_of
from attnviz.training.loop import placed
from attnviz.training.publish import multiple_of
from attnviz.training.recipe import PHASES, Phase, short

TRIED_FILE = Path(__file__).with_name("tried.json")
"""The rows that the page shows."""

SIDES = (64, 72, 80, 96)
"""Input sizes tried, as far as the network takes them; the first two that fit."""


@dataclass(frozen=True)
class Tried:
    """One run.

    Attributes:
        name: of the phase, or of what was tried.
        changed: what was different, in a few words.
        top1: share of the validation pictures whose first answer is right, by short side in pixels.
        top5: likewise among the first five answers.
        minutes: that the phase ran; None where nobody knows.
        pictures: number of validation pictures.
        classes: number of outputs.
    """

    name: str
    changed: str
    top1: Mapping[str, float] = field(default_factory=dict)
    top5: Mapping[str, float] = field(default_factory=dict)
    minutes: float | None = None
    pictures: int = 2500
    classes: int = 50


def tried(path: Path = TRIED_FILE) -> list[Tried]:
    """All rows, in the order of the file.

    Raises:
        AssetError: the file does not hold a list of rows.
    """
    if not path.exists():
        return []
    try:
        return [Tried(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise AssetError(
            f"{path} must hold a list of rows; got '{error}'. Restore it from the project's history."
        ) from error


def measure_checkpoint(name: str, data: Path, out: Path, changed: str | None = None, path: Path = TRIED_FILE) -> Tried:
    """Measure the finished checkpoint of a phase and write its row, in place of an earlier one of that name.

    Args:
        name: of the phase, whose checkpoint is `out/<name>.pt`.
        data: folder of Tiny ImageNet; downloaded when empty.
        out: folder of the checkpoints.
        changed: what was different about the run. None keeps the words of the earlier row, or takes them from the
            recipe.
        path: file of the rows.

    Raises:
        NotFoundError: no such phase.
        AssetError: the phase has not ended there, or there are no data.
    """
    if name not in PHASES:
        raise NotFoundError.among("phase", name, PHASES, "in the recipe")
    phase = PHASES[name]
    file = out / f"{name}.pt"
    if not file.exists():
        raise AssetError(f"the checkpoint of {name!r} must be in {file}; got no such file. Train the phase first.")
    saved = torch.load(file, map_location="cpu", weights_only=True)
    wnids = tuple(saved["wnids"])
    model = build(phase.architecture, len(wnids), phase.centred)
    model.load_state_dict(saved["model"])
    model = placed(model, torch.device("cpu")).eval()
    validation = open_validation(data, wnids)
    labels = torch.from_numpy(validation.labels)
    multiple = multiple_of(model)
    top1, top5 = {}, {}
    for side in [side for side in SIDES if side % multiple == 0][:2]:
        rates = hit_rates(logits_of(model, validation, Preprocessing(side, MEAN, STD, multiple_of=multiple)), labels)
        top1[str(side)], top5[str(side)] = (round(rate, 4) for rate in rates)
    rows = tried(path)
    earlier = {row.name: row for row in rows}
    words = changed or (earlier[name].changed if name in earlier else described(phase))
    row = Tried(name, words, top1, top5, round(float(saved["seconds"]) / 60, 1), len(labels), len(wnids))
    stored = [row if each.name == name else each for each in rows] + ([] if name in earlier else [row])
    path.write_text(
        json.dumps([asdict(each) for each in stored], indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return row


def described(phase: Phase) -> str:
    """What a phase changes about the plain network's short schedule with seed 0; its own schedule if it has another."""
    compared = short("resnet_plain", 0)
    differing = {
        each.name: getattr(phase, each.name)
        for each in fields(Phase)
        if each.name != "name" and getattr(phase, each.name) != getattr(compared, each.name)
    }
    if not differing:
        return "plain network, short schedule, seed 0"
    return ", ".join(f"{name} {_word(value)}" for name, value in differing.items())


def _word(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
