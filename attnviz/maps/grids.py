"""One map for each head, or for each layer: what a grid of small pictures shows."""

from dataclasses import fields, replace
from typing import Literal

from attnviz.errors import ValueRangeError
from attnviz.maps.attention_from import AttentionFrom
from attnviz.maps.attention_grid import grid_of_queries
from attnviz.maps.base import AttentionMap, MapMethod, ModelMethod
from attnviz.maps.choosing import choose, records_of
from attnviz.maps.received import Received
from attnviz.records import SelfAttention, Trace

Query = Literal["class", "mean", "received"] | tuple[int, int]


def each_head(trace: Trace, layer: str | int | None = -1, query: Query | None = None) -> tuple[AttentionMap, ...]:
    """What each head of one layer looks at.

    Args:
        trace: of a network with self-attention.
        layer: place among the self-attention layers, dotted name, or pattern, as in `AttentionFrom`.
        query: who looks, as in `AttentionFrom`; "received" shows what all look at, on average; None takes the class
            token where the layer has one, and "mean" elsewhere.

    Returns:
        One map per head, in the order of the heads, all in shares of attention, so that one scale fits them all. Their
        mean is the map of `heads="mean"`.

    Raises:
        NothingTracedError: the network has no self-attention.
        NotFoundError: no such layer.
        ValueRangeError: no such query.
    """
    record = choose(records_of(trace, SelfAttention, AttentionFrom(layer)), layer)
    if query is None:
        query = "mean" if grid_of_queries(record).class_token is None else "class"
    heads = range(record.queries.shape[1])
    if query == "received":
        return tuple(Received(layer, heads=head)(trace) for head in heads)
    return tuple(AttentionFrom(layer, query, head)(trace) for head in heads)


def each_layer(trace: Trace, method: MapMethod) -> tuple[AttentionMap, ...]:
    """The same map of each layer that it can be made of.

    Args:
        trace: of any network.
        method: a method with a `layer`, such as `AttentionFrom(query="mean")`, `Received()`, `SpatialGateMap()` or
            `GateDifference()`; its own `layer` does not count.

    Returns:
        One map per layer, in the order in which the layers ran; of a layer that ran several times, the last run.
        Layers may differ in their grids.

    Raises:
        ValueRangeError: the method has no layer to choose, such as `Rollout`, or its query fits only some layers.
        NothingTracedError: the trace holds no fitting record.
    """
    if isinstance(method, ModelMethod):
        raise ValueRangeError(f"method must be one that reads a trace; got {method!r}. Explain it layer by layer.")
    if "layer" not in {each.name for each in fields(method)}:  # type: ignore[arg-type]
        raise ValueRangeError(
            f"method must be one of a single layer; got {method!r}, which takes them all. Use AttentionFrom, Received, "
            "or the map of a gate."
        )
    fitting = [record.site.layer for record in trace.records if type(method).fits([record])]
    if not fitting:
        method(trace)  # says what is missing
    return tuple(
        replace(method, layer=layer)(trace)  # type: ignore[type-var]
        for layer in dict.fromkeys(fitting)
    )
