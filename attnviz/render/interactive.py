"""The comparison as a figure for a notebook: the same pictures, words and colours, and raw values under the pointer."""

from collections.abc import Sequence
from html import escape
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from attnviz.errors import ValueRangeError
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render.columns import Column, Mark, panel_column, source_column
from attnviz.render.comparison import check_panels, footer_sentences, region_mask
from attnviz.render.inputs import on_shrunk_picture, shrink_pixels, shrunk_hw
from attnviz.render.overlay import STYLES, Style
from attnviz.render.panel import Panel
from attnviz.render.picture_sheet import PictureSheet, draw_axes, draw_bar, draw_picture, laid_out, write_words
from attnviz.render.region_colours import region_colour
from attnviz.render.scale import Scale, ScaledMap, scale_maps
from attnviz.render.sheet import THEMES

LONGEST_PX = 560
"""Photographs are embedded with at most this many pixels a side, so that a notebook stays small."""


def comparison_chart(
    picture: Picture,
    panels: Sequence[Panel],
    *,
    region: Region | None = None,
    others: Sequence[Region] = (),
    scale: Scale = "shared",
    style: Style = "heat",
    interpolation: Literal["cells", "smooth"] = "cells",
    opacity: float = 0.9,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
    heading: str = "",
) -> go.Figure:
    """The figure of `comparison_figure`, to be looked at with a pointer: each cell tells its raw value.

    Args:
        picture: the source picture.
        panels: one to six networks.
        region: outlined on every picture.
        others: further regions, outlined in colours of their own.
        scale: how values become colours.
        style: "heat" or "spotlight".
        interpolation: "cells" or "smooth".
        opacity: opacity of the hottest place, in [0, 1].
        theme: "light" or "dark" text and background.
        transparent: leave the background out.
        heading: a line across the top, such as the finding.

    Returns:
        A plotly figure that needs no connection. All pictures move together when one is enlarged.

    Raises:
        ValueRangeError: no panel, too many, or an unknown theme, scale or style.
        ShapeError: the region or a map belongs to a picture of another size.
    """
    check_panels(panels)
    if theme not in THEMES or style not in STYLES:
        raise ValueRangeError(
            f"theme must be one of {', '.join(THEMES)}, and style one of {', '.join(STYLES)}; got {theme!r}, {style!r}."
        )
    regions = [one for one in (region, *others) if one is not None]
    scaled = scale_maps([panel.attention_map for panel in panels], scale)
    hw = shrunk_hw(picture.hw, LONGEST_PX)
    columns = [source_column(shrink_pixels(picture.rgb, hw), regions)]
    for panel, one in zip(panels, scaled, strict=True):
        columns.append(panel_column(picture.rgb, panel, one, region, style, interpolation, opacity))
    masks = [region_mask(one, picture.rgb, hw) for one in regions]
    footer = list(footer_sentences(panels, scaled, scale, interpolation))
    sheet, cells = laid_out(columns, hw, THEMES[theme], transparent, heading, footer)
    for number, (cell, column) in enumerate(zip(cells, columns, strict=True), start=1):
        draw_axes(sheet, number, cell, hw)
        draw_picture(sheet, number, cell, column, hw)
        for place, mask in enumerate(masks):
            _outline(sheet, number, mask, region_colour(place), regions[place].name)
        if number > 1:
            _values(sheet, number, _placed(panels[number - 2], picture, hw), panels[number - 2])
            draw_bar(sheet, cell, column, scaled[number - 2])
        write_words(sheet, cell, column)
    return sheet.figure


def columns_chart(
    picture: Picture,
    columns: Sequence[Column],
    maps: Sequence[tuple[str, AttentionMap] | None],
    heading: str,
    footer: Sequence[str],
    theme: Literal["light", "dark"],
    transparent: bool,
) -> go.Figure:
    """Any row of pictures with their words, to be looked at with a pointer.

    Args:
        picture: the source picture.
        columns: what is drawn and written for each picture.
        maps: title and map whose raw values stand under the pointer, for each picture; None for none.
        heading: a line across the top.
        footer: small print.
        theme: "light" or "dark" text and background.
        transparent: leave the background out.
    """
    hw = shrunk_hw(picture.hw, LONGEST_PX)
    sheet, cells = laid_out(columns, hw, THEMES[theme], transparent, heading, footer)
    for number, (cell, column, shown) in enumerate(zip(cells, columns, maps, strict=True), start=1):
        draw_axes(sheet, number, cell, hw)
        draw_picture(sheet, number, cell, column, hw)
        for mark in column.marks:
            _lines_over(sheet, number, mark, hw)
        if shown is not None:
            panel = Panel(*shown)
            _values(sheet, number, _placed(panel, picture, hw), panel)
            draw_bar(sheet, cell, column, ScaledMap(panel.attention_map, 0.0, 1.0, ""))
        write_words(sheet, cell, column)
    return sheet.figure


def _lines_over(sheet: PictureSheet, number: int, mark: Mark, hw: tuple[int, int]) -> None:
    """Lines over a picture, on black, so that they are seen on every ground."""
    name = "" if number == 1 else str(number)
    points = [point for line in mark.lines for point in (*line, None)]
    for width, colour in ((4.5, "#000000"), (2.2, mark.colour)):
        sheet.figure.add_scatter(
            x=[None if point is None else point[0] * hw[1] for point in points],
            y=[None if point is None else point[1] * hw[0] for point in points],
            mode="lines",
            line={"color": colour, "width": width},
            hoverinfo="skip",
            xaxis=f"x{name}",
            yaxis=f"y{name}",
        )


def _placed(panel: Panel, picture: Picture, hw: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """Raw values, and the borders of their rows and columns in pixels of the shrunk picture."""
    placed = on_shrunk_picture(panel.attention_map, picture.rgb, hw)
    assert placed.geometry is not None
    rows, columns = placed.geometry.cell_edges(placed.grid_hw)
    return panel.attention_map.values_hw, rows, columns


def _outline(sheet: PictureSheet, number: int, mask: np.ndarray, colour: str, region_name: str) -> None:
    """The region's border as lines, a dark one below, so that it is seen on every ground."""
    from skimage.measure import find_contours  # here: it brings in SciPy, and `import attnviz` should be quick

    name = "" if number == 1 else str(number)
    rows: list[float | None] = []
    columns: list[float | None] = []
    for line in find_contours(np.pad(mask.astype(np.float32), 1), 0.5):
        rows += [*(line[:, 0] - 0.5).tolist(), None]
        columns += [*(line[:, 1] - 0.5).tolist(), None]
    for width, drawn in ((4.5, "#000000"), (2.2, colour)):
        sheet.figure.add_scatter(
            x=columns,
            y=rows,
            mode="lines",
            line={"color": drawn, "width": width},
            name=escape(region_name),
            hoverinfo="skip",
            xaxis=f"x{name}",
            yaxis=f"y{name}",
        )


def _values(sheet: PictureSheet, number: int, placed: tuple[np.ndarray, ...], panel: Panel) -> None:
    """The raw values, not painted, under the pointer."""
    values, rows, columns = placed
    places = np.stack(np.meshgrid(np.arange(values.shape[0]), np.arange(values.shape[1]), indexing="ij"), axis=-1) + 1
    sheet.figure.add_heatmap(
        z=values,
        x=columns,
        y=rows,
        customdata=places,
        colorscale=[[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
        showscale=False,
        name=escape(panel.title),
        hovertemplate=(
            f"<b>{escape(panel.title)}</b><br>%{{z:.4g}} {escape(panel.attention_map.unit)}"
            "<br>row %{customdata[0]}, column %{customdata[1]}<extra></extra>"
        ),
        xaxis=f"x{number}",
        yaxis=f"y{number}",
    )
