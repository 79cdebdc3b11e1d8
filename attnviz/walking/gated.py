"""Gates on one picture: their factors, the channels at both ends, and what they changed."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from attnviz.errors import ValueRangeError
from attnviz.geometry import Geometry
from attnviz.health import GateHealth
from attnviz.maps import AttentionMap, FeatureMaskMap, SpatialGateMap
from attnviz.maps.gated_activation import mechanism_name
from attnviz.records import ChannelWeights, FeatureMask, Site, SpatialMask, Trace
from attnviz.walking.change import Change, feature_change
from attnviz.walking.kinds import Channel, Gate, GatedLayer, Numbers

GateRecord = ChannelWeights | SpatialMask | FeatureMask


def gated_layer(
    trace: Trace, records: Sequence[GateRecord], healths: Sequence[GateHealth], channels: int
) -> GatedLayer:
    """What the gates of one run of a layer did.

    Args:
        trace: that the records are from.
        records: of one run, in the order in which they multiplied; each with its features.
        healths: of these gates, in the same order.
        channels: how many channels to keep at either end.

    Raises:
        NothingTracedError: a record kept no features.
    """
    gates = tuple(_gate(trace, record, health, channels) for record, health in zip(records, healths, strict=True))
    features, factor = _features(records[0]), np.ones((1, 1, 1))
    for record in records:
        factor = factor * _factor(record)
    site, name = records[0].site, mechanism_name(records[0].site)
    return GatedLayer(
        site=site,
        name=name,
        gates=gates,
        change=_change(features, factor),
        activation=AttentionMap(
            values_hw=np.square(features * factor).mean(axis=0),
            method=f"GatedActivation(layer={site.layer!r}, gated=True)",
            sites=tuple(record.site for record in records),
            meaning=f"{name}-weighted activation: mean over channels of the squared features after the gate",
            unit="mean squared activation",
            bounds=(0.0, np.inf),
            signed=False,
            geometry=trace.geometry,
        ),
    )


def _gate(trace: Trace, record: GateRecord, health: GateHealth, channels: int) -> Gate:
    features, factor = _features(record), _factor(record)
    by_channel = np.zeros(0) if isinstance(record, SpatialMask) else factor.mean(axis=(1, 2))
    order = np.argsort(-by_channel, kind="stable")
    shown = min(channels, len(order) // 2 if len(order) > 1 else 1)
    ends = [order[:shown], order[::-1][: min(shown, len(order) - shown)]]
    signed = bool(features.min() < 0)
    strongest, weakest = (
        tuple(_channel(record.site, features, by_channel, int(number), signed, trace.geometry) for number in end)
        for end in ends
    )
    return Gate(
        site=record.site,
        kind=health.kind,
        health=health,
        change=_change(features, factor),
        channel_factors=by_channel,
        strongest=strongest,
        weakest=weakest,
        where=_where(trace, record),
    )


def _channel(
    site: Site, features: Numbers, factors: Numbers, number: int, signed: bool, geometry: Geometry | None
) -> Channel:
    return Channel(
        number,
        float(factors[number]),
        AttentionMap(
            values_hw=features[number],
            method=f"Channel(layer={site.layer!r}, number={number})",
            sites=(site,),
            meaning=f"feature map of channel {number} before the gate",
            unit="activation",
            bounds=(-np.inf, np.inf) if signed else (0.0, np.inf),
            signed=signed,
            geometry=geometry,
        ),
    )


def _where(trace: Trace, record: GateRecord) -> AttentionMap | None:
    """The factors of places, by the map that shows them; of this run, also where the layer ran several times."""
    if isinstance(record, ChannelWeights):
        return None
    alone = replace(trace, records=(record,))
    return SpatialGateMap()(alone) if isinstance(record, SpatialMask) else FeatureMaskMap()(alone)


def _features(record: GateRecord) -> Numbers:
    return record.features.detach().double().numpy()


def _factor(record: GateRecord) -> Numbers:
    return record.factor.detach().double().numpy()


def _change(features: Numbers, factor: Numbers) -> Change | None:
    try:
        return feature_change(features, factor)
    except ValueRangeError:
        if np.isfinite(features).all() and not features.any():
            return None
        raise
