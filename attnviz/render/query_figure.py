"""What networks, or the heads of one layer, look at from one point of the picture: the figures and their words."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from attnviz.errors import ValueRangeError
from attnviz.geometry import Geometry
from attnviz.maps import AttentionMap, is_flat
from attnviz.maps.attention_grid import SHARE_UNIT
from attnviz.pictures import Picture
from attnviz.querying import AttentionAnswer, HeadRow, HeadRows, NoAnswer, PlaceAnswer, QueryAnswer
from attnviz.querying.answers import tenths
from attnviz.render.columns import (
    BODY_PT,
    LONGEST_PIXELS,
    SMALL_PT,
    TITLE_PT,
    ColourBar,
    Column,
    Mark,
    Words,
    badge_of,
)
from attnviz.render.inputs import pixels_of, shrink_pixels, shrunk_hw
from attnviz.render.interactive import LONGEST_PX, columns_chart
from attnviz.render.overlay import legend_strip, overlay
from attnviz.render.panel import MEANINGLESS, NOT_EXPLANATION, UNPROVEN, Panel, number
from attnviz.render.scale import ScaledMap
from attnviz.render.sheet import THEMES, Sheet
from attnviz.render.sizes import SLIDE_IN

MOST_ANSWERS = 6
MOST_HEADS = 24

POINT_COLOUR = "#FFFFFF"
_HEADS_WITH_MEANS = 6
"""Of more heads, each says only what it does from this query: the pictures need the room."""

_ARM = 0.035
_GAP = 0.011
_NO_BREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, eq=False)
class _Shown:
    """One picture of the figure: a map with its range, or None, and what is written."""

    title: str
    one: AttentionMap | None
    top: float
    low: float
    told: str
    small: str
    marks: tuple[Mark, ...]
    flat: bool = False


def query_figure(
    picture: Picture | np.ndarray,
    point_yx: tuple[float, float],
    answers: Sequence[QueryAnswer],
    *,
    heading: str = "",
    opacity: float = 0.85,
    size: tuple[float, float] = SLIDE_IN,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> Figure:
    """The picture with a cross at the point, and every network's answer beside it.

    Args:
        picture: the source picture, or its pixels.
        point_yx: the point, in source pixels.
        answers: of one to six networks, from `attnviz.query`.
        heading: a line across the top.
        opacity: opacity of the highest value, in [0, 1].
        size: width and height in inches.
        theme: "light" or "dark".
        transparent: leave the background out.

    Raises:
        ValueRangeError: no answer, too many, or an unknown theme.
    """
    _check(len(answers), MOST_ANSWERS, "answers")
    rgb = pixels_of(picture)
    shown = [_of_answer(one) for one in answers]
    columns = [_source(rgb, point_yx, LONGEST_PIXELS), *(_column(rgb, one, opacity, LONGEST_PIXELS) for one in shown)]
    return _drawn(columns, heading, list(query_footer(answers)), size, theme, transparent)


def query_chart(
    picture: Picture,
    point_yx: tuple[float, float],
    answers: Sequence[QueryAnswer],
    *,
    heading: str = "",
    opacity: float = 0.85,
    theme: Literal["light", "dark"] = "light",
    transparent: bool = False,
) -> go.Figure:
    """The figure of `query_figure` for a notebook: each cell tells its raw value under the pointer."""
    _check(len(answers), MOST_ANSWERS, "answers")
    shown = [_of_answer(one) for one in answers]
    columns = [
        _source(picture.rgb, point_yx, LONGEST_PX),
        *(_column(picture.rgb, one, opacity, LONGEST_PX) for one in shown),
    ]
    maps: list[tuple[str, AttentionMap] | None] = [None]
    maps += [None if one.one is None else (one.title, one.one) for one in shown]
    return columns_chart(picture, columns, maps, heading, list(query_footer(answers)), _theme(theme), transparent)


def query_alt(picture: Picture, point_yx: tuple[float, float], answers: Sequence[QueryAnswer]) -> str:
    """The figure in words."""
    _check(len(answers), MOST_ANSWERS, "answers")
    told = " ".join(f"{one.model}: {one.sentence}" for one in answers)
    return f"{picture.name} with a cross at {point_words(point_yx, picture.hw)}, and {len(answers)} networks. {told}"


def query_footer(answers: Sequence[QueryAnswer]) -> Iterator[str]:
    """What the values are, how they became colours, and what not to conclude."""
    said: list[str] = []
    heads = dict.fromkeys(one.heads for one in answers if isinstance(one, AttentionAnswer))
    if heads:
        said.append(f"Self-attention: share of attention from the cell under the point, {' or '.join(heads)}.")
    said += [
        f"{_capital(kind)}: {unit}."
        for kind, unit in {one.of: one.values.unit for one in answers if isinstance(one, PlaceAnswer)}.items()
    ]
    if said:
        yield " ".join(said)
    layers = [f"{one.model} {one.site.layer}" for one in answers if one.site is not None]
    if layers:
        yield f"Layers: {', '.join(layers)}."
    if any(one.attention_map is not None for one in answers):
        yield (
            "Colours run from zero, or from a gate's smallest value, to the number at the end of each bar: each "
            "picture has a scale of its own. White frames: the cell that is asked, the border of what it may look at; "
            "hatched: out of its sight, or never seen by the network."
        )
    yield from _warnings([(one.model, one.attention_map) for one in answers if one.attention_map is not None])
    yield NOT_EXPLANATION


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
    _check(len(heads.rows), MOST_HEADS, "heads")
    rgb = pixels_of(picture)
    columns = [_column(rgb, one, opacity, LONGEST_PIXELS) for one in _of_heads(heads)]
    if heads.point_yx is not None:
        columns.insert(0, _source(rgb, heads.point_yx, LONGEST_PIXELS))
    return _drawn(columns, heading, list(head_footer(heads)), size, theme, transparent)


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
    _check(len(heads.rows), MOST_HEADS, "heads")
    shown = _of_heads(heads)
    columns = [_column(picture.rgb, one, opacity, LONGEST_PX) for one in shown]
    maps: list[tuple[str, AttentionMap] | None] = [None if one.one is None else (one.title, one.one) for one in shown]
    if heads.point_yx is not None:
        columns.insert(0, _source(picture.rgb, heads.point_yx, LONGEST_PX))
        maps.insert(0, None)
    return columns_chart(picture, columns, maps, heading, list(head_footer(heads)), _theme(theme), transparent)


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
        return f"All heads look alike widely ({_percent(wide.entropy_share)} of an even look): {where}"
    return (
        f"Head {narrow.head + 1} looks most narrowly (spread {_percent(narrow.entropy_share)}), head {wide.head + 1} "
        f"most widely ({_percent(wide.entropy_share)}): {where}"
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
    yield from _warnings([(heads.model, heads.rows[0].row)])
    yield NOT_EXPLANATION


def spread_words(row: HeadRow) -> str:
    """Spread and distance of one head's row, such as "spread 63 %, 112 px away"."""
    if row.entropy != row.entropy:
        return "looks nowhere"
    spread = (
        f"spread {_percent(row.entropy_share)}" if row.entropy_share == row.entropy_share else "one cell to look at"
    )
    return spread if row.distance_px is None else f"{spread}, {row.distance_px:.0f}{_NO_BREAK}px away"


def point_words(point_yx: tuple[float, float], source_hw: tuple[int, int]) -> str:
    """Where a point lies, such as "45 % across, 40 % down"."""
    down, across = (share / size for share, size in zip(point_yx, source_hw, strict=True))
    return f"{_percent(across)} across, {_percent(down)} down"


def _of_answer(answer: QueryAnswer) -> _Shown:
    told = answer.short[0].upper() + answer.short[1:]
    if isinstance(answer, AttentionAnswer):
        rows, columns = answer.of_grid_hw
        window = "" if answer.window_hw is None else f", window {answer.window_hw[0]} × {answer.window_hw[1]}"
        if not answer.is_off:  # how much is written at the end of the bar
            told = _capital(", ".join([f"most to {answer.strongest_words}", *answer.taken]))
        return _Shown(
            answer.model,
            answer.row,
            answer.row.value_range[1],
            0.0,
            told,
            f"{rows} × {columns} cells{window}",
            _frames(answer.row, answer.of_cell, answer.of_grid_hw),
        )
    if isinstance(answer, PlaceAnswer):
        rows, columns = answer.grid_hw
        low, high = answer.values.value_range
        return _Shown(
            answer.model,
            answer.values,
            high,
            0.0 if answer.of == "class attention" else low,
            told.removeprefix("Spatial gate "),
            f"{rows} × {columns} cells",
            _frames(answer.values, answer.of_cell, answer.grid_hw),
            is_flat(answer.values),
        )
    assert isinstance(answer, NoAnswer)
    return _Shown(answer.model, None, 0.0, 0.0, told, "", ())


def _of_heads(heads: HeadRows) -> list[_Shown]:
    top = max(row.row.value_range[1] for row in heads.rows)
    return [
        _Shown(
            f"Head {row.head + 1}",
            row.row,
            top,
            0.0,
            _capital(spread_words(row)),
            _over_all(row) if len(heads.rows) <= _HEADS_WITH_MEANS else "",
            () if heads.cell is None else _frames(row.row, heads.cell, heads.grid_hw),
        )
        for row in heads.rows
    ]


def _over_all(row: HeadRow) -> str:
    if math.isnan(row.mean_entropy_share):
        return ""
    return f"over all places: {_percent(row.mean_entropy_share)}, {row.mean_distance_px:.0f}{_NO_BREAK}px"


def _column(rgb: np.ndarray, shown: _Shown, opacity: float, longest: int) -> Column:
    above = (Words(shown.title, TITLE_PT, bold=True),)
    rest = [Words(shown.told, BODY_PT, bold=True, most_lines=4)]
    if shown.small:
        rest.append(Words(shown.small, SMALL_PT, muted=True))
    hw = shrunk_hw((rgb.shape[0], rgb.shape[1]), longest)
    if shown.one is None:
        blank = AttentionMap(np.zeros((1, 1)), "", (), "", "", (0.0, 1.0), False, Geometry.identity(rgb.shape[:2]))
        return Column(overlay(rgb, blank, opacity=0.0, longest=longest), above, None, (), tuple(rest))
    top = shown.top if shown.top > shown.low else shown.low + 1.0
    image = overlay(rgb, shown.one, vmin=shown.low, vmax=top, opacity=0.0 if shown.flat else opacity, longest=max(hw))
    scaled = ScaledMap(shown.one, shown.low, top, shown.one.unit, flat=shown.flat)
    ends = (_value(shown.one, shown.low), _value(shown.one, top))
    bar = None if shown.flat else ColourBar(legend_strip(scaled, "heat", opacity), *ends)
    unit = () if shown.flat else (Words(shown.one.unit.removeprefix("share "), SMALL_PT, muted=True),)
    warnings = Panel(shown.title, shown.one).warnings
    return Column(image, above, bar, unit, tuple(rest), badge_of(warnings), shown.marks)


def _source(rgb: np.ndarray, point_yx: tuple[float, float], longest: int) -> Column:
    hw = (rgb.shape[0], rgb.shape[1])
    words = Words(point_words(point_yx, hw), BODY_PT)
    image = shrink_pixels(rgb, shrunk_hw(hw, longest))
    return Column(image, (Words("Picture", TITLE_PT, bold=True),), None, (), (words,), marks=(_cross(point_yx, hw),))


def _cross(point_yx: tuple[float, float], hw: tuple[int, int]) -> Mark:
    y, x = point_yx[0] / hw[0], point_yx[1] / hw[1]
    longest = max(hw)
    lines = tuple(
        (
            (x + dx * _GAP * longest / hw[1], y + dy * _GAP * longest / hw[0]),
            (x + dx * _ARM * longest / hw[1], y + dy * _ARM * longest / hw[0]),
        )
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
    )
    return Mark(lines, POINT_COLOUR)


def _frames(one: AttentionMap, cell: tuple[int, int], grid_hw: tuple[int, int]) -> tuple[Mark, ...]:
    """The border of what may be looked at, where there is one, and the frame of the cell that is asked."""
    geometry = one.geometry
    if geometry is None:
        return ()
    rows, columns = _edges(geometry, grid_hw)
    (top, bottom), (left, right) = rows[cell[0] : cell[0] + 2], columns[cell[1] : cell[1] + 2]
    frame = Mark((((left, top), (right, top), (right, bottom), (left, bottom), (left, top)),), POINT_COLOUR)
    border = _border(one, geometry)
    return (Mark(border, POINT_COLOUR), frame) if border else (frame,)


def _border(one: AttentionMap, geometry: Geometry) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Lines between cells that may be looked at and cells that may not, in shares of the picture."""
    seen = ~np.isnan(one.values_hw)
    if seen.all():
        return ()
    rows, columns = _edges(geometry, one.grid_hw)
    padded = np.pad(seen, 1)
    lines: list[tuple[tuple[float, float], ...]] = []
    for row, column in np.argwhere(padded[1:] != padded[:-1]):  # above and below differ: a horizontal line
        if 1 <= column <= seen.shape[1]:
            lines.append(((columns[column - 1], rows[row]), (columns[column], rows[row])))
    for row, column in np.argwhere(padded[:, 1:] != padded[:, :-1]):
        if 1 <= row <= seen.shape[0]:
            lines.append(((columns[column], rows[row - 1]), (columns[column], rows[row])))
    return tuple(lines)


def _edges(geometry: Geometry, grid_hw: tuple[int, int]) -> tuple[list[float], list[float]]:
    """Borders of cells in shares of the picture's height and width."""
    rows, columns = geometry.cell_edges(grid_hw)
    return (rows / geometry.source_hw[0]).tolist(), (columns / geometry.source_hw[1]).tolist()


def _drawn(
    columns: Sequence[Column],
    heading: str,
    footer: Sequence[str],
    size: tuple[float, float],
    theme: Literal["light", "dark"],
    transparent: bool,
) -> Figure:
    _theme(theme)
    sheet = Sheet(size, THEMES[theme], transparent)
    sheet.draw(columns, heading, footer, ())
    return sheet.figure


def _theme(theme: str) -> Literal["light", "dark"]:
    if theme not in THEMES:
        raise ValueRangeError(f"theme must be one of {', '.join(THEMES)}; got {theme!r}.")
    return "dark" if theme == "dark" else "light"


def _warnings(maps: Sequence[tuple[str, AttentionMap]]) -> Iterator[str]:
    for title, one in maps:
        if one.untrained:
            yield f"{title}: {one.untrained}; {MEANINGLESS}."
        if one.proof == "unproven":
            yield f"{title} is {UNPROVEN}."
        if one.edits:
            yield f"{title} ran with its attention changed: {', '.join(one.edits)}."


def _check(count: int, most: int, what: str) -> None:
    if not 1 <= count <= most:
        raise ValueRangeError(f"{what} must number 1 to {most}; got {count}. Draw several figures instead.")


def _value(one: AttentionMap, value: float) -> str:
    """A number at the end of a bar; shares of attention in percent, as on the page."""
    return tenths(value) if one.unit == SHARE_UNIT and value else number(value)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}{_NO_BREAK}%"


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
