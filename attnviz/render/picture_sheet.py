"""The sheet of an interactive figure: where pictures, colour bars and words stand.

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

from attnviz.render.columns import Column
from attnviz.render.inputs import shrink_pixels
from attnviz.render.scale import ScaledMap
from attnviz.render.sheet import BADGE_COLOUR, Theme
from attnviz.render.text import wrap

_CELL_W, _TALLEST, _GUTTER, _MARGIN = 268, 340, 18, 16
_MOST_IN_A_ROW = 4
_LINE, _TITLE_LINE, _HEADING_LINE = 17, 21, 28
_BAR, _ENDS = 10, 18
_HEADING_PX, _TITLE_PX, _BODY_PX, _FOOTER_PX = 18, 15, 13, 12
_PX_PER_INCH, _PX_PER_POINT = 96, 4 / 3
_STEPS = 64
"""Colours of a colour bar."""


@dataclass(frozen=True)
class Cell:
    """Where one picture stands: its left and top edge, and its size."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class PictureSheet:
    """The figure under work, with its size in pixels."""

    figure: go.Figure
    width: float
    height: float
    theme: Theme

    def across(self, px: float) -> float:
        """Pixels from the left as a share of the width."""
        return px / self.width

    def up(self, px: float) -> float:
        """Pixels from the top as a share of the height, from the bottom."""
        return 1 - px / self.height

    def text(self, x: float, top: float, text: str, size: float, colour: str = "", anchor: str = "left") -> None:
        """Write HTML at a place."""
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


def laid_out(
    columns: Sequence[Column], hw: tuple[int, int], theme: Theme, transparent: bool, heading: str, footer: Sequence[str]
) -> tuple[PictureSheet, list[Cell]]:
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
            Cell(
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
    sheet = PictureSheet(figure, total_w, total_h, theme)
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


def draw_axes(sheet: PictureSheet, number: int, cell: Cell, hw: tuple[int, int]) -> None:
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


def draw_picture(sheet: PictureSheet, number: int, cell: Cell, column: Column, hw: tuple[int, int]) -> None:
    """The photograph with its map, and the badge of a network that must not be believed."""
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


def draw_bar(sheet: PictureSheet, cell: Cell, column: Column, scaled: ScaledMap) -> None:
    """The colour bar below a picture, with the numbers at its ends."""
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


def write_words(sheet: PictureSheet, cell: Cell, column: Column) -> None:
    """Title above a picture, paragraphs below it."""
    title, *rest = _lines(column, "above")
    top = cell.top - _above(column)
    sheet.text(cell.left, top, title, _TITLE_PX)
    if rest:
        sheet.text(cell.left, top + _TITLE_LINE, "<br>".join(rest), _BODY_PX)
    below = cell.top + cell.height + (_BAR + _ENDS + 6 if column.bar is not None else 6)
    sheet.text(cell.left, below, "<br>".join(_lines(column, "below")), _BODY_PX)
