"""All records of one picture's pass through one network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from torch import Tensor

from attnviz.errors import NotFoundError, NothingTracedError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.records.kinds import (
    ChannelWeights,
    FeatureMask,
    Record,
    SelfAttention,
    SpatialMask,
    shape_of,
)

Kind = TypeVar("Kind", ChannelWeights, SpatialMask, FeatureMask, SelfAttention)


@dataclass(frozen=True, eq=False, repr=False)
class Trace:
    """What one network did with one picture.

    Attributes:
        model: name of the network, or of its class.
        logits: (classes,), as the network gave them; for a network that is no classifier, its output for the picture.
        geometry: where the model input lies in the source picture; None if nobody said.
        records: in the order the layers ran.
        not_run: names of layers that could have been read and did not run in this pass.
        unread: attention that this trace does not show. Key: name of the layer. Value: why it is not read.
        untrained: what `mark_untrained` said of the network; empty for a network with trained weights.
    """

    model: str
    logits: Tensor
    geometry: Geometry | None
    records: tuple[Record, ...]
    not_run: tuple[str, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)
    untrained: str = ""

    def __repr__(self) -> str:
        return f"Trace({self.model}, {len(self.records)} records of {len(self.layers)} layers)"

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers that have a record, each once, in the order they ran."""
        return tuple(dict.fromkeys(record.site.layer for record in self.records))

    def __getitem__(self, layer: str) -> tuple[Record, ...]:
        """All records of one layer, in the order they were made.

        Raises:
            NotFoundError: no record comes from a layer of that name.
        """
        records = tuple(record for record in self.records if record.site.layer == layer)
        if not records:
            raise NotFoundError.among("layer", layer, self.layers, f"in this trace of {self.model}")
        return records

    def of(self, kind: type[Kind]) -> tuple[Kind, ...]:
        """All records of one kind, in the order the layers ran.

        Raises:
            NothingTracedError: there is none.
        """
        records = tuple(record for record in self.records if isinstance(record, kind))
        if not records:
            held = sorted({type(record).__name__ for record in self.records}) or ["no record at all"]
            raise NothingTracedError(
                f"{self.model} must have a layer that gives {kind.__name__}; got {', '.join(held)}. "
                "Ask for a kind that it has, or trace another network."
            )
        return records

    @property
    def unproven(self) -> tuple[Record, ...]:
        """Records whose `proven` is False: the layer's output does not follow from them.

        Raises:
            ValueRangeError: the trace was made without `verify=True`, so that nothing is proven or disproven.
        """
        if any(record.replay_error is None for record in self.records):
            raise ValueRangeError(
                f"the trace of {self.model} must have been verified; got a trace without replays. "
                "Trace with verify=True."
            )
        return tuple(record for record in self.records if not record.proven)

    def summary(self) -> str:
        """A table for reading: one line per record, then the layers that did not run or are not read.

        The columns are layer, call, mechanism, what the record holds, and its replay error.
        """
        rows = [("layer", "call", "mechanism", "holds", "replay error")]
        for record in self.records:
            error = "not replayed" if record.replay_error is None else f"{record.replay_error:.1e}"
            if record.proven is False:
                error += " unproven"
            site = record.site
            holds = shape_of(record) + (f", {site.edit}" if site.edit else "")
            rows.append((site.layer, str(site.call), site.mechanism, holds, error))
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        if self.untrained:
            lines.append(f"{self.model}: {self.untrained}")
        lines += [f"{layer}  did not run" for layer in self.not_run]
        lines += [f"{layer}  not read: {why}" for layer, why in self.unread.items()]
        return "\n".join(lines)
