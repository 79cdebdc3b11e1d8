"""Several pictures and the networks' maps of each as one still figure: a row a picture, a column a network."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from matplotlib.figure import Figure

from attnviz.errors import ValueRangeError
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render.columns import (
    BODY_PT,
    LONGEST_PIXELS,
    SMALL_PT,
    ColourBar,
    Column,
    Words,
    flat_words,
    layers_of,
    panel_column,
)
from attnviz.render.comparison import check_panels, comparison_alt, drawing_sentences, map_sentences, region_mask
from attnviz.render.grid_sheet import Cell, GridSheet
from attnviz.render.inputs import pixels_of, shrink_pixels, shrunk_hw
from attnviz.render.overlay import STYLES, Style
from attnviz.render.panel import NOT_EXPLANATION, Panel, percent
from attnviz.render.region_colours import region_colour
from attnviz.render.scale import Scale, ScaledMap, grid_scale_sentences, scale_maps
from attnviz.render.sheet import THEMES, Outlined
from attnviz.render.sizes import SLIDE_IN

MOST_ROWS = 6
"""Pictures in one grid; of more, pictures and text would be too small to be read."""

SOURCE = "Picture"

IN_BOLD = (
    "In bold: the share of the map on the first region named, and its lift: how many times what a flat map would have."
)


@dataclass(frozen=True, eq=False)
class GridRow:
    """One picture of the grid.

    Attributes:
        picture: the source picture.
        panels: one to six networks.
        regions: outlined on every picture of the row, the one in focus first.
    """

    picture: Picture
    panels: tuple[Panel, ...]
    regions: tuple[Region, ...] = ()


def comparison_grid_figure(
    rows: Sequence[GridRow],
    *,
    scale: Scale = "shared",
    style: Style = "heat",
    interpolation: Literal["cells", "smooth"] = "cells",
    opacity: float = 0.9,
    size: tuple[float, float] = SLIDE_IN,
    theme: str = "light",
    transparent: bool = False,
    heading: str = "",
) -> Figure:
    """Draw several pictures below each other, with what each network attends to in them.

    Networks of one name stand in one column; one that has no map of a picture leaves its place empty, and says so. On
    a page that is too narrow for all of them, each picture takes several lines. The colour scale is chosen over the
    whole grid.

    Args:
        rows: one to six pictures.
        scale: how values become colours; printed on the figure.
        style: "heat" or "spotlight".
        interpolation: "cells" or "smooth"; smooth is printed on the figure.
        opacity: opacity of the hottest place, in [0, 1].
        size: width and height in inches; on paper the height follows from the rows.
        theme: "light" or "dark".
        transparent: leave the background out.
        heading: a line across the top.

    Raises:
        ValueRangeError: there is no picture or no panel, there are too many, or a theme, scale or style is unknown.
        ShapeError: a region or a map belongs to a picture of another size.
    """
    check_rows(rows)
    if theme not in THEMES:
        raise ValueRangeError(f"theme must be one of {', '.join(THEMES)}; got {theme!r}.")
    if style not in STYLES:
        raise ValueRangeError(f"style must be one of {', '.join(STYLES)}; got {style!r}.")
    scaled = scaled_rows(rows, scale)
    titles = grid_titles(rows)
    drawn = [
        _cells(row, of_row, titles, style, interpolation, opacity) for row, of_row in zip(rows, scaled, strict=True)
    ]
    panels = [panel for row in rows for panel in row.panels]
    everything = [one for of_row in scaled for one in of_row]
    bar, bar_unit = _only_bar(drawn, everything)
    unit = _only_unit(everything)
    cells = [[_without(cell, bar is not None, bool(unit)) for cell in of_row] for of_row in drawn]
    first, *others = map_sentences(panels)
    footer = [
        first + (f" Unit of every colour bar: {unit}." if unit and bar is None else ""),
        *others,
        *([IN_BOLD] if any(panel.focus is not None for panel in panels) else []),
        _places(panels),
        " ".join([*grid_sentences(rows, everything, scale), *drawing_sentences(panels, interpolation)]),
        NOT_EXPLANATION,
    ]
    sheet = GridSheet(size, THEMES[theme], transparent)
    sheet.draw_grid([SOURCE, *titles], cells, heading, footer, bar, bar_unit)
    return sheet.figure


def comparison_grid_alt(rows: Sequence[GridRow], scale: Scale = "shared") -> str:
    """The grid in words: each picture as a comparison in words, then how the colours are to be read."""
    check_rows(rows)
    said = [f"{len(rows)} picture{'s' if len(rows) > 1 else ''} below each other, {len(grid_titles(rows))} networks"]
    for row in rows:
        first, *others = row.regions or (None,)
        told = comparison_alt(row.picture, row.panels, first, "per map", tuple(one for one in others if one))
        said.append(told.partition(" Colour scale ")[0].rstrip("."))
    everything = [one for of_row in scaled_rows(rows, scale) for one in of_row]
    return f"{'. '.join(said)}. {' '.join(grid_sentences(rows, everything, scale))}"


def check_rows(rows: Sequence[GridRow]) -> None:
    """Refuse a grid of nothing, or of more than can be seen."""
    if not 1 <= len(rows) <= MOST_ROWS:
        raise ValueRangeError(
            f"a grid must hold 1 to {MOST_ROWS} pictures; got {len(rows)}. Draw several figures instead."
        )
    for row in rows:
        check_panels(row.panels)
        titles = [panel.title for panel in row.panels]
        if len(set(titles)) < len(titles):
            raise ValueRangeError(
                f"the networks of {row.picture.name} must have different titles; got {titles}. Rename one."
            )
    check_panels(_one_of_each(rows))


def scaled_rows(rows: Sequence[GridRow], scale: Scale) -> list[tuple[ScaledMap, ...]]:
    """The maps of each row with the ranges of their colours, chosen over the whole grid."""
    scaled = iter(scale_maps([panel.attention_map for row in rows for panel in row.panels], scale))
    return [tuple(next(scaled) for _ in row.panels) for row in rows]


def grid_titles(rows: Sequence[GridRow]) -> list[str]:
    """The networks, in the order in which the rows name them."""
    return list(dict.fromkeys(panel.title for row in rows for panel in row.panels))


def grid_sentences(rows: Sequence[GridRow], scaled: Sequence[ScaledMap], scale: Scale) -> tuple[str, ...]:
    """How the colours of the grid are to be read."""
    titles = [f"{panel.title} on {row.picture.name}" for row in rows for panel in row.panels]
    return grid_scale_sentences(scaled, titles, scale)


def _one_of_each(rows: Sequence[GridRow]) -> list[Panel]:
    return list({panel.title: panel for row in rows for panel in row.panels}.values())


def _cells(
    row: GridRow,
    scaled: Sequence[ScaledMap],
    titles: Sequence[str],
    style: Style,
    interpolation: Literal["cells", "smooth"],
    opacity: float,
) -> list[Cell]:
    rgb = pixels_of(row.picture)
    hw = shrunk_hw((rgb.shape[0], rgb.shape[1]), LONGEST_PIXELS)
    outlines = [
        Outlined(region_mask(region, rgb, hw), region_colour(place)) for place, region in enumerate(row.regions)
    ]
    areas = [
        Words(
            f"{one.name}: {percent(one.area)} of it",
            SMALL_PT,
            muted=True,
            mark=region_colour(place) if len(row.regions) > 1 else "",
        )
        for place, one in enumerate(row.regions)
    ]
    name = Words(row.picture.name, BODY_PT, bold=True, most_lines=2)
    cells = [Cell(Column(shrink_pixels(rgb, hw), (), None, (), (name, *areas)), tuple(outlines))]
    panels = {panel.title: (panel, one) for panel, one in zip(row.panels, scaled, strict=True)}
    for title in titles:
        if title not in panels:
            cells.append(Cell(None))
            continue
        panel, one = panels[title]
        column = panel_column(rgb, panel, one, None, style, interpolation, opacity)
        focus = (
            "" if panel.focus is None else f"{percent(panel.focus.value)}, lift\N{NO-BREAK SPACE}{panel.focus.lift:.1f}"
        )
        important = [Words(focus, BODY_PT, bold=True)] if focus else []
        important += [Words(panel.others_line, BODY_PT)] if panel.others else []
        answer = (Words(panel.prediction_line, BODY_PT, most_lines=2),) if panel.prediction_line else ()
        unit = (Words(flat_words(panel.attention_map), SMALL_PT),) if one.flat else column.unit
        cells.append(
            Cell(replace(column, above=(), unit=unit, rest=tuple(important)), tuple(outlines), answer, one.flat)
        )
    return cells


def _without(cell: Cell, bar: bool, unit: bool) -> Cell:
    """A cell without what is said once for all of them. A flat map keeps the words that stand in place of its bar."""
    if cell.column is None or cell.flat:
        return cell
    column = cell.column
    return replace(
        cell, column=replace(column, bar=None if bar else column.bar, unit=() if bar or unit else column.unit)
    )


def _only_bar(drawn: Sequence[Sequence[Cell]], scaled: Sequence[ScaledMap]) -> tuple[ColourBar | None, str]:
    """The colour bar of the whole grid and its unit, where all maps have one scale."""
    painted = [one for one in scaled if not one.flat]
    ranges = {(one.vmin, one.vmax, one.unit, one.clipped) for one in painted}
    ranked = all(one.unit == "rank among cells" for one in painted)
    if len(painted) < 2 or len(ranges) > 1 or not (ranked or len({one.group for one in painted}) == 1):
        return None, ""
    bars = [cell.column.bar for of_row in drawn for cell in of_row if cell.column is not None and cell.column.bar]
    return bars[0], painted[0].unit


def _only_unit(scaled: Sequence[ScaledMap]) -> str:
    units = {one.unit for one in scaled if not one.flat}
    return units.pop() if len(units) == 1 else ""


def _places(panels: Sequence[Panel]) -> str:
    """The layers and the native grids of all maps."""
    layers: dict[str, dict[str, None]] = {}
    for panel in panels:
        layers.setdefault(layers_of(panel.attention_map), {})[panel.title] = None
    named = "; ".join(f"{layer} ({', '.join(titles)})" for layer, titles in layers.items())
    grids = sorted({panel.attention_map.grid_hw for panel in panels}, key=lambda hw: (hw[0] * hw[1], hw))
    ends = [f"{rows} × {columns}" for rows, columns in dict.fromkeys((grids[0], grids[-1]))]
    return f"Layers: {named}. Native grids: {' to '.join(ends)} cells."
