"""Which record of a trace a map reads."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from attnviz.errors import NotFoundError, NothingTracedError
from attnviz.records import Record, Trace

RecordKind = TypeVar("RecordKind", bound=Record)


def records_of(trace: Trace, kind: type[RecordKind], method: object) -> tuple[RecordKind, ...]:
    """The records of one class, in the order the layers ran.

    Raises:
        NothingTracedError: the trace holds none; the message names what is there.
    """
    found = tuple(record for record in trace.records if isinstance(record, kind))
    if not found:
        raise NothingTracedError(
            f"{method!r} needs a {kind.__name__} record; got {what_is_there(trace.records)}. "
            "attnviz.maps.available(trace) lists the maps that fit this network."
        )
    return found


def what_is_there(records: Sequence[Record]) -> str:
    """Record classes with their counts, such as "8 ChannelWeights, 8 SpatialMask"."""
    counts: dict[str, int] = {}
    for record in records:
        counts[type(record).__name__] = counts.get(type(record).__name__, 0) + 1
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "a trace without records"


def choose(records: Sequence[RecordKind], layer: str | int | None) -> RecordKind:
    """One record: by dotted layer name, by pattern, by place, or the last one.

    Args:
        records: candidates in the order the layers ran, at least one.
        layer: an exact name, a pattern such as "layer3.*" (the last match is taken), a place in the sequence
            (negative counts from the end), or None for the last.

    Returns:
        The record; of several runs of one layer, the last.

    Raises:
        NotFoundError: no record fits; the message lists every layer.
    """
    if layer is None:
        return records[-1]
    if isinstance(layer, int):
        if not -len(records) <= layer < len(records):
            raise NotFoundError(
                f"layer must be in {-len(records)}..{len(records) - 1}, as {len(records)} fitting layers ran; "
                f"got {layer}."
            )
        return records[layer]
    matches = [record for record in records if fnmatchcase(record.site.layer, layer)]
    if not matches:
        names = dict.fromkeys(record.site.layer for record in records)
        raise NotFoundError(
            f"layer must name a layer that ran, or match one; got {layer!r}. Fitting layers: {', '.join(names)}."
        )
    return matches[-1]
