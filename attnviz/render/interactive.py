"""The comparison as a figure for a notebook: the same pictures, words and colours, and the raw value under the pointer.

All measures are in pixels from the top left corner, until plotly gets them as shares from the bottom left.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from attnviz.errors import ValueRangeError
from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.regions import Region
from attnviz.render.columns import Column, Mark, panel_column, source_column
from attnviz.render.comparison import check_panels, footer_sentences, region_mask
from attnviz.render.inputs import on_shrunk_picture, shrink_pixels, shrunk_hw
from attnviz.render.overlay import STYLES, Style
from attnviz.render.panel import Panel
from attnviz.render.region_colours import region_colour
from attnviz.render.scale import Scale, ScaledMap, scale_maps
from attnviz.render.sheet import BADGE_COLOUR, THEMES, Theme
from attnviz.render.text import wrap

LONGEST_PX = 560
"""Photographs are embedded with at most this many pixels a side, so that a notebook stays small."""

_CELL_W, _TALLEST, _GUTTER, _MARGIN = 268, 340, 18, 16
_MOST_IN_A_ROW = 4
_LINE, _TITLE_LINE, _HEADING_LINE = 17, 21, 28
_BAR, _ENDS = 10, 18
_HEADING_PX, _TITLE_PX, _BODY_PX, _FOOTER_PX = 18, 15, 13, 12
_PX_PER_INCH, _PX_PER_POINT = 96, 4 / 3
_STEPS = 64
"""Colours of a colour bar."""


@dataclass(frozen=True)
class _Cell:
    """Where one picture stands: its left and top edge, and its size."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class _Sheet:
    """The figure under work, with its size in pixels."""

    figure: go.Figure
    width: float
    height: float
    theme: Theme

    def across(self, px: float) -> float:
        return px / self.width

    def up(self, px: float) -> float:
        return 1 - px / self.height

    def text(self, x: float, top: float, text: str, size: float, colour: str = "", anchor: str = "left") -> None:
        self.figure.add_annotation(
            x=self.across(x),
            y=self.up(top),
            xref="paper",
            yref="paper",
            xanchor=anchor,
            yanchor="top",
            align=anchor,
            showarrow=False,
            text=text,
            font={"size": size, "color": colour or self.theme.text},
        )


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
    sheet, cells = _laid_out(columns, hw, THEMES[theme], transparent, heading, footer)
    for number, (cell, column) in enumerate(zip(cells, columns, strict=True), start=1):
        _axes(sheet, number, cell, hw)
        _picture(sheet, number, cell, column, hw)
        for place, mask in enumerate(masks):
            _outline(sheet, number, mask, region_colour(place), regions[place].name)
        if number > 1:
            _values(sheet, number, _placed(panels[number - 2], picture, hw), panels[number - 2])
            _bar(sheet, cell, column, scaled[number - 2])
        _words(sheet, cell, column)
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
    sheet, cells = _laid_out(columns, hw, THEMES[theme], transparent, heading, footer)
    for number, (cell, column, shown) in enumerate(zip(cells, columns, maps, strict=True), start=1):
        _axes(sheet, number, cell, hw)
        _picture(sheet, number, cell, column, hw)
        for mark in column.marks:
            _lines_over(sheet, number, mark, hw)
        if shown is not None:
            panel = Panel(*shown)
            _values(sheet, number, _placed(panel, picture, hw), panel)
            _bar(sheet, cell, column, ScaledMap(panel.attention_map, 0.0, 1.0, ""))
        _words(sheet, cell, column)
    return sheet.figure


def _lines_over(sheet: _Sheet, number: int, mark: Mark, hw: tuple[int, int]) -> None:
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


def _laid_out(
    columns: Sequence[Column], hw: tuple[int, int], theme: Theme, transparent: bool, heading: str, footer: Sequence[str]
) -> tuple[_Sheet, list[_Cell]]:
    """An empty figure of the right size, with heading and footer, and the cells of the pictures."""
    rows = -(-len(columns) // _MOST_IN_A_ROW)
    across = -(-len(columns) // rows)
    factor = min(_CELL_W / hw[1], _TALLEST / hw[0])
    width, height = hw[1] * factor, hw[0] * factor
    total_w = 2 * _MARGIN + across * _CELL_W + (across - 1) * _GUTTER
    heading_lines = _wrapped(heading, total_w - 2 * _MARGIN, _HEADING_PX, bold=True)
    above = max(_above(column) for column in columns)
    below = max(_below(column) for column in columns)
    top = _MARGIN + len(heading_lines) * _HEADING_LINE
    cells = []
    for place in range(len(columns)):
        row, column = divmod(place, across)
        cells.append(
            _Cell(
                _MARGIN + column * (_CELL_W + _GUTTER),
                top + row * (above + height + below + _GUTTER) + above,
                width,
                height,
            )
        )
    foot = top + rows * (above + height + below + _GUTTER)
    footer_lines = [line for one in footer for line in _wrapped(one, total_w - 2 * _MARGIN, _FOOTER_PX)]
    total_h = foot + len(footer_lines) * _LINE + _MARGIN
    background = "rgba(0,0,0,0)" if transparent else theme.background
    figure = go.Figure()
    figure.update_layout(
        width=total_w,
        height=total_h,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        paper_bgcolor=background,
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        font={"color": theme.text, "size": _BODY_PX},
        hoverlabel={"font": {"size": _BODY_PX}},
    )
    sheet = _Sheet(figure, total_w, total_h, theme)
    if heading_lines:
        sheet.text(_MARGIN, _MARGIN * 0.6, f"<b>{'<br>'.join(map(escape, heading_lines))}</b>", _HEADING_PX)
    sheet.text(_MARGIN, foot, "<br>".join(map(escape, footer_lines)), _FOOTER_PX, theme.muted)
    return sheet, cells


def _above(column: Column) -> float:
    return _TITLE_LINE + _LINE * len(_lines(column, "above")[1:]) + 6


def _below(column: Column) -> float:
    bar = _BAR + _ENDS + 6 if column.bar is not None else 6
    return bar + _LINE * len(_lines(column, "below"))


def _lines(column: Column, where: Literal["above", "below"]) -> list[str]:
    """The paragraphs as lines of HTML that fit into a cell."""
    lines = []
    for words in column.above if where == "above" else column.paragraphs(beside=False):
        for line in _wrapped(words.text, _CELL_W - (18 if words.mark else 0), _BODY_PX, words.bold, words.most_lines):
            marked = f'<span style="color:{words.mark}">■</span> {escape(line)}' if words.mark else escape(line)
            lines.append(f"<b>{marked}</b>" if words.bold else marked)
    return lines


def _wrapped(text: str, width_px: float, size_px: float, bold: bool = False, most_lines: int = 3) -> list[str]:
    size_pt = size_px / _PX_PER_POINT
    return list(wrap(text, width_px / _PX_PER_INCH, size_pt, bold=bold, most_lines=most_lines))


def _axes(sheet: _Sheet, number: int, cell: _Cell, hw: tuple[int, int]) -> None:
    """Axes in pixels of the shrunk picture, rows downwards; all pictures move together."""
    name = "" if number == 1 else str(number)
    hidden = {"visible": False, "showgrid": False}
    sheet.figure.update_layout(
        {
            f"xaxis{name}": {
                **hidden,
                "domain": [sheet.across(cell.left), sheet.across(cell.left + cell.width)],
                "anchor": f"y{name}",
                "range": [0, hw[1]],
                **({"matches": "x"} if number > 1 else {}),
            },
            f"yaxis{name}": {
                **hidden,
                "domain": [sheet.up(cell.top + cell.height), sheet.up(cell.top)],
                "anchor": f"x{name}",
                "range": [hw[0], 0],
                **({"matches": "y"} if number > 1 else {}),
            },
        }
    )


def _picture(sheet: _Sheet, number: int, cell: _Cell, column: Column, hw: tuple[int, int]) -> None:
    file = io.BytesIO()
    Image.fromarray(shrink_pixels(column.image, hw)).save(file, "JPEG", quality=92)
    name = "" if number == 1 else str(number)
    sheet.figure.add_layout_image(
        source=f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}",
        xref=f"x{name}",
        yref=f"y{name}",
        x=0,
        y=0,
        sizex=hw[1],
        sizey=hw[0],
        sizing="stretch",
        layer="below",
    )
    if column.badge:
        sheet.figure.add_annotation(
            x=sheet.across(cell.left + cell.width / 2),
            y=sheet.up(cell.top + cell.height / 2),
            xref="paper",
            yref="paper",
            showarrow=False,
            text=f"<b>{escape(column.badge).replace(chr(10), '<br>')}</b>",
            font={"size": 16, "color": "#FFFFFF"},
            bgcolor=BADGE_COLOUR,
            borderpad=5,
        )


def _outline(sheet: _Sheet, number: int, mask: np.ndarray, colour: str, region_name: str) -> None:
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


def _values(sheet: _Sheet, number: int, placed: tuple[np.ndarray, ...], panel: Panel) -> None:
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


def _bar(sheet: _Sheet, cell: _Cell, column: Column, scaled: ScaledMap) -> None:
    if column.bar is None:
        return
    strip = column.bar.strip[0]
    picked = strip[np.linspace(0, len(strip) - 1, _STEPS).round().astype(int)]
    colours = [f"rgb({r},{g},{b})" for r, g, b in np.clip(picked * 255 + 0.5, 0, 255).astype(int).tolist()]
    low, high = scaled.vmin, scaled.vmax
    sheet.figure.add_scatter(
        x=[None],
        y=[None],
        mode="markers",
        hoverinfo="skip",
        marker={
            "color": [low],
            "cmin": low,
            "cmax": high,
            "colorscale": [[step / (_STEPS - 1), colour] for step, colour in enumerate(colours)],
            "showscale": True,
            "colorbar": {
                "orientation": "h",
                "x": sheet.across(cell.left),
                "xanchor": "left",
                "xpad": 0,
                "y": sheet.up(cell.top + cell.height + 6),
                "yanchor": "top",
                "ypad": 0,
                "len": sheet.across(cell.width),
                "thickness": _BAR,
                "outlinewidth": 0,
                "showticklabels": False,
                "ticks": "",
            },
        },
    )
    top = cell.top + cell.height + 6 + _BAR
    sheet.text(cell.left, top, escape(column.bar.low), _FOOTER_PX)
    sheet.text(cell.left + cell.width, top, escape(column.bar.high), _FOOTER_PX, anchor="right")


def _words(sheet: _Sheet, cell: _Cell, column: Column) -> None:
    title, *rest = _lines(column, "above")
    top = cell.top - _above(column)
    sheet.text(cell.left, top, title, _TITLE_PX)
    if rest:
        sheet.text(cell.left, top + _TITLE_LINE, "<br>".join(rest), _BODY_PX)
    below = cell.top + cell.height + (_BAR + _ENDS + 6 if column.bar is not None else 6)
    sheet.text(cell.left, below, "<br>".join(_lines(column, "below")), _BODY_PX)
