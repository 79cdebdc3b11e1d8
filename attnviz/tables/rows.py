"""One row of a published table: the network that should reproduce it, what is printed, and whether it can agree."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from attnviz.counting import Cost, Counted, cost, on_meta

Agreement = Literal["digits", "near", "open"]
"""What is claimed of a printed figure. "digits": ours, rounded, has the same digits. "near": within one unit of its
last digit or within 0.5%, for figures that were printed truncated or as nominal sizes. "open": it cannot be reproduced,
and the row says why; a figure that agrees after all breaks the claim, too."""

NEAR = 0.005
"""Relative difference that "near" allows."""


@dataclass(frozen=True)
class Figure:
    """A printed number.

    Attributes:
        printed: as it stands in the paper, such as "25.56".
        agreement: what is claimed of it.
    """

    printed: str
    agreement: Agreement = "digits"

    def of_ours(self, value: float) -> str:
        """Our number, with as many digits as the printed one."""
        return f"{value:.{len(self.printed.partition('.')[2])}f}"

    def holds(self, value: float) -> bool:
        """Whether our number bears the claim out."""
        same = self.of_ours(value) == self.printed
        if self.agreement == "near":
            unit = 10.0 ** -len(self.printed.partition(".")[2])
            return abs(value - float(self.printed)) <= max(unit, NEAR * float(self.printed))
        return same if self.agreement == "digits" else not same


@dataclass(frozen=True)
class Row:
    """One network of one table.

    Attributes:
        table: the table it stands in.
        network: its name there.
        build: makes the network.
        parameters: in millions; None where the table prints none.
        costs: in billions; None where the table prints none.
        input_hw: of the picture.
        counted: which multiply-adds count.
        per_multiply_add: 1 where the table's "FLOPs" are multiply-adds, 2 where they are additions and multiplications.
        library: package that makes the network and may be missing; None for our own networks.
        why: what a figure that cannot be reproduced, or one that is not exact, owes to.
    """

    table: str
    network: str
    build: Callable[[], nn.Module]
    parameters: Figure | None
    costs: Figure | None
    input_hw: tuple[int, int] = (224, 224)
    counted: Counted = "layers"
    per_multiply_add: int = 1
    library: str | None = None
    why: str = ""

    def computed(self) -> "Computed":
        """Count the network. A library that is missing leaves the cost out."""
        if self.library is not None and not _installed(self.library):
            return Computed(self, None)
        return Computed(self, cost(on_meta(self.build), (1, 3, *self.input_hw), self.counted))


@dataclass(frozen=True)
class Computed:
    """A row and what we count for it.

    Attributes:
        row: what is printed.
        cost: ours; None where the library that makes the network is not installed.
    """

    row: Row
    cost: Cost | None

    @property
    def millions(self) -> float:
        """Parameters in millions."""
        return 0.0 if self.cost is None else self.cost.parameters / 1e6

    @property
    def billions(self) -> float:
        """Multiply-adds, or twice as many where the table prints those, in billions."""
        return 0.0 if self.cost is None else self.cost.multiply_adds * self.row.per_multiply_add / 1e9

    @property
    def wrong(self) -> tuple[str, ...]:
        """The claims that our count does not bear out, a sentence each."""
        if self.cost is None:
            return ()
        found = []
        for what, figure, value in (
            ("million parameters", self.row.parameters, self.millions),
            ("billion multiply-adds or FLOPs", self.row.costs, self.billions),
        ):
            if figure is not None and not figure.holds(value):
                claim = {"digits": "be", "near": "be near", "open": "not agree with"}[figure.agreement]
                found.append(
                    f"{self.row.table}, {self.row.network}: {what} must {claim} {figure.printed}; got {value:.4f}."
                )
        return tuple(found)


def _installed(package: str) -> bool:
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True
