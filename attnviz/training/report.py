"""Measure the shipped networks: their cards' numbers, and the page `docs/evaluation.md`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from attnviz.errors import NotFoundError, ValueRangeError
from attnviz.training.classes import FIFTY
from attnviz.training.data import Split, open_validation
from attnviz.training.evaluation_page import page
from attnviz.training.facts import facts
from attnviz.training.measure import Condition, Values, boxes_of, measure
from attnviz.training.publish import TITLES, training_seconds, write_card
from attnviz.training.recipe import PHASES
from attnviz.training.tried import TRIED_FILE, tried
from attnviz.zoo import Card, cards, load
from attnviz.zoo.cards import WEIGHTS_FOLDER

PAGE = Path(__file__).resolve().parents[2] / "docs" / "evaluation.md"
"""Where the page lies in a checkout of the project."""

COMPARED_WITH = "resnet_plain"
"""The network whose Grad-CAM the others' are compared with."""


def report(
    data: Path,
    out: Path,
    wanted: Sequence[str] | None = None,
    limit: int | None = None,
    seed: int = 0,
    folder: Path = WEIGHTS_FOLDER,
    to: Path = PAGE,
    rows: Path = TRIED_FILE,
) -> Path:
    """Measure networks and write the page.

    What was measured of each picture is kept in `out/report`, so that a stopped run goes on, and only new weights are
    measured by the next one.

    Args:
        data: folder of Tiny ImageNet; downloaded when empty.
        out: folder of the checkpoints. Training times that a card does not know are read there.
        wanted: networks to measure; None for all. The page shows all that were ever measured.
        limit: measure so many pictures only, drawn at random. The cards stay as they are then, and the page goes to
            `out/report`.
        seed: of the drawn pictures and of the untrained networks.
        folder: of the weights and cards.
        to: the page.
        rows: file of the tried recipes.

    Returns:
        The page's file.

    Raises:
        AssetError: no data, or damaged weights.
        NotFoundError: an unknown network.
        ValueRangeError: the limit is not positive.
    """
    known = cards(folder)
    names = list(wanted or known)
    for name in names:
        if name not in known:
            raise NotFoundError.among("network", name, known, "in the zoo")
    if limit is not None and limit < 1:
        raise ValueRangeError(f"limit must be at least 1; got {limit}. Leave it out to measure all pictures.")
    kept = out / "report"
    splits: dict[tuple[str, ...], Split] = {}
    for name in names:
        card = known[name]
        if card.classes not in splits:
            splits[card.classes] = _drawn(open_validation(data, _wnids(card)), limit, seed)
        known[name] = _measured(known, name, splits[card.classes], kept, out, folder, seed)
        if limit is None:
            write_card(known[name], folder)
    written = [card for card in known.values() if "focus" in card.measured]
    text = page(written, tried(rows), seed)
    target = to if limit is None else kept / to.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    return target


def _measured(
    known: dict[str, Card], name: str, pictures: Split, kept: Path, out: Path, folder: Path, seed: int
) -> Card:
    """The card with its numbers."""
    loaded = load(name, folder)
    card = loaded.card
    conditions: list[Condition] = ["untrained", "trained"]
    values: dict[Condition, Values] = {each: measure(loaded, pictures, each, kept, seed) for each in conditions}
    if _has_gates(values["trained"]):
        values["gates at their mean"] = measure(loaded, pictures, "gates at their mean", kept, seed)
    others: dict[str, Values] = {}
    if name != COMPARED_WITH and COMPARED_WITH in known and known[COMPARED_WITH].classes == card.classes:
        plain = load(COMPARED_WITH, folder)
        others[plain.card.title] = measure(plain, pictures, "trained", kept, seed)
    numbers = facts(card, values, pictures.labels, boxes_of(pictures), others)
    seconds = training_seconds(name, out) if name in PHASES else {}
    known_seconds = card.measured.get("training_seconds")
    if isinstance(known_seconds, dict):
        seconds = known_seconds | seconds
    return replace(card, measured={"training_seconds": seconds, **numbers})


def _has_gates(values: Values) -> bool:
    return "gated_activation" in values.share


def _wnids(card: Card) -> tuple[str, ...]:
    """WordNet ids of the network's outputs."""
    by_name = {title: wnid for wnid, title in FIFTY.items()}
    unknown = [title for title in card.classes if title not in by_name]
    if unknown:
        raise ValueRangeError(
            f"{card.name}: classes must be among the fifty of the validation pictures; got {unknown[0]!r}. "
            f"Measure one of {', '.join(TITLES)}."
        )
    return tuple(by_name[title] for title in card.classes)


def _drawn(pictures: Split, limit: int | None, seed: int) -> Split:
    """So many pictures, drawn at random; all of them without a limit."""
    if limit is None or limit >= len(pictures.labels):
        return pictures
    rows = np.sort(np.random.default_rng(seed).permutation(len(pictures.labels))[:limit])
    return Split(pictures.pictures[rows], pictures.labels[rows], pictures.boxes_yxyx[rows], pictures.wnids)
