"""Asks one network about one point of the photograph."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch

from attnviz.errors import AttnvizError, NotFoundError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionFrom, AttentionMap, FeatureMaskMap, SpatialGateMap
from attnviz.maps.attention_grid import grid_of_queries, rows_of
from attnviz.maps.choosing import choose
from attnviz.querying.answers import AttentionAnswer, NoAnswer, PlaceAnswer, QueryAnswer
from attnviz.records import ChannelWeights, FeatureMask, Record, SelfAttention, SpatialMask, Trace
from attnviz.records.tokens import PADDING

Heads = Literal["mean", "max"] | int

_HIDDEN_BELOW = -30.0
"""A key whose logit was lowered by this much gets less than 1e-13 of the others' share: the query may not see it."""


def query(
    trace: Trace,
    point_yx: tuple[float, float],
    layer: str | int | None = None,
    heads: Heads | None = None,
    *,
    title: str = "",
) -> QueryAnswer:
    """What one network has to say about one physical point of the photograph.

    The same point can be asked of every network, whatever its grid: a transformer answers with the row of the token
    under the point, a windowed one with the window that the point lies in, a gate with its value there.

    Args:
        trace: of a model input from `preprocess`, so that it knows where the input lies in the picture.
        point_yx: pixels of the source picture, rows first.
        layer: dotted name, pattern, or place among `query_layers(trace)`; None takes the last that can answer.
        heads: "mean", "max", or the number of one head, counted from 0; None takes the mean. Only self-attention has
            heads.
        title: name of the network in the sentences; by default `trace.model`.

    Returns:
        An `AttentionAnswer`, a `PlaceAnswer` or a `NoAnswer`. A network that did not see the point, or has no number
        for it, says so in a sentence; it never gets a matrix that is not its own.

    Raises:
        ValueRangeError: the point lies outside the picture, the trace knows no geometry, or there is no such head.
        NotFoundError: no such layer.
    """
    model = title or trace.model
    geometry = geometry_of(trace)
    _check_inside(point_yx, geometry)
    seen = _not_seen(model, point_yx, geometry)
    if seen is not None:
        return seen
    record = _chosen(trace, layer)
    match record:
        case SelfAttention():
            return _row(trace, record, model, point_yx, geometry, "mean" if heads is None else heads)
        case SpatialMask():
            made = SpatialGateMap(layer=trace.of(SpatialMask).index(record))(trace)
            return _place(model, point_yx, made, "spatial gate")
        case FeatureMask():
            made = FeatureMaskMap(layer=trace.of(FeatureMask).index(record))(trace)
            return _place(model, point_yx, made, "feature mask")
        case ChannelWeights():
            return _channels(trace, model, point_yx)
    return _nothing(trace, model, point_yx)


def query_layers(trace: Trace) -> tuple[str, ...]:
    """Names of the layers that have a number for a point, in the order they ran.

    Self-attention layers, if the network has any whose layout is known; else its spatial gates; else its feature masks.
    Empty for a network that has none of these.
    """
    return tuple(record.site.layer for record in _placed(trace))


def head_count(trace: Trace, layer: str | int | None = None) -> int:
    """Heads of the layer that `query` would ask; 0 where that is no self-attention of known layout.

    Args:
        trace: of the network.
        layer: as for `query`.

    Raises:
        NotFoundError: no such layer.
    """
    record = _chosen(trace, layer)
    if not isinstance(record, SelfAttention) or _layout_problem(record):
        return 0
    return int(record.queries.shape[1])


def geometry_of(trace: Trace) -> Geometry:
    """Where the model input lies in the picture.

    Raises:
        ValueRangeError: nobody said.
    """
    if trace.geometry is None:
        raise ValueRangeError(
            f"the trace of {trace.model} must know where its input lies in the picture; got no geometry. "
            "Trace a ModelInput from preprocess() instead of a bare tensor."
        )
    return trace.geometry


def attention_records(trace: Trace) -> tuple[SelfAttention, ...]:
    """The self-attention records of known layout, in the order the layers ran; there may be none."""
    return tuple(
        record for record in trace.records if isinstance(record, SelfAttention) and not _layout_problem(record)
    )


def heads_words(heads: Heads) -> str:
    """How the heads were joined, in words that count from 1."""
    if isinstance(heads, int):
        return f"head {heads + 1}"
    return {"mean": "mean over heads", "max": "maximum over heads"}[heads]


def hidden_keys(record: SelfAttention) -> torch.Tensor:
    """True for the patch keys that the layer's mask keeps away from a query, (windows, queries, patches)."""
    windows, _, queries, _ = record.queries.shape
    keys = record.tokens
    if record.mask is None:
        return torch.zeros(windows, queries, keys.patches, dtype=torch.bool)
    added = record.mask.reshape((1,) * (4 - record.mask.dim()) + tuple(record.mask.shape))
    return (added < _HIDDEN_BELOW).all(dim=1).expand(windows, queries, keys.tokens)[..., keys.prefix :]


def _row(
    trace: Trace, record: SelfAttention, model: str, point_yx: tuple[float, float], geometry: Geometry, heads: Heads
) -> QueryAnswer:
    problem = _layout_problem(record)
    if problem:
        return NoAnswer(model, point_yx, "no known places", problem, "its tokens have no known places")
    queries = grid_of_queries(record)
    place = trace.of(SelfAttention).index(record)
    if not queries.patches:
        made = AttentionFrom(layer=place, query="class", heads=heads)(trace)
        return _place(model, point_yx, made, "class attention")
    cell = geometry.cell_at(point_yx, queries.grid_hw)
    assert cell is not None  # the point was seen
    made = AttentionFrom(layer=place, query=cell, heads=heads)(trace)
    window, token = queries.index_of(*cell)
    weights = rows_of(record, [token], heads)[window, 0]
    keys = record.tokens
    hidden = torch.zeros(keys.windows, keys.patches, dtype=torch.bool)
    hidden[window] = hidden_keys(record)[window, token]
    made = replace(made, values_hw=np.where(keys.scatter(hidden).numpy(), np.nan, made.values_hw))
    outside = keys.cells()[window] == PADDING
    return AttentionAnswer(
        model,
        point_yx,
        row=made,
        of_cell=cell,
        of_grid_hw=queries.grid_hw,
        heads=heads_words(heads),
        prefix=dict(zip(keys.prefix_names, weights[: keys.prefix].tolist(), strict=True)),
        padding=float(weights[keys.prefix :][outside].sum()),
        window_hw=keys.window_hw if keys.windows > 1 else None,
    )


def _place(
    model: str,
    point_yx: tuple[float, float],
    made: AttentionMap,
    of: Literal["spatial gate", "feature mask", "class attention"],
) -> PlaceAnswer:
    assert made.geometry is not None
    cell = made.geometry.cell_at(point_yx, made.grid_hw)
    assert cell is not None
    return PlaceAnswer(model, point_yx, values=made, of_cell=cell, of=of)


def _channels(trace: Trace, model: str, point_yx: tuple[float, float]) -> NoAnswer:
    gates = trace.of(ChannelWeights)
    several = f"{len(gates)} channel gates have" if len(gates) > 1 else "channel gate has"
    return NoAnswer(
        model,
        point_yx,
        "channel gates",
        f"Its {several} no place: each multiplies a whole channel by one number, the same at every point of the "
        "picture. So no point can be asked.",
        "channel gates have no place",
    )


def _nothing(trace: Trace, model: str, point_yx: tuple[float, float]) -> NoAnswer:
    if trace.unread:
        layer, why = next(iter(trace.unread.items()))
        return NoAnswer(
            model, point_yx, "no attention", f"Its attention is not read: {layer}: {why}", "its attention is not read"
        )
    return NoAnswer(
        model,
        point_yx,
        "no attention",
        "It has no attention at all: no layer of it weighs places or channels. So there is nothing to ask.",
        "has no attention",
    )


def _not_seen(model: str, point_yx: tuple[float, float], geometry: Geometry) -> NoAnswer | None:
    if geometry.cell_at(point_yx, (1, 1)) is not None:
        return None
    top, left, bottom, right = geometry.seen_box()
    return NoAnswer(
        model,
        point_yx,
        "not seen",
        f"It did not see this point: it was given rows {top:.0f} to {bottom:.0f} and columns {left:.0f} to {right:.0f} "
        "of the picture. Choose a point in there.",
        "did not see this point",
    )


def _check_inside(point_yx: tuple[float, float], geometry: Geometry) -> None:
    height, width = geometry.source_hw
    if len(point_yx) != 2 or not (0 <= point_yx[0] < height and 0 <= point_yx[1] < width):
        raise ValueRangeError(
            f"the point must lie in the picture of {height} x {width} pixels; got {tuple(point_yx)}. "
            "Give (row, column) in pixels of the source picture."
        )


def _chosen(trace: Trace, layer: str | int | None) -> Record | None:
    """The record that answers; None where the network has none at all."""
    placed = _placed(trace)
    if layer is None or isinstance(layer, int):
        candidates: Sequence[Record] = placed or trace.records
        if layer is not None or not candidates:
            if candidates:
                return choose(candidates, layer)
            _refuse(trace, layer)
            return None
        # a class-attention layer has no row for a point, so an earlier layer answers if it has one
        rows = [one for one in candidates if not isinstance(one, SelfAttention) or _has_rows(one)]
        return (rows or list(candidates))[-1]
    if not trace.records:
        _refuse(trace, layer)
        return None
    found = [one for one in trace.records if one.site.layer == choose(trace.records, layer).site.layer]
    return next((one for one in reversed(found) if not isinstance(one, ChannelWeights)), found[-1])


def _refuse(trace: Trace, layer: str | int | None) -> None:
    """A layer of a network that has none to ask; without one there is nothing to refuse."""
    if layer is not None:
        raise NotFoundError(f"layer must be one of {trace.model} that has attention; got {layer!r}, and it has none.")


def _placed(trace: Trace) -> tuple[Record, ...]:
    attention = attention_records(trace)
    if attention:
        return attention
    for kind in (SpatialMask, FeatureMask):
        found = tuple(record for record in trace.records if isinstance(record, kind))
        if found:
            return found
    return ()


def _has_rows(record: SelfAttention) -> bool:
    return not _layout_problem(record) and bool(grid_of_queries(record).patches)


def _layout_problem(record: SelfAttention) -> str:
    """Why nobody can tell where the tokens lie; empty if it is known."""
    try:
        grid_of_queries(record)
        if not record.tokens.patches:
            return f"{record.site.layer}: what is looked at has no places in the picture."
    except AttnvizError as error:
        return str(error)
    return ""
