"""Exports that a test kills, in a process of their own. It is quick to start: the library was imported before."""

from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from attnviz.export import bundle, slides
from attnviz.export.deck import build as _imported_before  # noqa: F401  a process that is killed soon must not load it


@dataclass(frozen=True)
class Dot:
    """The smallest figure: one dot. The number tells exports apart."""

    number: int

    @property
    def title(self):
        return f"export {self.number}"

    alt = "a dot"

    def figure(self):
        figure = Figure(figsize=(0.5, 0.5))
        FigureCanvasAgg(figure)
        figure.add_axes((0, 0, 1, 1)).plot([1], [1], "o")
        return figure

    def provenance(self):
        return {"number": self.number}

    def arrays(self):
        return {"noise": np.random.default_rng(self.number).random((200, 200))}


FIGURES = 3


def figures(number: int) -> dict[str, Dot]:
    """So many figures that an export takes some time."""
    return {f"dot {place}": Dot(number) for place in range(FIGURES)}


def export(target: Path, number: int, overwrite: bool, told: Connection) -> None:
    """Export to a target, whose name decides the kind; say when it begins and ends."""
    told.send("begins")
    if target.suffix == ".pptx":
        slides(figures(number), target, overwrite=overwrite)
    else:
        bundle(figures(number), target, formats=["png"], dpi=50, overwrite=overwrite)
    told.send("ended")
