"""What the heads of one layer look at from one point of the picture: the figures and their words."""

import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from attnviz.maps import AttentionMap
from attnviz.pictures import Picture
from attnviz.querying import HeadRow, HeadRows
from attnviz.querying.answer_words import capital
from attnviz.render.columns import LONGEST_PIXELS
from attnviz.render.inputs import pixels_of
from attnviz.render.interactive import LONGEST_PX, columns_chart
from attnviz.render.panel import NOT_EXPLANATION
from attnviz.render.point_columns import (
    Shown,
    check_count,
    column_of,
    drawn,
    frames,
    percent,
    source_with_cross,
    theme_named,
    warnings_of,
)
from attnviz.render.sizes import SLIDE_IN

MOST_HEADS = 24

_HEADS_WITH_MEANS = 6
"""Of more heads, each says only what it does from this query: the pictures need the room."""

_NO_BREAK = "\N{NO-BREAK SPACE}"


def head_figure(
    picture: Picture | np.ndarray,
    heads: HeadRows,
    *,
    heading: str = "",
    opacity: float = 0.85,
    size: tuple[float, float] = SLIDE_IN,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> Figure:
    """All heads of one layer for one query, in one colour scale, each with its spread and its distance.

    Args:
        picture: the source picture, or its pixels.
        heads: from `attnviz.querying.head_rows`, at most 24.
        heading: a line across the top.
        opacity: opacity of the highest value, in [0, 1].
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.
    """
    check_count(len(heads.rows), MOST_HEADS, "heads")
    rgb = pixels_of(picture)
    columns = [column_of(rgb, one, opacity, LONGEST_PIXELS) for one in _of_heads(heads)]
    if heads.point_yx is not None:
        columns.insert(0, source_with_cross(rgb, heads.point_yx, LONGEST_PIXELS))
    return drawn(columns, heading, list(head_footer(heads)), size, theme, transparent)


def head_chart(
    picture: Picture,
    heads: HeadRows,
    *,
    heading: str = "",
    opacity: float = 0.85,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> go.Figure:
    """The figure of `head_figure` for a notebook: each cell tells its raw value under the pointer."""
    check_count(len(heads.rows), MOST_HEADS, "heads")
    shown = _of_heads(heads)
    columns = [column_of(picture.rgb, one, opacity, LONGEST_PX) for one in shown]
    maps: list[tuple[str, AttentionMap] | None] = [None if one.one is None else (one.title, one.one) for one in shown]
    if heads.point_yx is not None:
        columns.insert(0, source_with_cross(picture.rgb, heads.point_yx, LONGEST_PX))
        maps.insert(0, None)
    return columns_chart(picture, columns, maps, heading, list(head_footer(heads)), theme_named(theme), transparent)


def head_alt(heads: HeadRows) -> str:
    """The figure in words."""
    told = "; ".join(f"head {row.head + 1}: {spread_words(row)}" for row in heads.rows)
    return f"{heads.model}, {heads.site.layer}: what each of {len(heads.rows)} heads looks at from {heads.who}. {told}."


def head_finding(heads: HeadRows) -> str:
    """The heads in one sentence: which looks most narrowly, which most widely."""
    told = [row for row in heads.rows if row.entropy_share == row.entropy_share]  # not NaN
    where = f"{heads.model}, {heads.site.layer}, from {heads.who}"
    if len(told) < 2:
        return where
    narrow, wide = min(told, key=lambda row: row.entropy_share), max(told, key=lambda row: row.entropy_share)
    if wide.entropy_share - narrow.entropy_share < 0.01:
        return f"All heads look alike widely ({percent(wide.entropy_share)} of an even look): {where}"
    return (
        f"Head {narrow.head + 1} looks most narrowly (spread {percent(narrow.entropy_share)}), head {wide.head + 1} "
        f"most widely ({percent(wide.entropy_share)}): {where}"
    )


def head_footer(heads: HeadRows) -> Iterator[str]:
    """What the values are, how they became colours, and what not to conclude."""
    yield (
        f"Share of attention from {heads.who}, {heads.model}, {heads.site.layer}; one colour scale for all heads, from "
        "zero to the largest value among them."
    )
    yield (
        "Spread: entropy of the row as a share of the largest possible, so 100 % is an even look and 0 % a single "
        "cell. Distance: mean, in pixels of the photograph. Class and register tokens are left out of both."
    )
    yield from warnings_of([(heads.model, heads.rows[0].row)])
    yield NOT_EXPLANATION


def spread_words(row: HeadRow) -> str:
    """Spread and distance of one head's row, such as "spread 63 %, 112 px away"."""
    if row.entropy != row.entropy:
        return "looks nowhere"
    spread = f"spread {percent(row.entropy_share)}" if row.entropy_share == row.entropy_share else "one cell to look at"
    return spread if row.distance_px is None else f"{spread}, {row.distance_px:.0f}{_NO_BREAK}px away"


def _of_heads(heads: HeadRows) -> list[Shown]:
    top = max(row.row.value_range[1] for row in heads.rows)
    return [
        Shown(
            f"Head {row.head + 1}",
            row.row,
            top,
            0.0,
            capital(spread_words(row)),
            _over_all(row) if len(heads.rows) <= _HEADS_WITH_MEANS else "",
            () if heads.cell is None else frames(row.row, heads.cell, heads.grid_hw),
        )
        for row in heads.rows
    ]


def _over_all(row: HeadRow) -> str:
    if math.isnan(row.mean_entropy_share):
        return ""
    return f"over all places: {percent(row.mean_entropy_share)}, {row.mean_distance_px:.0f}{_NO_BREAK}px"
