"""A walk through a network's layers as a figure: all of them, or one in detail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

from attnviz._version import __version__
from attnviz.export.figure_source import Json, Row
from attnviz.maps import AttentionMap, is_flat
from attnviz.pictures import Picture
from attnviz.render import NOT_EXPLANATION, SLIDE_IN
from attnviz.render.layer_charts import factors_alt, heads_alt
from attnviz.render.layer_figure import layer_at, layer_figure
from attnviz.render.walk_figure import caveats, walk_figure
from attnviz.walking import AttentionLayer, Change, Gate, GatedLayer, Layer, LayerWalk
from attnviz.walking.words import CHANGE_DEFINED, finding, health_words, layer_words, remarks, sites_of


@dataclass(frozen=True, eq=False)
class LayerWalkFigure:
    """One network on one picture, layer by layer, as it is to be drawn.

    Attributes:
        picture: the source picture.
        walk: of a network on it, from `attnviz.layer_walk`.
        place: of the layer to draw in detail, counted from 0; None draws all of them.
        heading: a line across the top; the finding unless given.
        theme: "light" or "dark".
        transparent: leave the background out.
        size: width and height in inches.
    """

    picture: Picture
    walk: LayerWalk
    place: int | None = None
    heading: str = ""
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False
    size: tuple[float, float] = SLIDE_IN

    @property
    def title(self) -> str:
        """The finding, or what the layer did."""
        if self.heading:
            return self.heading
        if self.place is None:
            return finding(self.walk)
        return f"{self.walk.network}, {layer_words(layer_at(self.walk, self.place))}"

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        if self.place is None:
            said = [f"{self.picture.name}: {self.title} Layer by layer:", *map(layer_words, self.walk.layers)]
        else:
            said = [f"{self.picture.name}: {self.title}", *_details(layer_at(self.walk, self.place))]
        return " ".join([*said, *caveats(self.walk)])

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time.

        Raises:
            ValueRangeError: there is no such layer.
        """
        if self.place is None:
            return walk_figure(
                self.picture, self.walk, size=self.size, theme=self.theme, transparent=self.transparent,
                heading=self.heading,
            )  # fmt: skip
        return layer_figure(
            self.picture, self.walk, self.place, size=self.size, theme=self.theme, transparent=self.transparent,
            heading=self.heading,
        )  # fmt: skip

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        return {
            "attnviz": __version__,
            "figure": "layer walk" if self.place is None else "one layer",
            "picture": {
                "name": self.picture.name,
                "sha256": self.picture.sha256,
                "height": int(self.picture.rgb.shape[0]),
                "width": int(self.picture.rgb.shape[1]),
            },
            "network": self.walk.network,
            "weights": self.walk.weights,
            "trained": not self.walk.untrained,
            "untrained": self.walk.untrained,
            "marks": list(remarks(self.walk)),
            "predictions": {name: float(share) for name, share in self.walk.predictions},
            "not run": list(self.walk.not_run),
            "unread": dict(self.walk.unread),
            "layer": self.place,
            "layers": [_told(layer) for layer in self._drawn],
            "drawing": {"scale": "per map", "style": "heat", "interpolation": "cells"},
            "definition": CHANGE_DEFINED,
            "note": NOT_EXPLANATION,
        }

    def rows(self) -> list[Row]:
        """One row for each layer, or for a layer in detail one for each channel or head."""
        if self.place is None:
            return [_row(place, layer) for place, layer in enumerate(self.walk.layers)]
        layer = layer_at(self.walk, self.place)
        if isinstance(layer, AttentionLayer):
            return [
                {"head": head + 1, "entropy": float(entropy), "distance_px": float(distance)}
                for head, (entropy, distance) in enumerate(zip(layer.entropy, layer.distance_px, strict=True))
            ]
        if isinstance(layer, GatedLayer):
            made: list[Row] = [
                {"gate": gate.kind, "channel": channel, "factor": float(factor)}
                for gate in layer.gates
                for channel, factor in enumerate(gate.channel_factors)
            ]
            if made:
                return made
        return [_row(self.place, layer)]

    def arrays(self) -> Mapping[str, np.ndarray]:
        """Raw values: factors of places and channels, entropies and distances, by the layer's number and what it is."""
        made: dict[str, np.ndarray] = {}
        for layer in self._drawn:
            number = f"layer_{self.walk.layers.index(layer) + 1:02d}"
            if isinstance(layer, GatedLayer):
                for gate in layer.gates:
                    if gate.channel_factors.size:
                        made[f"{number}_{gate.kind}_channels"] = gate.channel_factors
                    if gate.where is not None:
                        made[f"{number}_{gate.kind}_places"] = gate.where.values_hw
                continue
            if isinstance(layer, AttentionLayer):
                made |= {f"{number}_entropy": layer.entropy, f"{number}_distance_px": layer.distance_px}
            if layer.where is not None:
                made[f"{number}_map"] = layer.where.values_hw
        return {name: values for name, values in made.items() if values.size}

    @property
    def _drawn(self) -> tuple[Layer, ...]:
        return self.walk.layers if self.place is None else (layer_at(self.walk, self.place),)


def _details(layer: Layer) -> list[str]:
    if isinstance(layer, GatedLayer):
        return [factors_alt(gate) + "." if gate.channel_factors.size else health_words(gate) for gate in layer.gates]
    if isinstance(layer, AttentionLayer):
        return [heads_alt(layer)] if layer.entropy.size else [f"{note}." for note in layer.notes]
    return []


def _row(place: int, layer: Layer) -> Row:
    row: Row = {"number": place + 1, "layer": layer.site.layer, "run": layer.site.call + 1, "mechanism": layer.name}
    if isinstance(layer, GatedLayer):
        if layer.change is not None:
            row |= {f"change_{key}": value for key, value in _change(layer.change).items()}
        for gate in layer.gates:
            low, high = gate.health.minimum, gate.health.maximum
            row |= {f"{gate.kind}_least": low, f"{gate.kind}_most": high}
            row |= {f"{gate.kind}_flags": ", ".join(gate.health.flags)}
    elif isinstance(layer, AttentionLayer):
        row |= {"heads": layer.heads}
        if layer.entropy.size:
            row |= {"entropy": float(layer.entropy.mean()), "distance_px": float(layer.distance_px.mean())}
        if layer.even_px is not None:
            row |= {"distance_if_even_px": layer.even_px}
    else:
        row |= {"activity": layer.size}
    return row


def _told(layer: Layer) -> Json:
    told: dict[str, Json] = {
        "layer": layer.site.layer,
        "run": layer.site.call + 1,
        "mechanism": [site.mechanism for site in sites_of(layer)],
        "proven": [site.proven for site in sites_of(layer)],
        "intervention": [site.edit for site in sites_of(layer) if site.edit],
        "map": None if layer.where is None else _map(layer.where),
    }
    if isinstance(layer, GatedLayer):
        told["change"] = None if layer.change is None else {**_change(layer.change)}
        told["gates"] = [_gate(gate) for gate in layer.gates]
    elif isinstance(layer, AttentionLayer):
        told["entropy"], told["distance_px"] = layer.entropy.tolist(), layer.distance_px.tolist()
        told["remarks"] = list(layer.notes)
    else:
        told["activity"] = layer.size
    return told


def _gate(gate: Gate) -> Json:
    return {
        "kind": gate.kind,
        "factors": [gate.health.minimum, gate.health.maximum],
        "flags": list(gate.health.flags),
        "change": None if gate.change is None else {**_change(gate.change)},
        "strongest": [one.number for one in gate.strongest],
        "weakest": [one.number for one in gate.weakest],
    }


def _change(change: Change) -> dict[str, float]:
    return {"total": change.total, "common": change.common, "selective": change.selective}


def _map(one: AttentionMap) -> Json:
    return {
        "method": one.method,
        "meaning": one.meaning,
        "remark": one.note,
        "unit": one.unit,
        "range": list(one.value_range),
        "flat": is_flat(one),
        "grid": list(one.grid_hw),
    }
