"""The page docs/gate_health.md: what the gates of trained networks do on the validation pictures.

python -m attnviz.training.gate_health_page --data data            writes docs/gate_health.md and docs/gate_health/
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.health import (
    MOSTLY_FLAT,
    SAME_BELOW,
    SATURATED_ABOVE,
    SATURATED_WITHIN,
    GateHealth,
    gate_health,
    health_table,
    in_plain_words,
    stage_ends,
)
from attnviz.health.words import percent
from attnviz.maps import FLAT_BELOW
from attnviz.pictures import Picture
from attnviz.render import excitation_alt, excitation_figure, health_figure
from attnviz.training.classes import FIFTY
from attnviz.training.data import Split, open_splits
from attnviz.zoo import Loaded, load, names

PAGE = Path("docs") / "gate_health.md"
PER_CLASS = 4
SHOWN_CLASSES = ("goldfish", "tabby", "school bus", "alp")
"""As unlike as the paper's goldfish, pug, plane and cliff."""

_DPI = 100

_INTRODUCTION = f"""# Gate health

An SE or CBAM layer multiplies its features with factors. Do these factors do anything? A gate that gives every place
the same factor, or every picture the same factors, is a constant with extra steps, and a picture of it shows noise.

## What is measured

A *place* of a gate is a channel, a cell, or for a feature mask a channel at a cell. Deviations are population standard
deviations, in units of the factor, and taken in one pass (Welford 1962).

- **factors**: the 5 % quantile, the median and the 95 % quantile of all factors of all pictures.
- **closed**, **open**: share of factors within {percent(SATURATED_WITHIN)} of the way from one bound to the other. The
  bounds are 0 and 1, for a residual mask 1 and 2. At a sigmoid's 0.05 and 0.95 its slope is under a fifth of the
  largest, so that training hardly moves it there. Hard sigmoids reach their bounds and count there. Where factors leave
  these bounds, nobody knows the bounds, and the table says so.
- **deviation inside a picture**: over the places of one picture, root mean square over the pictures. 0 where all places
  have one factor.
- **over pictures**: of one place over the pictures, root mean square over the places. 0 for a constant gate.
- **between classes**: eta squared, the sum over classes and places of n (class mean - mean)^2, divided by the sum of
  all squared differences from the mean. 1 where the class alone decides, 0 where classes have one mean. Labels that
  mean nothing give (classes - 1) / (pictures - 1) on average, which stands in brackets: compare with that, not with 0.

A gate is flagged

- **flat** where (max - min) / max(|min|, |max|) of what would be drawn is at most {percent(FLAT_BELOW)} in at least
  {percent(MOSTLY_FLAT)} of the pictures: the rule by which attnviz refuses to paint a map. A feature mask would be
  drawn as its mean over the channels; it is called *flat over places*.
- **saturated** where at least {percent(SATURATED_ABOVE)} of the factors are closed or open.
- **same for every picture** where the deviation over pictures is at most {100 * SAME_BELOW:.1f} % of the root mean
  square factor. That is {percent(FLAT_BELOW)} / sqrt 12: what a number deviates by that takes all values of a range of
  {percent(FLAT_BELOW)} equally often.

*By hand.* One channel, factors 0.2 and 0.4 on two pictures of one class, 0.6 and 0.8 on two of another. The mean is
0.5, the class means are 0.3 and 0.7. Between classes: 4 * 0.2^2 = 0.16. All: 0.09 + 0.01 + 0.01 + 0.09 = 0.2. Eta
squared is 0.16 / 0.2 = 0.8, beside (2 - 1) / (4 - 1) = 0.33 by chance. The deviation over pictures is
sqrt(0.2 / 4) = 0.22.

*Misleads when* the features a gate multiplies differ much in size: a small change of a large channel can matter more
than a large change of a small one. What a gate does to the answer is measured by turning it off, not by looking at it.
A gate near 0.5 that never moves is not idle by itself: the layers around it were trained with it.

The lines by class are the study of Hu, Shen, Sun, arXiv:1709.01507, section "Role of Excitation": mean excitation of
each channel for some classes, in the last gate of each stage, with a band of one standard deviation over the pictures
of the class.
"""


def health_report(
    networks: Sequence[Loaded],
    split: Split,
    per_class: int = PER_CLASS,
    figures: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> str:
    """The page in Markdown: definitions, then for each network its findings, charts and table.

    Args:
        networks: those without gates are only named.
        split: pictures with labels, such as the validation split.
        per_class: pictures taken of each class, from its first on.
        figures: folder for the charts, which the page links to by its name; made if needed. None leaves them out.
        progress: called with a network's name, pictures done, and pictures in all.

    Raises:
        ValueRangeError: no network, or not enough pictures in a class.
    """
    if not networks:
        raise ValueRangeError("networks must hold at least one; got none. Load one with attnviz.load().")
    rows = _rows(split, per_class)
    labels = [FIFTY.get(split.wnids[label], split.wnids[label]) for label in split.labels[rows].tolist()]
    parts = [
        _INTRODUCTION,
        f"## The networks, on {len(rows)} pictures: {per_class} of each of {len(split.wnids)} classes\n",
    ]
    without = []
    for network in networks:
        try:
            healths = _measured(network, split, rows, labels, progress)
        except NothingTracedError:
            without.append(network.card.title)
            continue
        parts.append(_section(network, healths, figures))
    if without:
        parts.append(f"No gate: {', '.join(without)}.\n")
    return "\n".join(parts)


def _rows(split: Split, per_class: int) -> np.ndarray:
    """Places of the first pictures of each class."""
    fewest = int(np.bincount(split.labels, minlength=len(split.wnids)).min())
    if not 1 <= per_class <= fewest:
        raise ValueRangeError(f"per_class must be in 1..{fewest}, the pictures of the smallest class; got {per_class}.")
    return np.concatenate([np.flatnonzero(split.labels == label)[:per_class] for label in range(len(split.wnids))])


def _measured(
    network: Loaded,
    split: Split,
    rows: np.ndarray,
    labels: Sequence[str],
    progress: Callable[[str, int, int], None] | None,
) -> tuple[GateHealth, ...]:
    inputs = (network.preprocess(Picture.from_array(np.asarray(split.pictures[row]))) for row in rows.tolist())

    def told(done: int) -> None:
        if progress is not None:
            progress(network.card.name, done, len(rows))

    return gate_health(network.model, inputs, labels, told)


def _section(network: Loaded, healths: Sequence[GateHealth], figures: Path | None) -> str:
    card = network.card
    warning = f"**UNTRAINED: {card.untrained}. These numbers mean nothing.**\n\n" if card.untrained else ""
    parts = [f"### {card.title}\n", warning + in_plain_words(healths) + "\n"]
    if figures is not None:
        figures.mkdir(parents=True, exist_ok=True)
        file = figures / f"{card.name}.png"
        health_figure(healths, f"{card.title}: factors of every gate").savefig(file, dpi=_DPI)
        alt = f"Strips of the factors of {len(healths)} gates; the table below holds their numbers"
        parts.append(f"![{alt}]({figures.name}/{file.name})\n")
        if stage_ends(healths):
            parts.append(_excitations(network, healths, figures))
    parts.append(health_table(healths))
    return "\n".join(parts)


def _excitations(network: Loaded, healths: Sequence[GateHealth], figures: Path) -> str:
    known = healths[0].classes
    classes: list[int | str] = [name for name in SHOWN_CLASSES if name in known]
    classes = classes or list(known[: len(SHOWN_CLASSES)])
    file = figures / f"{network.card.name}_by_class.png"
    heading = f"{network.card.title}: channel gates by class, last block of each stage"
    excitation_figure(healths, classes, heading).savefig(file, dpi=_DPI)
    return f"![{excitation_alt(healths, classes)}]({figures.name}/{file.name})\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page for the bundled networks."""
    parser = argparse.ArgumentParser(prog="python -m attnviz.training.gate_health_page", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of Tiny ImageNet")
    parser.add_argument(
        "--per-class", type=int, default=PER_CLASS, help=f"pictures of each class (default {PER_CLASS})"
    )
    parser.add_argument("networks", nargs="*", help="bundled networks; all of them by default")
    options = parser.parse_args(arguments)
    _, validation = open_splits(options.data)

    def told(name: str, done: int, of: int) -> None:
        if done in (1, of):
            print(f"{name}: {done} of {of} pictures", flush=True)

    loaded = [load(name) for name in options.networks or names()]
    page = health_report(loaded, validation, options.per_class, PAGE.with_suffix(""), told)
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
