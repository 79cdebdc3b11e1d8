"""The attention matrix of one layer as a heat map: rows look, columns are looked at, and the axes name the tokens."""

from collections.abc import Iterator
from typing import Literal

import matplotlib
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from attnviz.errors import ValueRangeError
from attnviz.querying import AttentionMatrix
from attnviz.records import TokenGrid
from attnviz.render.canvas import Canvas
from attnviz.render.panel import MEANINGLESS, NOT_EXPLANATION, UNPROVEN
from attnviz.render.scale import SEQUENTIAL
from attnviz.render.sheet import THEMES
from attnviz.render.sizes import SLIDE_IN
from attnviz.render.text import FAMILY

CLIP = 0.995
"""Colours run up to this quantile of the matrix: a few very large values would leave the rest black."""

HIDDEN_COLOUR = "#808080"
_KEYS_MOST = 40
_NO_BREAK = "\N{NO-BREAK SPACE}"


def matrix_figure(
    matrix: AttentionMatrix,
    window: int = 0,
    *,
    row: int | None = None,
    heading: str = "",
    size: tuple[float, float] = SLIDE_IN,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> Figure:
    """Draw the matrix of one window.

    Args:
        matrix: from `attnviz.querying.attention_matrix`.
        window: number of the window; 0 for attention over the whole picture.
        row: a query to frame, counted from the first prefix token.
        heading: a line across the top.
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: no such window, or an unknown theme.
    """
    values = window_values(matrix, window)
    canvas = Canvas(size, theme, transparent)
    top = canvas.heading(heading or matrix_finding(matrix, window))
    bottom = canvas.footer(list(matrix_footer(matrix, window)))
    low, high = matrix_range(values)
    palette = matplotlib.colormaps[SEQUENTIAL].with_extremes(bad=HIDDEN_COLOUR)
    names, above, bar = canvas.gap(1.15), canvas.gap(0.95), canvas.gap(1.5)
    side = max(0.4, min(bottom - top - above, canvas.inner - names - bar))
    shape = values.shape[0] / values.shape[1]
    wide, tall = (side, side * shape) if shape <= 1 else (side / shape, side)
    left = canvas.margin + max(0.0, (canvas.inner - wide - bar + names) / 2)
    axes = canvas.axes(left, top + above, wide, tall)
    axes.imshow(values, cmap=palette, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
    _name_axes(axes, canvas, matrix, window)
    if row is not None:
        for colour, wide_pt in (("black", 2.4), ("white", 1.0)):
            frame = Rectangle((-0.5, row - 0.5), values.shape[1], 1, fill=False, edgecolor=colour, linewidth=wide_pt)
            frame.set_clip_on(False)
            axes.add_patch(frame)
    strip = canvas.axes(left + wide + canvas.gap(0.3), top + above, canvas.gap(0.22), tall)
    strip.imshow(np.linspace(high, low, 256)[:, None], cmap=palette, aspect="auto")
    over = "> " if float(np.nanmax(values)) > high * (1 + 1e-6) else ""
    beside = left + wide + canvas.gap(0.6)
    canvas.text(beside, top + above, over + percent(high), 12)
    canvas.text(beside, top + above + tall - canvas.line(12), "0", 12)
    canvas.text(beside, top + above + tall / 2 - canvas.line(12), "share of", 12, muted=True)
    canvas.text(beside, top + above + tall / 2, "attention", 12, muted=True)
    return canvas.figure


def matrix_chart(
    matrix: AttentionMatrix,
    window: int = 0,
    *,
    row: int | None = None,
    heading: str = "",
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> go.Figure:
    """The figure of `matrix_figure` for a notebook: each cell tells who looks at whom, and how much."""
    values = window_values(matrix, window)
    if theme not in THEMES:
        raise ValueRangeError(f"theme must be one of {', '.join(THEMES)}; got {theme!r}.")
    look = THEMES[theme]
    low, high = matrix_range(values)
    queries, keys = matrix.names(matrix.queries, window), matrix.names(matrix.keys, window)
    pairs = np.array([[(query, key) for key in keys] for query in queries], dtype=object)
    palette = matplotlib.colormaps[SEQUENTIAL]
    figure = go.Figure(
        go.Heatmap(
            z=100 * values,
            customdata=pairs,
            zmin=100 * low,
            zmax=100 * high,
            colorscale=[[step / 32, matplotlib.colors.to_hex(palette(step / 32))] for step in range(33)],
            hovertemplate="%{customdata[0]} gives %{z:.2f} %<br>to %{customdata[1]}<extra></extra>",
            colorbar={"title": {"text": "% of attention"}},
        )
    )
    if row is not None:
        figure.add_shape(
            type="rect", x0=-0.5, x1=len(keys) - 0.5, y0=row - 0.5, y1=row + 0.5, line={"color": "white", "width": 2}
        )
    for axis, grid, title in (("xaxis", matrix.keys, "is looked at"), ("yaxis", matrix.queries, "looks")):
        ticks = _spaced(matrix.ticks(grid, window), len(values), _KEYS_MOST)
        figure.update_layout(
            {axis: {"title": title, "tickvals": [at for at, _ in ticks], "ticktext": [name for _, name in ticks]}}
        )
    figure.update_layout(
        title=heading or matrix_finding(matrix, window),
        xaxis={"side": "top", "constrain": "domain"},
        yaxis={"autorange": "reversed", "scaleanchor": "x", "constrain": "domain"},
        plot_bgcolor=HIDDEN_COLOUR,
        paper_bgcolor="rgba(0,0,0,0)" if transparent else look.background,
        font={"color": look.text},
        width=760,
        height=760,
    )
    return figure


def matrix_alt(matrix: AttentionMatrix, window: int = 0) -> str:
    """The figure in words."""
    values = window_values(matrix, window)
    rows, columns = values.shape
    return (
        f"Attention matrix of {matrix.model}, {matrix.site.layer}, {matrix.heads}: {rows} rows look, {columns} columns "
        f"are looked at. {matrix_finding(matrix, window)}. {matrix.note}".strip()
    )


def matrix_finding(matrix: AttentionMatrix, window: int = 0) -> str:
    """The token that gets most from all others, in one sentence."""
    values = np.nan_to_num(window_values(matrix, window))
    received = values.mean(axis=0)
    most = int(received.argmax())
    name = matrix.names(matrix.keys, window)[most]
    who = f"the {name} token" if most < matrix.keys.prefix and name != "padding" else name
    even = 1 / values.shape[1]
    return (
        f"{matrix.model}: {who} gets {percent(float(received[most]))} of all attention, where an even look would give "
        f"{percent(even)}"
    )


def matrix_footer(matrix: AttentionMatrix, window: int) -> Iterator[str]:
    """What the matrix is, how it became colours, and what not to conclude."""
    layer = f"{matrix.model}, {matrix.site.layer}, {matrix.heads}"
    if matrix.keys.windows > 1:
        layer += f", window {window + 1} of {matrix.keys.windows}"
    yield (
        f"{layer}. Rows look, columns are looked at, in the order of the picture's rows; each row sums to 100 %. Grey: "
        f"out of sight. Colours run from zero to {percent(matrix_range(window_values(matrix, window))[1])}, which "
        f"{100 * CLIP:g} % of the values do not exceed."
    )
    if matrix.note:
        yield matrix.note
    if matrix.site.untrained:
        yield f"{matrix.model}: {matrix.site.untrained}; {MEANINGLESS}."
    if matrix.site.proven is False:
        yield f"{matrix.model} is {UNPROVEN}."
    if matrix.site.edit:
        yield f"{matrix.model} ran with its attention changed: {matrix.site.edit}."
    yield NOT_EXPLANATION


def window_values(matrix: AttentionMatrix, window: int) -> np.ndarray:
    """The matrix of one window, (queries, keys), NaN where a query may not look.

    Raises:
        ValueRangeError: there is no such window.
    """
    if not 0 <= window < len(matrix.weights):
        raise ValueRangeError(f"window must be a number in 0..{len(matrix.weights) - 1}; got {window}.")
    return matrix.weights[window]


def matrix_range(values: np.ndarray) -> tuple[float, float]:
    """Ends of the colours: zero, and the quantile `CLIP` of the values, or the largest where that is zero."""
    known = values[~np.isnan(values)]
    high = float(np.quantile(known, CLIP, method="lower")) if known.size else 0.0
    return 0.0, high or float(known.max(initial=0.0)) or 1.0


def percent(share: float) -> str:
    """A share in percent with one decimal."""
    return f"{100 * share:.1f}{_NO_BREAK}%" if share >= 0.0005 or share == 0 else f"< 0.1{_NO_BREAK}%"


def _name_axes(axes: Axes, canvas: Canvas, matrix: AttentionMatrix, window: int) -> None:
    size = canvas.pt(11)
    for grid, axis, title in ((matrix.keys, axes.xaxis, "is looked at"), (matrix.queries, axes.yaxis, "looks")):
        ticks = _spaced(matrix.ticks(grid, window), _tokens(grid), _KEYS_MOST)
        axis.set_ticks([at for at, _ in ticks], [name for _, name in ticks])
        axis.set_label_text(title, color=canvas.theme.text, size=canvas.pt(12), family=FAMILY, weight="bold")
    axes.xaxis.set_ticks_position("top")
    axes.xaxis.set_label_position("top")
    axes.tick_params(colors=canvas.theme.muted, labelsize=size, length=3)
    axes.tick_params(axis="x", rotation=90)
    for spine in axes.spines.values():
        spine.set_color(canvas.theme.muted)


def _tokens(grid: TokenGrid) -> int:
    return grid.tokens


def _spaced(ticks: tuple[tuple[int, str], ...], tokens: int, most: int) -> list[tuple[int, str]]:
    """The ticks that do not run into each other."""
    kept: list[tuple[int, str]] = []
    for at, name in ticks:
        if not kept or (at - kept[-1][0]) * most >= tokens:
            kept.append((at, name))
    return kept
