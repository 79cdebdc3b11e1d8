"""Measure the shipped weights again, so that anyone can check the cards."""

from collections.abc import Sequence
from pathlib import Path

import torch

from attnviz.training.classes import FIFTY
from attnviz.training.data import open_splits
from attnviz.training.evaluate import hit_rates, logits_of
from attnviz.zoo import load, names


def evaluate_shipped(data: Path, wanted: Sequence[str] | None = None) -> dict[str, tuple[float, float]]:
    """Print and return top-1 and top-5 accuracy of each shipped network beside its card's numbers.

    Args:
        data: folder of Tiny ImageNet; downloaded when empty.
        wanted: networks; None for all.

    Raises:
        AssetError: no data, or damaged weights.
        NotFoundError: an unknown network.
    """
    loaded = [load(name) for name in (wanted or names())]
    _, validation = open_splits(data, tuple(FIFTY))
    measured = {}
    for network in loaded:
        logits = logits_of(network.model, validation, network.card.preprocessing)
        top1, top5 = hit_rates(logits, torch.from_numpy(validation.labels))
        measured[network.card.name] = (top1, top5)
        print(
            f"{network.card.name}: top-1 {top1:.1%} (card {network.card.top1:.1%}), "
            f"top-5 {top5:.1%} (card {network.card.top5:.1%}), {len(validation.labels)} pictures",
            flush=True,
        )
    return measured
