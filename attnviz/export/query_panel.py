"""One point of the picture and every network's answer, as a figure that can be made again in any format."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from attnviz._version import __version__
from attnviz.export.figure_source import Json, Row
from attnviz.export.names import unique_slugs
from attnviz.pictures import Picture
from attnviz.querying import QueryAnswer, finding
from attnviz.render import NOT_EXPLANATION, SLIDE_IN
from attnviz.render.query_figure import query_alt, query_chart, query_figure


@dataclass(frozen=True, eq=False)
class QueryPanel:
    """The picture with a cross at the point, and what each network says about it.

    Attributes:
        picture: the source picture.
        point_yx: the point, in source pixels.
        answers: of one to six networks, from `attnviz.query`.
        weights: sha256 of each network's weights, by the network's name in the answers.
        heading: a line across the top; empty for the finding.
        opacity: opacity of the highest value.
        theme: "light" or "dark".
        transparent: leave the background out.
        size: width and height in inches.
    """

    picture: Picture
    point_yx: tuple[float, float]
    answers: tuple[QueryAnswer, ...]
    weights: Mapping[str, str] = field(default_factory=dict)
    heading: str = ""
    opacity: float = 0.85
    theme: Literal["light", "dark"] = "light"
    transparent: bool = False
    size: tuple[float, float] = SLIDE_IN

    @property
    def title(self) -> str:
        """The finding, unless there is a heading."""
        return self.heading or finding(self.answers)

    @property
    def alt(self) -> str:
        """The figure in words, with its numbers."""
        return query_alt(self.picture, self.point_yx, self.answers)

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        return query_figure(
            self.picture,
            self.point_yx,
            self.answers,
            heading=self.title,
            opacity=self.opacity,
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
        )

    def interactive(self) -> go.Figure:
        """The same as a plotly figure: the raw value stands under the pointer."""
        return query_chart(
            self.picture,
            self.point_yx,
            self.answers,
            heading=self.title,
            opacity=self.opacity,
            theme=self.theme,
            transparent=self.transparent,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Raw values of each map on its own grid, by the network's name; NaN where the query may not look."""
        drawn = [(one.model, one.attention_map) for one in self.answers if one.attention_map is not None]
        names = unique_slugs([name for name, _ in drawn])
        return {name: np.asarray(one.values_hw) for name, (_, one) in zip(names, drawn, strict=True)}

    def rows(self) -> list[Row]:
        """One line for each network."""
        return [_row(one) for one in self.answers]

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        return {
            "attnviz": __version__,
            "picture": picture_facts(self.picture),
            "point": {"row": self.point_yx[0], "column": self.point_yx[1]},
            "answers": [
                one.to_dict() | map_facts(one) | {"weights": self.weights.get(one.model, "")} for one in self.answers
            ],
            "drawing": {"scale": "per map", "style": "heat", "interpolation": "cells", "opacity": self.opacity},
            "note": NOT_EXPLANATION,
        }


def picture_facts(picture: Picture) -> Json:
    """Name, hash and size of the picture."""
    return {
        "name": picture.name,
        "sha256": picture.sha256,
        "height": int(picture.rgb.shape[0]),
        "width": int(picture.rgb.shape[1]),
    }


def map_facts(answer: QueryAnswer) -> dict[str, Json]:
    """Method, unit and colour range of an answer that is drawn."""
    one = answer.attention_map
    if one is None:
        return {}
    low, high = one.value_range
    start = 0.0 if answer.kind in ("self-attention", "class attention") else low
    return {"method": one.method, "unit": one.unit, "range": [low, high], "colours": {"low": start, "high": high}}


def _row(answer: QueryAnswer) -> Row:
    row: Row = {"network": answer.model, "kind": answer.kind}
    for name, value in answer.to_dict().items():
        if name in ("layer", "value", "rank", "cells", "heads", "padding") and isinstance(value, str | int | float):
            row[name] = value
    if answer.cell is not None:
        row |= {"row": answer.cell[0] + 1, "column": answer.cell[1] + 1}
    strongest = answer.to_dict().get("strongest")
    if isinstance(strongest, dict) and isinstance(strongest["share"], float):
        row["strongest share"] = strongest["share"]
    return row | {"answer": answer.sentence}
