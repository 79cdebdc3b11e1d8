"""Does it matter? A network's answer before and after each change, beside the same done to random regions."""

from collections.abc import Sequence
from textwrap import wrap

import plotly.graph_objects as go

from attnviz.faithfulness.what_if_table import WhatIf, WhatIfRow
from attnviz.render.focus_words import AREA_COLOUR, BAR_COLOUR
from attnviz.render.whatif_words import (
    AFTER_WORDS,
    BAND_COLOUR,
    GRID_COLOUR,
    MEAN_COLOUR,
    MEAN_WORDS,
    before_words,
    change_name,
    change_said,
    changes_of,
    controls_words,
    points,
    probability_axis,
    probability_end,
    what_if_chart_alt,
    what_if_rows,
    what_if_title,
)

__all__ = ["points", "what_if_chart", "what_if_chart_alt", "what_if_rows"]

_ROW_PX, _FRAME_PX, _LEGEND_PX = 44, 240, 96
_TITLE_LETTERS = 92


def what_if_chart(table: WhatIf) -> go.Figure:
    """A row for each change: the class probability afterwards, the one before, and what random regions do.

    Args:
        table: from `faithfulness.what_if`. Of the heads only the one that changes most is drawn.

    Returns:
        A plotly figure with a transparent background. The dashed line is the network as it is, the dot the answer
        after the change, the grey bar the middle 95 % of the same change at random places, the tick their mean.

    Raises:
        ValueRangeError: nothing was changed.
    """
    rows = changes_of(table)
    names = [change_name(table, row).replace("\n", "<br>") for row in rows]
    before = 100 * table.before.probability
    figure = go.Figure()
    _draw_controls(figure, rows, names, before)
    for row, name in zip(rows, names, strict=True):
        figure.add_scatter(
            x=[before, 100 * row.probability],
            y=[name, name],
            mode="lines",
            line={"color": BAR_COLOUR, "width": 3},
            showlegend=False,
            hoverinfo="skip",
        )
    figure.add_scatter(
        x=[100 * row.probability for row in rows],
        y=names,
        mode="markers",
        marker={"size": 13, "color": BAR_COLOUR, "line": {"color": "white", "width": 1.5}},
        customdata=[change_said(row) for row in rows],
        name=AFTER_WORDS,
        hovertemplate="%{y}: %{x:.1f} %, %{customdata}<extra></extra>",
    )
    figure.add_vline(x=before, line={"dash": "dash", "color": AREA_COLOUR, "width": 2})
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="lines",
        line={"dash": "dash", "color": AREA_COLOUR},
        name=before_words(table),
    )
    for row, name in zip(rows, names, strict=True):
        said = change_said(row, "<br>")
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=10, y=name, text=said, showarrow=False, align="left"
        )
    figure.update_xaxes(
        range=[-1, probability_end(table, rows)],
        ticksuffix=" %",
        zeroline=False,
        gridcolor=GRID_COLOUR,
        title_text=probability_axis(table),
    )
    # bars and dots are drawn apart, and each would bring its own order of rows
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names[::-1], gridcolor=GRID_COLOUR)
    height = _FRAME_PX + _ROW_PX * len(rows)
    figure.update_layout(
        title={"text": "<br>".join(wrap(what_if_title(table), _TITLE_LETTERS)), "x": 0, "font": {"size": 16}},
        height=height,
        margin={"l": 10, "r": 150, "t": 64, "b": 140},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "top", "yref": "container", "y": _LEGEND_PX / height, "x": 0},
        hovermode="closest",
    )
    return figure


def _draw_controls(figure: go.Figure, rows: Sequence[WhatIfRow], names: Sequence[str], before: float) -> None:
    told = [(row.control, name) for row, name in zip(rows, names, strict=True) if row.control is not None]
    if not told:
        return
    controls, held = [control for control, _ in told], [name for _, name in told]
    lows, highs = zip(*(control.band for control in controls), strict=True)
    figure.add_bar(
        x=[high - low for low, high in zip(lows, highs, strict=True)],
        y=held,
        base=[before + low for low in lows],
        orientation="h",
        width=0.5,
        marker={"color": BAND_COLOUR, "line": {"width": 0}},
        name=controls_words(controls),
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[before + control.mean for control in controls],
        y=held,
        mode="markers",
        marker={"symbol": "line-ns", "size": 16, "line": {"color": MEAN_COLOUR, "width": 2.5}},
        name=MEAN_WORDS,
        hovertemplate="mean of random regions: %{x:.1f} %<extra></extra>",
    )
