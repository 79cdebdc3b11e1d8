"""The attention matrix of one layer, as a figure that can be made again in any format."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from attnviz._version import __version__
from attnviz.export.figure_source import Json
from attnviz.export.query_panel import picture_facts
from attnviz.pictures import Picture
from attnviz.querying import AttentionMatrix
from attnviz.render import NOT_EXPLANATION, SLIDE_IN
from attnviz.render.matrix_figure import (
    CLIP,
    matrix_alt,
    matrix_chart,
    matrix_figure,
    matrix_finding,
    matrix_range,
    window_values,
)


@dataclass(frozen=True, eq=False)
class MatrixSheet:
    """The matrix as a heat map. Of a layer with windows, the one that a point lies in.

    Attributes:
        picture: that the network looked at.
        matrix: from `attnviz.querying.attention_matrix`.
        point_yx: whose row is framed, in source pixels; None for none.
        weights: sha256 of the network's weights.
        heading: a line across the top; empty for the finding.
        theme: "light" or "dark".
        transparent: leave the background out.
        size: width and height in inches.
    """

    picture: Picture
    matrix: AttentionMatrix
    point_yx: tuple[float, float] | None = None
    weights: str = ""
    heading: str = ""
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False
    size: tuple[float, float] = SLIDE_IN

    @property
    def window(self) -> int:
        """Number of the window that is drawn."""
        return self.matrix.window_at(self.point_yx)

    @property
    def title(self) -> str:
        """The finding, unless there is a heading."""
        return self.heading or matrix_finding(self.matrix, self.window)

    @property
    def alt(self) -> str:
        """The figure in words."""
        return f"{self.picture.name}. {matrix_alt(self.matrix, self.window)}"

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        return matrix_figure(
            self.matrix,
            self.window,
            row=self._row,
            heading=self.title,
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def interactive(self) -> go.Figure:
        """The same as a plotly figure: who looks at whom stands under the pointer."""
        return matrix_chart(
            self.matrix,
            self.window,
            row=self._row,
            heading=self.title,
            theme=self.theme,
            transparent=self.transparent,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The matrix of the window that is drawn, rows are queries; NaN where a query may not look."""
        return {"matrix": window_values(self.matrix, self.window)}

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        matrix, values = self.matrix, window_values(self.matrix, self.window)
        low, high = matrix_range(values)
        return {
            "attnviz": __version__,
            "picture": picture_facts(self.picture),
            "network": matrix.model,
            "weights": self.weights,
            "layer": matrix.site.layer,
            "proven": matrix.site.proven,
            "intervention": matrix.site.edit,
            "untrained": matrix.site.untrained,
            "heads": matrix.heads,
            "window": self.window,
            "windows": matrix.keys.windows,
            "shift": list(matrix.keys.shift_hw),
            "queries": list(matrix.names(matrix.queries, self.window)),
            "keys": list(matrix.names(matrix.keys, self.window)),
            "block": matrix.block,
            "unit": "share of attention",
            "range": [0.0, float(np.nanmax(values))],
            "colours": {"low": low, "high": high, "quantile": CLIP},
            "note": NOT_EXPLANATION,
        }

    @property
    def _row(self) -> int | None:
        cell = None if self.point_yx is None else self.matrix.query_at(self.point_yx)
        return None if cell is None else self.matrix.queries.index_of(*cell)[1]
