"""All heads of one layer for one query, as a figure that can be made again in any format."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from attnviz._version import __version__
from attnviz.export.figure_source import Json, Row
from attnviz.export.query_panel import picture_facts
from attnviz.pictures import Picture
from attnviz.querying import HeadRow, HeadRows
from attnviz.render import NOT_EXPLANATION, SLIDE_IN
from attnviz.render.head_figure import head_alt, head_chart, head_figure, head_finding


@dataclass(frozen=True, eq=False)
class HeadGrid:
    """What each head of one layer looks at from one point, or from the class token, in one colour scale.

    Attributes:
        picture: the source picture.
        heads: from `attnviz.querying.head_rows`.
        weights: sha256 of the network's weights.
        heading: a line across the top; empty for the finding.
        opacity: opacity of the highest value.
        theme: "light" or "dark".
        transparent: leave the background out.
        size: width and height in inches.
    """

    picture: Picture
    heads: HeadRows
    weights: str = ""
    heading: str = ""
    opacity: float = 0.85
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False
    size: tuple[float, float] = SLIDE_IN

    @property
    def title(self) -> str:
        """The finding, unless there is a heading."""
        return self.heading or head_finding(self.heads)

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        return f"{self.picture.name}. {head_alt(self.heads)}"

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        return head_figure(
            self.picture,
            self.heads,
            heading=self.title,
            opacity=self.opacity,
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def interactive(self) -> go.Figure:
        """The same as a plotly figure: the raw value stands under the pointer."""
        return head_chart(
            self.picture,
            self.heads,
            heading=self.title,
            opacity=self.opacity,
            theme=self.theme,
            transparent=self.transparent,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Raw values of each head on the layer's grid; NaN where the query may not look."""
        return {f"head_{row.head + 1}": np.asarray(row.row.values_hw) for row in self.heads.rows}

    def rows(self) -> list[Row]:
        """One line for each head; what cannot be told is left out."""
        return [self._line(row) for row in self.heads.rows]

    def _line(self, row: HeadRow) -> Row:
        line: Row = {
            "network": self.heads.model,
            "layer": self.heads.site.layer,
            "from": self.heads.who,
            "head": row.head + 1,
        }
        numbers = {
            "entropy, nats": row.entropy,
            "spread": row.entropy_share,
            "distance, px": row.distance_px,
            "to tokens without a place": row.prefix,
            "spread, all places": row.mean_entropy_share,
            "distance, all places, px": row.mean_distance_px,
        }
        return line | {name: value for name, value in numbers.items() if value is not None and not math.isnan(value)}

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        heads, first = self.heads, self.heads.rows[0].row
        top = max(row.row.value_range[1] for row in heads.rows)
        numbers: list[Json] = [{**row} for row in self.rows()]
        return {
            "attnviz": __version__,
            "picture": picture_facts(self.picture),
            "network": heads.model,
            "weights": self.weights,
            "layer": heads.site.layer,
            "from": heads.who,
            "point": None if heads.point_yx is None else {"row": heads.point_yx[0], "column": heads.point_yx[1]},
            "grid": list(heads.grid_hw),
            "proof": first.proof,
            "intervention": list(first.edits),
            "untrained": first.untrained,
            "methods": [row.row.method for row in heads.rows],
            "unit": first.unit,
            "colours": {"low": 0.0, "high": top},
            "heads": numbers,
            "drawing": {"scale": "shared", "style": "heat", "interpolation": "cells", "opacity": self.opacity},
            "note": NOT_EXPLANATION,
        }
