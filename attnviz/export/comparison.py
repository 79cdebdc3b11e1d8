"""A comparison with all its settings, so that the same figure can be made again in any format."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from attnviz._version import __version__
from attnviz.export.figure_source import Json, Row
from attnviz.export.names import unique_slugs
from attnviz.export.score_rows import score_rows
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render import (
    NOT_EXPLANATION,
    SLIDE_IN,
    Panel,
    Scale,
    ScaledMap,
    Style,
    comparison_alt,
    comparison_chart,
    comparison_figure,
    scale_maps,
    scale_sentences,
)
from attnviz.render.comparison import check_panels

_NOT_ARRAYS = ("provenance", "file", "allow_pickle")
"""Names that numpy or we use beside the arrays."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """One picture and what the networks attend to in it, as it is to be drawn.

    Attributes:
        picture: the source picture.
        panels: one to six networks.
        region: outlined on every picture, if there is one.
        others: further regions, outlined in colours of their own; their scores stand in `Panel.others`.
        scale: how values become colours.
        style: "heat" or "spotlight".
        interpolation: "cells" or "smooth".
        opacity: opacity of the hottest place.
        heading: a line across the top, such as the finding.
        theme: "light" or "dark".
        transparent: leave the background out.
        size: width and height in inches.
        request: what was asked of which networks, as `attnviz.compare` writes it, so that it can be asked again; empty
            where the panels were made by hand.
    """

    picture: Picture
    panels: tuple[Panel, ...]
    region: Region | None = None
    scale: Scale = "shared"
    style: Style = "heat"
    interpolation: Literal["cells", "smooth"] = "cells"
    opacity: float = 0.9
    heading: str = ""
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False
    size: tuple[float, float] = SLIDE_IN
    others: tuple[Region, ...] = ()
    request: Mapping[str, Json] = field(default_factory=dict)

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        return comparison_figure(
            self.picture,
            self.panels,
            region=self.region,
            others=self.others,
            scale=self.scale,
            style=self.style,
            interpolation=self.interpolation,
            opacity=self.opacity,
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
            heading=self.heading,
        )

    def interactive(self) -> go.Figure:
        """The same as a plotly figure: the raw value stands under the pointer. Its size is its own, not `size`."""
        return comparison_chart(
            self.picture,
            self.panels,
            region=self.region,
            others=self.others,
            scale=self.scale,
            style=self.style,
            interpolation=self.interpolation,
            opacity=self.opacity,
            theme=self.theme,
            transparent=self.transparent,
            heading=self.heading,
        )

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        """What a notebook shows: the plotly figure, or where that cannot be drawn, the still one."""
        return {
            "text/plain": self.alt,
            "application/vnd.plotly.v1+json": json.loads(self.interactive().to_json()),
            "image/png": _still(self.figure()),
        }

    @property
    def title(self) -> str:
        """The heading, or what is shown where there is none."""
        networks = f"{len(self.panels)} network{'s' if len(self.panels) > 1 else ''}"
        return self.heading or f"attention of {networks} in {self.picture.name}"

    @property
    def scaled(self) -> tuple[ScaledMap, ...]:
        """The panels' maps with the ranges of their colours."""
        check_panels(self.panels)
        return scale_maps([panel.attention_map for panel in self.panels], self.scale)

    @property
    def alt(self) -> str:
        """The figure in words."""
        return comparison_alt(self.picture, self.panels, self.region, self.scale, self.others)

    def rows(self) -> list[Row]:
        """A row for each network and region, with the columns of `COLUMNS`."""
        return list(score_rows(self.picture, self.panels, self.scaled, self.scale))

    def arrays(self) -> Mapping[str, np.ndarray]:
        """The raw maps on their native grids, float32 (h, w), in the order of the panels."""
        names = unique_slugs([panel.title for panel in self.panels], taken=_NOT_ARRAYS)
        return {name: panel.attention_map.values_hw for name, panel in zip(names, self.panels, strict=True)}

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again: networks, layers, methods, the picture's hash, the settings."""
        scaled = self.scaled
        return {
            "attnviz": __version__,
            "picture": {
                "name": self.picture.name,
                "sha256": self.picture.sha256,
                "height": int(self.picture.rgb.shape[0]),
                "width": int(self.picture.rgb.shape[1]),
            },
            "region": None if self.region is None else {"name": self.region.name, "area": _area(self.region)},
            "other_regions": [{"name": region.name, "area": _area(region)} for region in self.others],
            "request": {**self.request},
            "drawing": {
                "scale": self.scale,
                "colours": list(scale_sentences(scaled, [panel.title for panel in self.panels], self.scale)),
                "style": self.style,
                "interpolation": self.interpolation,
                "opacity": self.opacity,
                "heading": self.heading,
                "size": list(self.size),
                "theme": self.theme,
                "transparent": self.transparent,
            },
            "panels": [_panel(panel, one) for panel, one in zip(self.panels, scaled, strict=True)],
            "note": NOT_EXPLANATION,
        }


def _still(figure: Figure) -> bytes:
    """A PNG for a screen."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()


def _area(region: Region) -> float:
    return float(np.asarray(region.mask_hw).mean())


def _panel(panel: Panel, scaled: ScaledMap) -> Json:
    one = panel.attention_map
    top: Mapping[str, float] = dict(panel.predictions[:5])
    return {
        "network": panel.title,
        "weights": panel.weights,
        "trained": not panel.untrained,
        "untrained": panel.untrained,
        "method": one.method,
        "proof": one.proof,
        "intervention": list(one.edits),
        "layers": list(dict.fromkeys(site.layer for site in one.sites)),
        "meaning": one.meaning,
        "remark": one.note,
        "unit": one.unit,
        "bounds": [_finite(end) for end in one.bounds],
        "range": list(one.value_range),
        "colours": None if scaled.flat else _colours(scaled),
        "grid": list(one.grid_hw),
        "target": one.target,
        "predictions": {name: float(probability) for name, probability in top.items()},
        "focus": None if panel.focus is None else {**panel.focus.to_dict()},
        "other_focus": [{**score.to_dict()} for score in panel.others],
    }


def _colours(scaled: ScaledMap) -> Json:
    """Ends of the colour bar; panels of one group have one scale."""
    return {"low": scaled.vmin, "high": scaled.vmax, "unit": scaled.unit, "group": scaled.group}


def _finite(value: float) -> float | None:
    """JSON knows no infinity: an open end is written as null."""
    return value if np.isfinite(value) else None
