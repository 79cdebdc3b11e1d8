"""What one network scores on the validation pictures: its outputs, and how its maps fall on the boxes.

The values of every picture are kept in files, one for each network and condition, so that a stopped run goes on.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from attnviz.geometry import Geometry
from attnviz.maps import FeatureMaskMap, GatedActivation, MapMethod, Received, Rollout, SpatialGateMap
from attnviz.models import build
from attnviz.pictures import Picture, Preprocessing, preprocess
from attnviz.training.batch_pass import batch_pass
from attnviz.training.boxes import Boxes
from attnviz.training.data import Split
from attnviz.training.loop import placed
from attnviz.zoo import Card, Loaded

Condition = Literal["trained", "untrained", "gates at their mean"]
Numbers = npt.NDArray[np.float64]

NATIVE: dict[str, MapMethod] = {
    "spatial_gate": SpatialGateMap(),
    "feature_mask": FeatureMaskMap(),
    "gated_activation": GatedActivation(),
    "ungated_activation": GatedActivation(gated=False),
    "rollout": Rollout(),
    "received": Received(),
}
"""Maps of a network's own attention by name, each of the last layer that has one; rollout of all layers."""

GRAD_CAM = "grad_cam"
"""Name of Grad-CAM for the true class, at the layer that the network's card names."""

FLAT_BY_DEFINITION = ("spatial_gate", "feature_mask", "ungated_activation")
"""Maps with nothing to say about gates at their mean: two are then flat, and the third lies before the gate."""

BATCH = 50

VERSION = 1
"""Of the kept values: a higher one makes every run measure anew."""


@dataclass(frozen=True, eq=False)
class Values:
    """One number for each picture.

    Attributes:
        logits: (n, classes).
        share: by map: see `Boxes.scores`; (n,).
        hit: likewise.
    """

    logits: npt.NDArray[np.float32]
    share: dict[str, Numbers]
    hit: dict[str, Numbers]


def measure(loaded: Loaded, pictures: Split, condition: Condition, kept: Path, seed: int = 0) -> Values:
    """Outputs and scores of a network for every picture.

    Args:
        loaded: the network.
        pictures: with labels in the order of its outputs, and boxes.
        condition: "untrained" takes the same architecture with fresh weights; "gates at their mean" replaces each gate
            by its mean over the picture's channels and positions.
        kept: folder of the values; those that are there are not measured again.
        seed: of the fresh weights.
    """
    card = loaded.card
    count = len(pictures.labels)
    file = kept / f"{card.name}-{condition.replace(' ', '_')}-{card.sha256[:12]}-{count}-{seed}-v{VERSION}.npz"
    if file.exists():
        with np.load(file) as stored:
            arrays = dict(stored)
    else:
        started = time.monotonic()
        arrays = _arrays(_network(loaded, condition, seed), card, pictures, condition)
        kept.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(".part.npz")
        np.savez(beside, **arrays)  # type: ignore[arg-type]
        os.replace(beside, file)
        print(f"{card.name}, {condition}: {count} pictures in {time.monotonic() - started:.0f} s", flush=True)
    return Values(
        arrays["logits"],
        {name.removeprefix("share "): array for name, array in arrays.items() if name.startswith("share ")},
        {name.removeprefix("hit "): array for name, array in arrays.items() if name.startswith("hit ")},
    )


def boxes_of(pictures: Split) -> Boxes:
    """The pictures' boxes."""
    height, width = pictures.pictures.shape[1:3]
    return Boxes(pictures.boxes_yxyx, (height, width))


def _network(loaded: Loaded, condition: Condition, seed: int) -> nn.Module:
    model = loaded.model
    if condition == "untrained":
        torch.manual_seed(seed)
        model = build(loaded.card.architecture, len(loaded.card.classes))
    return placed(model, torch.device("cpu")).eval()


def _arrays(model: nn.Module, card: Card, pictures: Split, condition: Condition) -> dict[str, npt.NDArray[np.generic]]:
    logits: list[npt.NDArray[np.float32]] = []
    maps: dict[str, list[npt.NDArray[np.float32]]] = {}
    geometry = None
    for start in range(0, len(pictures.labels), BATCH):
        inputs, geometry = _inputs(pictures.pictures[start : start + BATCH], card.preprocessing)
        done = batch_pass(
            model,
            inputs,
            geometry,
            torch.from_numpy(pictures.labels[start : start + BATCH]),
            card.cam_layer,
            mean_gates=condition == "gates at their mean",
        )
        logits.append(done.logits.numpy())
        maps.setdefault(GRAD_CAM, []).extend(done.grad_cam.numpy())
        for name, method in NATIVE.items():
            if condition == "gates at their mean" and name in FLAT_BY_DEFINITION:
                continue
            if type(method).fits(done.traces[0].records):
                maps.setdefault(name, []).extend(method(trace).values_hw for trace in done.traces)
    assert geometry is not None
    boxes = boxes_of(pictures)
    arrays: dict[str, npt.NDArray[np.generic]] = {"logits": np.concatenate(logits)}
    for name, each in maps.items():
        scores = boxes.scores(np.stack(each), geometry)
        arrays |= {f"share {name}": scores.share, f"hit {name}": scores.hit}
    return arrays


def _inputs(pictures: npt.NDArray[np.uint8], preprocessing: Preprocessing) -> tuple[torch.Tensor, Geometry]:
    """The pictures as the network is used on them. They are of one size, so their geometry is the same."""
    inputs = [preprocess(Picture.from_array(rgb), preprocessing) for rgb in pictures]
    batch = torch.cat([one.tensor for one in inputs])
    return batch.to(memory_format=torch.channels_last), inputs[0].geometry
