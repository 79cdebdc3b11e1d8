"""The numbers of one network's evaluation, as its card keeps them: plain values, intervals as [value, low, high]."""

from collections.abc import Mapping

import numpy as np
import torch

from attnviz.counting import cost, on_meta
from attnviz.focus import CENTRED_GAUSSIAN, UNIFORM
from attnviz.focus.intervals import Interval, bootstrap_mean, paired_difference, rate
from attnviz.models import build
from attnviz.training.boxes import Boxes, Numbers
from attnviz.training.calibration import calibration
from attnviz.training.measure import Condition, Values
from attnviz.zoo import Card

UNTRAINED = "untrained"
MEAN_GATES = "gates at their mean"
BEFORE_GATE = "before the gate"

Fact = Mapping[str, object]


def facts(
    card: Card,
    measured: Mapping[Condition, Values],
    labels: np.ndarray,
    boxes: Boxes,
    others: Mapping[str, Values] | None = None,
) -> dict[str, object]:
    """What an evaluation found out about one network.

    Args:
        card: of the network.
        measured: values of the trained network, and of the conditions it is compared with.
        labels: true classes.
        boxes: of the same pictures.
        others: trained networks by title, whose Grad-CAM this one's is compared with.

    Returns:
        Accuracy, calibration, cost, and for each map its scores and its paired differences from everything that it is
        compared with. Every interval is of 95 %.
    """
    trained = measured["trained"]
    logits, truth = torch.from_numpy(trained.logits), torch.from_numpy(labels)
    right = _right(trained, labels)
    in_five = (logits.topk(min(5, logits.shape[1]), dim=1).indices == truth[:, None]).any(dim=1).numpy()
    probabilities = calibration(logits, truth)
    found: dict[str, object] = {
        "pictures": len(labels),
        "top1": _triple(rate(int(right.sum()), len(labels))),
        "top5": _triple(rate(int(in_five.sum()), len(labels))),
        "calibration": {
            "error": round(probabilities.error, 4),
            "likelihood": round(probabilities.likelihood, 4),
            "confidence": round(probabilities.confidence, 4),
            "bins": [
                [each.low, each.high, each.count, round(each.confidence, 4), round(each.accuracy, 4)]
                for each in probabilities.bins
            ],
        },
        "multiply_adds": multiply_adds(card),
        "boxes": _of_boxes(boxes),
    }
    if MEAN_GATES in measured:
        changed = _right(measured["gates at their mean"], labels)
        found["mean_gates"] = {
            "top1": _triple(rate(int(changed.sum()), len(labels))),
            "top1_difference": _triple(paired_difference(right, changed)),
        }
    found["focus"] = {name: _of_map(name, measured, boxes, others or {}) for name in trained.share}
    return found


def multiply_adds(card: Card) -> int:
    """Multiply-adds of one square picture at the network's input size, those of attention's products included."""
    model = on_meta(lambda: build(card.architecture, len(card.classes)))
    side = card.preprocessing.short_side
    return cost(model, (1, 3, side, side), "products").multiply_adds


def _right(values: Values, labels: np.ndarray) -> Numbers:
    return (values.logits.argmax(axis=1) == labels).astype(np.float64)


def _of_boxes(boxes: Boxes) -> dict[str, object]:
    """What maps that know nothing score on the pictures whose box is not everything."""
    kept, area, middle = boxes.is_region, boxes.area, boxes.centred_gaussian()
    return {
        "pictures": int(kept.sum()),
        "whole": int((~kept).sum()),
        UNIFORM: _scores(area[kept], area[kept], area[kept]),
        CENTRED_GAUSSIAN: _scores(middle.share[kept], middle.hit[kept], area[kept]),
    }


def _of_map(name: str, measured: Mapping[Condition, Values], boxes: Boxes, others: Mapping[str, Values]) -> Fact:
    trained, area, middle = measured["trained"], boxes.area, boxes.centred_gaussian()
    share, hit = trained.share[name], trained.hit[name]
    known = boxes.is_region & np.isfinite(share)
    rivals: dict[str, tuple[Numbers, Numbers]] = {
        UNIFORM: (area, area),
        CENTRED_GAUSSIAN: (middle.share, middle.hit),
    }
    conditions: tuple[Condition, ...] = ("untrained", "gates at their mean")
    for condition in conditions:
        if condition in measured and name in measured[condition].share:
            rivals[condition] = (measured[condition].share[name], measured[condition].hit[name])
    if name == "gated_activation":
        rivals[BEFORE_GATE] = (trained.share["ungated_activation"], trained.hit["ungated_activation"])
    if name == "grad_cam":
        rivals |= {title: (values.share[name], values.hit[name]) for title, values in others.items()}
    return {
        "pictures": int(known.sum()),
        "without": int((boxes.is_region & ~known).sum()),
        **_scores(share[known], hit[known], area[known]),
        "against": {rival: _against(share, hit, area, known, *scores) for rival, scores in rivals.items()},
    }


def _against(
    share: Numbers, hit: Numbers, area: Numbers, known: np.ndarray, other_share: Numbers, other_hit: Numbers
) -> Fact:
    """Paired differences, over the pictures where both maps have a score."""
    both = known & np.isfinite(other_share)
    if not both.any():
        return {"pictures": 0}
    return {
        "pictures": int(both.sum()),
        "share": _triple(paired_difference(share[both], other_share[both])),
        "lift": _triple(paired_difference(share[both] / area[both], other_share[both] / area[both])),
        "hit": _triple(paired_difference(hit[both], other_hit[both])),
    }


def _scores(share: Numbers, hit: Numbers, area: Numbers) -> dict[str, object]:
    if not len(share):
        return {}
    return {
        "share": _triple(bootstrap_mean(share)),
        "lift": _triple(bootstrap_mean(share / area)),
        "hit": _triple(bootstrap_mean(hit)),
    }


def _triple(interval: Interval) -> list[float]:
    return [round(number, 4) + 0.0 for number in (interval.value, interval.low, interval.high)]
