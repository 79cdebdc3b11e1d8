"""Does it matter? A network's answer before and after each change, beside the same done to random regions."""

from collections.abc import Sequence
from textwrap import wrap

import plotly.graph_objects as go

from attnviz.errors import ValueRangeError
from attnviz.faithfulness.what_if_table import WhatIf, WhatIfRow
from attnviz.render.charts import AREA_COLOUR, BAR_COLOUR
from attnviz.render.panel import percent, the

BAND_COLOUR = "rgba(128,128,128,0.38)"
"""Of everything random: grey on a light and on a dark page."""

_MEAN_COLOUR = "rgba(128,128,128,1)"
GRID_COLOUR = "rgba(128,128,128,0.22)"
"""Of the lines behind a chart, likewise."""

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
    rows = _changes(table)
    names = [_name(table, row) for row in rows]
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
        customdata=[_said(row) for row in rows],
        name="after the change",
        hovertemplate="%{y}: %{x:.1f} %, %{customdata}<extra></extra>",
    )
    figure.add_vline(x=before, line={"dash": "dash", "color": AREA_COLOUR, "width": 2})
    figure.add_scatter(
        x=[None],
        y=[None],
        mode="lines",
        line={"dash": "dash", "color": AREA_COLOUR},
        name=f"as it is: {table.target_name} {percent(table.before.probability)}",
    )
    for row, name in zip(rows, names, strict=True):
        figure.add_annotation(
            x=1, xref="paper", xanchor="left", xshift=10, y=name, text=_said(row, "<br>"), showarrow=False, align="left"
        )
    ends = [before, *(100 * row.probability for row in rows)]
    ends += [before + row.control.band[1] for row in rows if row.control is not None]
    figure.update_xaxes(
        range=[-1, min(101.0, max(50.0, 1.1 * max(ends)))],
        ticksuffix=" %",
        zeroline=False,
        gridcolor=GRID_COLOUR,
        title_text=f"probability of {table.target_name}",
    )
    # bars and dots are drawn apart, and each would bring its own order of rows
    figure.update_yaxes(type="category", categoryorder="array", categoryarray=names[::-1], gridcolor=GRID_COLOUR)
    height = _FRAME_PX + _ROW_PX * len(rows)
    figure.update_layout(
        title={"text": "<br>".join(wrap(_title(table), _TITLE_LETTERS)), "x": 0, "font": {"size": 16}},
        height=height,
        margin={"l": 10, "r": 150, "t": 64, "b": 140},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"orientation": "h", "yanchor": "top", "yref": "container", "y": _LEGEND_PX / height, "x": 0},
        hovermode="closest",
    )
    return figure


def what_if_chart_alt(table: WhatIf) -> str:
    """The chart in words."""
    rows = _changes(table)
    said = [f"{row.change}: {percent(row.probability)}, {_said(row)}" for row in rows]
    return (
        f"Probability of {table.target_name} after each change of {table.title}, "
        f"{percent(table.before.probability)} as it is. {'; '.join(said)}."
    )


def what_if_rows(table: WhatIf, *, brief: bool = True) -> list[dict[str, str]]:
    """The table's rows as people read them.

    Args:
        table: from `faithfulness.what_if`.
        brief: of the heads, only the one that changes most.
    """
    rows = table.brief if brief else table.rows
    has_controls = any(row.control is not None for row in rows)
    made = []
    for row in rows:
        cells = {
            "What is changed": f"{row.change}{f' ({row.detail})' if row.detail else ''}",
            f"{table.target_name}": percent(row.probability),
            "Change": "" if row.kind == "as it is" else points(row.points),
        }
        if has_controls:
            cells["Random regions, 95 %"] = _band(row)
            cells["p"] = f"{row.control.p_value:.2f}" if row.control is not None else ""
        cells["First answer"] = f"{row.answer}, {percent(row.answer_probability)}"
        if table.focus_region:
            cells[f"Map on {the(table.focus_region)}"] = (
                f"{percent(row.focus.value)}, lift {row.focus.lift:.1f}" if row.focus is not None else "no score"
            )
        made.append(cells)
    return made


def points(change: float) -> str:
    """A change in percentage points, with its sign."""
    return f"{change:+.0f}\N{NO-BREAK SPACE}points".replace("-", "\N{MINUS SIGN}")


def _changes(table: WhatIf) -> list[WhatIfRow]:
    rows = [row for row in table.brief if row.kind != "as it is"]
    if not rows:
        raise ValueRangeError(
            f"the table must hold at least one change; got none for {table.title}. Give a region, or another network."
        )
    return rows


def _name(table: WhatIf, row: WhatIfRow) -> str:
    heads = sum(other.kind == "head" for other in table.rows)
    if row.kind == "head" and heads > 1:
        return f"{row.change}<br>(most of {heads} heads)"
    return row.change


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
        name=f"95 % of {max(len(control.points) for control in controls)} random regions",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[before + control.mean for control in controls],
        y=held,
        mode="markers",
        marker={"symbol": "line-ns", "size": 16, "line": {"color": _MEAN_COLOUR, "width": 2.5}},
        name="their mean",
        hovertemplate="mean of random regions: %{x:.1f} %<extra></extra>",
    )


def _said(row: WhatIfRow, before_answer: str = ", ") -> str:
    told = [points(row.points)]
    if row.control is not None:
        told.append(f"p\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{row.control.p_value:.2f}")
    return f"{', '.join(told)}{before_answer}now {row.answer}"


def _band(row: WhatIfRow) -> str:
    if row.control is None:
        return ""
    low, high = row.control.band
    return f"{points(low).split(chr(0xA0))[0]} to {points(high)}"


def _title(table: WhatIf) -> str:
    mark = f"{table.untrained.upper()}: " if table.untrained else ""
    return f"{mark}{table.finding or f'{table.title}: what {table.target_name} depends on'}"
