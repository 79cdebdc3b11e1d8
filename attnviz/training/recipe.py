"""The recipe of the bundled networks, as data: what is trained, on what, for how long."""

from dataclasses import dataclass, replace
from typing import Any, Literal


@dataclass(frozen=True)
class Phase:
    """One run of the optimiser.

    name: of the checkpoint. architecture: built by `attnviz.models.build`. classes: all 200, or the fifty. sizes_px:
    side of the pictures, one entry an epoch (small pictures first: cheap, and the last epochs set the scale).
    stops_after: epochs that are run when the phase ends before its schedule does.
    smallest_crop, zoom_out: of the views, see `random_views`; the last `easy` epochs take easier views instead.
    cutmix: share of the batches whose views are mixed. erasing: share of the views that lose a rectangle.
    average: decay of the moving average of the weights that the phase ends with; 0 for the last weights themselves.
    centred: see `attnviz.models.ResNet`. starts_from: phase whose weights are taken over, the 50 classes' rows of the
    last layer included. teacher: phase whose softened outputs are imitated, or None.
    """

    name: str
    architecture: str
    classes: Literal["all", "fifty"]
    sizes_px: tuple[int, ...]
    peak_rate: float
    optimiser: Literal["sgd", "adamw"] = "sgd"
    weight_decay: float = 5e-4
    smallest_crop: float = 0.3
    zoom_out: float = 0.25
    easy: int = 0
    stops_after: int | None = None
    starts_from: str | None = None
    teacher: str | None = None
    batch: int = 128
    smoothing: float = 0.1
    warm_up: float = 0.2
    seed: int = 0
    centred: bool = True
    cutmix: float = 0.0
    erasing: float = 0.0
    average: float = 0.0

    def views_of(self, epoch: int) -> tuple[float, float]:
        """Smallest crop and share of zoomed-out views in an epoch, counted from 0."""
        if epoch >= len(self.sizes_px) - self.easy:
            return EASY_VIEWS
        return self.smallest_crop, self.zoom_out


EASY_VIEWS = (0.5, 0.1)
"""Smallest crop and share of zoomed-out views in the easy epochs of a phase."""


def tuned(
    architecture: str,
    name: str | None = None,
    sizes_px: tuple[int, ...] = (48, 48, 56, 56, 64, 64),
    starts_from: str = "trunk_centred",
    **changes: Any,
) -> Phase:
    """The last phase of the convolutional networks: the trunk's weights, the network's own attention, 50 classes."""
    facts: dict[str, Any] = {
        "peak_rate": 0.04,
        "batch": 64,
        "smallest_crop": 0.35,
        "zoom_out": 0.2,
        "easy": 2,
        "warm_up": 0.1,
        "starts_from": starts_from,
    }
    return Phase(name or architecture, architecture, "fifty", sizes_px, **(facts | changes))


SHORT_SEEDS = {
    "resnet_plain": (0, 1, 2),
    "cbam_resnet": (0, 1, 2),
    "cbam_spatial_first": (0,),
    "cbam_channel": (0,),
    "cbam_channel_avg": (0,),
    "cbam_channel_max": (0,),
}
"""Key: architecture. Value: seeds of its runs by the short schedule, in which the variants of CBAM are compared."""


def short(architecture: str, seed: int) -> Phase:
    """The last phase in half the time. It ends in a bundled network where the architecture has no longer schedule."""
    bundled = seed == 0 and architecture not in ("resnet_plain", "cbam_resnet")
    name = architecture if bundled else f"{architecture}_short_{seed}"
    return tuned(architecture, name, (48, 56, 64), easy=1, seed=seed)


TRIED: dict[str, dict[str, Any]] = {
    "cutmix": {"cutmix": 0.5},
    "erasing": {"erasing": 0.5},
    "average": {"average": 0.998},
    "teacher": {"teacher": "cbam_resnet"},
}
"""Key: what was tried on the plain network's short schedule. Value: what it changes in the phase."""


def transformer(name: str, sizes_px: tuple[int, ...], architecture: str = "vit", **changes: Any) -> Phase:
    """A phase of a transformer on 50 classes, under a convolutional teacher."""
    facts: dict[str, Any] = {
        "peak_rate": 8e-4,
        "optimiser": "adamw",
        "weight_decay": 0.05,
        "smallest_crop": 0.4,
        "zoom_out": 0.2,
        "easy": 3,
        "warm_up": 0.1,
    }
    return Phase(name, architecture, "fifty", sizes_px, **(facts | changes))


PHASES: dict[str, Phase] = {
    phase.name: phase
    for phase in (
        Phase("trunk", "resnet_plain", "all", (32, 40, 40, 48), peak_rate=0.1, easy=2, centred=False),
        Phase(
            "trunk_fifty",
            "resnet_plain",
            "fifty",
            (40, 40, *[48] * 6),
            peak_rate=0.08,
            starts_from="trunk",
            centred=False,
        ),
        tuned(
            "resnet_plain",
            "trunk_64",
            (48, 56, 56, 64, 64),
            "trunk_fifty",
            peak_rate=0.05,
            batch=128,
            centred=False,
        ),
        tuned("resnet_plain", "trunk_centred", (40, 40, *[48] * 8, 56, 56), "trunk_64", peak_rate=0.06),
        tuned("resnet_plain"),
        tuned("se_resnet"),
        tuned("cbam_resnet"),
        tuned("aa_resnet"),
        tuned("residual_attention"),
        Phase(
            "vit_trunk",
            "vit",
            "all",
            (32, 40, 40),
            stops_after=2,
            peak_rate=1e-3,
            optimiser="adamw",
            weight_decay=0.05,
            centred=False,
        ),
        transformer(
            "vit_fifty",
            (*[40] * 6, *[48] * 6, 56),
            starts_from="vit_trunk",
            teacher="trunk_fifty",
            centred=False,
        ),
        transformer(
            "vit_centred", (*[48] * 5, 56, 56, 64), starts_from="vit_fifty", teacher="trunk_64", peak_rate=5e-4
        ),
        transformer(
            "vit",
            (*[48] * 3, 56, 56, 64, 64),
            starts_from="vit_centred",
            teacher="resnet_plain",
            peak_rate=4e-4,
            batch=64,
        ),
        transformer(
            "swin",
            (*[48] * 6, 64, 64),
            "swin",
            starts_from="trunk_centred",
            teacher="resnet_plain",
            batch=64,
        ),
        *(short(name, seed) for name, seeds in SHORT_SEEDS.items() for seed in seeds),
        *(
            replace(short("resnet_plain", 0), name=f"resnet_plain_short_{what}", **changes)
            for what, changes in TRIED.items()
        ),
    )
}
"""Key: phase name. Value: the phase. Phases named like an architecture end in a bundled network.

The convolutional networks share the trunk, trained without attention on all 200 classes and then on the fifty; each
then trains on with its own attention, by one and the same recipe. The first phases ran before the strides were
centred; `transplant` takes their kernels over.
"""


def chain(name: str) -> list[Phase]:
    """The phases to run, in order, so that phase `name` can run: its start and its teacher first."""
    phase = PHASES[name]
    before: list[Phase] = []
    for needed in (phase.starts_from, phase.teacher):
        if needed:
            before += [earlier for earlier in chain(needed) if earlier not in before]
    return [*before, phase]
