"""Comparisons of several pictures as one figure, with all its settings, so that it can be made again in any format."""

from dataclasses import dataclass

from matplotlib.figure import Figure

from attnviz.errors import ValueRangeError
from attnviz.export.comparison import Comparison
from attnviz.export.drawn import Drawn, origin
from attnviz.export.figure_source import Json, Row
from attnviz.export.score_rows import score_rows
from attnviz.render.comparison_grid import (
    GridRow,
    check_rows,
    comparison_grid_alt,
    comparison_grid_figure,
    grid_sentences,
    grid_titles,
    scaled_rows,
)

_DRAWING = ("scale", "style", "interpolation", "opacity")


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonGrid(Drawn):
    """Several pictures below each other, and what each network attends to in them: a row a picture.

    The colour scale is chosen over the whole grid. The raw maps are those of the comparisons, which files of their own
    hold.

    Attributes:
        comparisons: one to six, of different pictures, drawn alike; their headings, sizes and themes do not count.

    Raises:
        ValueRangeError: there is no comparison, there are too many, together they have more than six networks, or they
            are drawn in different ways.

    Example:
        >>> ComparisonGrid(comparisons=(compare("dog.jpg", models), compare("cat.jpg", models)))  # doctest: +SKIP
    """

    comparisons: tuple[Comparison, ...]

    def __post_init__(self) -> None:
        check_rows(self._rows)
        for name in _DRAWING:
            told = list(dict.fromkeys(getattr(one, name) for one in self.comparisons))
            if len(told) > 1:
                raise ValueRangeError(
                    f"comparisons must have one {name} in a grid; got {', '.join(map(str, told))}. Draw them alike."
                )

    @property
    def title(self) -> str:
        """The heading, or what is shown where there is none."""
        networks, pictures = len(grid_titles(self._rows)), len(self.comparisons)
        return self.heading or (
            f"Attention of {networks} network{'s' if networks > 1 else ''} in {pictures} "
            f"picture{'s' if pictures > 1 else ''}"
        )

    @property
    def alt(self) -> str:
        """The figure in words."""
        return comparison_grid_alt(self._rows, self._first.scale)

    def figure(self) -> Figure:
        """The matplotlib figure, drawn anew each time."""
        first = self._first
        return comparison_grid_figure(
            self._rows,
            scale=first.scale,
            style=first.style,
            interpolation=first.interpolation,
            opacity=first.opacity,
            size=self.size,
            theme=self.theme,
            transparent=self.transparent,
            heading=self.title if self.heading is None else self.heading,
        )

    def rows(self) -> list[Row]:
        """A row for each picture, network and region, with the columns of `COLUMNS` and the colours of the grid."""
        scaled = scaled_rows(self._rows, self._first.scale)
        return [
            row
            for one, of_row in zip(self.comparisons, scaled, strict=True)
            for row in score_rows(one.picture, one.panels, of_row, one.scale)
        ]

    def provenance(self) -> dict[str, Json]:
        """What a reader needs to make the figure again."""
        first, scaled = self._first, scaled_rows(self._rows, self._first.scale)
        everything = [one for of_row in scaled for one in of_row]
        weights = {panel.title: panel.weights for one in self.comparisons for panel in one.panels}
        colours: list[Json] = [
            {
                "picture": one.picture.name,
                "network": panel.title,
                "low": None if mine.flat else mine.vmin,
                "high": None if mine.flat else mine.vmax,
                "group": mine.group,
            }
            for one, of_row in zip(self.comparisons, scaled, strict=True)
            for panel, mine in zip(one.panels, of_row, strict=True)
        ]
        return {
            **origin([one.picture for one in self.comparisons], weights),
            "figure": "grid",
            "unit": ", ".join(dict.fromkeys(one.unit for one in everything)),
            "drawing": {
                "scale": first.scale,
                "colours": list(grid_sentences(self._rows, everything, first.scale)),
                "ranges": colours,
                "style": first.style,
                "interpolation": first.interpolation,
                "opacity": first.opacity,
                "heading": self.heading,
                "size": list(self.size),
                "theme": self.theme,
                "transparent": self.transparent,
            },
            "comparisons": [one.provenance() for one in self.comparisons],
        }

    @property
    def _first(self) -> Comparison:
        return self.comparisons[0]

    @property
    def _rows(self) -> list[GridRow]:
        return [
            GridRow(
                one.picture,
                one.panels,
                tuple(region for region in (one.region, *one.others) if region is not None),
            )
            for one in self.comparisons
        ]
