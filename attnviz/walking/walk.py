"""One network on one picture, layer by layer, in the order in which the layers ran."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attnviz.errors import NothingTracedError, ValueRangeError
from attnviz.geometry import Geometry
from attnviz.health import GateHealth, of_trace
from attnviz.pictures import Picture
from attnviz.records import ChannelWeights, FeatureMask, SelfAttention, SpatialMask, Trace
from attnviz.tracer import trace as traced
from attnviz.walking.activity import plain_layers
from attnviz.walking.attending import attention_layer
from attnviz.walking.gated import GateRecord, gated_layer
from attnviz.walking.kinds import GatedLayer, Layer
from attnviz.zoo import Loaded

CHANNELS = 6
"""Channels kept at either end of a gate: the ones that it lets through most, and least."""

_ANSWERS = 3


@dataclass(frozen=True, eq=False)
class LayerWalk:
    """One network on one picture, layer by layer.

    Attributes:
        network: its name, as figures show it.
        layers: in the order in which they ran, at least one. All of them are gated or self-attention layers; only of a
            network without attention that is read are they plain.
        geometry: where the model input lies in the picture; None if nobody said.
        predictions: the network's first answers with their probability; empty where no one named its classes.
        weights: sha256 of the weights' file; empty without one.
        untrained: what in the network has no trained weights; empty for a trained one.
        not_run: names of attention layers that did not run.
        unread: attention that is not shown, and why, by layer.
    """

    network: str
    layers: tuple[Layer, ...]
    geometry: Geometry | None
    predictions: tuple[tuple[str, float], ...] = ()
    weights: str = ""
    untrained: str = ""
    not_run: tuple[str, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    @property
    def has_attention(self) -> bool:
        """Whether some layer has gates or self-attention."""
        return any(layer.name != "activation" for layer in self.layers)

    @property
    def most_changed(self) -> int | None:
        """Place among the layers of the gated one whose features change most; None without a gate that changes any.

        The first of equals.
        """
        return self._largest({at: one.change.total for at, one in self._gated.items() if one.change is not None})

    @property
    def most_selective(self) -> int | None:
        """Place of the gated layer that tells features apart most, by `Change.selective`; None likewise."""
        return self._largest({at: one.change.selective for at, one in self._gated.items() if one.change is not None})

    @property
    def _gated(self) -> dict[int, GatedLayer]:
        return {place: layer for place, layer in enumerate(self.layers) if isinstance(layer, GatedLayer)}

    def _largest(self, numbers: dict[int, float]) -> int | None:
        place = max(numbers, key=lambda one: numbers[one], default=None)
        return place if place is not None and numbers[place] > 0 else None


def layer_walk(
    network: Loaded | Trace,
    picture: Picture | None = None,
    *,
    trace: Trace | None = None,
    channels: int = CHANNELS,
) -> LayerWalk:
    """Walk through a network's layers on one picture.

    Args:
        network: from `attnviz.load`, which is run on the picture; or the trace of any network, which runs nothing.
        picture: what the network looks at; only a trace needs none.
        trace: of this network and this picture, where it ran before: it is then not run again, unless it has no
            attention, whose activations take one pass.
        channels: how many channels to keep at either end of a gate, with their feature maps.

    Returns:
        The walk. A network without attention that is read gives the activation of its parts.

    Raises:
        ValueRangeError: there is no picture for a network, or `channels` is not positive.
        NothingTracedError: a trace without records, whose network cannot be run.
    """
    if channels < 1:
        raise ValueRangeError(f"channels must be at least 1; got {channels}. Six fit beside each other.")
    if isinstance(network, Trace):
        if not network.records:
            raise NothingTracedError(
                f"the trace of {network.model} must hold a record of attention; got none. "
                "Give the loaded network and the picture: its activations are then shown."
            )
        return _walk_of(network, channels)
    if picture is None:
        raise ValueRangeError(
            f"a picture must be given to walk through {network.card.title}; got none. Open one with open_picture()."
        )
    model_input = network.preprocess(picture)
    seen = trace if trace is not None else traced(network.model, model_input, verify=True, allow_empty=True)
    told = (network.card.title, network.card.sha256, _answers(seen.logits, network.card.classes))
    if seen.records:
        walk = _walk_of(seen, channels)
    else:
        layers = plain_layers(network.model, model_input, seen.untrained)
        walk = LayerWalk(seen.model, layers, seen.geometry, untrained=seen.untrained, unread=tuple(seen.unread.items()))
    return replace(walk, network=told[0], weights=told[1], predictions=told[2])


def _walk_of(seen: Trace, channels: int) -> LayerWalk:
    gates = [record for record in seen.records if isinstance(record, GateRecord)]
    healths: dict[int, GateHealth] = {}
    if gates:
        healths = {id(record): health for record, health in zip(gates, of_trace(seen), strict=True)}
    layers: list[Layer] = []
    for run in _runs(seen):
        first = run[0]
        if isinstance(first, SelfAttention):
            layers.append(attention_layer(seen, first))
        else:
            of_run = [record for record in run if isinstance(record, GateRecord)]
            layers.append(gated_layer(seen, of_run, [healths[id(record)] for record in of_run], channels))
    return LayerWalk(
        network=seen.model,
        layers=tuple(layers),
        geometry=seen.geometry,
        untrained=seen.untrained,
        not_run=seen.not_run,
        unread=tuple(seen.unread.items()),
    )


def _runs(seen: Trace) -> list[list[ChannelWeights | SpatialMask | FeatureMask | SelfAttention]]:
    """The records, those of one run of a layer's gates together, at the place of the first of them."""
    runs: dict[object, list[ChannelWeights | SpatialMask | FeatureMask | SelfAttention]] = {}
    for place, record in enumerate(seen.records):
        site = record.site
        together = isinstance(record, GateRecord)
        key = (site.layer, site.call, site.mechanism.split(".")[0]) if together else place
        runs.setdefault(key, []).append(record)
    return list(runs.values())


def _answers(logits: Tensor, classes: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    if logits.dim() != 1 or len(classes) != len(logits):
        return ()
    probabilities = torch.softmax(logits.double(), dim=0)
    first = torch.argsort(probabilities, descending=True, stable=True)[:_ANSWERS]
    return tuple((classes[index], float(probabilities[index])) for index in first.tolist())
